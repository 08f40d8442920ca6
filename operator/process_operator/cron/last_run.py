"""When a schedule last ran: what holds from one run to the next began there."""

from datetime import datetime, timedelta, tzinfo

from process_operator.cron.calendar import MAX_SEARCH_YEARS, SECOND
from process_operator.cron.expression import Schedule

_LONGEST = timedelta(days=366 * MAX_SEARCH_YEARS)


def last_run(schedule: Schedule, place: tzinfo, now: datetime) -> datetime | None:
    """Return the last run at `now` or before, in UTC; None if there was none in five years.

    A schedule only knows what comes next, so this looks for the latest moment after which the next
    run is not past yet: in steps back that double, and then in halves. However often the schedule
    runs, that asks it some sixty times.
    """
    back = SECOND
    while not _has_run(schedule, place, now - back, now):
        if back > _LONGEST:
            return None
        back *= 2
    early, late = now - back, now
    while late - early > SECOND:
        middle = early + (late - early) / 2
        if _has_run(schedule, place, middle, now):
            early = middle
        else:
            late = middle
    return schedule.next(early, place)


def _has_run(schedule: Schedule, place: tzinfo, after: datetime, now: datetime) -> bool:
    run = schedule.next(after, place)
    return run is not None and run <= now
