"""The ids that callers see: uids of objects, and names turned into ids for what has no uid."""

import functools
import uuid

PATTERN = (
    "^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
    "|00000000-0000-0000-0000-000000000000|ffffffff-ffff-ffff-ffff-ffffffffffff)$"
)
"""The contract's pattern of every id."""

_ROOT = uuid.uuid5(uuid.NAMESPACE_DNS, "process-operator.dev")


@functools.lru_cache(maxsize=256)  # every process tells it
def resource_type(name: str) -> str:
    """Return the id of a resource type: of its name, so that a reinstall changes no client."""
    return _of("resource-type", name)


def variable(owner_uid: str, name: str) -> str:
    """Return the id of an environment variable of an application or a project."""
    return _of("variable", owner_uid, name)


def domain(process_uid: str, host: str) -> str:
    """Return the id of a host of a web process."""
    return _of("domain", process_uid, host)


def run(process_uid: str, name: str) -> str:
    """Return the id of a run by the schedule, which is known by the name of its Job."""
    return _of("run", process_uid, name)


def log_entry(release_uid: str, place: str) -> str:
    """Return the id of one line of a deployment's log."""
    return _of("log", release_uid, place)


def of_key(key_id: str) -> str:
    """Return the id of an API key."""
    return _of("key", key_id)


def _of(*parts: str) -> str:
    return str(uuid.uuid5(_ROOT, "\0".join(parts)))
