"""When a cron process runs next, exactly as the CronJob controller computes it.

Status and API tell people the next runs, and a schedule that the API server would refuse is
refused before a CronJob is sent. Both are only worth something if they agree with Kubernetes to
the minute, whose dialect no Python library speaks. So this follows, rule by rule and including
what looks odd, github.com/robfig/cron/v3 v3.0.1 (`ParseStandard`, `SpecSchedule.Next`, `Every`),
which the CronJob controller uses, Go's `time` package beneath it, and what the API server adds in
`pkg/apis/batch/validation`. The dialect in short:

- five fields of numbers, names (`jan`, `mon`), `*`, `?`, ranges and steps, or a descriptor;
  Sunday is 0 and never 7, a range never wraps, and there is no `L`, `W` or `#`;
- a day must match both day fields if either is a star, else one of them; a step above 1 takes
  the star away, so `*/2` is a restriction;
- a local time that the clock skips does not run, one that it repeats runs twice.

Nothing here reads a clock. Time zones come from the system's time zone database.
"""

import itertools
from collections.abc import Iterator
from datetime import datetime, tzinfo

from process_operator.cron import expression, zones
from process_operator.cron.expression import Schedule


def next_runs(schedule: str, zone: str | None, after: datetime, count: int) -> tuple[datetime, ...]:
    """Return up to `count` runs after `after`, in UTC; none if the schedule never fires.

    Without a zone the controller takes that of its own process, which is UTC in practice.
    """
    return tuple(
        itertools.islice(runs(expression.parse(schedule), zones.place_of(zone), after), count)
    )


def runs(schedule: Schedule, place: tzinfo, after: datetime) -> Iterator[datetime]:
    """Yield the runs of a schedule after a moment."""
    run = schedule.next(after, place)
    while run is not None:
        yield run
        run = schedule.next(run, place)
