"""Conditions: set, compare and summarise them, by Kubernetes' and kstatus' rules.

`Ready` says that the operator has done all that the current generation asks for now.
`Reconciling` and `Stalled` are present only while they are true. `lastTransitionTime` moves
only with the status of its condition.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Status = Literal["True", "False", "Unknown"]

READY = "Ready"
AVAILABLE = "Available"
STAGED = "Staged"
RECONCILING = "Reconciling"
STALLED = "Stalled"
ROUTE_PROGRAMMED = "RouteProgrammed"


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing to say of an object; generation and times are filled in by `merge`."""

    type: str
    status: Status
    reason: str
    message: str


def timestamp(moment: datetime) -> str:
    """Return a time as Kubernetes writes it: RFC 3339 in UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """Return the moment that a Kubernetes timestamp names."""
    return datetime.fromisoformat(text)


def find(status: Mapping[str, Any], condition_type: str) -> Mapping[str, Any] | None:
    """Return one condition of a status as it is stored."""
    for condition in status.get("conditions", ()):
        if condition["type"] == condition_type:
            found: Mapping[str, Any] = condition
            return found
    return None


def merge(
    previous: Mapping[str, Any], wanted: Iterable[Condition], *, generation: int, now: datetime
) -> list[dict[str, Any]]:
    """Return the wanted conditions as they are stored, keeping times that did not change."""
    merged = []
    for condition in wanted:
        before = find(previous, condition.type)
        since = (
            before["lastTransitionTime"]
            if before is not None and before["status"] == condition.status
            else timestamp(now)
        )
        merged.append(
            {
                "type": condition.type,
                "status": condition.status,
                "reason": condition.reason,
                "message": condition.message,
                "observedGeneration": generation,
                "lastTransitionTime": since,
            }
        )
    return merged


def holding_since(
    previous: Mapping[str, Any], condition_type: str, reason: str, now: datetime
) -> datetime:
    """Return since when an object has said this for this reason; now if it does not say so yet."""
    before = find(previous, condition_type)
    if before is not None and before["reason"] == reason:
        return parse_time(before["lastTransitionTime"])
    return now


def ready(reason: str, message: str) -> list[Condition]:
    """Say that all is done."""
    return [Condition(READY, "True", reason, message)]


def reconciling(reason: str, message: str) -> list[Condition]:
    """Say that work goes on and will end by itself."""
    return [
        Condition(READY, "False", reason, message),
        Condition(RECONCILING, "True", reason, message),
    ]


def stalled(reason: str, message: str) -> list[Condition]:
    """Say that nothing will change until somebody changes something."""
    return [
        Condition(READY, "False", reason, message),
        Condition(STALLED, "True", reason, message),
    ]


def is_true(conditions: Sequence[Condition], condition_type: str) -> bool:
    """Return whether a condition is among those said, and true."""
    return any(c.type == condition_type and c.status == "True" for c in conditions)
