"""Which runs a change of the clock skips or doubles."""

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from process_operator.cron import calendar, expression, next_runs, zones
from process_operator.cron.calendar import Calendar


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClockChange:
    """A change of the clock that some runs of a schedule meet."""

    at: datetime
    """The first moment of the new time, in the zone."""
    shift: timedelta
    """How far the clock is put, ahead if positive."""
    times: tuple[datetime, ...]
    """The local times that do not run, or else run twice; without a zone."""

    @property
    def sentence(self) -> str:
        """What it means, for people: which runs, when, where and why."""
        first, *more = self.times
        others = f" (and {len(more)} more)" if more else ""
        skipped = self.shift > timedelta()
        effect = "is skipped" if skipped else "runs twice"
        way = "ahead" if skipped else "back"
        return (
            f"the run of {first:%Y-%m-%d %H:%M}{others} {effect}, because the clock of "
            f"{self.at.tzinfo} is put {way} by {_words(abs(self.shift))}"
        )


def clock_changes(
    schedule: str, zone: str | None, after: datetime, until: datetime
) -> tuple[ClockChange, ...]:
    """Return the changes of the clock that skip or double a run after `after`, up to `until`.

    A schedule that looks the same when it is put ahead by as much as the clock keeps its pace
    across the change (`0 * * * *` runs every hour, whatever the clock says), so nothing is told.
    """
    meaning = expression.parse(schedule)
    if not isinstance(meaning, Calendar):
        return ()
    # Runs and changes are at whole minutes: what comes after a moment comes after its minute.
    return _changes(meaning, zones.place_of(zone), after.replace(second=0, microsecond=0), until)


# --- when the clock is changed --------------------------------------------------------------

_STRIDE = timedelta(days=7)
"""No zone changes its clock and takes it back within so short a time."""
_MARGIN = timedelta(days=1)
"""A time of which one run lies on either side of the change is found from both."""


def _moments(place: tzinfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the first moment of each new offset, in the zone."""
    start, end = after.astimezone(UTC) - _MARGIN, until.astimezone(UTC) + _MARGIN
    while start < end:
        later = start + _STRIDE
        old = calendar.utc_offset(start.astimezone(place))
        if calendar.utc_offset(later.astimezone(place)) != old:
            low, high = start, later
            while high - low > calendar.SECOND:
                middle = low + (high - low) / 2
                if calendar.utc_offset(middle.astimezone(place)) == old:
                    low = middle
                else:
                    high = middle
            # Clocks are changed at whole minutes.
            yield high.replace(second=0, microsecond=0).astimezone(place)
        start = later


@functools.lru_cache(maxsize=4096)  # as for `_first_run`
def _changes(
    schedule: Calendar, place: tzinfo, after: datetime, until: datetime
) -> tuple[ClockChange, ...]:
    found = (_met(schedule, moment, after, until) for moment in _moments(place, after, until))
    return tuple(change for change in found if change.times)


def _met(schedule: Calendar, moment: datetime, after: datetime, until: datetime) -> ClockChange:
    """Return one change of the clock with the times of a schedule that it skips or doubles."""
    place = moment.tzinfo or UTC
    shift = calendar.utc_offset(moment) - calendar.utc_offset(
        (moment.astimezone(UTC) - calendar.SECOND).astimezone(place)
    )
    times: Iterable[datetime] = ()
    if schedule.keeps_pace(shift):
        pass
    elif shift < timedelta():
        times = _doubled(schedule, moment, shift, after, until)
    elif after < moment <= until:
        times = _skipped(schedule, moment, shift)
    return ClockChange(at=moment, shift=shift, times=tuple(times))


def _skipped(schedule: Calendar, moment: datetime, shift: timedelta) -> Iterator[datetime]:
    """Yield the times of a schedule that lie where the clock jumps."""
    behind = moment.replace(tzinfo=None)
    wall = behind - shift
    while wall < behind:
        if schedule.has(wall):
            yield wall
        wall += calendar.MINUTE


def _doubled(
    schedule: Calendar, moment: datetime, shift: timedelta, after: datetime, until: datetime
) -> Iterator[datetime]:
    """Yield the times of a schedule that the clock shows twice, one of them within the window."""
    place = moment.tzinfo or UTC
    begin, end = moment.astimezone(UTC) + shift, moment.astimezone(UTC) - shift
    seen: dict[datetime, datetime] = {}
    for run in itertools.takewhile(
        lambda one: one < end, next_runs.runs(schedule, place, begin - calendar.SECOND)
    ):
        wall = run.astimezone(place).replace(tzinfo=None)
        first = seen.setdefault(wall, run)
        if first != run and (after < first <= until or after < run <= until):
            yield wall


def _words(length: timedelta) -> str:
    minutes = length // calendar.MINUTE
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
