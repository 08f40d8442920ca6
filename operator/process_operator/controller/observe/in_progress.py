"""Since when objects have waited for their children to settle, and how many do."""

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta

_LATELY = timedelta(seconds=60)
"""What has not settled by then may never do."""


class InProgress:
    """All objects in progress, and which of them have begun lately."""

    def __init__(self) -> None:
        self._since: dict[str, datetime] = {}
        self._lately: OrderedDict[str, datetime] = OrderedDict()
        """Those that began last at the end; what is too old is taken out when it is counted."""

    def note(
        self,
        uids: Iterable[str],
        in_progress: frozenset[str],
        told: frozenset[str],
        now: datetime,
    ) -> None:
        """Remember which of some objects are in progress; it begins anew for what is told now."""
        for uid in uids:
            if uid not in in_progress:
                self.evict(uid)
            elif uid not in self._since or uid in told:
                self._since[uid] = self._lately[uid] = now
                self._lately.move_to_end(uid)

    def evict(self, uid: str) -> None:
        """Forget an object that is gone, or has settled."""
        self._since.pop(uid, None)
        self._lately.pop(uid, None)

    def since(self, uids: Iterable[str]) -> dict[str, datetime]:
        """Return since when those of some objects have been in progress that are."""
        return {uid: self._since[uid] for uid in uids if uid in self._since}

    def moving(self, now: datetime) -> int:
        """Return how many objects have begun lately."""
        while self._lately and now - next(iter(self._lately.values())) >= _LATELY:
            self._lately.popitem(last=False)
        return len(self._lately)
