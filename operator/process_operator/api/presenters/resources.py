"""Resource types, clusters, projects and keys as replies tell them."""

from collections.abc import Iterable

from process_operator.api.access import identity
from process_operator.api.access.keys import Key, Role
from process_operator.api.presenters import times
from process_operator.api.presenters.views import Reply, ResourceType
from process_operator.api.reads import cache
from process_operator.api.reads.cache import Record

# Resources, projects and keys.


def resource_type(given: ResourceType) -> Reply:
    """Return a resource type."""
    return {
        "id": given.id,
        "name": given.name,
        "cpu_limit": given.millicores,
        "memory_limit": given.megabytes,
        "category": given.category,
    }


def cluster(identifier: str, name: str) -> Reply:
    """Return the cluster behind this API."""
    return {
        "id": identifier,
        "name": name,
        "display_name": name,
        "location": name,
        "is_available": True,
    }


def project_item(record: Record) -> Reply:
    """Return a namespace as lists of projects have it."""
    return {
        "id": record.uid,
        "name": record.name,
        "display_name": record.marks.get(cache.DISPLAY_NAME, record.name),
        "created_at": times.time(record.created_at),
        "updated_at": times.time(record.updated_at),
    }


def project(record: Record, applications: Iterable[Record]) -> Reply:
    """Return a namespace with its applications."""
    services = [
        {
            "id": one.uid,
            "name": one.name,
            "display_name": one.spec.get("displayName", one.name),
            "type": "app",
        }
        for one in applications
    ]
    return {**project_item(record), "company_id": None, "services": services}


def valid_key(given: Key, namespaces: Iterable[str], cluster_id: str | None) -> Reply:
    """Return that a key is valid: in the words of every client that asks for it."""
    told = key(given, namespaces)
    return {
        "is_valid": True,
        **{name: told[name] for name in ("id", "name", "expires_at")},
        "status": "active",
        "company": cluster_id,
        "company_id": cluster_id,
        "key": told,
    }


def own_key(given: Key, cluster_id: str | None) -> Reply:
    """Return the key of a request, with what it may do."""
    told = key(given, ())
    actions = ("READ",) if given.role is Role.READ else ("CREATE", "READ", "UPDATE", "DELETE")
    return {
        **{name: told[name] for name in ("id", "name", "expires_at")},
        "company_id": cluster_id,
        "is_enabled": True,
        "source": "CLI",
        "token": None,
        "capabilities": [
            {"permission": f"APP:{action}", "resource_id": None} for action in actions
        ],
        "last_used_at": None,
    }


def key(given: Key, namespaces: Iterable[str]) -> Reply:
    """Return what a key may do, and where it may do so now."""
    return {
        "id": identity.of_key(given.id),
        "name": given.name,
        "role": str(given.role),
        "namespaces": list(namespaces),
        "created_at": times.in_utc(given.created_at),
        "expires_at": times.in_utc(given.expires_at) if given.expires_at is not None else None,
    }
