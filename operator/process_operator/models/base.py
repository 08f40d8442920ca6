"""What every model is made of: its configuration, bounded types, and the notation of CEL rules.

Everything a user can write has a bound, both because the API server estimates the cost of CEL
rules from the largest legal input, and because an unbounded field ends up in a name or a label.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict, JsonValue

DNS_1035_LABEL = "[a-z]([-a-z0-9]*[a-z0-9])?"
DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
DNS_SUBDOMAIN = rf"{DNS_LABEL}(\.{DNS_LABEL})*"

MAX_INT32 = 2_147_483_647
MAX_APPLICATION_NAME = 40
"""Leaves room for the key in the names of children, which are DNS labels of at most 63."""

ApplicationName = Annotated[
    str, Field(min_length=1, max_length=MAX_APPLICATION_NAME, pattern=f"^{DNS_1035_LABEL}$")
]
LabelName = Annotated[str, Field(min_length=1, max_length=63, pattern=f"^{DNS_LABEL}$")]
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=f"^{DNS_SUBDOMAIN}$")]
DataKey = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
"""A key of a Secret or ConfigMap."""
DisplayName = Annotated[str, Field(min_length=1, max_length=255)]
PortNumber = Annotated[int, Field(ge=1, le=65_535)]
Argument = Annotated[str, Field(max_length=4096)]
Command = Annotated[tuple[Argument, ...], Field(max_length=64)]
LabelValue = Annotated[
    str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")
]
_QUALIFIED_NAME = "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
LabelKey = Annotated[
    str,
    Field(
        min_length=1,
        max_length=316,
        pattern=_QUALIFIED_NAME,
    ),
]


MAX_QUALIFIED_NAME = 317


class Model(BaseModel):
    """A part of an object as it is written and read; frozen, camelCase outside.

    A field that it does not know is one of a newer version, whose CRDs are installed. What is left
    out of a spec unseen makes another one, so such a spec is not read at all.
    """

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        use_attribute_docstrings=True,
    )


def faults(error: ValidationError, path: str) -> str:
    """Return what is wrong with a value, by its first fields, each named from `path` on."""
    return "; ".join(
        f"{'.'.join([path, *map(str, one['loc'])])}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors(include_url=False, include_input=False, include_context=False)[:3]
    )


def rule(
    expression: str, message: str, *, field: str | None = None, reason: str | None = None
) -> JsonDict:
    """Return one CEL rule; `field` is the path, below the rule's place, that an error names."""
    made: JsonDict = {"rule": expression, "message": message}
    if field is not None:
        made["fieldPath"] = field
    if reason is not None:
        made["reason"] = reason
    return made


def forbidden(expression: str, message: str, *, field: str) -> JsonDict:
    """Return a rule that refuses the mere presence of a field."""
    return rule(expression, message, field=field, reason="FieldValueForbidden")


def required(expression: str, message: str, *, field: str) -> JsonDict:
    """Return a rule that demands a field."""
    return rule(expression, message, field=field, reason="FieldValueRequired")


def exactly_one(*fields: str) -> str:
    """Return the expression that just one of the fields is there."""
    return " + ".join(f"(has(self.{field}) ? 1 : 0)" for field in fields) + " == 1"


def validations(*rules: JsonDict) -> JsonDict:
    """Return the rules as the schema extension that holds them, for a class or a field."""
    return {"x-kubernetes-validations": list[JsonValue](rules)}


def qualified_rule(message: str) -> JsonDict:
    """Return the rule that the keys of a map are those of labels or annotations."""
    return rule(
        f"self.all(key, key.size() <= {MAX_QUALIFIED_NAME} && key.matches('{_QUALIFIED_NAME}'))",
        message,
    )


def qualified_keys(message: str) -> JsonDict:
    """Return the extension of a map whose keys are those of labels or annotations."""
    return validations(qualified_rule(message))


def keyed_by(*keys: str, rules: Sequence[JsonDict] = ()) -> JsonDict:
    """Return the extension of a list whose items are told apart, and merged, by these keys."""
    made: JsonDict = {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": list[JsonValue](keys),
    }
    return made | validations(*rules) if rules else made
