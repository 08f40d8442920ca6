"""The key of a request, as its holder may see it."""

from fastapi import Response

from process_operator.api.payloads.resources import KeyValidation, OwnKey
from process_operator.api.presenters.resources import own_key, valid_key
from process_operator.api.routes import groups, replies
from process_operator.api.routes.parameters import Read

router = groups.router("API keys")


@router.get(
    "/v3/api-keys/validate",
    summary="Validate the API key",
    responses=replies.documented(200, KeyValidation, "The key is valid."),
)
async def validate_key(call: Read) -> Response:
    """Return what the key of this request may do; an invalid key is answered with 401."""
    return replies.reply(valid_key(call.key, call.namespaces, call.parts.cluster_id))


@router.get(
    "/v3/api-keys/me",
    summary="Get the API key of this request",
    responses=replies.documented(200, OwnKey, "The key, without what is secret of it."),
)
async def get_own_key(call: Read) -> Response:
    """Return the key of this request, and what it may do."""
    return replies.reply(own_key(call.key, call.parts.cluster_id))
