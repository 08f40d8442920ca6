"""Webhooks: where the deployments of a project are told."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from fastapi import Response

from process_operator.api import problems
from process_operator.api.access.keys import Role
from process_operator.api.payloads import base
from process_operator.api.payloads.webhooks import CreateWebhook, RollSecret, UpdateWebhook
from process_operator.api.payloads.webhooks import Delivery as DeliveryReply
from process_operator.api.payloads.webhooks import Webhook as WebhookReply
from process_operator.api.reads import cache
from process_operator.api.routes import groups, projects, replies
from process_operator.api.routes.call import Call
from process_operator.api.routes.parameters import Alter, Create, Limit, Offset, Read, Uid
from process_operator.api.webhooks import replies as presented
from process_operator.api.webhooks import webhook as webhooks
from process_operator.api.webhooks.addresses import NotAllowed
from process_operator.api.webhooks.dispatcher import Webhooks
from process_operator.api.webhooks.store import MAX_OF_ALL, MAX_OF_PROJECT, Hooks
from process_operator.api.webhooks.webhook import Webhook
from process_operator.api.writes import writer

router = groups.router("Webhooks")

_PATH = "/v3/webhooks"
_ONE = f"{_PATH}/{{id}}"


def _webhooks(call: Call) -> Webhooks:
    """Return what is known of webhooks, for a key that may know it: their secrets are shown."""
    found = call.parts.webhooks
    if found is None:
        raise problems.forbidden("webhooks are off on this platform (--webhooks of the API)")
    if call.key.role is Role.READ:
        raise problems.forbidden("webhooks need a key that may write: they have secrets")
    return found


def _mine(call: Call) -> list[Webhook]:
    store = _webhooks(call).store
    return [hook for project in projects.of(call) for hook in store.of(project.uid)]


def _found(call: Call, identifier: str) -> Webhook:
    wanted = identifier.lower()
    found = next((one for one in _mine(call) if one.id == wanted), None)
    if found is None:
        raise problems.missing("the webhook")
    return found


def _reply(call: Call, hook: Webhook, status: int = HTTPStatus.OK) -> Response:
    told = presented.webhook(hook, call.parts.cluster_id, datetime.now(UTC))
    return replies.reply(told, status)


def _check(call: Call, given: Mapping[str, Any]) -> None:
    unknown = sorted({*given.get("allowed_events", ())} - {*webhooks.EVENTS})
    if unknown:
        raise problems.refused(
            f"allowed_events: {', '.join(unknown)} is never told here; leave it out, there is only "
            f"{' and '.join(webhooks.EVENTS)}"
        )
    if "endpoint" in given:
        try:
            _webhooks(call).allowed.check(given["endpoint"])
        except (NotAllowed, ValueError) as error:
            raise problems.refused(f"endpoint: {error}") from None


async def _change(call: Call, identifier: str, changes: Mapping[str, Any]) -> Webhook:
    """Change a webhook and return it as it is then."""
    hook = _found(call, identifier)
    about = {"updated_by": call.options.asker, "updated_at": datetime.now(UTC)}

    def changed(now: Hooks) -> Hooks:
        there = now.get(hook.id)
        if there is None:
            raise problems.missing("the webhook")
        return {**now, hook.id: there.model_copy(update={**changes, **about})}

    store = _webhooks(call).store
    if call.options.dry_run:
        return changed(store.hooks)[hook.id]
    await store.change(changed)
    return store.hooks[hook.id]


@router.get(
    _PATH,
    summary="List webhooks",
    responses=replies.documented(200, base.Page[WebhookReply], "A page of webhooks."),
)
async def list_webhooks(call: Read, limit: Limit = 25, offset: Offset = 0) -> Response:
    """Return the webhooks of the key's projects."""
    now, cluster = datetime.now(UTC), call.parts.cluster_id
    return replies.paged(
        _mine(call), lambda one: presented.webhook(one, cluster, now), limit=limit, offset=offset
    )


@router.post(
    _PATH,
    summary="Create a webhook",
    responses=replies.documented(201, WebhookReply, "The new webhook.", writes=True),
)
async def create_webhook(call: Create, payload: CreateWebhook) -> Response:
    """Tell the deployments of a project from now on: that one has begun, and how it ended."""
    given = payload.given()
    store = _webhooks(call).store
    _check(call, given)
    project = projects.chosen(call, given.get("project_id"))
    now = datetime.now(UTC)
    hook = Webhook(
        id=str(uuid.uuid4()),
        project=project.uid,
        endpoint=given["endpoint"],
        allowed_events=_once(given["allowed_events"]),
        description=given.get("description"),
        since=now,
        secret=webhooks.new_secret(),
        ticket=call.ticket,
        created_by=call.options.asker,
        created_at=now,
        updated_at=now,
    )

    def added(there: Hooks) -> Hooks:
        # Those of namespaces that are gone tell nothing any more.
        alive = {
            key: one
            for key, one in there.items()
            if call.cache.get(cache.NAMESPACE_KIND, one.project) is not None
        }
        if _repeated(call, alive) is not None:
            return alive
        if sum(one.project == project.uid for one in alive.values()) >= MAX_OF_PROJECT:
            raise problems.refused(
                f"a project has at most {MAX_OF_PROJECT} webhooks; delete one before"
            )
        if len(alive) >= MAX_OF_ALL:
            raise problems.refused(f"this API has at most {MAX_OF_ALL} webhooks, of all projects")
        return {**alive, hook.id: hook}

    if call.options.dry_run:
        added(store.hooks)
    else:
        await store.change(added)
    return _reply(call, _repeated(call, store.hooks) or hook, HTTPStatus.CREATED)


