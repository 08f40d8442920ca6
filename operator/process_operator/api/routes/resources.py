"""What there is to choose from: resource types, and the one cluster."""

from fastapi import Response

from process_operator.api.payloads.resources import ClusterItem, ResourceType
from process_operator.api.presenters.resources import cluster, resource_type
from process_operator.api.routes import groups, replies
from process_operator.api.routes.parameters import Read

router = groups.router("Resources")


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
