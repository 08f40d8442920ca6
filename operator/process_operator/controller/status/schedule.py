"""What is said of the schedule of a cron process: its last run and the next ones."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from process_operator.controller.observe.records import Child, Owned, World
from process_operator.controller.plan.model import View
from process_operator.controller.release import job_verdict
from process_operator.controller.resolve import defaults
from process_operator.controller.status.model import PATIENCE
from process_operator.cron import clock_changes as cron_clock_changes
from process_operator.cron import expression, next_runs, zones
from process_operator.kube import conditions
from process_operator.models.process import ProcessSpec

NEXT_RUNS = 3


def cron_fields(world: World, process: Owned[ProcessSpec], view: View) -> dict[str, Any]:
    """Return the fields that only a cron process has."""
    spec = process.spec
    live = view.workload.status if view.workload is not None else {}
    fields: dict[str, Any] = {
        "lastScheduleTime": live.get("lastScheduleTime"),
        "lastSuccessfulTime": live.get("lastSuccessfulTime"),
    }
    if view.workload is not None:
        fields |= _scheduled_runs(world, process, view.workload)
    fields["nextRuns"] = [
        {
            "time": run.astimezone(ZoneInfo(_zone(spec))).isoformat(),
            "utc": conditions.timestamp(run),
        }
        for run in _next_runs(world, spec, view)
    ]
    return fields


def _zone(spec: ProcessSpec) -> str:
    return spec.time_zone or defaults.DEFAULT_TIME_ZONE


def _next_runs(world: World, spec: ProcessSpec, view: View) -> tuple[datetime, ...]:
    if spec.schedule is None or spec.suspend or view.target is None or view.target.suspended:
        return ()
    try:
        return next_runs.next_runs(spec.schedule, _zone(spec), world.now, NEXT_RUNS)
    except (expression.InvalidSchedule, zones.InvalidTimeZone):
        return ()


def clock_changes(world: World, spec: ProcessSpec, view: View) -> Iterable[str]:
    """Yield which of the next runs a change of the clock skips or doubles."""
    next_runs = _next_runs(world, spec, view)
    if spec.schedule is not None and next_runs:
        for change in cron_clock_changes.clock_changes(
            spec.schedule, _zone(spec), world.now, next_runs[-1]
        ):
            yield change.sentence


def _scheduled_runs(world: World, process: Owned[ProcessSpec], cron_job: Child) -> dict[str, Any]:
    """Return the last run by the schedule, and how many in a row have failed.

    A CronJob keeps few of its Jobs, so the count goes on from what was counted before.
    """
    mine = sorted(
        (
            one
            for one in world.children.values()
            if one.owner_uid == cron_job.uid and "startTime" in one.status
        ),
        key=lambda one: (one.status["startTime"], one.name),
    )
    last = process.status.get("lastScheduledRun")
    failures = int(process.status.get("consecutiveFailures") or 0)
    for one in mine:
        told = _scheduled_run(world, one)
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


def _scheduled_run(world: World, job: Child) -> dict[str, Any]:
    started = job.status["startTime"]
    told: dict[str, Any] = {"name": job.name, "startedAt": started}
    if not job_verdict.is_finished(job):
        return told
    found = job_verdict.verdict(
        world, job, name=job.name, started=conditions.parse_time(started), patience=PATIENCE
    )
    if found.result is None:
        return told
    said = job.status.get("conditions") or {}
    ended = job.status.get("completionTime") or (said.get("Failed") or {}).get("since")
    return {
        **told,
        "result": str(found.result),
        "reason": found.reason,
        "message": found.message,
        **({} if found.exit_code is None else {"exitCode": found.exit_code}),
        **({} if not ended else {"finishedAt": ended}),
    }
