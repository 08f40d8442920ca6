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

import dataclasses
import functools
import itertools
import re
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

DESCRIPTORS: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""What robfig's `parseDescriptor` knows besides `@every`, and the five fields that say the same."""

MAX_SEARCH_YEARS = 5
"""A schedule without a run within so many calendar years never fires: robfig gives up there."""

_STAR = 1 << 63
"""Bit of a field's set, beside those of its numbers: the field is not a restriction."""
_MAX_INT64 = (1 << 63) - 1

_MINUTES_A_DAY = 24 * 60

_SECOND, _MINUTE, _HOUR, _DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)


class InvalidSchedule(ValueError):  # noqa: N818 - it is the condition's reason, word for word
    """The API server would refuse the schedule; the text says why and what to write instead."""


class InvalidTimeZone(ValueError):  # noqa: N818 - named like its sibling
    """The API server would refuse the time zone."""


class Schedule(Protocol):
    """What a schedule string means."""

    def next(self, after: datetime, zone: tzinfo) -> datetime | None:
        """Return the first run after `after`, in UTC; None if it never fires."""


@functools.lru_cache(maxsize=4096)
def parse(schedule: str) -> Schedule:
    """Return what the schedule means, or raise InvalidSchedule."""
    try:
        return _parse(schedule)
    except ValueError as error:
        raise InvalidSchedule(f'schedule "{schedule}": {error}') from None


def zone(name: str) -> zoneinfo.ZoneInfo:
    """Return the time zone of that name, by the rules of Kubernetes' `validateTimeZone`."""
    if name.lower() == "local":
        raise InvalidTimeZone(
            f'time zone "{name}" depends on the machine; name one such as Europe/Berlin or UTC'
        )
    unknown = InvalidTimeZone(
        f'time zone "{name}" is unknown; use a name of the IANA database, '
        "such as Europe/Berlin or UTC, in its exact case"
    )
    found = _loaded(name)
    if found is None:
        raise unknown
    return found


@functools.lru_cache(maxsize=4096)  # what is not there is looked for in many places
def _loaded(name: str) -> zoneinfo.ZoneInfo | None:
    parts = name.split("/")
    if not all(_ZONE_PART.fullmatch(part) and part not in {".", ".."} for part in parts):
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # no, broken or a directory
        return None


def next_runs(schedule: str, zone: str | None, after: datetime, count: int) -> tuple[datetime, ...]:
    """Return up to `count` runs after `after`, in UTC; none if the schedule never fires.

    Without a zone the controller takes that of its own process, which is UTC in practice.
    """
    return tuple(itertools.islice(_runs(parse(schedule), _place(zone), after), count))


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
    meaning = parse(schedule)
    if not isinstance(meaning, _Calendar):
        return ()
    # Runs and changes are at whole minutes: what comes after a moment comes after its minute.
    return _changes(meaning, _place(zone), after.replace(second=0, microsecond=0), until)


def _place(name: str | None) -> tzinfo:
    return UTC if name is None else zone(name)


def _runs(schedule: Schedule, place: tzinfo, after: datetime) -> Iterator[datetime]:
    run = schedule.next(after, place)
    while run is not None:
        yield run
        run = schedule.next(run, place)


# The API server tolerates digits and "+" for the sake of legacy names such as Etc/GMT+5.
_ZONE_PART = re.compile(r"(?!-)[A-Za-z._0-9+-]{1,14}")


