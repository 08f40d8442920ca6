"""Projects: the namespaces that a key may use."""

from fastapi import APIRouter, Response

from process_operator.api import cache, payloads, presenters, problems
from process_operator.api import call as calls
from process_operator.api.cache import Record
from process_operator.api.call import Call, Limit, Offset, Read, Uid

router = APIRouter(tags=["Projects"])


def _mine(call: Call) -> list[Record]:
    found = (call.cache.named(cache.NAMESPACE_KIND, "", name) for name in call.key.namespaces)
    return [one for one in found if one is not None and not one.deleting]


@router.get(
    "/v3/projects",
    summary="List projects",
    responses=calls.documented(200, payloads.Page[payloads.ProjectItem], "A page of projects."),
)
async def list_projects(call: Read, limit: Limit = 25, offset: Offset = 0) -> Response:
    """Return the namespaces that the key may use."""
    return calls.paged(_mine(call), presenters.project_item, limit=limit, offset=offset)


@router.get(
    "/v3/projects/{id}",
    summary="Get a project",
    responses=calls.documented(200, payloads.Project, "The project."),
)
async def get_project(call: Read, id: Uid) -> Response:  # noqa: A002
    """Return a namespace with its applications."""
    found = next((one for one in _mine(call) if one.uid == id.lower()), None)
    if found is None:
        raise problems.missing("the project")
    return calls.reply(presenters.project(found, call.cache.applications((found.name,))))
