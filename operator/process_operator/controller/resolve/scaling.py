"""How many instances a process is to have at a moment: its scaling, within the schedule that holds.

A schedule holds from when it was due until another one of its process is. So what holds follows
from the clock alone: an operator that was away finds what it would have done.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from process_operator.cron import expression, spans, zones
from process_operator.cron.spans import Span
from process_operator.models import defaults
from process_operator.models.scaling import ScalingSchedule
from process_operator.models.snapshot import Scaling


@dataclass(frozen=True, slots=True)
class Due:
    """A schedule, and when it is or was due."""

    at: datetime
    """In UTC."""
    schedule: ScalingSchedule


@dataclass(frozen=True, slots=True)
class ScalingNow:
    """How many instances are asked for at a moment."""

    scaling: Scaling
    """Within the bounds of the schedule that holds."""
    in_force: Due | None = None
    next: Due | None = None
    """The one that is due next; until then this is how it is."""


def at(scaling: Scaling, now: datetime) -> ScalingNow:
    """Return what is asked for at a moment."""
    if not scaling.schedules:
        return ScalingNow(scaling)
    around = list(_spans(scaling.schedules, now))
    past = [Due(one.begun, of) for of, one in around if one.begun is not None]
    coming = [Due(one.ends, of) for of, one in around if one.ends is not None]
    first = min((one.at for one in coming), default=None)
    holds = max(past, key=_order, default=None)
    return ScalingNow(
        scaling if holds is None else _bounded(scaling, holds.schedule),
        in_force=holds,
        next=max((one for one in coming if one.at == first), key=_order, default=None),
    )


def zone(schedule: ScalingSchedule) -> str:
    """Return the zone that a schedule is read in."""
    return schedule.time_zone or defaults.DEFAULT_TIME_ZONE


def _order(due: Due) -> tuple[datetime, str]:
    return due.at, due.schedule.name


def _spans(
    schedules: tuple[ScalingSchedule, ...], now: datetime
) -> Iterator[tuple[ScalingSchedule, Span]]:
    for one in schedules:
        # Each could be read when it was released: a zone may have gone since.
        with suppress(expression.InvalidSchedule, zones.InvalidTimeZone):
            yield (
                one,
                spans.around(expression.parse(one.schedule), zones.place_of(zone(one)), now),
            )


def _bounded(scaling: Scaling, schedule: ScalingSchedule) -> Scaling:
    """Return a scaling within bounds; without room for a single instance there is no autoscaler."""
    least, most = schedule.min_instance_count, schedule.max_instance_count
    given = scaling.horizontal
    if given is None:
        instances = max(scaling.instances, least or 0)
        return Scaling(instances=instances if most is None else min(instances, most))
    if most == 0:
        return Scaling(instances=0)
    low = given.min_instances if least is None else least
    high = given.max_instances if most is None else most
    return Scaling(
        horizontal=given.model_copy(
            update={
                "min_instances": low if least is not None else min(low, high),
                "max_instances": high if most is not None else max(low, high),
            }
        )
    )
