"""What the API server would say of an object, without a server."""

import difflib
import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from process_operator.kube import names
from process_operator.kube.manifest import Manifest
from process_operator.models.base import DNS_LABEL, DNS_SUBDOMAIN
from process_operator.schema import cel, crds, kinds
from process_operator.schema.documents import Document

_KINDS = {kind.kind: kind for kind in kinds.KINDS}
_RULES = "x-kubernetes-validations"
_MAX_INT64 = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that the API server would refuse."""

    field: str
    message: str

    def __str__(self) -> str:
        # Messages of rules begin with the field that they are about, in the user's words.
        return (
            self.message
            if not self.field or self.message.startswith("spec.")
            else (f"{self.field}: {self.message}")
        )


def problems(manifest: Manifest, old: Manifest | None = None) -> list[Problem]:
    """Return what the API server would refuse in a manifest of our group.

    Args:
        manifest: The object as it is to be.
        old: The object as it is, for what cannot be changed.
    """
    kind = _KINDS.get(str(manifest.get("kind")))
    if kind is None:
        known = ", ".join(_KINDS)
        return [Problem("kind", f'there is no kind "{manifest.get("kind")}"; use one of {known}')]
    if manifest.get("apiVersion") != names.API_VERSION:
        return [Problem("apiVersion", f"must be {names.API_VERSION}")]
    found = [*_metadata(manifest, namespaced=kind.namespaced)]
    schema = _schema(kind.kind)
    # What only the operator writes is nobody's to declare, and is left out by the server.
    declared = {name: value for name, value in manifest.items() if name != "status"}
    found += _structure(schema, declared, "")
    if not found:
        found += _broken_rules(schema, declared, old, "")
    return found


@functools.cache
def _schema(kind: str) -> Mapping[str, Any]:
    (version,) = crds.manifest(_KINDS[kind])["spec"]["versions"]
    schema: Mapping[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def _metadata(manifest: Manifest, *, namespaced: bool) -> Iterator[Problem]:
    about = manifest.get("metadata")
    if not isinstance(about, dict):
        yield Problem("metadata", "is missing; add metadata.name")
        return
    name, generated = about.get("name"), about.get("generateName")
    if name is None and generated is None:
        yield Problem("metadata.name", "is missing; add it")
    elif name is not None and not _is_name(name, DNS_SUBDOMAIN, 253):
        yield Problem(
            "metadata.name", "must be lower-case letters, digits, dashes and dots; choose another"
        )
    namespace = about.get("namespace")
    if namespace is not None and not namespaced:
        yield Problem("metadata.namespace", "must not be set: the kind has no namespace; remove it")
    elif namespace is not None and not _is_name(namespace, DNS_LABEL, 63):
        yield Problem("metadata.namespace", "must be lower-case letters, digits and dashes")


def _is_name(value: Any, pattern: str, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest and bool(re.fullmatch(pattern, value))


# --- types and bounds -----------------------------------------------------------------------


def _structure(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[Problem]:
    """Yield what is wrong with the types and bounds of a value, and all below it."""
    if schema.get("x-kubernetes-int-or-string"):
        yield from _int_or_string(schema, value, path)
        return
    match schema.get("type"):
        case "object":
            yield from _object(schema, value, path)
        case "array":
            yield from _array(schema, value, path)
        case "string":
            if isinstance(value, str):
                yield from _text(schema, value, path)
            else:
                yield Problem(path, "must be a text; put it in quotes")
        case "integer":
            yield from _integer(schema, value, path)
        case "boolean":
            if not isinstance(value, bool):
                yield Problem(path, "must be true or false, without quotes")
        case _:
            pass


def _int_or_string(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[Problem]:
    if isinstance(value, str):
        yield from _text(schema, value, path)
    elif not isinstance(value, int) or isinstance(value, bool):
        yield Problem(path, 'must be a whole number or a text such as "500m"; put it in quotes')
    elif not -_MAX_INT64 <= value <= _MAX_INT64:
        yield Problem(path, "must be a number of at most 64 bits; write a smaller one")


def _object(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield Problem(path, "must be an object: fields below it, each with its name")
        return
    fields = schema.get("properties")
    for name in schema.get("required", ()):
        if value.get(name) is None:
            told = _asked_for(fields[name]) if fields else ""
            yield Problem(_below(path, name), f"is required; add it{told}")
    if len(value) > schema.get("maxProperties", len(value)):
        yield Problem(path, f"must not have more than {schema['maxProperties']} entries")
    for name, inner in value.items():
        place = _below(path, str(name))
        if inner is None or place == "metadata":
            continue
        if fields is not None and name in fields:
            yield from _structure(fields[name], inner, place)
        elif "additionalProperties" in schema:
            yield from _structure(schema["additionalProperties"], inner, place)
        elif fields is not None:
            yield Problem(place, _unknown(str(name), fields))


def _asked_for(schema: Mapping[str, Any]) -> str:
    return f": {', '.join(schema['enum'])}" if "enum" in schema else ""


def _unknown(name: str, fields: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, fields, n=1)
    meant = f"did you mean {near[0]}?" if near else "remove it, or see `kubectl explain`"
    return f"there is no such field; {meant}"


def _array(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield Problem(path, "must be a list: each item begins with a dash")
        return
    if len(value) > schema.get("maxItems", len(value)):
        yield Problem(path, f"must not have more than {schema['maxItems']} items")
    if len(value) < schema.get("minItems", 0):
        yield Problem(path, f"must have {schema['minItems']} items at least")
    for index, item in enumerate(value):
        yield from _structure(schema["items"], item, f"{path}[{index}]")
    keys = schema.get("x-kubernetes-list-map-keys")
    if keys and all(isinstance(item, dict) for item in value):
        identities = [json.dumps([item.get(key) for key in keys], default=str) for item in value]
        for index, identity in enumerate(identities):
            if identity in identities[:index]:
                yield Problem(f"{path}[{index}]", f"has the same {', '.join(keys)} as another item")


def _text(schema: Mapping[str, Any], value: str, path: str) -> Iterator[Problem]:
    if "enum" in schema and value not in schema["enum"]:
        yield Problem(path, f'"{value}" is not known; use one of {", ".join(schema["enum"])}')
        return
    if len(value) < schema.get("minLength", 0):
        yield Problem(path, "must not be empty; remove it or give it a value")
    elif len(value) > schema.get("maxLength", len(value)):
        yield Problem(path, f"must not be longer than {schema['maxLength']} characters")
    elif "pattern" in schema and not cel.matches(value, schema["pattern"]):
        yield Problem(path, f"{json.dumps(value)} must match {schema['pattern']}")


def _integer(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield Problem(path, "must be a whole number, without quotes")
        return
    low, high = schema.get("minimum", value), schema.get("maximum", value)
    if not low <= value <= high:
        yield Problem(path, f"must be from {low} to {high}")


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


# --- rules ----------------------------------------------------------------------------------


def _broken_rules(schema: Mapping[str, Any], value: Any, old: Any, path: str) -> Iterator[Problem]:
    """Yield the rules that do not hold, for a value whose types are right, and for all below."""
    for rule in schema.get(_RULES, ()):
        if "oldSelf" in rule["rule"] and old is None:
            continue
        if not cel.holds(rule["rule"], _without_nulls(value), _without_nulls(old)):
            yield Problem(path + rule.get("fieldPath", ""), rule["message"])
    if isinstance(value, dict):
        fields = schema.get("properties", {})
        before = old if isinstance(old, dict) else {}
        for name, inner in value.items():
            below = fields.get(name) or schema.get("additionalProperties")
            if inner is not None and isinstance(below, dict):
                yield from _broken_rules(below, inner, before.get(name), _below(path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _broken_rules(schema["items"], item, None, f"{path}[{index}]")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def told(document: Document, found: Iterable[Problem]) -> Sequence[str]:
    """Return problems as sentences that begin with the place."""
    return [f"{document.place}: {problem}" for problem in found]
