"""Domains as replies tell them."""

from process_operator.api.access import identity
from process_operator.api.presenters import times
from process_operator.api.presenters.views import Reply
from process_operator.api.reads.cache import Record


def domain(record: Record, host: str, *, is_primary: bool) -> Reply:
    """Return a host of a web process."""
    spec, status = record.spec, record.status
    urls = [str(one) for one in status.get("urls") or ()]
    is_active = any(one.partition("://")[2].partition("/")[0] == host for one in urls)
    return {
        "id": identity.domain(record.uid, host),
        "name": host,
        "type": "custom",
        "status": "active" if is_active else "pending",
        "is_primary": is_primary,
        "is_wildcard": host.startswith("*."),
        "is_enabled": (spec.get("ingress") or {}).get("enabled", True),
        "dns_records": None,
        "errors": None,
        "created_at": times.time(record.created_at),
        "updated_at": times.time(record.updated_at),
    }
