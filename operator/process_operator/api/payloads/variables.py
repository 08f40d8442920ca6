"""Environment variables as clients send and get them."""

from typing import Annotated

from pydantic import Field

from process_operator.api.payloads import base
from process_operator.api.payloads.base import Id, Reply, Request, Time

# Environment variables and domains.

_VariableName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=255,
        pattern="^[-._a-zA-Z][-._a-zA-Z0-9]*$",
        examples=["LOG_LEVEL"],
    ),
]
_VariableValue = Annotated[str, Field(max_length=32_768, examples=["info"])]


class CreateVariable(Request):
    """A new environment variable of an application."""

    key: _VariableName
    value: _VariableValue
    is_runtime: bool = base.absent()
    """true: there is nothing but the run time here."""
    is_buildtime: bool = base.absent()
    """false: there are no builds here."""


class CreateGlobalVariable(CreateVariable):
    """A new environment variable of all applications of a project."""

    project_id: Id | None = base.absent()
    """One of /v3/projects; the key's only one, or its first, when absent."""


class UpdateVariable(Request):
    """What of a variable is to change."""

    key: _VariableName = base.absent()
    value: _VariableValue = base.absent()
    is_runtime: bool = base.absent()
    is_buildtime: bool = base.absent()


class _Variable(Reply):
    id: Id
    key: str
    value: str
    is_runtime: bool
    is_buildtime: bool
    created_at: Time
    updated_at: Time


class Variable(_Variable):
    """An environment variable of an application."""

    app_id: Id


class GlobalVariable(_Variable):
    """An environment variable of all applications of a project."""

    project_id: Id