# --- what a string means --------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """One of the five fields: the numbers and names that it takes."""

    name: str
    minimum: int
    maximum: int
    names: Mapping[str, int] = dataclasses.field(default_factory=dict)
    hint: str = ""

    def parse(self, text: str) -> int:
        """Return the set of a comma-separated list; empty items are let pass, as in `1,,3`."""
        bits = 0
        for item in filter(None, text.split(",")):
            bits |= self._item(item)
        return bits

    def _item(self, item: str) -> int:
        bounds, *steps = item.split("/")
        low, *high = bounds.split("-")
        if len(steps) > 1:
            raise self._error(item, "has more than one slash", "write one step, such as */5")
        step = _integer(steps[0]) if steps else 1
        if not step:
            raise self._error(item, "has no step above 0", "write a step such as */5")
        if low in {"*", "?"}:  # what follows a hyphen is not even looked at: `*-5` is a star
            return _numbers(self.minimum, self.maximum, step) | (_STAR if step == 1 else 0)
        if len(high) > 1:
            raise self._error(item, "has more than one hyphen", "write a range such as 1-5")
        start = self._number(item, low)
        end = self._number(item, high[0]) if high else start
        if start > end:
            by = "".join(item.partition("/")[1:])
            parts = f"{start}-{self.maximum}{by},{self.minimum}-{end}{by}"
            raise self._error(item, "runs backwards", f"write it in two parts: {parts}")
        if steps and not high:  # `5/15` means `5-59/15`
            end = self.maximum
        return _numbers(start, end, step)

    def _number(self, item: str, text: str) -> int:
        number = self.names.get(text.lower(), _integer(text))
        if number is None:
            names = f" or one of {', '.join(self.names).upper()}" if self.names else ""
            remedy = f"write {self.minimum} to {self.maximum}{names}"
            raise self._error(item, f'has "{text}" where a number belongs', remedy)
        if not self.minimum <= number <= self.maximum:
            remedy = f"write {self.minimum} to {self.maximum}{self.hint}"
            raise self._error(item, "is out of range", remedy)
        return number

    def _error(self, item: str, problem: str, remedy: str) -> ValueError:
        return ValueError(f'{self.name} "{item}" {problem}; {remedy}')


def _integer(text: str) -> int | None:
    """Return the number as Go's `Atoi` reads it: ASCII digits that fit into 64 bits."""
    digits = text.removeprefix("+")
    if not re.fullmatch("[0-9]+", digits) or _exceeds_int64(digits):
        return None
    return int(digits)


def _exceeds_int64(digits: str) -> bool:
    """Whether digits are a number above 64 bits; a long one is not read to see that."""
    significant = digits.lstrip("0")
    return len(significant) > len(str(_MAX_INT64)) or int(significant or 0) > _MAX_INT64


def _names(names: str, first: int) -> Mapping[str, int]:
    return {name: number for number, name in enumerate(names.split(), first)}


_FIELDS = (
    _Field(name="minute", minimum=0, maximum=59),
    _Field(name="hour", minimum=0, maximum=23),
    _Field(name="day of month", minimum=1, maximum=31),
    _Field(
        name="month",
        minimum=1,
        maximum=12,
        names=_names("jan feb mar apr may jun jul aug sep oct nov dec", 1),
    ),
    _Field(
        name="day of week",
        minimum=0,
        maximum=6,
        names=_names("sun mon tue wed thu fri sat", 0),
        hint=" (Sunday is 0)",
    ),
)

# Go's unicode.IsSpace leaves the four separators out that Python counts as white space.
_WORD = re.compile(r"[\S\x1c-\x1f]+")


def _parse(schedule: str) -> Schedule:
    if "TZ" in schedule:  # the API server refuses the two letters anywhere
        raise ValueError("a time zone may not stand in it; use the field timeZone instead")
    if schedule.startswith("@every "):
        return _Every(delay=_delay(schedule.removeprefix("@every ")))
    if schedule.startswith("@") and schedule not in DESCRIPTORS:
        raise ValueError(
            f"no such descriptor; use {', '.join(DESCRIPTORS)} (in lower case, with nothing "
            "after it) or @every with a duration, such as @every 1h30m"
        )
    words = _WORD.findall(DESCRIPTORS.get(schedule, schedule))
    if len(words) != len(_FIELDS):
        raise ValueError(
            f"it needs five fields and has {len(words)}; "
            f"write {', '.join(field.name for field in _FIELDS)}, and no seconds"
        )
    minute, hour, day, month, weekday = (
        field.parse(word) for field, word in zip(_FIELDS, words, strict=True)
    )
    return _Calendar(minute=minute, hour=hour, day=day, month=month, weekday=weekday)


