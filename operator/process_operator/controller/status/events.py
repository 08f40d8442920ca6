"""The events of a status's transitions."""

from collections.abc import Iterable, Sequence

from process_operator.controller.observe.records import AnyResource, InvalidObject
from process_operator.controller.plan import contests
from process_operator.controller.status.model import Event, Write
from process_operator.kube import conditions
from process_operator.kube.reasons import Reason
from process_operator.models.application import ApplicationStatus
from process_operator.models.process import ProcessStatus
from process_operator.models.status import Condition, ConditionStatus, Status
from process_operator.schema import bounds


def write(one: AnyResource | InvalidObject, status: Status) -> Write | None:
    """Return the write of a status, None where it says nothing new."""
    if bounds.are_same(one.kind, status, one.status):
        return None
    return Write(of=one, status=status, events=_events(one, status))


def _events(one: AnyResource | InvalidObject, status: Status) -> tuple[Event, ...]:
    """Tell the transitions that somebody should act on, and their end.

    Whatever goes well is told by status and releases; an event for it would be a write of its own.
    """
    return (*_changes_by_others(one, status), *_transitions(one, status))


def _warnings(status: Status) -> Sequence[str]:
    return status.warnings if isinstance(status, ApplicationStatus | ProcessStatus) else ()


def _changes_by_others(one: AnyResource | InvalidObject, status: Status) -> Iterable[Event]:
    """Yield an event for each child that somebody else has begun to keep otherwise."""
    known = set(_warnings(one.status))
    for warning in _warnings(status):
        if warning.startswith(contests.REASON) and warning not in known:
            _, _, message = warning.partition(": ")
            yield Event(regarding=one, warning=True, reason=contests.REASON, message=message)


def _transitions(one: AnyResource | InvalidObject, status: Status) -> tuple[Event, ...]:
    before = one.status.condition(conditions.STALLED)
    after = status.condition(conditions.STALLED)
    if isinstance(status, ApplicationStatus):
        told = set(_warnings(one.status))
        for warning in status.warnings:
            if warning not in told:
                return (
                    Event(regarding=one, warning=True, reason=Reason.JOB_FAILED, message=warning),
                )
    if after is not None and (before is None or _differs(one.status, status, before, after)):
        return (Event(regarding=one, warning=True, reason=after.reason, message=after.message),)
    ready, was = (each.condition(conditions.READY) for each in (status, one.status))
    if ready is None:
        return ()
    if ready.reason == Reason.UNAVAILABLE:
        if was is None or was.reason != Reason.UNAVAILABLE:
            return (
                Event(
                    regarding=one, warning=True, reason=Reason.UNAVAILABLE, message=ready.message
                ),
            )
    elif (
        was is not None
        and ready.status == ConditionStatus.TRUE
        and (before is not None or was.reason == Reason.UNAVAILABLE)
    ):
        message = f"{was.reason} is over: {ready.message}"
        return (Event(regarding=one, warning=False, reason=Reason.RECOVERED, message=message),)
    return ()


def _differs(before: Status, after: Status, was: Condition, now: Condition) -> bool:
    """Whether an object that is stalled is so for another reason, or because of another release."""
    another = (
        isinstance(before, ApplicationStatus)
        and isinstance(after, ApplicationStatus)
        and before.last_release_number != after.last_release_number
    )
    return was.reason != now.reason or (now.reason == Reason.RELEASE_FAILED and another)
