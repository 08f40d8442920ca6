"""The events of a status's transitions."""

from collections.abc import Iterable, Mapping
from typing import Any

from process_operator.controller.observe.records import CustomResource, InvalidObject
from process_operator.controller.plan import contests
from process_operator.controller.status.model import Event, Write
from process_operator.kube import conditions, names


def write(one: CustomResource[Any] | InvalidObject, status: Mapping[str, Any]) -> Write | None:
    """Return the write of a status, None where it says nothing new."""
    if status == one.status:
        return None
    return Write(of=one, status=status, events=_events(one, status))


def _events(
    one: CustomResource[Any] | InvalidObject, status: Mapping[str, Any]
) -> tuple[Event, ...]:
    """Tell the transitions that somebody should act on, and their end.

    Whatever goes well is told by status and releases; an event for it would be a write of its own.
    """
    return (*_changes_by_others(one, status), *_transitions(one, status))


def _changes_by_others(
    one: CustomResource[Any] | InvalidObject, status: Mapping[str, Any]
) -> Iterable[Event]:
    """Yield an event for each child that somebody else has begun to keep otherwise."""
    known = set(one.status.get("warnings", ()))
    for warning in status.get("warnings", ()):
        if warning.startswith(contests.REASON) and warning not in known:
            _, _, message = warning.partition(": ")
            yield Event(regarding=one, warning=True, reason=contests.REASON, message=message)


def _transitions(
    one: CustomResource[Any] | InvalidObject, status: Mapping[str, Any]
) -> tuple[Event, ...]:
    before = conditions.find(one.status, conditions.STALLED)
    after = conditions.find(status, conditions.STALLED)
    told = set(one.status.get("warnings", ()))
    if one.kind == names.APPLICATION_KIND:
        for warning in status.get("warnings", ()):
            if warning not in told:
                return (Event(regarding=one, warning=True, reason="JobFailed", message=warning),)
    if after is not None and (before is None or _differs(one.status, status)):
        return (
            Event(regarding=one, warning=True, reason=after["reason"], message=after["message"]),
        )
    ready = conditions.find(status, conditions.READY)
    was = conditions.find(one.status, conditions.READY)
    if ready is not None and ready["reason"] == "Unavailable":
        if was is None or was["reason"] != "Unavailable":
            return (
                Event(regarding=one, warning=True, reason="Unavailable", message=ready["message"]),
            )
    elif (
        was is not None
        and ready is not None
        and ready["status"] == "True"
        and (before is not None or was["reason"] == "Unavailable")
    ):
        message = f"{was['reason']} is over: {ready['message']}"
        return (Event(regarding=one, warning=False, reason="Recovered", message=message),)
    return ()


def _differs(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether an object that is stalled is so for another reason, or because of another release."""
    was, now = (conditions.find(one, conditions.STALLED) or {} for one in (before, after))
    number = "lastReleaseNumber"
    another = before.get(number) != after.get(number)
    return was.get("reason") != now["reason"] or (now["reason"] == "ReleaseFailed" and another)
