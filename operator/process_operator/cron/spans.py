"""The time between two runs of a schedule: what holds from one to the next began and ends there."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from cachetools import LRUCache

from process_operator.cron.calendar import MAX_SEARCH_YEARS
from process_operator.cron.expression import Schedule

_LONGEST = timedelta(days=366 * MAX_SEARCH_YEARS)


@dataclass(frozen=True, slots=True)
class Span:
    """The time from one run of a schedule to the next."""

    begun: datetime | None
    """The last run, in UTC; None if there was none in five years."""
    ends: datetime | None
    """The next run, in UTC; None if there will be none in five years."""
    seen_at: datetime

    def has(self, moment: datetime) -> bool:
        """Whether a moment is in it, as far as it was looked for."""
        return (self.begun or self.seen_at) <= moment and (self.ends is None or moment < self.ends)


_known: LRUCache[tuple[Schedule, tzinfo], Span] = LRUCache(4096)
"""A search through years takes milliseconds, and one that was made holds until the next run."""


def around(schedule: Schedule, place: tzinfo, now: datetime) -> Span:
    """Return the span that a moment is in; a run begins its own."""
    known = _known.get((schedule, place))
    if known is not None and known.has(now):
        return known
    found = Span(_last(schedule, place, now), schedule.next(now, place), now)
    _known[schedule, place] = found
    return found


def _last(schedule: Schedule, place: tzinfo, now: datetime) -> datetime | None:
    """Return the last run at a moment or before.

    A schedule only knows what comes next. So this goes from the first run in five years to the one
    after it, and from there to the one in the middle of what is left, if there is any: a schedule
    of every minute is asked some forty times, one of every year five.
    """
    run = schedule.next(now - _LONGEST, place)
    if run is None or run > now:
        return None
    late = now
    while True:
        following = schedule.next(run, place)
        if following is None or following > now:
            return run
        run = following
        middle = run + (late - run) / 2
        later = schedule.next(middle, place)
        if later is not None and later <= now:
            run = later
        else:
            late = middle
