"""The structural schema of a model: what CRDs carry, and what statuses are fitted to.

pydantic's output is no structural schema: references are inlined, `null` alternatives become
optional fields, titles and defaults go (an operational default in a CRD would change the meaning
of stored objects). Whatever else the API server would refuse, or worse drop without a word, is an
error here.
"""

from collections.abc import Mapping
from typing import Any

from process_operator.models import base

Schema = dict[str, Any]

_KEPT = {
    "type",
    "description",
    "enum",
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "maxProperties",
    "required",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-validations",
}
_RULES = "x-kubernetes-validations"
_NESTED = {"properties", "items", "anyOf", "additionalProperties", "$defs"}
_DROPPED = {"title", "default"}


def structural(model: type[base.Model]) -> Schema:
    """Return a model's schema in the form that an API server accepts."""
    raw = model.model_json_schema(by_alias=True)
    return _convert(raw, raw.get("$defs", {}), model.__name__)


def _convert(node: Schema, definitions: Mapping[str, Schema], path: str) -> Schema:
    """Return one node of a schema, with all below it, as a structural schema."""
    node = _merged(node, definitions)
    made = {word: value for word, value in node.items() if word in _KEPT}
    if unknown := node.keys() - _KEPT - _NESTED - _DROPPED:
        raise ValueError(f"{path}: {sorted(unknown)} have no place in a structural schema")
    if "description" in made:
        made["description"] = " ".join(made["description"].split())
    if made.get("type") == "integer":
        made["format"] = "int32" if made["maximum"] <= base.MAX_INT32 else "int64"
    if "anyOf" in node:
        made |= _int_or_string(node["anyOf"], path)
    if "properties" in node:
        made["properties"] = {
            name: _convert(part, definitions, f"{path}.{name}")
            for name, part in node["properties"].items()
        }
    if "items" in node:
        made["items"] = _convert(node["items"], definitions, f"{path}[]")
    match node.get("additionalProperties"):
        case dict() as values:
            made["additionalProperties"] = _convert(values, definitions, f"{path}{{}}")
        case True if "properties" not in node:
            raise ValueError(f"{path}: nobody knows what it may hold; say which fields")
        case _:
            pass
    return made


def _merged(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Return a node with its reference inlined and without `null`; its own words win."""
    rest = {word: value for word, value in node.items() if word not in {"$ref", "anyOf"}}
    if "$ref" in node:
        inner = definitions[node["$ref"].removeprefix("#/$defs/")]
    elif "anyOf" in node:
        options = [option for option in node["anyOf"] if option != {"type": "null"}]
        inner = options[0] if len(options) == 1 else {"anyOf": options}
    else:
        return node
    if "$ref" in inner or len(inner.get("anyOf", ())) == 1:
        inner = _merged(inner, definitions)
    both = inner | rest
    rules = [*inner.get(_RULES, ()), *rest.get(_RULES, ())]
    return both | {_RULES: rules} if rules else both


def _int_or_string(options: list[Schema], path: str) -> Schema:
    """Return the one union that Kubernetes knows: a quantity, written as number or as text."""
    if [option["type"] for option in options] != ["integer", "string"]:
        raise ValueError(f"{path}: only `int | str` may be a union")
    return {"x-kubernetes-int-or-string": True, "maxLength": options[1]["maxLength"]}
