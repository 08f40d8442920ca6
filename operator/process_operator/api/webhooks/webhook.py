"""One webhook, and what is still to be sent, as the Secret holds them."""

import base64
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, Field, ValidationError

from process_operator.models import base

DEPLOY = "APP_DEPLOY"
EVENTS = (DEPLOY,)
"""The events that there are."""

_ENTRY = "webhook-"
_PROGRESS = "progress"


class Webhook(base.Model):
    """Where a project's deployments are told."""

    id: str
    project: str
    """uid of the namespace."""
    endpoint: str
    allowed_events: tuple[str, ...]
    description: str | None = None
    is_enabled: bool = True
    since: AwareDatetime
    """When it was enabled last: what happened before is not told."""
    secret: str
    old_secret: str | None = None
    old_secret_expires_at: AwareDatetime | None = None
    ticket: str | None = None
    """The mark of the request that made it, if that had an Idempotency-Key."""
    created_by: str
    updated_by: str | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime

    def secrets(self, now: datetime) -> tuple[str, ...]:
        """Return what a delivery is signed with: the secret, and the one before while it holds."""
        expires = self.old_secret_expires_at
        if self.old_secret is None or expires is None or expires <= now:
            return (self.secret,)
        return (self.secret, self.old_secret)

    def rolled(self, now: datetime, hours: int) -> "Webhook":
        """Return the webhook with a new secret; the old one signs too for some hours more."""
        expires = now + timedelta(hours=hours)
        return self.model_copy(
            update={
                "secret": new_secret(),
                "old_secret": self.secret,
                "old_secret_expires_at": expires,
            }
        )


class Due(base.Model):
    """One event that is still to be delivered to one webhook."""

    webhook: str
    release: str
    """uid of the release that it is about."""
    status: str
    """What the release was when it happened."""
    attempts: int = 0
    at: AwareDatetime
    """When it is tried next."""


class Progress(base.Model):
    """How far the events of the cluster have been taken up."""

    told: AwareDatetime
    """The moment of the newest event that was taken up."""
    recent: tuple[str, ...] = ()
    """Ids of the newest of them, the oldest first."""
    due: Annotated[tuple[Due, ...], Field(max_length=10_000)] = ()


def beginning(hooks: Mapping[str, Webhook], now: datetime) -> Progress:
    """Return where to begin when nothing was taken up yet: with what the oldest webhook is told."""
    return Progress(told=min((now, *(one.since for one in hooks.values()))))


def new_secret() -> str:
    """Return a secret of 192 bits in the form of the Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


Content = tuple[dict[str, Webhook], Progress | None]
"""Webhooks by id, and how far they are; None before the first."""


def parsed(data: Mapping[str, str]) -> Content:
    """Return what the `data` of the Secret holds; what cannot be read is left out."""
    hooks: dict[str, Webhook] = {}
    progress: Progress | None = None
    for name, value in data.items():
        try:
            text = base64.b64decode(value)
            if name == _PROGRESS:
                progress = Progress.model_validate_json(text)
            elif name.startswith(_ENTRY):
                hook = Webhook.model_validate_json(text)
                hooks[hook.id] = hook
        except (ValueError, ValidationError):
            continue
    return hooks, progress


def data_of(hooks: Mapping[str, Webhook], progress: Progress | None) -> dict[str, str]:
    """Return the `data` of the Secret."""
    plain: dict[str, base.Model] = {f"{_ENTRY}{one.id}": one for one in hooks.values()}
    if progress is not None:
        plain[_PROGRESS] = progress
    return {
        name: base64.b64encode(one.model_dump_json(by_alias=True).encode()).decode()
        for name, one in plain.items()
    }
