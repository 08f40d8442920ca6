"""What is said of the schedule of a cron process: its last run and the next ones."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from process_operator.controller.observe import records
from process_operator.controller.observe.child_status import CronJobStatus, JobStatus
from process_operator.controller.observe.records import Child, ObservedState, Process
from process_operator.controller.plan.model import ProcessPlan
from process_operator.controller.release import job_verdict
from process_operator.controller.status.model import GRACE
from process_operator.cron import clock_changes as cron_clock_changes
from process_operator.cron import expression, next_runs, zones
from process_operator.kube import conditions
from process_operator.models import defaults
from process_operator.models.process import NextRun, ProcessSpec, ProcessStatus, RunOutcome
from process_operator.models.release import Result

NEXT_RUNS = 3


def with_schedule(
    status: ProcessStatus, observed: ObservedState, process: Process, process_plan: ProcessPlan
) -> ProcessStatus:
    """Return the status with the fields that only a cron process has."""
    spec, workload = process.spec, process_plan.workload
    live = records.status(workload, CronJobStatus)
    last, failures = _scheduled_runs(observed, process, workload) if workload else (None, 0)
    return status.changed(
        last_schedule_time=live.last_schedule_time,
        last_successful_time=live.last_successful_time,
        last_scheduled_run=last,
        consecutive_failures=failures or None,
        next_runs=tuple(
            NextRun(time=run.astimezone(ZoneInfo(_zone(spec))).isoformat(), utc=run)
            for run in _next_runs(observed, spec, process_plan)
        ),
    )


def _zone(spec: ProcessSpec) -> str:
    return spec.time_zone or defaults.DEFAULT_TIME_ZONE


def _next_runs(
    observed: ObservedState, spec: ProcessSpec, process_plan: ProcessPlan
) -> tuple[datetime, ...]:
    if (
        spec.schedule is None
        or spec.suspend
        or process_plan.target is None
        or process_plan.target.suspended
    ):
        return ()
    try:
        return next_runs.next_runs(spec.schedule, _zone(spec), observed.now, NEXT_RUNS)
    except (expression.InvalidSchedule, zones.InvalidTimeZone):
        return ()


def clock_changes(
    observed: ObservedState, spec: ProcessSpec, process_plan: ProcessPlan
) -> Iterable[str]:
    """Yield which of the next runs a change of the clock skips or doubles."""
    next_runs = _next_runs(observed, spec, process_plan)
    if spec.schedule is not None and next_runs:
        for change in cron_clock_changes.clock_changes(
            spec.schedule, _zone(spec), observed.now, next_runs[-1]
        ):
            yield change.sentence


def _scheduled_runs(
    observed: ObservedState, process: Process, cron_job: Child
) -> tuple[RunOutcome | None, int]:
    """Return the last run by the schedule, and how many in a row have failed.

    A CronJob keeps few of its Jobs, so the count goes on from what was counted before.
    """
    mine = sorted(
        (one.status.started_at, one.name, one)
        for one in observed.children.values()
        if one.owner_uid == cron_job.uid
        and isinstance(one.status, JobStatus)
        and one.status.started_at is not None
    )
    last = process.status.last_scheduled_run
    failures = process.status.consecutive_failures or 0
    for started, _, one in mine:
        told = _scheduled_run(observed, one, started)
        if last is not None and _place(told) < _place(last):
            continue
        is_counted = last is not None and last.name == one.name and last.result is not None
        last = told if not is_counted else last
        if not is_counted and told.result is not None:
            failures = failures + 1 if told.result == Result.FAILED else 0
    return last, failures


def _place(run: RunOutcome) -> tuple[str, str]:
    """Return what orders runs; two may start in the same second."""
    return conditions.timestamp(run.started_at) if run.started_at else "", run.name


def _scheduled_run(observed: ObservedState, job: Child, started: datetime) -> RunOutcome:
    told = RunOutcome(name=job.name, started_at=started)
    if not job_verdict.is_finished(job):
        return told
    found = job_verdict.verdict(observed, job, name=job.name, started=started, grace=GRACE)
    if found.result is None:
        return told
    return RunOutcome(
        name=job.name,
        result=found.result,
        reason=found.reason,
        message=found.message,
        exit_code=found.exit_code,
        started_at=started,
        finished_at=records.status(job, JobStatus).ended_at,
    )
