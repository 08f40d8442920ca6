"""What a report is made of, and the status that an answer becomes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from process_operator.controller.observe.records import CustomResource, InvalidObject
from process_operator.controller.resolve.refusal import Refusal
from process_operator.kube import conditions
from process_operator.kube.conditions import Condition
from process_operator.models.status import Status

GRACE = timedelta(seconds=60)
"""How long a missing reference is taken to be on its way: objects arrive in any order."""
PROGRESS_AFTER = timedelta(seconds=2)
"""How long a change may stay open before its progress is worth a write, and between two of them
where there is a backlog."""
SMALL_BACKLOG = 20
PROGRESS_PER_BACKLOG = timedelta(seconds=0.1)
"""How much longer for each that waits or moves beyond a small backlog: what is told meanwhile is
soon overtaken, and its write holds up the others."""
PROGRESS_AT_LATEST = timedelta(seconds=60)
"""How long at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One transition to tell, as a Kubernetes event on the object."""

    regarding: CustomResource[Any, Any] | InvalidObject
    warning: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One status to write, with the resourceVersion that it was computed from."""

    of: CustomResource[Any, Any] | InvalidObject
    status: Status
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The statuses to write now, and what is still open."""

    writes: tuple[Write, ...]
    in_progress: frozenset[str]
    """uids of the objects whose answer will change by itself."""
    told: frozenset[str]
    """uids of those of them whose progress is to be kept back anew from now on."""
    wake_at: datetime | None
    answers: Sequence["Answer"]
    """All that is to be said, whether it is news or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is to be said of one object."""

    of: CustomResource[Any, Any] | InvalidObject
    status: Status
    """Its fields; the conditions, and the generation they are told of, come from `said`."""
    said: Sequence[Condition]
    in_progress: bool = False
    deferred: bool = False
    """Open, and not worth a write however long it takes: it settles with its release."""
    wake_at: datetime | None = None


def progress_after(backlog: int) -> timedelta:
    """Return how long progress is kept back while so many wait or move."""
    longer = max(backlog - SMALL_BACKLOG, 0) * PROGRESS_PER_BACKLOG
    return min(PROGRESS_AFTER + longer, PROGRESS_AT_LATEST)


def complete(answer: Answer, now: datetime) -> Status:
    """Return a whole status: fields, conditions and generation."""
    one = answer.of
    said = one.status.saying(answer.said, generation=one.generation, now=now)
    return answer.status.changed(observed_generation=one.generation, conditions=said)


def reconciling_then_stalled(
    one: CustomResource[Any, Any] | InvalidObject, refusal: Refusal, now: datetime
) -> tuple[list[Condition], datetime | None]:
    """Say Reconciling for a minute of what may end by itself, then Stalled."""
    if not refusal.transient:
        return conditions.stalled(refusal.reason, refusal.message), None
    since = one.status.holding_since(conditions.READY, refusal.reason, now)
    if now >= since + GRACE:
        return conditions.stalled(refusal.reason, refusal.message), None
    return conditions.reconciling(refusal.reason, refusal.message), since + GRACE
