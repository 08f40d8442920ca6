"""Webhooks and deliveries as replies tell them."""

from datetime import datetime

from process_operator.api.presenters import times
from process_operator.api.presenters.views import Reply
from process_operator.api.webhooks.delivery import Delivery
from process_operator.api.webhooks.webhook import DEPLOY, Webhook


def webhook(given: Webhook, cluster_id: str | None, now: datetime) -> Reply:
    """Return a webhook; its old secret while that holds."""
    old = given.secrets(now)[1:]
    expires = given.old_secret_expires_at
    return {
        "id": given.id,
        "company_id": cluster_id,
        "project_id": given.project,
        "is_enabled": given.is_enabled,
        "allowed_events": list(given.allowed_events),
        "secret": given.secret,
        "old_secret": old[0] if old else None,
        "old_secret_expired_at": times.in_utc(expires) if expires is not None else None,
        "endpoint": given.endpoint,
        "description": given.description,
        "created_by": given.created_by,
        "updated_by": given.updated_by,
        "created_at": times.in_utc(given.created_at),
        "updated_at": times.in_utc(given.updated_at),
    }


def delivery(given: Delivery) -> Reply:
    """Return one attempt."""
    sent = times.in_utc(given.sent_at)
    return {
        "id": given.id,
        "webhook_id": given.webhook,
        "event_id": given.event_id,
        "event_type": DEPLOY,
        "status": str(given.outcome),
        "endpoint": given.endpoint,
        "payload": given.payload,
        "response": given.response,
        "response_status": given.response_status,
        "response_time_ms": given.milliseconds,
        "sent_at": sent,
        "created_at": sent,
        "updated_at": sent,
    }
