"""The fields of a process's status beside its conditions: numbers, addresses and warnings."""

from collections.abc import Iterable
from typing import Any

from process_operator.controller.build import autoscaler, pod
from process_operator.controller.build.protocols import PROTOCOLS
from process_operator.controller.observe import records
from process_operator.controller.observe.child_status import DeploymentStatus
from process_operator.controller.observe.records import CustomResource, ObservedState
from process_operator.controller.plan import contests
from process_operator.controller.plan.model import ApplicationContext, ProcessPlan
from process_operator.controller.release import record
from process_operator.controller.release.runs import newest
from process_operator.controller.resolve.target import (
    Route,
    Target,
    internal_hostname,
    refused_annotations,
)
from process_operator.controller.status import schedule
from process_operator.controller.status.runs import job_run, last_run, manual_run
from process_operator.kube import names, quantities
from process_operator.models.process import Host, ProcessSpec, ProcessType


def process_fields(
    observed: ObservedState,
    context: ApplicationContext,
    process: CustomResource[ProcessSpec],
    process_plan: ProcessPlan,
) -> dict[str, Any]:
    """Return the fields of a process's status beside its conditions."""
    target = process_plan.target
    fields: dict[str, Any] = {"warnings": list(_warnings(observed, process, process_plan))}
    entry = context.resolved.entries.get(process.uid) if target is None else target.entry
    if entry is not None:
        fields["cpuMillicores"] = quantities.millicores(entry.resource_type.cpu)
        fields["memoryMegabytes"] = quantities.megabytes(entry.resource_type.memory)
    if process.spec.type == ProcessType.CRON:
        fields |= schedule.cron_fields(observed, process, process_plan)
    if process.spec.type == ProcessType.JOB:
        fields["lastRun"] = job_run(last_run(context.history, process.spec.key))
    if process.spec.type in {ProcessType.CRON, ProcessType.JOB}:
        fields["lastManualRun"] = manual_run(newest(observed, process.name))
    if target is None or context.running is None:
        return fields
    fields["release"] = {"name": context.running.name, "number": record.number(context.running)}
    fields["image"] = target.snapshot.image
    fields["internalHostname"] = internal_hostname(target)
    if target.route is not None and process_plan.route is not None:
        fields["urls"] = [_url(target, target.route, host) for host in target.route.hosts]
    if target.entry.type in {ProcessType.WEB, ProcessType.WORKER}:
        fields |= _size_fields(process, process_plan, target)
    return fields


def _size_fields(
    process: CustomResource[ProcessSpec], process_plan: ProcessPlan, target: Target
) -> dict[str, Any]:
    live = records.status(process_plan.workload, DeploymentStatus)
    selector = names.selector(target.application, target.entry.key)
    before = process.status.get("replicasBeforeSuspend")
    return {
        "replicas": live.replicas,
        "readyReplicas": live.ready_replicas,
        "instances": f"{live.ready_replicas}/{process_plan.size}",
        "selector": ",".join(f"{name}={value}" for name, value in selector.items()),
        "replicasBeforeSuspend": before if target.suspended else None,
    }


def _warnings(
    observed: ObservedState, process: CustomResource[ProcessSpec], process_plan: ProcessPlan
) -> Iterable[str]:
    refused = refused_annotations(observed, process.spec)
    if refused:
        yield (
            f"spec.ingress.annotations: {', '.join(refused)} left out: not allowed here; remove "
            "them, or ask for them to be added to the operator's --allowed-ingress-annotations"
        )
    for contest in process_plan.contested:
        yield contests.told(contest)
    if process_plan.target is not None:
        yield from autoscaler.clamped(process_plan.target.scaling)
        yield from pod.redirected_probes(process_plan.target.entry)
    if process.spec.type == ProcessType.CRON:
        yield from schedule.clock_changes(observed, process.spec, process_plan)


def _url(target: Target, route: Route, host: Host) -> str:
    secure = host.tls_secret_name is not None or route.issuer is not None
    protocol = PROTOCOLS[target.protocol]
    return f"{protocol.secure_scheme if secure else protocol.scheme}://{host.host}"