def _repeated(call: Call, there: Hooks) -> Webhook | None:
    """Return the webhook that an earlier request with the same Idempotency-Key has made."""
    return next((one for one in there.values() if writer.made(call.ticket, one.ticket)), None)


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


@router.get(
    _ONE,
    summary="Get a webhook",
    responses=replies.documented(200, WebhookReply, "The webhook."),
)
async def get_webhook(call: Read, id: Uid) -> Response:  # noqa: A002
    """Return a webhook."""
    return _reply(call, _found(call, id))


@router.patch(
    _ONE,
    summary="Update a webhook",
    responses=replies.documented(200, WebhookReply, "The webhook.", writes=True),
)
async def update_webhook(call: Alter, id: Uid, payload: UpdateWebhook) -> Response:  # noqa: A002
    """Change the provided fields; the secret stays."""
    given = payload.given()
    _found(call, id)
    _check(call, given)
    if "allowed_events" in given:
        given["allowed_events"] = _once(given["allowed_events"])
    return _reply(call, await _change(call, id, given))


@router.delete(
    _ONE,
    summary="Delete a webhook",
    responses=replies.documented(200, base.Message, "It is deleted.", writes=True),
)
async def delete_webhook(call: Alter, id: Uid) -> Response:  # noqa: A002
    """Tell nothing there any more."""
    hook = _found(call, id)

    def removed(now: Hooks) -> Hooks:
        return {key: one for key, one in now.items() if key != hook.id}

    if not call.options.dry_run:
        await _webhooks(call).store.change(removed)
    return replies.reply({"message": "Webhook is deleted"})


@router.post(
    f"{_ONE}/toggle",
    summary="Enable or disable a webhook",
    responses=replies.documented(200, WebhookReply, "The webhook.", writes=True),
)
async def toggle_webhook(call: Alter, id: Uid) -> Response:  # noqa: A002
    """Disable an enabled webhook, enable a disabled one; what happens meanwhile is not told."""
    is_enabled = not _found(call, id).is_enabled
    since = {"since": datetime.now(UTC)} if is_enabled else {}
    return _reply(call, await _change(call, id, {"is_enabled": is_enabled, **since}))


@router.post(
    f"{_ONE}/roll-secret",
    summary="Replace the secret of a webhook",
    responses=replies.documented(200, WebhookReply, "The webhook.", writes=True),
)
async def roll_secret(call: Alter, id: Uid, payload: RollSecret) -> Response:  # noqa: A002
    """Sign with a new secret, and for some hours with the old one too."""
    hook = _found(call, id)
    rolled = hook.rolled(datetime.now(UTC), payload.given().get("expire_in_hours", 0))
    changes = ("secret", "old_secret", "old_secret_expires_at")
    return _reply(call, await _change(call, id, {one: getattr(rolled, one) for one in changes}))


@router.get(
    f"{_ONE}/deliveries",
    summary="List deliveries",
    responses=replies.documented(200, base.Page[DeliveryReply], "A page of attempts."),
)
async def list_deliveries(call: Read, id: Uid, limit: Limit = 25, offset: Offset = 0) -> Response:  # noqa: A002
    """Return the attempts to tell events, newest first, as far back as this API keeps them."""
    hook = _found(call, id)
    found = _webhooks(call).dispatcher.deliveries(hook.id)
    return replies.paged(found, presented.delivery, limit=limit, offset=offset)


@router.get(
    f"{_ONE}/deliveries/{{delivery_id}}",
    summary="Get a delivery",
    responses=replies.documented(200, DeliveryReply, "The attempt."),
)
async def get_delivery(call: Read, id: Uid, delivery_id: Uid) -> Response:  # noqa: A002
    """Return one attempt to tell an event."""
    hook = _found(call, id)
    wanted = delivery_id.lower()
    found = next(
        (one for one in _webhooks(call).dispatcher.deliveries(hook.id) if one.id == wanted), None
    )
    if found is None:
        raise problems.missing("the delivery")
    return replies.reply(presented.delivery(found))
