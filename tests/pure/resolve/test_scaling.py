"""A scaling schedule holds from when it was due until another one is."""

from datetime import UTC, datetime
from typing import Any

import pytest

import make
from process_operator.controller.plan import plan
from process_operator.controller.resolve import scaling
from process_operator.models import defaults

NIGHT = {"name": "night", "schedule": "0 22 * * *", "maxInstanceCount": 0}
MORNING = {"name": "morning", "schedule": "0 6 * * *"}


def sized(now: str, strategy: dict[str, Any], *schedules: dict[str, Any]) -> scaling.ScalingNow:
    spec = make.process(scalingStrategy=strategy, scalingSchedules=list(schedules)).spec
    return scaling.at(defaults.scaling(spec), datetime.fromisoformat(now).replace(tzinfo=UTC))


def manual(count: int) -> dict[str, Any]:
    return {"type": "manual", "manual": {"instanceCount": count}}


def horizontal(least: int, most: int) -> dict[str, Any]:
    bounds = {"minInstanceCount": least, "maxInstanceCount": most}
    return {"type": "horizontal", "horizontal": bounds}


@pytest.mark.parametrize(
    ("now", "instances", "holds", "follows"),
    [
        ("2026-01-05T21:59:59", 3, "morning", "2026-01-05T22:00:00"),
        ("2026-01-05T22:00:00", 0, "night", "2026-01-06T06:00:00"),
        ("2026-01-06T05:59:59", 0, "night", "2026-01-06T06:00:00"),
        ("2026-01-06T06:00:00", 3, "morning", "2026-01-06T22:00:00"),
    ],
)
def test_a_process_sleeps_at_night(now: str, instances: int, holds: str, follows: str) -> None:
    found = sized(now, manual(3), NIGHT, MORNING)
    assert found.scaling.instances == instances
    assert found.in_force is not None
    assert found.next is not None
    assert found.in_force.schedule.name == holds
    assert f"{found.next.at:%Y-%m-%dT%H:%M:%S}" == follows


def test_the_night_is_that_of_its_zone() -> None:
    there = {**NIGHT, "timeZone": "Asia/Tokyo"}
    assert sized("2026-01-05T12:59:59", manual(3), there, MORNING).scaling.instances == 3
    assert sized("2026-01-05T13:00:00", manual(3), there, MORNING).scaling.instances == 0


@pytest.mark.parametrize(
    ("count", "bounds", "instances"),
    [
        (3, {}, 3),
        (3, {"minInstanceCount": 5}, 5),
        (3, {"minInstanceCount": 2}, 3),
        (3, {"maxInstanceCount": 2}, 2),
        (0, {"minInstanceCount": 1, "maxInstanceCount": 4}, 1),
        (9, {"minInstanceCount": 1, "maxInstanceCount": 4}, 4),
    ],
)
def test_a_fixed_number_is_kept_within_the_bounds(
    count: int, bounds: dict[str, int], instances: int
) -> None:
    found = sized("2026-01-05T12:00:00", manual(count), {**MORNING, **bounds})
    assert found.scaling.instances == instances


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, (2, 6)),
        ({"minInstanceCount": 4}, (4, 6)),
        ({"minInstanceCount": 8}, (8, 8)),
        ({"maxInstanceCount": 1}, (1, 1)),
        ({"minInstanceCount": 10, "maxInstanceCount": 20}, (10, 20)),
    ],
)
def test_the_bounds_of_an_autoscaler_are_those_of_the_schedule(
    bounds: dict[str, int], expected: tuple[int, int]
) -> None:
    found = sized("2026-01-05T12:00:00", horizontal(2, 6), {**MORNING, **bounds}).scaling.horizontal
    assert found is not None
    assert (found.min_instances, found.max_instances) == expected


def test_without_room_for_one_instance_there_is_no_autoscaler() -> None:
    found = sized("2026-01-05T23:00:00", horizontal(2, 6), NIGHT).scaling
    assert (found.horizontal, found.instances) == (None, 0)


def test_of_two_that_are_due_at_once_the_last_by_name_holds() -> None:
    found = sized("2026-01-06T00:00:00", manual(3), {**NIGHT, "name": "zzz"}, NIGHT)
    assert found.in_force is not None
    assert found.next is not None
    assert (found.in_force.schedule.name, found.next.schedule.name) == ("zzz", "zzz")


def test_what_was_never_due_bounds_nothing() -> None:
    never = {"name": "never", "schedule": "0 0 31 2 *", "maxInstanceCount": 0}
    assert sized("2026-01-05T12:00:00", manual(3), never) == scaling.ScalingNow(
        defaults.scaling(make.process(scalingStrategy=manual(3), scalingSchedules=[never]).spec)
    )


def test_a_schedule_that_can_no_longer_be_read_is_passed_over() -> None:
    gone = {**NIGHT, "timeZone": "Europe/Atlantis"}
    assert sized("2026-01-05T23:00:00", manual(3), gone, MORNING).scaling.instances == 3


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        ({"schedule": "0 25 * * *"}, "spec.scalingSchedules[night].schedule: schedule"),
        ({"timeZone": "Europe/Atlantis"}, "spec.scalingSchedules[night].timeZone: time zone"),
    ],
)
def test_a_schedule_that_cannot_be_read_is_refused_and_what_serves_goes_on(
    schedule: dict[str, Any], says: str
) -> None:
    served = make.served(make.observed())
    web = make.process(scalingSchedules=[{**NIGHT, **schedule}])
    context = plan.plan(make.observed(served, processes=[web])).context
    assert context is not None
    refusal = context.resolved.refusals[web.uid]
    assert refusal.reason == "InvalidSchedule"
    assert refusal.message.startswith(says)
    assert refusal.renderable
