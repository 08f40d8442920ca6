"""How a schedule is written: the five fields, the descriptors and `@every`."""

import dataclasses
import functools
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Protocol

from process_operator.cron.calendar import SECOND, STAR, Calendar, Every

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
_MAX_INT64 = (1 << 63) - 1


class InvalidSchedule(ValueError):  # noqa: N818 - it is the condition's reason, word for word
    """The API server would refuse the schedule; the text says why and what to write instead."""


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
            return _numbers(self.minimum, self.maximum, step) | (STAR if step == 1 else 0)
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
        return Every(delay=_delay(schedule.removeprefix("@every ")))
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
    return Calendar(minute=minute, hour=hour, day=day, month=month, weekday=weekday)


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
        return SECOND
    return max(SECOND, timedelta(seconds=nanoseconds // 10**9))


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
