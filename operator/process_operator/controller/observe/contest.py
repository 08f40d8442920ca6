"""Whether what is remembered of a contested child still matters."""

from datetime import datetime, timedelta

from process_operator.controller.observe.records import Contest
from process_operator.kube import names

WINDOW = timedelta(minutes=5)
_HIDING = frozenset(f"metadata.labels[{name}]" for name in (names.MANAGED_BY, names.APPLICATION))
"""Labels without which a child is not seen as this application's."""


def hides(contest: Contest) -> bool:
    """Whether the change keeps us from seeing the child."""
    return any(one.path in _HIDING for one in contest.differences)


def is_over(contest: Contest, now: datetime) -> bool:
    """Whether nothing of it matters any more."""
    return now > contest.retry_at + WINDOW
