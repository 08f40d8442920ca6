"""The search for the next moment that a schedule matches."""

import dataclasses
import functools
from datetime import UTC, datetime, timedelta, tzinfo

MAX_SEARCH_YEARS = 5
"""A schedule without a run within so many calendar years never fires: robfig gives up there."""

STAR = 1 << 63
"""Bit of a field's set, beside those of its numbers: the field is not a restriction."""

_MINUTES_A_DAY = 24 * 60
_MOST_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

SECOND, MINUTE, _HOUR, _DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)


# --- when it runs ---------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """A fixed delay, counted from the last run: no clock and no zone matters."""

    delay: timedelta

    def next(self, after: datetime, zone: tzinfo) -> datetime:  # noqa: ARG002 - of Schedule
        """Return the run after a moment: the delay later, in whole seconds."""
        return after.astimezone(UTC).replace(microsecond=0) + self.delay


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Five sets of numbers, as bits, that the wall clock has to match."""

    minute: int
    hour: int
    day: int
    month: int
    weekday: int

    def next(self, after: datetime, zone: tzinfo) -> datetime | None:
        """Return the first run after a moment, None if none is found in five years."""
        if not (self.minute and self.hour and self.month and self._has_days()):
            return None  # never, as from "," alone: spares the search minute by minute
        start = after.astimezone(UTC).replace(microsecond=0) + SECOND
        # A search drops the seconds of its start: all that counts is whether there are any, since
        # offsets are of whole minutes (as everywhere since 1972).
        return _first_run(self, start.replace(second=min(start.second, 1)), zone)

    def _has_days(self) -> bool:
        """Say whether there is such a day at all: not on a 31st of February."""
        by_month = any(
            self.month >> month & 1 and self.day & ((1 << days + 1) - 2)
            for month, days in enumerate(_MOST_DAYS, start=1)
        )
        if (self.day | self.weekday) & STAR:
            return bool(by_month and self.weekday)
        return bool(by_month or self.weekday)

    def runs_on(self, date: datetime) -> bool:
        """Say whether the day matches; a star leaves the decision to the other field."""
        by_month = bool(self.day >> date.day & 1)
        by_week = bool(self.weekday >> date.isoweekday() % 7 & 1)
        if (self.day | self.weekday) & STAR:
            return by_month and by_week
        return by_month or by_week

    def has(self, wall: datetime) -> bool:
        """Say whether a local time matches."""
        return bool(
            self.month >> wall.month & 1
            and self.runs_on(wall)
            and self.hour >> wall.hour & 1
            and self.minute >> wall.minute & 1
        )

    def keeps_pace(self, shift: timedelta) -> bool:
        """Say whether the times of a day, all put ahead by this, are the same times."""
        minutes = shift // MINUTE % _MINUTES_A_DAY
        times = {
            hour * 60 + minute
            for hour in range(24)
            for minute in range(60)
            if self.hour >> hour & 1 and self.minute >> minute & 1
        }
        return minutes != 0 and {(one + minutes) % _MINUTES_A_DAY for one in times} == times


@functools.lru_cache(maxsize=4096)  # each look at a process asks, many times in a minute
def _first_run(schedule: Calendar, start: datetime, zone: tzinfo) -> datetime | None:
    """Return the first run at `start` or later."""
    search = _Search(schedule, start, zone)
    last_year = search.wall.year + MAX_SEARCH_YEARS
    while search.wall.year <= last_year:
        if search.settled():
            return search.wall.astimezone(UTC)
    return None


class _Search:
    """Moves the wall clock forward, month by month down to the second, until all match.

    A level that moves sets the lower ones back, but only the first to move does: later ones stand
    at their beginning already. A level that wraps sends the search back to the top, and only
    then: when the clock skips midnight, the hours run on into the next day unchecked.
    All of this is `SpecSchedule.Next`, and shows in the runs around a change of the clock.
    """

    def __init__(self, schedule: Calendar, start: datetime, zone: tzinfo) -> None:
        self.schedule = schedule
        self.zone = zone
        self.moved = False
        self.wall = start.astimezone(zone)

    def settled(self) -> bool:
        """Move as far as needed; False if a level wrapped, and the search has to start again."""
        return self._month() and self._day() and self._hour() and self._minute() and self._second()

    def _month(self) -> bool:
        while not self.schedule.month >> self.wall.month & 1:
            if not self.moved:
                self._set(self.wall.replace(day=1, hour=0, minute=0, second=0))
            days = self.wall.day - 1  # a 31st goes on into the month after the next, as in Go
            first = self.wall.replace(day=1)
            self._set((first + 31 * _DAY).replace(day=1) + days * _DAY)
            if self.wall.month == 1:
                return False
        return True

    def _day(self) -> bool:
        while not self.schedule.runs_on(self.wall):
            if not self.moved:
                self._set(self.wall.replace(hour=0, minute=0, second=0))
            before = self.wall
            self._set(before + _DAY)
            if self.wall.hour:  # midnight was skipped: go to the first hour after it, or back
                self._add((24 if self.wall.hour > 12 else 0) * _HOUR - self.wall.hour * _HOUR)
            if self.wall.date() == before.date():  # a whole day was skipped; Go would hang
                self._add(_DAY)
            if self.wall.day == 1:
                return False
        return True

    def _hour(self) -> bool:
        while not self.schedule.hour >> self.wall.hour & 1:
            if not self.moved:
                self._set(self.wall.replace(minute=0, second=0))
            self._leap(_HOUR, _distance(self.schedule.hour, self.wall.hour, 24))
            if self.wall.hour == 0:
                return False
        return True

    def _minute(self) -> bool:
        while not self.schedule.minute >> self.wall.minute & 1:
            if not self.moved:
                self.moved = True
                self.wall = self.wall.replace(second=0)
            self._leap(MINUTE, _distance(self.schedule.minute, self.wall.minute, 60))
            if self.wall.minute == 0:
                return False
        return True

    def _second(self) -> bool:
        if self.wall.second == 0:
            return True
        self.moved = True
        self.wall = self.wall.replace(second=0)
        self._add(MINUTE)
        return False

    def _set(self, wall: datetime) -> None:
        """Set the wall clock, resolving skipped and repeated times as Go's `time.Date` does.

        It takes the offset at the same numbers in UTC, and corrects it once. Python's `fold`
        picks other instants.
        """
        self.moved = True
        numbers = wall.replace(tzinfo=UTC)
        guess = numbers - utc_offset(numbers.astimezone(self.zone))
        instant = numbers - utc_offset(guess.astimezone(self.zone))
        self.wall = instant.astimezone(self.zone)

    def _add(self, duration: timedelta) -> None:
        """Let absolute time pass; the wall clock may be changed meanwhile."""
        self.wall = (self.wall.astimezone(UTC) + duration).astimezone(self.zone)

    def _leap(self, unit: timedelta, steps: int) -> None:
        """Take so many steps of absolute time at once, or one if the clock is changed meanwhile."""
        start = self.wall
        self._add(steps * unit)
        if utc_offset(self.wall) != utc_offset(start):
            self.wall = start
            self._add(unit)


def _distance(bits: int, number: int, size: int) -> int:
    """Return the steps from a number to the next greater one in the set, or else to the wrap."""
    greater = (bits | 1 << size) >> (number + 1)
    return (greater & -greater).bit_length()


def utc_offset(wall: datetime) -> timedelta:
    """Return how far a wall clock is ahead of UTC."""
    return wall.utcoffset() or timedelta()
