"""What there is to choose from: resource types, and the one cluster; and whether a key is valid."""

from fastapi import APIRouter, Response

from process_operator.api.payloads.resources import ClusterItem, KeyValidation, OwnKey, ResourceType
from process_operator.api.presenters.resources import cluster, own_key, resource_type, valid_key
from process_operator.api.routes import replies
from process_operator.api.routes.parameters import Read

router = APIRouter(tags=["Resources"])


@router.get(
    "/v3/resources/process-resource-types",
    summary="List process resource types",
    responses=replies.documented(200, list[ResourceType], "Every size, smallest first."),
)
async def list_resource_types(call: Read) -> Response:
    """Return the machine sizes that processes can have."""
    return replies.reply([resource_type(one) for one in call.resource_types().values()])


@router.get(
    "/v3/resources/clusters",
    summary="List clusters",
    responses=replies.documented(200, list[ClusterItem], "The one cluster."),
)
async def list_clusters(call: Read) -> Response:
    """Return the cluster that this API stands before."""
    identifier = call.parts.cluster_id
    found = [cluster(identifier, call.parts.cluster_name)] if identifier else []
    return replies.reply(found)


@router.get(
    "/v3/api-keys/validate",
    summary="Validate the API key",
    responses=replies.documented(200, KeyValidation, "The key is valid."),
    tags=["API keys"],
)
async def validate_key(call: Read) -> Response:
    """Return what the key of this request may do; an invalid key is answered with 401."""
    return replies.reply(valid_key(call.key, call.namespaces, call.parts.cluster_id))


@router.get(
    "/v3/api-keys/me",
    summary="Get the API key of this request",
    responses=replies.documented(200, OwnKey, "The key, without what is secret of it."),
    tags=["API keys"],
)
async def own(call: Read) -> Response:
    """Return the key of this request, and what it may do."""
    return replies.reply(own_key(call.key, call.parts.cluster_id))
