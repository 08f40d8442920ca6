"""Domains as clients send and get them."""

from typing import Annotated, Literal

from pydantic import Field

from process_operator.api.payloads import base
from process_operator.api.payloads.base import Id, Reply, Request, Time


class AddDomain(Request):
    """A host name for the web process."""

    domain_name: Annotated[str, Field(min_length=1, max_length=253, examples=["shop.example.com"])]
    """DNS name without scheme, port or path."""
    is_wildcard: bool = base.absent()
    """Whether it stands for all names below it."""
    custom_ssl_cert: str | None = base.absent(max_length=65_536)
    custom_ssl_key: str | None = base.absent(max_length=65_536)


class Domain(Reply):
    """A host name of the web process."""

    id: Id
    name: str
    type: Literal["custom"]
    status: Literal["active", "pending"]
    is_primary: bool
    is_wildcard: bool
    is_enabled: bool
    dns_records: list[dict[str, str]] | None
    errors: list[str] | None
    created_at: Time
    updated_at: Time
