"""A library of other people agrees, once it is given the numbers that Kubernetes means.

croniter searches local times without a zone. It gets every field as a list, because it reads
schedules in a dialect of its own; which times run is decided here as Kubernetes does it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from typing import Any

import pytest
from croniter import CroniterBadDateError, croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from process_operator.cron import next_runs, zones

COUNT = 5
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Africa/Casablanca"]
"""None that changes its clock at midnight, or by half an hour: there the controller has rules
that nobody else has, see docs/decisions/0019."""


def numbers(lowest: int, highest: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(lowest, highest), min_size=1, max_size=4, unique=True)


def field(lowest: int, highest: int) -> st.SearchStrategy[list[int] | None]:
    """Draw the numbers of a field, None for a star."""
    return st.none() | numbers(lowest, highest)


SCHEDULES = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6))
STARTS = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001 - in UTC
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


@settings(max_examples=300, deadline=None)
@given(SCHEDULES, STARTS, st.sampled_from(ZONES))
def test_the_next_runs_are_those_that_croniter_finds(
    fields: tuple[list[int] | None, ...], start: datetime, zone: str
) -> None:
    schedule = " ".join(
        "*" if one is None else ",".join(str(number) for number in one) for one in fields
    )
    expected = tuple(islice(runs(schedule, start, zones.zone(zone)), COUNT))
    assert next_runs.next_runs(schedule, zone, start, COUNT) == expected


def runs(schedule: str, after: datetime, zone: tzinfo) -> Iterator[datetime]:
    """Yield the runs in their order: a time that is skipped has none, one that is repeated two."""
    before = after.astimezone(zone).replace(tzinfo=None) - timedelta(hours=2)
    found: list[datetime] = []
    for wall in walls(schedule, before):
        moments = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
        found += (
            one
            for one in moments
            if one > after and one.astimezone(zone).replace(tzinfo=None) == wall
        )
        # Nothing that comes later runs before what this time runs at first.
        ready = sorted(one for one in found if one <= min(moments))
        found = [one for one in found if one not in ready]
        yield from ready


def walls(schedule: str, start: datetime) -> Iterator[datetime]:
    found: Any = croniter(schedule, start, ret_type=datetime)
    try:
        yield from found
    except CroniterBadDateError:
        return


@pytest.mark.parametrize("schedule", ["0 0 * * 7", "0 0 L * *", "0 0 * * MON#1", "@reboot"])
def test_what_only_croniter_takes_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match="schedule"):
        next_runs.next_runs(schedule, None, datetime(2026, 1, 1, tzinfo=UTC), 1)
