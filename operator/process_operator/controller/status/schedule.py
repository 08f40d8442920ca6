"""What is said of the schedule of a cron process: its last run and the next ones."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from process_operator.controller.observe import records
from process_operator.controller.observe.child_status import CronJobStatus, JobEnd, JobStatus
from process_operator.controller.observe.memory import Memory
from process_operator.controller.observe.records import Child, ObservedState, Process
from process_operator.controller.plan.model import ApplicationContext, ProcessPlan
from process_operator.controller.release import job_verdict
from process_operator.controller.resolve.target import Target
from process_operator.controller.status.model import GRACE
from process_operator.cron import clock_changes as cron_clock_changes
from process_operator.cron import expression, next_runs, zones
from process_operator.kube import conditions
from process_operator.models import defaults
from process_operator.models.process import (
    NextRun,
    ProcessSpec,
    ProcessStatus,
    ProcessType,
    RunOutcome,
)
from process_operator.models.release import Result

NEXT_RUNS = 3


@dataclass(frozen=True, slots=True)
class Coming:
    """What a schedule is about to do."""

    runs: tuple[datetime, ...] = ()
    clock_changes: tuple[str, ...] = ()
    """Which of these runs a change of the clock skips or doubles, each as a sentence."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a schedule has done."""

    last: RunOutcome | None = None
    failures: int = 0
    """How many runs in a row have failed."""
    is_open: bool = False
    """Whether what became of one of them will be known better in a moment."""


@dataclass(frozen=True, slots=True)
class Course:
    """The runs of a cron process by its schedule."""

    coming: Coming
    past: Past


def course(
    observed: ObservedState,
    context: ApplicationContext,
    process: Process,
    process_plan: ProcessPlan,
    memory: Memory,
) -> Course | None:
    """Return the runs of a cron process, None for any other."""
    if process.spec.type != ProcessType.CRON:
        return None
    target, now = process_plan.target, observed.now
    runs = process.spec.schedule is not None and not process.spec.suspend
    coming = memory.recall(
        process.uid,
        "coming",
        (process.spec, runs and target is not None and not target.suspended),
        functools.partial(_coming, observed, process.spec, target),
        now=now,
        until=lambda found: now if found.clock_changes else next(iter(found.runs), None),
    )
    workload = process_plan.workload
    jobs = context.children.get(workload.uid, ()) if workload is not None else ()
    past = memory.recall(
        process.uid,
        "past",
        (process, *jobs, *_evidence(observed, jobs)),
        functools.partial(_past, observed, process, jobs),
        now=now,
        until=lambda found: now if found.is_open else None,
    )
    return memory.recall(process.uid, "course", (coming, past), lambda: Course(coming, past))


def with_schedule(
    status: ProcessStatus, process: Process, process_plan: ProcessPlan, course: Course
) -> ProcessStatus:
    """Return the status with the fields that only a cron process has."""
    live = records.status(process_plan.workload, CronJobStatus)
    return status.changed(
        last_schedule_time=live.last_schedule_time,
        last_successful_time=live.last_successful_time,
        last_scheduled_run=course.past.last,
        consecutive_failures=course.past.failures or None,
        next_runs=tuple(
            NextRun(time=run.astimezone(ZoneInfo(_zone(process.spec))).isoformat(), utc=run)
            for run in course.coming.runs
        ),
    )


def _zone(spec: ProcessSpec) -> str:
    return spec.time_zone or defaults.DEFAULT_TIME_ZONE


def _coming(observed: ObservedState, spec: ProcessSpec, target: Target | None) -> Coming:
    if spec.schedule is None or spec.suspend or target is None or target.suspended:
        return Coming()
    zone = _zone(spec)
    try:
        runs = next_runs.next_runs(spec.schedule, zone, observed.now, NEXT_RUNS)
    except (expression.InvalidSchedule, zones.InvalidTimeZone):
        return Coming()
    if not runs:
        return Coming()
    changes = cron_clock_changes.clock_changes(spec.schedule, zone, observed.now, runs[-1])
    return Coming(runs, tuple(change.sentence for change in changes))


def _evidence(observed: ObservedState, jobs: Sequence[Child]) -> Iterator[object]:
    """Yield what is said of the Jobs that failed, beside their own status."""
    failed = {
        job.uid for job in jobs if records.status(job, JobStatus).end not in {None, JobEnd.COMPLETE}
    }
    if failed:
        yield from (pod for pod in observed.pods if pod.owner_uid in failed)
        yield from (observed.job_refusals.get(uid) for uid in sorted(failed))


def _past(observed: ObservedState, process: Process, jobs: Sequence[Child]) -> Past:
    """Return the last run by the schedule, and how many in a row have failed.

    A CronJob keeps few of its Jobs, so the count goes on from what was counted before.
    """
    mine = sorted(
        (one.status.started_at, one.name, one)
        for one in jobs
        if isinstance(one.status, JobStatus) and one.status.started_at is not None
    )
    last = process.status.last_scheduled_run
    failures = process.status.consecutive_failures or 0
    is_open = False
    for started, _, one in mine:
        told = _scheduled_run(observed, one, started)
        is_open = is_open or (told.result is None and job_verdict.is_finished(one))
        if last is not None and _place(told) < _place(last):
            continue
        is_counted = last is not None and last.name == one.name and last.result is not None
        last = told if not is_counted else last
        if not is_counted and told.result is not None:
            failures = failures + 1 if told.result == Result.FAILED else 0
    return Past(last, failures, is_open)


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
