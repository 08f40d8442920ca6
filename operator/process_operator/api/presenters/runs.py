"""Runs and measurements as replies tell them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from process_operator.api.access import identity
from process_operator.api.presenters import times
from process_operator.api.presenters.views import Reply, ReplyContext
from process_operator.api.reads.cache import Record

# Runs and measurements.


def run(record: Record, process_id: str) -> Reply:
    """Return a run that somebody asked for."""
    status = record.status
    return {
        "id": record.uid,
        "process_id": process_id,
        "scheduled_at": None,
        "started_at": times.time_or_none(status.get("startedAt")),
        "finished_at": times.time_or_none(status.get("finishedAt")),
        "status": status.get("outcome", "waiting"),
        "reason": status.get("reason"),
        "exit_code": status.get("exitCode"),
        "retries": 0,
        "trigger": "manual",
    }


def scheduled_run(told: Mapping[str, Any], status: Mapping[str, Any], process_id: str) -> Reply:
    """Return the last run by the schedule, which is all that is known of those."""
    return {
        "id": identity.run(process_id, told["name"]),
        "process_id": process_id,
        "scheduled_at": times.time_or_none(status.get("lastScheduleTime")),
        "started_at": times.time_or_none(told.get("startedAt")),
        "finished_at": times.time_or_none(told.get("finishedAt")),
        "status": told.get("result", "inProgress"),
        "reason": told.get("reason"),
        "exit_code": told.get("exitCode"),
        "retries": 0,
        "trigger": "scheduled",
    }


def measurement(what: str, record: Record, view: ReplyContext) -> float | None:
    """Return what a measurement is by the status of a process; None where nothing is known."""
    status = record.status
    match what:
        case "instance-count":
            return float(status.get("readyReplicas") or 0)
        case "cpu-limit":
            running = status.get("cpuMillicores")
        case "memory-limit":
            running = status.get("memoryMegabytes")
        case _:
            raise ValueError(what)
    if running is not None:
        return float(running)
    saved = view.resource_type_of(record.spec)
    if saved is None:
        return None
    return float(saved.millicores if what == "cpu-limit" else saved.megabytes)


def point(moment: datetime, value: float) -> Reply:
    """Return one measurement."""
    return {"time": times.in_utc(moment), "value": f"{value:.10g}"}
