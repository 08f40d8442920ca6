"""Statuses at every bound of a schema, and just beyond it: one difference each."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

MOMENT = "2026-01-05T12:00:00Z"


class Case(NamedTuple):
    """A status that differs at one place from one in which every field is set."""

    title: str
    status: dict[str, Any]


def cases(schema: Mapping[str, Any]) -> Iterator[Case]:
    """Yield statuses of a kind, some of which the server takes and some of which it does not."""
    for title, status in _variants(schema, "status"):
        if isinstance(status, dict):
            yield Case(title, status)


def _plain(schema: Mapping[str, Any]) -> Any:
    """Return a value with every field set."""
    match schema["type"]:
        case "object":
            fields = schema.get("properties", {})
            return {name: _plain(part) for name, part in fields.items()}
        case "array":
            return [_plain(schema["items"])]
        case "integer":
            return max(schema["minimum"], 1)
        case _:
            return schema["enum"][0] if "enum" in schema else _plain_text(schema)


def _plain_text(schema: Mapping[str, Any]) -> str:
    return MOMENT if schema.get("format") == "date-time" else "a"


def _variants(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    yield f"{path} null", None
    yield f"{path} of another type", 7 if schema["type"] != "integer" else "7"
    match schema["type"]:
        case "object":
            yield from _objects(schema, path)
        case "array":
            yield from _lists(schema, path)
        case "integer":
            for number in (schema["minimum"], schema["maximum"]):
                yield from ((f"{path} {one}", one) for one in (number - 1, number, number + 1))
        case _:
            yield from ((f"{path} {_shown(one)}", one) for one in _texts(schema))


def _objects(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    plain = _plain(schema)
    yield f"{path} in full", plain
    for name, part in schema.get("properties", {}).items():
        yield f"{path} without {name}", {key: plain[key] for key in plain if key != name}
        for title, value in _variants(part, f"{path}.{name}"):
            yield title, {**plain, name: value}


def _lists(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    yield f"{path} empty", []
    plain = _plain(schema["items"])
    yield f"{path} twice the same", [plain, copy.deepcopy(plain)]
    for count in (schema["maxItems"], schema["maxItems"] + 1):
        yield f"{path} of {count}", [_numbered(schema, plain, one) for one in range(count)]
    for title, value in _variants(schema["items"], f"{path}[]"):
        yield title, [value]


def _numbered(schema: Mapping[str, Any], plain: Any, number: int) -> Any:
    """Return an item that no other one is like."""
    keys = schema.get("x-kubernetes-list-map-keys", ())
    return {**plain, **dict.fromkeys(keys, f"k{number}")} if keys else plain


def _texts(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", "a", "nonsense", "a-b", "A\n", "\N{LATIN SMALL LETTER E WITH ACUTE}", "a\0b")
    yield from ("2026-01-05T12:00:00.123456Z", "2026-01-05T12:00:00+05:45", "2026-01-05t12:00:00z")
    yield from (
        "2026-01-05 12:00:00Z",
        "2026-13-05T12:00:00Z",
        "2026-01-05T25:00:00Z",
        "2026-01-05",
    )
    if "maxLength" in schema:
        characters = ("a", "\N{UNICORN FACE}", "e\N{COMBINING ACUTE ACCENT}")
        # Of the largest text so many bytes would be more than a request may have.
        for character in characters if schema["maxLength"] < _LARGE else characters[:1]:
            whole = character * schema["maxLength"]
            yield from (whole[: schema["maxLength"] + more] for more in (0, 1))


_LARGE = 100_000


def _shown(text: str) -> str:
    return repr(text) if len(text) < 30 else f"{text[:2]!r} to {len(text)} characters"
