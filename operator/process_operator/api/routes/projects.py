"""Projects: the namespaces that a key may use."""

from http import HTTPStatus

from fastapi import Response

from process_operator.api import problems
from process_operator.api.access.keys import BoundNamespace
from process_operator.api.payloads import base
from process_operator.api.payloads.resources import CreateProject, Project, ProjectItem
from process_operator.api.presenters.resources import project, project_item
from process_operator.api.reads import cache
from process_operator.api.reads.cache import Record
from process_operator.api.routes import creation, groups, replies
from process_operator.api.routes.call import Call
from process_operator.api.routes.parameters import Create, Limit, Offset, Read, Uid
from process_operator.api.writes import writer

router = groups.router("Projects")

_MAX_OF_KEY = 50


def of(call: Call) -> list[Record]:
    """Return the namespaces of the key that are there."""
    found = (call.cache.named(cache.NAMESPACE_KIND, "", name) for name in call.namespaces)
    return [one for one in found if one is not None and not one.deleting]


def chosen(call: Call, project_id: str | None) -> Record:
    """Return the project that a caller means: the key's only one, or its first, without an id."""
    mine = of(call)
    if not mine:
        raise problems.refused(
            "the namespaces of this key are gone; have a key made for those of today"
        )
    wanted = project_id.lower() if project_id is not None else mine[0].uid
    found = next((one for one in mine if one.uid == wanted), None)
    if found is None:
        raise problems.refused("project_id names no project of this key; take one of /v3/projects")
    return found


@router.get(
    "/v3/projects",
    summary="List projects",
    responses=replies.documented(200, base.Page[ProjectItem], "A page of projects."),
)
async def list_projects(call: Read, limit: Limit = 25, offset: Offset = 0) -> Response:
    """Return the namespaces that the key may use."""
    return replies.paged(of(call), project_item, limit=limit, offset=offset)


@router.post(
    "/v3/projects",
    summary="Create a project",
    responses=replies.documented(201, Project, "The new project.", writes=True),
)
async def create_project(call: Create, payload: CreateProject) -> Response:
    """Make a namespace, and let the key of the request use it."""
    if not call.parts.makes_projects:
        raise problems.forbidden("new projects are off on this platform (--projects of the API)")
    record = writer.repeated(call.ticket, list(call.cache.all(cache.NAMESPACE_KIND)))
    if record is None:
        if len(call.namespaces) >= _MAX_OF_KEY:
            raise problems.refused(f"a key has at most {_MAX_OF_KEY} projects; take another key")
        record = await creation.project(call, payload.display_name)
    bound = BoundNamespace(record.name, record.uid)
    if not call.options.dry_run and not await call.parts.key_store.extend(call.key, bound):
        raise problems.unauthorized("the key was revoked meanwhile")
    return replies.reply(project(record, ()), HTTPStatus.CREATED)


@router.get(
    "/v3/projects/{id}",
    summary="Get a project",
    responses=replies.documented(200, Project, "The project."),
)
async def get_project(call: Read, id: Uid) -> Response:  # noqa: A002
    """Return a namespace with its applications."""
    found = next((one for one in of(call) if one.uid == id.lower()), None)
    if found is None:
        raise problems.missing("the project")
    return replies.reply(project(found, call.cache.applications((found.name,))))
