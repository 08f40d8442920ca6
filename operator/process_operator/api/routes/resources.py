"""What there is to choose from: machine sizes, and the one cluster; and whether a key is valid."""

from fastapi import APIRouter, Response

from process_operator.api import call as calls
from process_operator.api import payloads, presenters
from process_operator.api.call import Read

router = APIRouter(tags=["Resources"])


@router.get(
    "/v3/resources/process-resource-types",
    summary="List process resource types",
    responses=calls.documented(200, list[payloads.ResourceType], "Every size, smallest first."),
)
async def list_resource_types(call: Read) -> Response:
    """Return the machine sizes that processes can have."""
    return calls.reply([presenters.resource_type(one) for one in call.sizes().values()])


@router.get(
    "/v3/resources/clusters",
    summary="List clusters",
    responses=calls.documented(200, list[payloads.ClusterItem], "The one cluster."),
)
async def list_clusters(call: Read) -> Response:
    """Return the cluster that this API stands before."""
    identifier = call.parts.cluster_id
    found = [presenters.cluster(identifier, call.parts.cluster_name)] if identifier else []
    return calls.reply(found)


@router.get(
    "/v3/api-keys/validate",
    summary="Validate the API key",
    responses=calls.documented(200, payloads.KeyValidation, "The key is valid."),
    tags=["API keys"],
)
async def validate_key(call: Read) -> Response:
    """Return what the key of this request may do; an invalid key is answered with 401."""
    return calls.reply({"is_valid": True, "key": presenters.key(call.key)})
