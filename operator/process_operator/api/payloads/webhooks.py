"""Webhooks as clients send and get them."""

from typing import Annotated, Literal

from pydantic import Field

from process_operator.api.payloads import base
from process_operator.api.payloads.base import Id, Reply, Request, Time

MAX_HOURS = 168

_Endpoint = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2048,
        pattern=r"^https?://[^\s@/?#]+([/?][^\s#]*)?$",
        examples=["https://chat.example.com/deployments"],
    ),
]
_Events = Annotated[
    list[Annotated[str, Field(max_length=64)]],
    Field(min_length=1, max_length=16, examples=[["APP_DEPLOY"]]),
]
_Description = Annotated[str, Field(max_length=255)]


class CreateWebhook(Request):
    """Where the deployments of a project are to be told."""

    endpoint: _Endpoint
    """It is sent a POST; redirects are not followed."""
    allowed_events: _Events
    """`APP_DEPLOY` is all there is."""
    description: _Description | None = base.absent()
    project_id: Id | None = base.absent()
    """One of /v3/projects; the key's only one, or its first, when absent."""


class UpdateWebhook(Request):
    """What of a webhook is to change."""

    endpoint: _Endpoint = base.absent()
    allowed_events: _Events = base.absent()
    description: _Description | None = base.absent()


class RollSecret(Request):
    """How the secret of a webhook is replaced."""

    expire_in_hours: Annotated[int, Field(ge=0, le=MAX_HOURS)] = base.absent()
    """How long the old secret signs too; 0 when absent."""


class Webhook(Reply):
    """Where the deployments of a project are told."""

    id: Id
    company_id: Id | None
    project_id: Id
    is_enabled: bool
    allowed_events: list[str]
    secret: Annotated[str, Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])]
    """What each delivery is signed with."""
    old_secret: str | None
    old_secret_expired_at: Time | None
    endpoint: str
    description: str | None
    created_by: str
    updated_by: str | None
    created_at: Time
    updated_at: Time


class Delivery(Reply):
    """One attempt to tell an event."""

    id: Id
    webhook_id: Id
    event_id: Id
    event_type: Literal["APP_DEPLOY"]
    status: Literal["SUCCESS", "FAILED"]
    endpoint: str
    payload: str
    response: str
    """The first bytes of the answer, or why there was none."""
    response_status: int | None
    response_time_ms: int
    sent_at: Time
    created_at: Time
    updated_at: Time
