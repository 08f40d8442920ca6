"""The fields of a process's status beside its conditions: numbers, addresses and warnings."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from process_operator.controller.build import autoscaler, pod
from process_operator.controller.build.protocols import PROTOCOLS
from process_operator.controller.observe import records
from process_operator.controller.observe.child_status import DeploymentStatus
from process_operator.controller.observe.records import ObservedState, Process, Release
from process_operator.controller.plan import contests
from process_operator.controller.plan.model import ApplicationContext, ProcessPlan
from process_operator.controller.release import record
from process_operator.controller.release.runs import newest
from process_operator.controller.resolve import scaling
from process_operator.controller.resolve.scaling import ScalingNow
from process_operator.controller.resolve.target import (
    Route,
    Target,
    internal_hostname,
    refused_annotations,
)
from process_operator.controller.status import routes, schedule
from process_operator.controller.status.runs import job_run, last_run, manual_run
from process_operator.controller.status.schedule import Course
from process_operator.kube import names, quantities
from process_operator.models.process import (
    LASTING,
    Host,
    NextScalingSchedule,
    Path,
    ProcessStatus,
    ProcessType,
    ScalingScheduleInForce,
)
from process_operator.models.status import ServingRelease


def process_fields(
    observed: ObservedState,
    context: ApplicationContext,
    process: Process,
    process_plan: ProcessPlan,
    course: Course | None,
) -> ProcessStatus:
    """Return a process's status without its conditions, and without what waits."""
    target, running = process_plan.target, context.running
    entry = context.resolved.entries.get(process.uid) if target is None else target.entry
    status = ProcessStatus(
        warnings=tuple(_warnings(observed, process, process_plan, course)),
        cpu_millicores=quantities.millicores(entry.resource_type.cpu) if entry else None,
        memory_megabytes=quantities.megabytes(entry.resource_type.memory) if entry else None,
    )
    if process.spec.type in {ProcessType.CRON, ProcessType.JOB}:
        status = status.changed(last_manual_run=manual_run(newest(observed, process.name)))
    if process.spec.type == ProcessType.JOB:
        status = status.changed(last_run=job_run(last_run(context.history, process.spec.key)))
    if course is not None:
        status = schedule.with_schedule(status, process, process_plan, course)
    if target is None or running is None:
        return status
    status = _with_what_runs(status, process_plan, target, running)
    if target.entry.type in LASTING:
        status = _with_size(status, process, process_plan, target)
        status = _with_schedules(status, target.scaled)
    return status


def _with_what_runs(
    status: ProcessStatus, process_plan: ProcessPlan, target: Target, running: Release
) -> ProcessStatus:
    route = target.route if process_plan.route is not None else None
    return status.changed(
        release=ServingRelease(name=running.name, number=record.number(running)),
        image=target.snapshot.image,
        internal_hostname=internal_hostname(target),
        urls=tuple(_url(target, route, host, path) for host in route.hosts for path in route.paths)
        if route
        else (),
    )


def _with_size(
    status: ProcessStatus, process: Process, process_plan: ProcessPlan, target: Target
) -> ProcessStatus:
    live = records.status(process_plan.workload, DeploymentStatus)
    selector = names.selector(target.application, target.entry.key)
    before = process.status.replicas_before_suspend
    return status.changed(
        replicas=live.replicas,
        ready_replicas=live.ready_replicas,
        instances=f"{live.ready_replicas}/{process_plan.size}",
        selector=names.selecting(selector),
        replicas_before_suspend=before if target.suspended else None,
    )


def _with_schedules(status: ProcessStatus, scaled: ScalingNow) -> ProcessStatus:
    holds, coming = scaled.in_force, scaled.next
    if holds is not None:
        in_force = ScalingScheduleInForce(name=holds.schedule.name, since=holds.at)
        status = status.changed(scaling_schedule=in_force)
    if coming is not None:
        local = coming.at.astimezone(ZoneInfo(scaling.zone(coming.schedule)))
        following = NextScalingSchedule(
            name=coming.schedule.name, time=local.isoformat(), utc=coming.at
        )
        status = status.changed(next_scaling_schedule=following)
    return status


def _warnings(
    observed: ObservedState, process: Process, process_plan: ProcessPlan, course: Course | None
) -> Iterable[str]:
    refused = refused_annotations(observed, process.spec)
    if refused:
        yield (
            f"spec.ingress.annotations: {', '.join(refused)} left out: not allowed here; remove "
            "them, or ask for them to be added to the operator's --allowed-ingress-annotations"
        )
    for contest in process_plan.contested:
        yield contests.told(contest)
    if process_plan.target is not None and process_plan.target.route is not None:
        yield from routes.left_out(process_plan.target.route)
    if process_plan.target is not None:
        yield from autoscaler.clamped(process_plan.target.scaling)
        yield from pod.redirected_probes(process_plan.target.entry)
    if course is not None:
        yield from course.coming.clock_changes


def _url(target: Target, route: Route, host: Host, path: Path) -> str:
    secure = host.tls_secret_name is not None or route.issuer is not None
    protocol = PROTOCOLS[target.protocol]
    scheme = protocol.secure_scheme if secure else protocol.scheme
    return f"{scheme}://{records.place(host.host, path.path)}"
