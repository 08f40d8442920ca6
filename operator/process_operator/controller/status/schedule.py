"""What is said of the schedule of a cron process: its last run and the next ones."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from process_operator.controller.observe import records
from process_operator.controller.observe.child_status import CronJobStatus, JobStatus
from process_operator.controller.observe.records import Child, CustomResource, ObservedState
from process_operator.controller.plan.model import ProcessPlan
from process_operator.controller.release import job_verdict
from process_operator.controller.status.model import GRACE
from process_operator.cron import clock_changes as cron_clock_changes
from process_operator.cron import expression, next_runs, zones
from process_operator.kube import conditions
from process_operator.models import defaults
from process_operator.models.process import ProcessSpec

NEXT_RUNS = 3


def cron_fields(
    observed: ObservedState, process: CustomResource[ProcessSpec], process_plan: ProcessPlan
) -> dict[str, Any]:
    """Return the fields that only a cron process has."""
    spec = process.spec
    live = records.status(process_plan.workload, CronJobStatus)
    fields: dict[str, Any] = {
        "lastScheduleTime": _timestamp(live.last_schedule_time),
        "lastSuccessfulTime": _timestamp(live.last_successful_time),
    }
    if process_plan.workload is not None:
        fields |= _scheduled_runs(observed, process, process_plan.workload)
    fields["nextRuns"] = [
        {
            "time": run.astimezone(ZoneInfo(_zone(spec))).isoformat(),
            "utc": conditions.timestamp(run),
        }
        for run in _next_runs(observed, spec, process_plan)
    ]
    return fields


def _timestamp(moment: datetime | None) -> str | None:
    return conditions.timestamp(moment) if moment is not None else None


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
    observed: ObservedState, process: CustomResource[ProcessSpec], cron_job: Child
) -> dict[str, Any]:
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
    last = process.status.get("lastScheduledRun")
    failures = int(process.status.get("consecutiveFailures") or 0)
    for started, _, one in mine:
        told = _scheduled_run(observed, one, started)
        if last is not None and _place(told) < _place(last):
            continue
        is_counted = last is not None and last["name"] == one.name and "result" in last
        last = told if not is_counted else last
        if not is_counted and "result" in told:
            failures = failures + 1 if told["result"] == "failed" else 0
    return {"lastScheduledRun": last, "consecutiveFailures": failures or None}


def _place(run: Mapping[str, Any]) -> tuple[str, str]:
    """Return what orders runs; two may start in the same second."""
    return run["startedAt"], run["name"]


def _scheduled_run(observed: ObservedState, job: Child, started: datetime) -> dict[str, Any]:
    told: dict[str, Any] = {"name": job.name, "startedAt": conditions.timestamp(started)}
    if not job_verdict.is_finished(job):
        return told
    found = job_verdict.verdict(observed, job, name=job.name, started=started, grace=GRACE)
    if found.result is None:
        return told
    ended = records.status(job, JobStatus).ended_at
    return {
        **told,
        "result": str(found.result),
        "reason": found.reason,
        "message": found.message,
        **({} if found.exit_code is None else {"exitCode": found.exit_code}),
        **({} if ended is None else {"finishedAt": conditions.timestamp(ended)}),
    }
