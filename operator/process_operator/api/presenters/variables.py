"""Environment variables as replies tell them."""

from process_operator.api.presenters import times
from process_operator.api.presenters.views import Reply
from process_operator.api.reads.cache import Record

# Environment variables and domains.


def variable(record: Record, name: str, value: str, identifier: str) -> Reply:
    """Return an environment variable of an application."""
    return {
        "id": identifier,
        "app_id": record.uid,
        "key": name,
        "value": value,
        "is_runtime": True,
        "is_buildtime": False,
        "created_at": times.time(record.created_at),
        "updated_at": times.time(record.updated_at),
    }
