"""Staged differences as statuses tell them, each with the time when it was first seen."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from process_operator.kube import conditions
from process_operator.models import staging
from process_operator.models.status import MAX_SHORT_TEXT
from process_operator.schema import bounds


def changes_wait(count: int) -> str:
    """Return how many changes wait, as a sentence."""
    waiting = f"{count} changes wait" if count != 1 else "1 change waits"
    return f"{waiting} for the next release"


def dated(
    found: Iterable[staging.Difference], before: Mapping[str, Any], now: datetime
) -> list[dict[str, Any]]:
    """Return `status.pending`: each difference keeps the time when it was first seen."""
    since = {one["field"]: one for one in before.get("pending", ())}
    dated = []
    for one in found:
        # The field is what an entry is known by: two long names must not become one.
        field = bounds.shortened_name(one.field, MAX_SHORT_TEXT)
        old = since.get(field)
        entry = {"field": field}
        if one.before is not None:
            entry["from"] = one.before
        if one.after is not None:
            entry["to"] = one.after
        entry["since"] = old["since"] if old is not None else conditions.timestamp(now)
        dated.append(entry)
    return dated
