"""Fits a status to the schema of its kind: the last step before it is compared and written.

Much of a status is in others' words (a pod's reason, a server's answer, names that users chose),
and one word too long would keep all of it from being written. What fits is returned as it is, the
same object; what does not is brought in by one rule each:

- A text that is too long loses its middle. It begins with what it is about and ends with what to
  do, or with the last words of a pod; what is long stands between.
- A list that is too long loses its end, and says so where its items are texts. Of items with the
  same key the first one stays.
- A number goes to the nearest bound.
- The reason of a condition becomes a word that a condition may have.
- What has no such cure (an unknown word of an enumeration, a name that is none, null) is left out,
  and with it the object that cannot be without it.

Fields that the schema does not know stay: a newer operator may have recorded them.
"""

import functools
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from process_operator.kube import names
from process_operator.models import application, process, release, resource_type, run
from process_operator.models.status import REASON, Status
from process_operator.schema import cel, structural
from process_operator.schema.structural import Schema

_Fit = Callable[[Any], Any]
"""Returns a value as the schema takes it: the very same one if it fits, `_UNFIT` if none does."""
_UNFIT: Any = object()
_GAP = " … "
_HALVES = re.compile("[\ud800-\udfff]")
_ILLEGAL = re.compile("[^A-Za-z0-9_,:]")
_DATE_TIME = (
    r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?"
    r"([Zz]|[+-]\d\d:\d\d)$"
)
STATUSES: Mapping[str, type[Status]] = {
    names.APPLICATION_KIND: application.ApplicationStatus,
    names.PROCESS_KIND: process.ProcessStatus,
    names.RELEASE_KIND: release.ReleaseStatus,
    names.RUN_KIND: run.RunStatus,
    names.RESOURCE_TYPE_KIND: resource_type.ResourceTypeStatus,
}


