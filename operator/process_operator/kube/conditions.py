"""What can be said of an object, by Kubernetes' and kstatus' rules, and the times it is told with.

`Ready` says that the operator has done all that the current generation asks for now.
`Reconciling` and `Stalled` are present only while they are true. `lastTransitionTime` moves
only with the status of its condition.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

Status = Literal["True", "False", "Unknown"]

READY = "Ready"
AVAILABLE = "Available"
STAGED = "Staged"
RECONCILING = "Reconciling"
STALLED = "Stalled"
ROUTE_PROGRAMMED = "RouteProgrammed"


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing to say of an object; generation and time are filled in by its status."""

    type: str
    status: Status
    reason: str
    message: str


def timestamp(moment: datetime) -> str:
    """Return a time as Kubernetes writes it: RFC 3339 in UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def whole_seconds(moment: datetime) -> datetime:
    """Return a time as Kubernetes keeps it: in UTC, without the fraction of its second."""
    return moment.astimezone(UTC).replace(microsecond=0)


def parse_time(text: str) -> datetime:
    """Return the moment that a Kubernetes timestamp names."""
    return datetime.fromisoformat(text)


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
