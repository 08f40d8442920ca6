"""What the API server would refuse in a status, by the schema of its CRD.

`documents` checks what users write; here the same check is made of what only the operator writes,
with what there is in statuses alone: times, and fields that must not be null.
`tests/cluster/test_bounds.py` shows that the server is of the same opinion.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from process_operator.schema import kinds, structural, validation

_TIME = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?"
    r"([Zz]|[+-]\d\d:\d\d)"
)
_MOST_BYTES = 1024 * 1024
"""Of a status without a snapshot; etcd takes 1.5 MiB of the whole object."""
SCHEMAS = {kind.kind: structural.structural(kind.status) for kind in kinds.KINDS}


def refused(kind: str, given: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a status; nothing if the server takes it."""
    schema = SCHEMAS[kind]
    # As it comes over the wire: what is no JSON fails here.
    value = orjson.loads(orjson.dumps(given))
    found = [str(one) for one in validation._structure(schema, value, "status")]
    found += _more(schema, value, "status")
    if len(orjson.dumps({**value, "snapshot": None})) > _MOST_BYTES:
        found.append("status: is too large")
    return found


def refused_event(manifest: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with an event as it is sent."""
    found = []
    if not 0 < len(manifest["reason"]) <= 128:
        found.append("reason: must be there, and have 128 characters at most")
    if not 0 < len(manifest["note"].encode()) <= 1024:
        found.append("note: must be there, and have 1024 bytes at most")
    return found


def _more(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    if value is None:
        yield f"{path}: is null"
    elif schema.get("format") == "date-time" and not _is_time(value):
        yield f"{path}: is no time"
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _more(schema["items"], item, f"{path}[{index}]")
    elif isinstance(value, dict) and "properties" in schema:
        for name, inner in value.items():
            yield from _more(schema["properties"].get(name, {}), inner, f"{path}.{name}")


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and _TIME.fullmatch(value) is not None