def _numbers(start: int, end: int, step: int) -> int:
    return sum(1 << number for number in range(start, end + 1, step))


_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "\N{MICRO SIGN}s": 10**3,
    "\N{GREEK SMALL LETTER MU}s": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_PERIOD = re.compile(rf"([0-9]*)(?:\.([0-9]*))?({'|'.join(_NANOSECONDS)})(?![a-z])")
_DURATION = re.compile(rf"[-+]?(?:0|(?:(?=\.?[0-9]){_PERIOD.pattern})+)")


def _delay(duration: str) -> timedelta:
    """Return the delay of `@every`, by Go's `ParseDuration` and robfig's `Every`.

    Whole seconds and at least one: even a negative duration means every second.
    """
    periods = _PERIOD.findall(duration) if _DURATION.fullmatch(duration) else None
    nanoseconds = _nanoseconds(periods) if periods is not None else None
    if nanoseconds is None or nanoseconds > _MAX_INT64:
        raise ValueError(
            f'"{duration}" is not a duration; write numbers with the units h, m and s, '
            "such as @every 1h30m"
        )
    if duration.startswith("-"):
        return _SECOND
    return max(_SECOND, timedelta(seconds=nanoseconds // 10**9))


def _nanoseconds(periods: Iterable[tuple[str, str, str]]) -> int | None:
    """Return the sum of numbers with their fractions and units; None if one is above 64 bits."""
    total = 0
    for whole, part, unit in periods:
        if _exceeds_int64(whole):
            return None
        total += int(whole or 0) * _NANOSECONDS[unit] + _fraction(part, _NANOSECONDS[unit])
    return total


def _fraction(digits: str, unit: int) -> int:
    """Return the nanoseconds after a decimal point, in floating point as Go does it."""
    kept = digits[:18]  # what Go's 64 bits hold
    return int(float(kept or 0) * (unit / 10 ** len(kept)))


# --- when it runs ---------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Every:
    """A fixed delay, counted from the last run: no clock and no zone matters."""

    delay: timedelta

    def next(self, after: datetime, zone: tzinfo) -> datetime:  # noqa: ARG002 - of Schedule
        return after.astimezone(UTC).replace(microsecond=0) + self.delay


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Calendar:
    """Five sets of numbers, as bits, that the wall clock has to match."""

    minute: int
    hour: int
    day: int
    month: int
    weekday: int

    def next(self, after: datetime, zone: tzinfo) -> datetime | None:
        if not (self.minute and self.hour and self.month and self._has_days()):
            return None  # an empty set, from "," alone: spares the search minute by minute
        start = after.astimezone(UTC).replace(microsecond=0) + _SECOND
        # A search drops the seconds of its start: all that counts is whether there are any, since
        # offsets are of whole minutes (as everywhere since 1972).
        return _first_run(self, start.replace(second=min(start.second, 1)), zone)

    def _has_days(self) -> bool:
        if (self.day | self.weekday) & _STAR:
            return bool(self.day and self.weekday)
        return bool(self.day or self.weekday)

    def runs_on(self, date: datetime) -> bool:
        """Say whether the day matches; a star leaves the decision to the other field."""
        by_month = bool(self.day >> date.day & 1)
        by_week = bool(self.weekday >> date.isoweekday() % 7 & 1)
        if (self.day | self.weekday) & _STAR:
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
        minutes = shift // _MINUTE % _MINUTES_A_DAY
        times = {
            hour * 60 + minute
            for hour in range(24)
            for minute in range(60)
            if self.hour >> hour & 1 and self.minute >> minute & 1
        }
        return minutes != 0 and {(one + minutes) % _MINUTES_A_DAY for one in times} == times


@functools.lru_cache(maxsize=4096)  # each look at a process asks, many times in a minute
def _first_run(schedule: _Calendar, start: datetime, zone: tzinfo) -> datetime | None:
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

    def __init__(self, schedule: _Calendar, start: datetime, zone: tzinfo) -> None:
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
            self._leap(_MINUTE, _distance(self.schedule.minute, self.wall.minute, 60))
            if self.wall.minute == 0:
                return False
        return True

    def _second(self) -> bool:
        if self.wall.second == 0:
            return True
        self.moved = True
        self.wall = self.wall.replace(second=0)
        self._add(_MINUTE)
        return False

    def _set(self, wall: datetime) -> None:
        """Set the wall clock, resolving skipped and repeated times as Go's `time.Date` does.

        It takes the offset at the same numbers in UTC, and corrects it once. Python's `fold`
        picks other instants.
        """
        self.moved = True
        numbers = wall.replace(tzinfo=UTC)
        guess = numbers - _offset(numbers.astimezone(self.zone))
        instant = numbers - _offset(guess.astimezone(self.zone))
        self.wall = instant.astimezone(self.zone)

    def _add(self, duration: timedelta) -> None:
        """Let absolute time pass; the wall clock may be changed meanwhile."""
        self.wall = (self.wall.astimezone(UTC) + duration).astimezone(self.zone)

    def _leap(self, unit: timedelta, steps: int) -> None:
        """Take so many steps of absolute time at once, or one if the clock is changed meanwhile."""
        start = self.wall
        self._add(steps * unit)
        if _offset(self.wall) != _offset(start):
            self.wall = start
            self._add(unit)


def _distance(bits: int, number: int, size: int) -> int:
    """Return the steps from a number to the next greater one in the set, or else to the wrap."""
    greater = (bits | 1 << size) >> (number + 1)
    return (greater & -greater).bit_length()


def _offset(wall: datetime) -> timedelta:
    return wall.utcoffset() or timedelta()


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
        old = _offset(start.astimezone(place))
        if _offset(later.astimezone(place)) != old:
            low, high = start, later
            while high - low > _SECOND:
                middle = low + (high - low) / 2
                if _offset(middle.astimezone(place)) == old:
                    low = middle
                else:
                    high = middle
            # Clocks are changed at whole minutes.
            yield high.replace(second=0, microsecond=0).astimezone(place)
        start = later


@functools.lru_cache(maxsize=4096)  # as for `_first_run`
def _changes(
    schedule: _Calendar, place: tzinfo, after: datetime, until: datetime
) -> tuple[ClockChange, ...]:
    found = (_met(schedule, moment, after, until) for moment in _moments(place, after, until))
    return tuple(change for change in found if change.times)


def _met(schedule: _Calendar, moment: datetime, after: datetime, until: datetime) -> ClockChange:
    """Return one change of the clock with the times of a schedule that it skips or doubles."""
    place = moment.tzinfo or UTC
    shift = _offset(moment) - _offset((moment.astimezone(UTC) - _SECOND).astimezone(place))
    times: Iterable[datetime] = ()
    if schedule.keeps_pace(shift):
        pass
    elif shift < timedelta():
        times = _doubled(schedule, moment, shift, after, until)
    elif after < moment <= until:
        times = _skipped(schedule, moment, shift)
    return ClockChange(at=moment, shift=shift, times=tuple(times))


def _skipped(schedule: _Calendar, moment: datetime, shift: timedelta) -> Iterator[datetime]:
    """Yield the times of a schedule that lie where the clock jumps."""
    behind = moment.replace(tzinfo=None)
    wall = behind - shift
    while wall < behind:
        if schedule.has(wall):
            yield wall
        wall += _MINUTE


def _doubled(
    schedule: _Calendar, moment: datetime, shift: timedelta, after: datetime, until: datetime
) -> Iterator[datetime]:
    """Yield the times of a schedule that the clock shows twice, one of them within the window."""
    place = moment.tzinfo or UTC
    begin, end = moment.astimezone(UTC) + shift, moment.astimezone(UTC) - shift
    seen: dict[datetime, datetime] = {}
    for run in itertools.takewhile(lambda one: one < end, _runs(schedule, place, begin - _SECOND)):
        wall = run.astimezone(place).replace(tzinfo=None)
        first = seen.setdefault(wall, run)
        if first != run and (after < first <= until or after < run <= until):
            yield wall


def _words(length: timedelta) -> str:
    minutes = length // _MINUTE
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
