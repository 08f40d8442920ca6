"""Since when objects have waited for their children to settle, and how many do."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice

_COUNTED = 200
"""More that move are not counted: it makes no difference any more."""
_LATELY = timedelta(seconds=60)
"""What has not settled by then may never do."""


class InProgress:
    """All objects in progress, those that began last at the end."""

    def __init__(self) -> None:
        self._since: dict[str, datetime] = {}

    def note(
        self,
        uids: Iterable[str],
        in_progress: frozenset[str],
        told: frozenset[str],
        now: datetime,
    ) -> None:
        """Remember which of some objects are in progress; it begins anew for what is told now."""
        for uid in uids:
            since = self._since.pop(uid, now)
            if uid in in_progress:
                self._since[uid] = now if uid in told else since

    def evict(self, uid: str) -> None:
        """Forget an object that is gone."""
        self._since.pop(uid, None)

    def since(self, uids: Iterable[str]) -> dict[str, datetime]:
        """Return since when those of some objects have been in progress that are."""
        return {uid: self._since[uid] for uid in uids if uid in self._since}

    def moving(self, now: datetime) -> int:
        """Return how many objects have begun lately, up to a bound."""
        newest = islice(reversed(self._since.values()), _COUNTED)
        return sum(now - since < _LATELY for since in newest)
