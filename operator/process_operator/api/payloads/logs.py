"""Lines of logs as clients get them, and how clients choose among them."""

from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from process_operator.api.payloads import base
from process_operator.api.payloads.base import Id, Reply, Request

Severity = Literal["DEBUG", "INFO", "WARN", "ERROR"]


class LogTags(Reply):
    """Where a line comes from."""

    app_id: Annotated[Id, Field(alias="idApp")]
    container: str
    """Key of the process; `deployment` of what a deployment says of itself."""
    pod: str | None
    """Not in the contract: the instance that wrote it, or null."""


class LogEntry(Reply):
    """One line of a log."""

    id: Id
    message: str
    service: Literal["APP_RUNTIME", "APP_DEPLOYMENT"]
    severity: Severity
    """As the line itself says it; `INFO` where it does not."""
    timestamp: Annotated[str, Field(examples=["2026-02-22 15:30:00.000"])]
    """In UTC."""
    unix_timestamp: int
    """Microseconds."""
    tags: LogTags
    attributes: dict[str, str]


class LogFilter(Request):
    """What lines have to be like; of several filters each has to hold."""

    key: Literal["severity", "message", "tags.container", "tags.pod"]
    operator: Literal["EQUALS", "NOT_EQUALS", "CONTAINS", "NOT_CONTAINS"]
    value: Annotated[str, Field(max_length=1000)] = base.absent()
    values: Annotated[list[Annotated[str, Field(max_length=1000)]], Field(max_length=20)] = (
        base.absent()
    )
    """Several of which one has to hold, or with `NOT_` none may."""

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if (self.value is None) == (self.values is None):
            raise ValueError("give either value or values")
        return self

    @property
    def choices(self) -> list[str]:
        """The values, however they were given."""
        return [self.value] if self.values is None else self.values


_FILTERS = TypeAdapter(Annotated[list[LogFilter], Field(max_length=20)])


def log_filters(text: str) -> list[LogFilter]:
    """Return the filters that a query has as JSON.

    Raises:
        ValidationError: It is no list of filters.
    """
    return _FILTERS.validate_json(text)
