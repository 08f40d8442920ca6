"""What a release that started now would freeze: specs with every default filled in.

The operator releases it, and both doors compare it with what runs: what differs waits.
"""

from collections.abc import Iterable

from process_operator.kube import quantities
from process_operator.models import defaults, snapshot
from process_operator.models.application import ApplicationSpec
from process_operator.models.environment import EnvFrom
from process_operator.models.pod import PodSettings
from process_operator.models.process import ProcessSpec, ProcessType, RunWith
from process_operator.models.resource_type import CPULimit, ResourceRequests, ResourceTypeSpec
from process_operator.models.security import PodSecurity
from process_operator.models.snapshot import (
    Requests,
    ResourceType,
    RunLimits,
    Snapshot,
    SnapshotProcess,
)


def application(
    spec: ApplicationSpec, processes: Iterable[SnapshotProcess], env_from: EnvFrom
) -> Snapshot:
    """Return an application and its processes; its image is "" where the spec has none.

    Args:
        spec: The application's.
        processes: What would be frozen of each.
        env_from: All sources of variables for every process.
    """
    return Snapshot(
        profile=snapshot.PROFILE,
        image=spec.image or "",
        env=spec.env,
        env_from=env_from,
        image_pull_secrets=tuple(one.name for one in spec.image_pull_secrets),
        service_account_name=spec.service_account_name,
        volumes=spec.volumes,
        security_context=spec.security_context,
        pod_security=spec.pod_security or PodSecurity.RESTRICTED,
        pod=_said(spec.pod),
        processes=tuple(sorted(processes, key=lambda entry: entry.key)),
    )


def process(spec: ProcessSpec, chosen: ResourceType) -> SnapshotProcess:
    """Return a process of a resource type."""
    return SnapshotProcess(
        key=spec.key,
        type=spec.type,
        entrypoint=spec.entrypoint,
        command=spec.command or (),
        resource_type=chosen,
        scaling=defaults.scaling(spec),
        port=spec.port or (defaults.DEFAULT_PORT if spec.type == ProcessType.WEB else None),
        ports=spec.ports,
        liveness_probe=spec.liveness_probe,
        readiness_probe=spec.readiness_probe,
        startup_probe=spec.startup_probe,
        env=spec.env,
        env_from=spec.env_from,
        volumes=spec.volumes,
        security_context=spec.security_context,
        pod=_said(spec.pod),
        update_strategy=spec.update_strategy,
        termination_grace_period_seconds=defaults.or_default(
            spec.termination_grace_period_seconds, defaults.DEFAULT_GRACE_SECONDS
        ),
        job_start_policy=spec.job_start_policy,
        run_with=spec.run_with if spec.run_with is RunWith.SERVING else None,
        run=_run_limits(spec),
    )


def _said(pod: PodSettings | None) -> PodSettings | None:
    """Return settings that say something: to say nothing and to be absent is the same."""
    return None if pod == PodSettings() else pod


def _run_limits(spec: ProcessSpec) -> RunLimits | None:
    if spec.type not in {ProcessType.JOB, ProcessType.CRON}:
        return None
    return RunLimits(
        timeout_seconds=spec.run and spec.run.timeout_seconds,
        retries=defaults.or_default(spec.run and spec.run.retries, 0),
    )


def resource_type(name: str, spec: ResourceTypeSpec) -> ResourceType:
    """Return a resource type as a snapshot holds it."""
    return ResourceType(
        name=name,
        cpu=quantities.canonical(str(spec.cpu)),
        memory=quantities.canonical(str(spec.memory)),
        node_selector=dict(spec.node_selector),
        tolerations=tuple(
            one.model_dump(by_alias=True, exclude_none=True, mode="json")
            for one in spec.tolerations
        ),
        requests=_requests(spec.requests),
        cpu_limit=spec.cpu_limit if spec.cpu_limit is CPULimit.NONE else None,
        extended=dict(spec.extended),
        pod=_said(spec.pod),
    )


def _requests(given: ResourceRequests | None) -> Requests | None:
    if given is None:
        return None
    amounts = {"cpu": given.cpu, "memory": given.memory}
    said = {
        name: quantities.canonical(str(amount))
        for name, amount in amounts.items()
        if amount is not None
    }
    return Requests(**said) if said else None