def stored(kind: str, status: Status) -> dict[str, Any]:
    """Return a status as the API server takes it: the one place where it becomes JSON."""
    return fitted(kind, status.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def are_same(kind: str, one: Status, other: Status) -> bool:
    """Whether two statuses are one when they are stored: most are already before that."""
    return one == other or stored(kind, one) == stored(kind, other)


def fitted(kind: str, status: Mapping[str, Any]) -> dict[str, Any]:
    """Return a status as the API server takes it; the same object if it is so already.

    A fitted status fits: to fit it again changes nothing.
    """
    made: dict[str, Any] = _fit(kind)(status if isinstance(status, dict) else dict(status))
    return made


@functools.cache
def _fit(kind: str) -> _Fit:
    return _of(structural.structural(STATUSES[kind]))


# --- texts ------------------------------------------------------------------------------------


def shortened(text: str, most: int) -> str:
    """Return a text of so many characters at most: without its middle, if it is too long.

    A character is a Unicode code point, as the API server counts them.
    """
    if len(text) <= most:
        return text
    tail = (most - len(_GAP)) // 2
    return text[: most - len(_GAP) - tail] + _GAP + text[len(text) - tail :]


def shortened_to_bytes(text: str, most: int) -> str:
    """Return a text of so many bytes of UTF-8 at most: without its middle, if it is too long."""
    data = _clean(text).encode()
    if len(data) <= most:
        return data.decode()
    half = (most - len(_GAP.encode())) // 2
    return data[:half].decode(errors="ignore") + _GAP + data[-half:].decode(errors="ignore")


def shortened_name(name: str, most: int) -> str:
    """Return a name of so many characters at most, always the same and still told from others."""
    if len(name) <= most:
        return name
    mark = f"…{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}…"
    tail = (most - len(mark)) // 2
    return name[: most - len(mark) - tail] + mark + name[len(name) - tail :]


def word(text: str, most: int = 1024) -> str:
    """Return somebody's word as the reason of a condition may be: `Out-of_x` becomes `Out_of_x`."""
    letters = _ILLEGAL.sub("_", text).lstrip("0123456789_,:")
    return letters[:most].rstrip(",:") or "Unknown"


def _clean(text: str) -> str:
    """Return a text without halves of characters, which UTF-8 has no bytes for."""
    return text if text.isascii() else _HALVES.sub("\N{REPLACEMENT CHARACTER}", text)


# --- schemas ----------------------------------------------------------------------------------

_UNDERSTOOD = {
    "type",
    "description",
    "properties",
    "required",
    "items",
    "enum",
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "maxItems",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    # Nobody else's words: rules by which the record of a release moves.
    "x-kubernetes-validations",
}


def _of(schema: Schema) -> _Fit:
    """Return what fits a value to one node of a schema, and all below it."""
    if unknown := schema.keys() - _UNDERSTOOD:
        raise ValueError(f"nothing fits a status to {sorted(unknown)}")
    match schema["type"]:
        case "object" if "properties" in schema:
            return _object(schema)
        case "array":
            return _array(schema)
        case "string" if _is_set_once(schema):
            return _set_once(schema)
        case "string":
            return _text(schema)
        case "integer":
            return _integer(schema)
        case other:
            raise ValueError(f"nothing fits a status to the type {other}")


def _is_set_once(schema: Schema) -> bool:
    rules = schema.get("x-kubernetes-validations", ())
    return any(one["rule"] == "self == oldSelf" for one in rules)


def _set_once(schema: Schema) -> _Fit:
    """Never change a text that is set once: without its middle it would be another."""
    most = schema["maxLength"]
    least = schema.get("minLength", 0)

    def fit(value: Any) -> Any:
        fits = isinstance(value, str) and least <= len(value) <= most and _clean(value) == value
        return value if fits else _UNFIT

    return fit


def _object(schema: Schema) -> _Fit:
    fields = {name: _of(part) for name, part in schema["properties"].items()}
    required = schema.get("required", ())

    def fit(value: Any) -> Any:
        if not isinstance(value, dict):
            return _UNFIT
        changed = {
            name: made
            for name, inner in value.items()
            if name in fields and (made := fields[name](inner)) is not inner
        }
        if changed:
            value = {
                name: made
                for name, inner in value.items()
                if (made := changed.get(name, inner)) is not _UNFIT
            }
        return value if all(name in value for name in required) else _UNFIT

    return fit


def _array(schema: Schema) -> _Fit:
    fit_item, most = _of(schema["items"]), schema["maxItems"]
    keys = schema.get("x-kubernetes-list-map-keys", ())
    of_texts = schema["items"]["type"] == "string"

    def fit(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return _UNFIT
        made = [item for item in map(fit_item, value) if item is not _UNFIT]
        if keys:
            made = _each_once(made, keys)
        if len(made) > most:
            made = _capped(made, most, of_texts=of_texts)
        same = len(made) == len(value) and all(map(_is, made, value))
        return value if same and isinstance(value, list) else made

    return fit


def _is(one: object, other: object) -> bool:
    return one is other


def _each_once(items: Sequence[Any], keys: Sequence[str]) -> list[Any]:
    found: dict[tuple[Any, ...], Any] = {}
    for item in items:
        found.setdefault(tuple(item.get(key) for key in keys), item)
    return list(found.values())


def _capped(items: Sequence[Any], most: int, *, of_texts: bool) -> list[Any]:
    if not of_texts:
        return list(items[:most])
    return [*items[: most - 1], f"… and {len(items) - most + 1} more"]


def _text(schema: Schema) -> _Fit:
    if "enum" in schema:
        return _one_of(frozenset(schema["enum"]))
    if schema.get("format") == "date-time":
        return _matching(_DATE_TIME)
    most, least = schema["maxLength"], schema.get("minLength", 0)
    if schema.get("pattern") == REASON:
        return _reason(most)
    matches = _matching(schema.get("pattern", ""))

    def fit(value: Any) -> Any:
        if not isinstance(value, str):
            return _UNFIT
        text = _clean(value)
        if len(text) > most:
            text = shortened(text, most)
        return matches(text) if len(text) >= least else _UNFIT

    return fit


def _one_of(known: frozenset[str]) -> _Fit:
    return lambda value: value if isinstance(value, str) and value in known else _UNFIT


def _matching(pattern: str) -> _Fit:
    return lambda value: value if isinstance(value, str) and cel.matches(value, pattern) else _UNFIT


def _reason(most: int) -> _Fit:
    def fit(value: Any) -> Any:
        if isinstance(value, str) and len(value) <= most and cel.matches(value, REASON):
            return value
        return word(value if isinstance(value, str) else "", most)

    return fit


def _integer(schema: Schema) -> _Fit:
    low, high = schema["minimum"], schema["maximum"]

    def fit(value: Any) -> Any:
        if not isinstance(value, int) or isinstance(value, bool):
            return _UNFIT
        return max(low, min(value, high))

    return fit
