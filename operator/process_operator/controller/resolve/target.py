"""The staged side of a process, from a snapshot, joined with its immediate side as it is now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from process_operator.controller.observe.records import (
    Application,
    IngressClass,
    ObservedState,
    Process,
)
from process_operator.controller.resolve import scaling
from process_operator.controller.resolve.scaling import ScalingNow
from process_operator.kube import names
from process_operator.models import defaults
from process_operator.models.application import (
    ApplicationSpec,
    Backend,
    GatewayRef,
    IssuerRef,
    Routing,
    ScalingPolicy,
)
from process_operator.models.process import (
    ConcurrencyPolicy,
    Host,
    Path,
    ProcessSpec,
    ProcessType,
    Protocol,
)
from process_operator.models.snapshot import Scaling, Snapshot, SnapshotProcess

WHOLE_HOST = Path(path="/")
"""What leads to a process that names no paths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How traffic from outside reaches a web process (immediate)."""

    backend: Backend
    hosts: tuple[Host, ...]
    """Without those that another process has."""
    annotations: Mapping[str, str]
    """The user's own, of allowed names only."""
    class_name: str | None
    """The Ingress class to name; None leaves it to the cluster's default."""
    controller: str | None
    """`spec.controller` of that class, None where no class was found."""
    gateways: tuple[GatewayRef, ...]
    issuer: IssuerRef | None
    paths: tuple[Path, ...] = (WHOLE_HOST,)
    """Without those that another process of the namespace has of any of the hosts."""
    request_timeout_seconds: int | None = None
    """How long a request may take; None leaves that to whoever serves the route."""


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
    scaled: ScalingNow
    """From the entry, or from the live spec under `scalingPolicy: immediate`."""
    protocol: Protocol
    """What the port speaks: decides the Service's appProtocol even where there is no route."""
    route: Route | None
    timetable: Timetable | None
    suspended: bool
    """The whole application stands still."""
    progress_deadline_seconds: int

    @property
    def scaling(self) -> Scaling:
        """How many instances are asked for now."""
        return self.scaled.scaling

    @property
    def until(self) -> datetime | None:
        """When it will be another one by itself, None for never."""
        return self.scaled.next.at if self.scaled.next is not None else None


def target(
    observed: ObservedState,
    application: Application,
    process: Process,
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
        scaled=scaling.at(defaults.scaling(spec) if at_once else entry.scaling, observed.now),
        protocol=(spec.ingress and spec.ingress.protocol) or defaults.DEFAULT_PROTOCOL,
        route=_route(observed, application.spec, process),
        timetable=timetable(spec),
        suspended=bool(application.spec.suspend),
        progress_deadline_seconds=defaults.settings(application.spec).progress_deadline_seconds,
    )


def inputs(observed: ObservedState, process: Process) -> tuple[object, ...]:
    """Return all of what is seen around a process that its target depends on."""
    taken = observed.taken_hosts.get(process.uid, ())
    return (observed.allowed_annotations, *observed.ingress_classes, None, *taken)


def _route(observed: ObservedState, application: ApplicationSpec, process: Process) -> Route | None:
    exposure = process.spec.ingress
    if exposure is None or exposure.enabled is False or not exposure.hosts:
        return None
    routing = application.routing or Routing()
    wanted = routing.ingress_class_name
    found = _ingress_class(wanted, observed.ingress_classes)
    taken = observed.taken_hosts.get(process.uid, ())
    gone = {one.host for one in taken if one.path is None}
    paths = tuple(
        one
        for one in exposure.paths or (WHOLE_HOST,)
        if all(other.path != one.path for other in taken)
    )
    return Route(
        backend=routing.backend or Backend.INGRESS,
        hosts=tuple(one for one in exposure.hosts if one.host not in gone) if paths else (),
        paths=paths,
        annotations={
            name: value
            for name, value in sorted(exposure.annotations.items())
            if _is_allowed(name, observed)
        },
        class_name=wanted,
        controller=found.controller if found is not None else None,
        gateways=routing.gateway_refs or tuple(one for one in (routing.gateway_ref,) if one),
        issuer=routing.issuer_ref,
        request_timeout_seconds=exposure.request_timeout_seconds,
    )


def _ingress_class(wanted: str | None, classes: tuple[IngressClass, ...]) -> IngressClass | None:
    for one in classes:
        if one.name == wanted or (wanted is None and one.default):
            return one
    return None


def refused_annotations(observed: ObservedState, spec: ProcessSpec) -> tuple[str, ...]:
    """Return the annotations that are not allowed; they are left out."""
    given = spec.ingress.annotations if spec.ingress else {}
    return tuple(sorted(name for name in given if not _is_allowed(name, observed)))


def _is_allowed(name: str, observed: ObservedState) -> bool:
    return any(
        name.startswith(one[:-1]) if one.endswith("*") else name == one
        for one in observed.allowed_annotations
    )


def timetable(spec: ProcessSpec) -> Timetable | None:
    """Return when a cron process runs, None for any other."""
    if spec.type != ProcessType.CRON:
        return None
    return Timetable(
        schedule=spec.schedule,
        time_zone=spec.time_zone or defaults.DEFAULT_TIME_ZONE,
        suspend=bool(spec.suspend),
        concurrency_policy=spec.concurrency_policy or ConcurrencyPolicy.FORBID,
        starting_deadline_seconds=spec.starting_deadline_seconds,
    )


def internal_hostname(target: Target) -> str | None:
    """Return the name of the Service inside the cluster, None where there is no Service."""
    if target.entry.port is None and not target.entry.ports:
        return None
    name = names.child(target.application, target.entry.key)
    return f"{name}.{target.namespace}.svc.cluster.local"
