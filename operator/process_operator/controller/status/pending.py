"""Staged differences as statuses tell them, each with the time when it was first seen."""

from collections.abc import Iterable
from datetime import datetime

from process_operator.controller.plan.model import ApplicationContext
from process_operator.controller.release import record
from process_operator.kube import conditions
from process_operator.models import staging
from process_operator.models.configuration import Source
from process_operator.models.status import MAX_SHORT_TEXT, PendingChange
from process_operator.schema import bounds


def changes_wait(count: int) -> str:
    """Return how many changes wait, as a sentence."""
    waiting = f"{count} changes wait" if count != 1 else "1 change waits"
    return f"{waiting} for the next release"


def of_configuration(
    context: ApplicationContext, used: frozenset[Source]
) -> tuple[staging.Difference, ...]:
    """Return which of the ConfigMaps and Secrets that something uses have changed since it runs."""
    now = context.resolved.configuration
    if context.running is None or not now:
        return ()
    before = record.configuration(context.running, context.application, now)
    return staging.configuration_differences(before, now, used)


def are_dated(found: Iterable[staging.Difference], before: Iterable[PendingChange]) -> bool:
    """Whether each difference has been seen before, so that its time is known."""
    known = {one.field for one in before}
    return all(bounds.shortened_name(one.field, MAX_SHORT_TEXT) in known for one in found)


def dated(
    found: Iterable[staging.Difference], before: Iterable[PendingChange], now: datetime
) -> tuple[PendingChange, ...]:
    """Return `status.pending`: each difference keeps the time when it was first seen."""
    since = {one.field: one.since for one in before}
    # The field is what an entry is known by: two long names must not become one.
    named = ((bounds.shortened_name(one.field, MAX_SHORT_TEXT), one) for one in found)
    return tuple(
        PendingChange(
            field=field,
            from_=one.before,
            to=one.after,
            since=since.get(field, conditions.whole_seconds(now)),
        )
        for field, one in named
    )
