"""What callers see of our objects: records in, replies out. Nothing is asked or written here."""

from collections.abc import Iterable, Sequence

from process_operator.api.presenters.views import Reply
from process_operator.api.reads.cache import Record
from process_operator.api.reads.ownership import FieldConflict


def page(items: Sequence[Reply], *, total: int, offset: int, limit: int) -> Reply:
    """Return one page of a list in its envelope."""
    return {"data": items, "total": total, "offset": offset, "limit": limit}


def with_taken(reply: Reply, taken: Sequence[FieldConflict]) -> Reply:
    """Add to a reply which fields were taken over from other managers."""
    if taken:
        reply["taken_over"] = [{"field": one.path, "manager": one.manager} for one in taken]
    return reply


# Deployments.


def newest_first(records: Iterable[Record]) -> list[Record]:
    """Return records with the newest first, always in the same order."""
    return sorted(records, key=lambda one: (one.made_at, one.number, one.uid), reverse=True)
