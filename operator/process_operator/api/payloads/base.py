"""What callers send and get, with the contract's exact names, bounds, patterns and null rules.

Requests are strict: a number is not a text, an unknown field is an error, and null stands only
where it means something. Which fields were given at all decides what a PATCH changes, so absent
and null are told apart. Replies are described here for the documentation; presenters make them.
"""

from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from process_operator.api.access import identity

EXAMPLE_ID = "fb5e5168-4281-4bec-94c5-0d1584e9e657"
_EXAMPLE_TIME = "2025-01-30T00:00:00.000Z"
TIME_PATTERN = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"
MAX_EXACT = 9_007_199_254_740_991


def without_null_defaults(schema: JsonDict) -> None:
    """Leave out the default of fields that are told apart from null: absent is no value."""
    properties = schema.get("properties")
    for field in properties.values() if isinstance(properties, dict) else ():
        if isinstance(field, dict) and field.get("default", ...) is None:
            del field["default"]


ItemT = TypeVar("ItemT", bound=BaseModel)


class Request(BaseModel):
    """What a client sends: unknown fields and wrong types are refused."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_extra=without_null_defaults,
    )

    def given(self) -> dict[str, Any]:
        """Return just the fields that were sent, nested ones too."""
        return self.model_dump(exclude_unset=True)


class Reply(BaseModel):
    """What a client gets."""

    model_config = ConfigDict(use_attribute_docstrings=True)


def absent(**about: Any) -> Any:
    """Return a field that may be left out, and may be null only if its type says so."""
    return Field(default=None, **about)


Id = Annotated[str, Field(pattern=identity.PATTERN, examples=[EXAMPLE_ID])]
Time = Annotated[
    str,
    Field(
        pattern=TIME_PATTERN, examples=[_EXAMPLE_TIME], json_schema_extra={"format": "date-time"}
    ),
]
DisplayName = Annotated[str, Field(min_length=1, max_length=255)]
Port = Annotated[int, Field(ge=1, le=65_535, examples=[8080])]
Image = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1024,
        pattern=r"^\S+$",
        examples=["registry.example.com/shop:1.4.2"],
    ),
]


class Pending(Reply):
    """A field whose saved value waits for the next deployment."""

    field: str
    """Name of the field."""
    from_: Any = Field(alias="from")
    """What runs now; null when nothing does."""
    to: Any
    """What the next deployment will run."""


class TakenOver(Reply):
    """A field that was taken from another manager by `force`."""

    field: str
    manager: str


class Page(Reply, Generic[ItemT]):
    """One page of a list."""

    data: list[ItemT]
    total: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    limit: Annotated[int, Field(ge=1)]


class Message(Reply):
    """That something was begun."""

    message: str


class ErrorData(Reply):
    """Where to look further."""

    code: str
    """Id of the request, as in x-request-id and the log."""
    message: str


class Error(Reply):
    """Why a request was not done."""

    message: str
    """What is wrong, which field, and what to do."""
    status: int
    """The HTTP status."""
    data: ErrorData
