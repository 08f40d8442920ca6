"""Deployment hooks: an address that deploys an application, for registries and pipelines."""

import hmac
import secrets
from http import HTTPStatus

from fastapi import Request, Response

from process_operator.api import problems
from process_operator.api.payloads import base
from process_operator.api.payloads.hooks import Hook, Hooked
from process_operator.api.presenters.deployments import state_of
from process_operator.api.reads import cache
from process_operator.api.reads.cache import Record
from process_operator.api.routes import groups, replies
from process_operator.api.routes.call import Call, RequestContext
from process_operator.api.routes.parameters import Change, Origin, Read, Remove, Uid
from process_operator.api.writes import writer
from process_operator.api.writes.writer import WriteOptions
from process_operator.kube import names
from process_operator.models.release import ReleaseState

router = groups.router("Deployments")

HOOKS = "/v3/hooks/"
_PATH = "/v3/applications/{id}/deployment-hook"
_BY_HOOK = WriteOptions(caller="hook", asker="deployment hook")


@router.get(
    _PATH,
    summary="Get the deployment hook",
    responses=replies.documented(200, Hook, "The hook."),
)
async def get_hook(call: Read, id: Uid, origin: Origin) -> Response:  # noqa: A002
    """Return the address of the hook; 404 where there is none."""
    return _told(call, _hooked(call, id), origin)


@router.post(
    _PATH,
    summary="Enable the deployment hook",
    responses=replies.documented(200, Hook, "The hook.", writes=True, conditional=True),
)
async def enable_hook(call: Change, id: Uid, origin: Origin) -> Response:  # noqa: A002
    """Give the application a hook, or return the one that it has."""
    record = call.application(id)
    if cache.HOOK not in record.marks:
        record = await _mark(call, record, secrets.token_hex(16))
    return _told(call, record, origin)


@router.put(
    _PATH,
    summary="Replace the deployment hook",
    responses=replies.documented(200, Hook, "The new hook.", writes=True, conditional=True),
)
async def replace_hook(call: Change, id: Uid, origin: Origin) -> Response:  # noqa: A002
    """Give the application another hook; the one before leads nowhere from now on."""
    return _told(call, await _mark(call, _hooked(call, id), secrets.token_hex(16)), origin)


@router.delete(
    _PATH,
    summary="Disable the deployment hook",
    responses=replies.documented(
        200, base.Message, "It is disabled.", writes=True, conditional=True
    ),
)
async def disable_hook(call: Remove, id: Uid) -> Response:  # noqa: A002
    """Take the hook away; its address leads nowhere from now on."""
    await _mark(call, _hooked(call, id), None)
    return replies.reply({"message": "Deployment hook is disabled"})


def _hooked(call: Call, application_id: str) -> Record:
    record = call.application(application_id)
    if cache.HOOK not in record.marks:
        raise problems.missing("the deployment hook")
    return record


async def _mark(call: Call, record: Record, nonce: str | None) -> Record:
    marks = {cache.HOOK: nonce}
    return (
        await call.writer.change(record, lambda one: one.spec, call.options, marks=marks)
    ).record


def _told(call: Call, record: Record, origin: str) -> Response:
    token = call.parts.key_store.hook(record.uid, record.marks[cache.HOOK])
    return replies.reply({"url": f"{origin}{HOOKS}{record.uid}/{token}"}, of=record)


@router.post(
    f"{HOOKS}{{id}}/{{token}}",
    summary="Deploy by a hook",
    responses=replies.documented(201, Hooked, "A deployment was asked for.", writes=True),
    openapi_extra={"security": []},
)
async def deploy_by_hook(request: Request, id: Uid, token: str) -> Response:  # noqa: A002
    """Deploy what is saved, with every instance started anew: an image may have moved.

    The address is the key, and no other is asked for. What is sent along is not read. While a
    deployment by the hook waits, another call is answered with that one.
    """
    parts: RequestContext = request.app.state.parts
    if not parts.key_store.trusted:
        raise problems.unavailable("hooks cannot be checked now; try again")
    record = parts.cache.get(names.APPLICATION_KIND, id.lower())
    nonce = record.marks.get(cache.HOOK) if record is not None and not record.deleting else None
    if record is None or nonce is None:
        raise problems.missing("the deployment hook")
    if not hmac.compare_digest(parts.key_store.hook(record.uid, nonce).encode(), token.encode()):
        raise problems.missing("the deployment hook")
    if "image" not in record.spec:
        raise problems.refused("the application has no image yet; give it one first")
    release = _waiting(parts, record) or await parts.writer.create(
        {
            "apiVersion": names.API_VERSION,
            "kind": names.RELEASE_KIND,
            "metadata": writer.asked_of(record, None),
            "spec": {"applicationRef": {"name": record.name}, "restart": True},
        },
        _BY_HOOK,
    )
    return replies.reply({"deployment_id": release.uid}, HTTPStatus.CREATED)


def _waiting(parts: RequestContext, application: Record) -> Record | None:
    """Return a deployment by this hook that has not begun: it will ship all that is wanted now."""
    for one in parts.cache.of(names.RELEASE_KIND, application.namespace, application.name):
        is_open = state_of(one) is ReleaseState.WAITING and not one.deleting
        if is_open and one.marks.get(names.REQUESTED_BY) == _BY_HOOK.asker:
            return one
    return None
