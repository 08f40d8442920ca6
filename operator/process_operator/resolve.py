"""Specs and references in, a defaulted, checked and frozen application out, or a refusal.

Parse, do not validate: what leaves this module cannot hold a bad value, so that builders cannot
fail. Operational defaults live here and not in the CRDs, because a default of a CRD changes the
meaning of objects that are already stored.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from process_operator import cron, names, quantities
from process_operator.models.application import (
    ApplicationSpec,
    Backend,
    GatewayRef,
    InitialRelease,
    IssuerRef,
    ReleasePolicy,
    Routing,
    ScalingPolicy,
)
from process_operator.models.process import (
    ConcurrencyPolicy,
    Host,
    ProcessSpec,
    ProcessType,
    Protocol,
)
from process_operator.models.resource_type import ResourceTypeSpec
from process_operator.models.scaling import ScalingStrategy
from process_operator.models.security import PodSecurity
from process_operator.models.snapshot import (
    Horizontal,
    MachineSize,
    RunLimits,
    Scaling,
    Snapshot,
    SnapshotProcess,
)
from process_operator.observed import Broken, IngressClass, Owned, World

PROFILE = 1
"""The rendering profile that new snapshots name, see `builders/pod.py`."""
DEFAULT_PORT = 8080
DEFAULT_GRACE_SECONDS = 30
DEFAULT_CPU_PERCENT = 80
DEFAULT_TIME_ZONE = "Etc/UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How traffic from outside reaches a web process (immediate)."""

    backend: Backend
    hosts: tuple[Host, ...]
    annotations: Mapping[str, str]
    """The user's own, of allowed prefixes only."""
    class_name: str | None
    """The Ingress class to name; None leaves it to the cluster's default."""
    controller: str | None
    """`spec.controller` of that class, None where no class was found."""
    gateway: GatewayRef | None
    issuer: IssuerRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """When a cron process runs (immediate)."""

    schedule: str | None
    """None: it runs only when asked, so its CronJob is suspended."""
    time_zone: str
    suspend: bool
    concurrency_policy: ConcurrencyPolicy
    starting_deadline_seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """All that the builders need to render the children of one process."""

    namespace: str
    application: str
    process: str
    """Name of the Process object, the owner of its children."""
    uid: str
    """uid of the Process object."""
    snapshot: Snapshot
    entry: SnapshotProcess
    """The staged side: always from a snapshot, never from a live spec."""
    scaling: Scaling
    """From the entry, or from the live spec under `scalingPolicy: immediate`."""
    protocol: Protocol
    """What the port speaks: decides the Service's appProtocol even where there is no route."""
    route: Route | None
    timetable: Timetable | None
    suspended: bool
    """The whole application stands still."""
    progress_deadline_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a process cannot be part of the next release, and what to do about it."""

    reason: str
    message: str
    patient: bool = False
    """Whether it may end by itself: objects arrive in any order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The release settings of an application, defaults filled in."""

    initial: InitialRelease
    policy: ReleasePolicy
    settle_seconds: int
    progress_deadline_seconds: int
    job_timeout_seconds: int
    rollback: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """An application as it stands now, checked."""

    settings: Settings
    entries: Mapping[str, SnapshotProcess]
    """By uid: what a release that started now would freeze of each process."""
    refusals: Mapping[str, Refusal]
    """By uid: the processes that cannot be released, and why."""
    candidate: Snapshot | None
    """What a release that started now would freeze; None without an image."""


def settings(spec: ApplicationSpec) -> Settings:
    """Return the release settings with every default filled in."""
    given = spec.release
    return Settings(
        initial=(given and given.initial) or InitialRelease.AUTOMATIC,
        policy=spec.release_policy or ReleasePolicy.STAGED,
        settle_seconds=_default(given and given.settle_seconds, 2),
        progress_deadline_seconds=_default(given and given.progress_deadline_seconds, 600),
        job_timeout_seconds=_default(given and given.job_timeout_seconds, 3600),
        rollback=_default(given and given.rollback, True),
    )


def resolve(world: World, application: Owned[ApplicationSpec]) -> Resolved:
    """Return the application with its processes, each resolved or refused."""
    entries: dict[str, SnapshotProcess] = {}
    refusals: dict[str, Refusal] = {}
    holders: dict[str, str] = {}
    for process in world.processes:
        if process.deleting:
            continue
        outcome = _process(process, world, holders)
        if isinstance(outcome, Refusal):
            refusals[process.uid] = outcome
        else:
            entries[process.uid] = outcome
    return Resolved(
        settings=settings(application.spec),
        entries=entries,
        refusals=refusals,
        candidate=_snapshot(application.spec, entries.values()),
    )


def _process(
    process: Owned[ProcessSpec] | Broken, world: World, holders: dict[str, str]
) -> SnapshotProcess | Refusal:
    if isinstance(process, Broken):
        return Refusal(reason="InvalidSpec", message=process.message)
    spec = process.spec
    holder = holders.setdefault(spec.key, process.name)
    if holder != process.name:
        return Refusal(
            reason="KeyTaken",
            message=f'spec.key "{spec.key}" is taken by the older Process "{holder}" of this '
            "application; give this one another key (make it anew: a key cannot be changed)",
            patient=True,
        )
    size = _machine_size(spec, world.resource_types)
    if isinstance(size, Refusal):
        return size
    return _invalid_timetable(spec) or _entry(spec, size)


def _machine_size(
    spec: ProcessSpec, types: Mapping[str, Owned[ResourceTypeSpec] | Broken]
) -> MachineSize | Refusal:
    if spec.resource_type_ref is None:
        defaults = sorted(
            name for name, one in types.items() if isinstance(one, Owned) and one.spec.default
        )
        if not defaults:
            return Refusal(
                reason="ResourceTypeNotFound",
                message="no ProcessResourceType has default: true; set spec.resourceTypeRef.name "
                "or make one of them the default",
                patient=True,
            )
        if len(defaults) > 1:
            return Refusal(
                reason="AmbiguousDefault",
                message=f"the ProcessResourceTypes {', '.join(defaults)} all have default: true; "
                "leave it on one of them or set spec.resourceTypeRef.name",
                patient=True,
            )
        name = defaults[0]
    else:
        name = spec.resource_type_ref.name
    found = types.get(name)
    if found is None or found.deleting:
        return Refusal(
            reason="ResourceTypeNotFound",
            message=f'spec.resourceTypeRef.name: there is no ProcessResourceType "{name}"; see '
            "`kubectl get processresourcetypes` for those there are, or create it",
            patient=True,
        )
    if isinstance(found, Broken):
        return Refusal(
            reason="ResourceTypeInvalid",
            message=f'ProcessResourceType "{name}" cannot be read: {found.message}',
        )
    return machine_size(name, found.spec)


def machine_size(name: str, spec: ResourceTypeSpec) -> MachineSize:
    """Return a resource type as a snapshot holds it."""
    return MachineSize(
        name=name,
        cpu=quantities.canonical(str(spec.cpu)),
        memory=quantities.canonical(str(spec.memory)),
        node_selector=dict(spec.node_selector),
        tolerations=tuple(
            one.model_dump(by_alias=True, exclude_none=True, mode="json")
            for one in spec.tolerations
        ),
    )


def _invalid_timetable(spec: ProcessSpec) -> Refusal | None:
    if spec.type != ProcessType.CRON:
        return None
    try:
        if spec.schedule is not None:
            cron.parse(spec.schedule)
        if spec.time_zone is not None:
            cron.zone(spec.time_zone)
    except cron.InvalidSchedule as error:
        return Refusal(reason="InvalidSchedule", message=f"spec.schedule: {error}")
    except cron.InvalidTimeZone as error:
        return Refusal(reason="InvalidSchedule", message=f"spec.timeZone: {error}")
    return None


def _entry(spec: ProcessSpec, size: MachineSize) -> SnapshotProcess:
    return SnapshotProcess(
        key=spec.key,
        type=spec.type,
        entrypoint=spec.entrypoint,
        command=spec.command or (),
        size=size,
        scaling=scaling(spec.scaling_strategy),
        port=spec.port or (DEFAULT_PORT if spec.type == ProcessType.WEB else None),
        liveness_probe=spec.liveness_probe,
        readiness_probe=spec.readiness_probe,
        startup_probe=spec.startup_probe,
        env=spec.env,
        env_from=spec.env_from,
        volumes=spec.volumes,
        security_context=spec.security_context,
        termination_grace_period_seconds=_default(
            spec.termination_grace_period_seconds, DEFAULT_GRACE_SECONDS
        ),
        job_start_policy=spec.job_start_policy,
        run=_run_limits(spec),
    )


def _run_limits(spec: ProcessSpec) -> RunLimits | None:
    if spec.type not in {ProcessType.JOB, ProcessType.CRON}:
        return None
    return RunLimits(
        timeout_seconds=spec.run and spec.run.timeout_seconds,
        retries=_default(spec.run and spec.run.retries, 0),
    )


def scaling(strategy: ScalingStrategy | None) -> Scaling:
    """Return how many instances a strategy means, defaults filled in, nothing clamped."""
    if strategy is None:
        return Scaling()
    if strategy.manual is not None:
        return Scaling(instances=strategy.manual.instance_count)
    given = strategy.horizontal
    if given is None:
        return Scaling()
    cpu, memory = given.target_cpu_percent, given.target_memory_percent
    return Scaling(
        horizontal=Horizontal(
            min_instances=given.min_instance_count,
            max_instances=given.max_instance_count,
            cpu_percent=DEFAULT_CPU_PERCENT if cpu is None and memory is None else cpu,
            memory_percent=memory,
            scale_up_interval_seconds=_default(given.scale_up_interval_seconds, 60),
            scale_up_increment=_default(given.scale_up_increment, 1),
            scale_down_interval_seconds=_default(given.scale_down_interval_seconds, 600),
            scale_down_increment=_default(given.scale_down_increment, 1),
        )
    )


def _snapshot(spec: ApplicationSpec, entries: Iterable[SnapshotProcess]) -> Snapshot | None:
    if spec.image is None:
        return None
    return Snapshot(
        profile=PROFILE,
        image=spec.image,
        env=spec.env,
        env_from=spec.env_from,
        image_pull_secrets=tuple(one.name for one in spec.image_pull_secrets),
        service_account_name=spec.service_account_name,
        volumes=spec.volumes,
        security_context=spec.security_context,
        pod_security=spec.pod_security or PodSecurity.RESTRICTED,
        processes=tuple(sorted(entries, key=lambda entry: entry.key)),
    )


def target(
    world: World,
    application: Owned[ApplicationSpec],
    process: Owned[ProcessSpec],
    snapshot: Snapshot,
    entry: SnapshotProcess,
) -> Target:
    """Join the staged side of a process, from a snapshot, with its immediate side as it is now."""
    spec = process.spec
    at_once = application.spec.scaling_policy == ScalingPolicy.IMMEDIATE
    return Target(
        namespace=process.namespace,
        application=application.name,
        process=process.name,
        uid=process.uid,
        snapshot=snapshot,
        entry=entry,
        scaling=scaling(spec.scaling_strategy) if at_once else entry.scaling,
        protocol=(spec.ingress and spec.ingress.protocol) or Protocol.HTTP,
        route=_route(world, application.spec, spec),
        timetable=_timetable(spec),
        suspended=bool(application.spec.suspend),
        progress_deadline_seconds=settings(application.spec).progress_deadline_seconds,
    )


def _route(world: World, application: ApplicationSpec, spec: ProcessSpec) -> Route | None:
    exposure = spec.ingress
    if exposure is None or exposure.enabled is False or not exposure.hosts:
        return None
    routing = application.routing or Routing()
    wanted = routing.ingress_class_name
    found = _ingress_class(wanted, world.ingress_classes)
    return Route(
        backend=routing.backend or Backend.INGRESS,
        hosts=exposure.hosts,
        annotations={
            name: value
            for name, value in sorted(exposure.annotations.items())
            if name.startswith(world.allowed_annotations)
        },
        class_name=wanted,
        controller=found.controller if found is not None else None,
        gateway=routing.gateway_ref,
        issuer=routing.issuer_ref,
    )


def _ingress_class(wanted: str | None, classes: tuple[IngressClass, ...]) -> IngressClass | None:
    for one in classes:
        if one.name == wanted or (wanted is None and one.default):
            return one
    return None


def refused_annotations(world: World, spec: ProcessSpec) -> tuple[str, ...]:
    """Return the annotations that no allowed prefix covers; they are left out."""
    given = spec.ingress.annotations if spec.ingress else {}
    return tuple(sorted(name for name in given if not name.startswith(world.allowed_annotations)))


def _timetable(spec: ProcessSpec) -> Timetable | None:
    if spec.type != ProcessType.CRON:
        return None
    return Timetable(
        schedule=spec.schedule,
        time_zone=spec.time_zone or DEFAULT_TIME_ZONE,
        suspend=bool(spec.suspend),
        concurrency_policy=spec.concurrency_policy or ConcurrencyPolicy.FORBID,
        starting_deadline_seconds=spec.starting_deadline_seconds,
    )


def internal_hostname(target: Target) -> str | None:
    """Return the name of the Service inside the cluster, None where there is no Service."""
    if target.entry.port is None:
        return None
    name = names.child(target.application, target.entry.key)
    return f"{name}.{target.namespace}.svc.cluster.local"


def _default(given: Any, otherwise: Any) -> Any:
    return otherwise if given is None else given
