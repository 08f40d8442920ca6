"""Applications: list, create, read, change, delete, suspend and activate."""

from http import HTTPStatus
from typing import Any

from fastapi import Response

from process_operator.api import problems
from process_operator.api.payloads import base
from process_operator.api.payloads.applications import (
    Application,
    ApplicationItem,
    CreateApplication,
    UpdateApplication,
)
from process_operator.api.presenters.applications import BUILD_FIELDS
from process_operator.api.reads import cache
from process_operator.api.reads.cache import Record
from process_operator.api.routes import creation, groups, projects, replies
from process_operator.api.routes.call import Call
from process_operator.api.routes.parameters import Change, Create, Limit, Offset, Read, Remove, Uid
from process_operator.api.writes import writer
from process_operator.api.writes.writer import WriteOptions

router = groups.router("Applications")

_DEFAULT_RESOURCE_TYPE = "s1"
"""Resource type of the web process that comes with a new application, as in the contract."""


@router.get(
    "/v3/applications",
    summary="List applications",
    responses=replies.documented(200, base.Page[ApplicationItem], "A page of applications."),
)
async def list_applications(call: Read, limit: Limit = 25, offset: Offset = 0) -> Response:
    """Return the applications of the key's namespaces, oldest first."""
    return replies.paged(call.applications(), call.show_item, limit=limit, offset=offset)


@router.post(
    "/v3/applications",
    summary="Create an application",
    responses=replies.documented(201, Application, "The new application.", writes=True),
)
async def create_application(call: Create, payload: CreateApplication) -> Response:
    """Create an application with a web process. Nothing runs before a deployment is asked for."""
    given = payload.given()
    namespace = projects.chosen(call, given.get("project_id")).name
    _check(call, given)
    record = writer.repeated(call.ticket, call.applications())
    if record is None:
        record = await _create(call, namespace, given)
    if not call.options.dry_run:
        await _with_web_process(call, record)
    return replies.reply(call.present_application(record), HTTPStatus.CREATED, of=record)


def _check(call: Call, given: dict[str, Any]) -> None:
    if given["cluster_id"].lower() != call.parts.cluster_id:
        raise problems.refused(
            "cluster_id names no cluster; take the one of /v3/resources/clusters"
        )
    if given["source"] != "dockerImage":
        raise problems.refused("source: there are no builds here; use dockerImage")
    _nothing(given, ("git_type", "repo_url", "default_branch", "docker_registry_credential_id"))


def _nothing(given: dict[str, Any], fields: tuple[str, ...]) -> None:
    for name in fields:
        if given.get(name):
            raise problems.refused(
                f"{name}: there are neither builds nor registry credentials here; leave it out"
            )


async def _create(call: Call, namespace: str, given: dict[str, Any]) -> Record:
    project = given["project_id"].lower() if given.get("project_id") else None
    spec: dict[str, Any] = {
        "displayName": given["display_name"],
        "release": {"initial": "manual"},
    }
    if given.get("docker_image"):
        spec["image"] = given["docker_image"]
    return await creation.application(call, namespace, spec, project)


async def _with_web_process(call: Call, application: Record) -> None:
    """Make the web process that every new application has."""
    if call.processes(application):
        return
    spec: dict[str, Any] = {
        "applicationRef": {"name": application.name},
        "key": "web",
        "type": "web",
    }
    if _DEFAULT_RESOURCE_TYPE in call.resource_types():
        spec["resourceTypeRef"] = {"name": _DEFAULT_RESOURCE_TYPE}
    await creation.process(call, application, spec, {cache.DEFAULT_PROCESS: "true"})


@router.get(
    "/v3/applications/{id}",
    summary="Get an application",
    responses=replies.documented(200, Application, "The application."),
)
async def get_application(call: Read, id: Uid) -> Response:  # noqa: A002
    """Return an application with its saved values."""
    record = call.application(id)
    return replies.reply(call.present_application(record), of=record)


@router.patch(
    "/v3/applications/{id}",
    summary="Update an application",
    responses=replies.documented(
        200, Application, "The application.", writes=True, conditional=True
    ),
)
async def update_application(
    call: Change,
    id: Uid,  # noqa: A002
    payload: UpdateApplication,
) -> Response:
    """Change the name or the image of an application; an image asks for a deployment."""
    given = payload.given()
    for name, value in given.items():
        if name not in ("display_name", "docker_image"):
            _check_build_field(name, value)

    def changed(one: Record) -> dict[str, Any]:
        spec = one.spec
        if "display_name" in given:
            spec["displayName"] = given["display_name"]
        if "docker_image" in given:
            spec["image"] = given["docker_image"]
        return spec

    written = await call.writer.change(call.application(id), changed, call.options)
    body = call.present_application(written.record, written.taken)
    return replies.reply(body, of=written.record)


def _check_build_field(name: str, value: Any) -> None:
    """Let only what stands in every reply pass: clients send their defaults."""
    if value and value != BUILD_FIELDS.get(name):
        raise problems.refused(
            f"{name}: there are neither builds nor hibernation here; leave it out"
        )


@router.delete(
    "/v3/applications/{id}",
    summary="Delete an application",
    responses=replies.documented(
        200, base.Message, "It is being deleted.", writes=True, conditional=True
    ),
)
async def delete_application(call: Remove, id: Uid) -> Response:  # noqa: A002
    """Delete an application: first its processes, with what runs of them."""
    record = call.application(id)
    call.writer.match(record, call.options)
    unconditional = WriteOptions(
        caller=call.options.caller, asker=call.options.asker, dry_run=call.options.dry_run
    )
    for process in call.processes(record):
        await call.writer.delete(process, unconditional)
    await call.writer.delete(record, unconditional)
    return replies.reply({"message": "Application is being deleted"})


@router.post(
    "/v3/applications/{id}/suspend",
    summary="Suspend an application",
    responses=replies.documented(
        200, base.Message, "It is being suspended.", writes=True, conditional=True
    ),
)
async def suspend_application(call: Change, id: Uid) -> Response:  # noqa: A002
    """Stop every process; everything that is saved stays."""
    await call.writer.change(
        call.application(id), lambda one: {**one.spec, "suspend": True}, call.options
    )
    return replies.reply({"message": "Application is being suspended"})


@router.post(
    "/v3/applications/{id}/activate",
    summary="Activate an application",
    responses=replies.documented(
        200, base.Message, "It is being activated.", writes=True, conditional=True
    ),
)
async def activate_application(call: Change, id: Uid) -> Response:  # noqa: A002
    """Bring back exactly what served before it was suspended."""

    def active(one: Record) -> dict[str, Any]:
        return {name: value for name, value in one.spec.items() if name != "suspend"}

    await call.writer.change(call.application(id), active, call.options)
    return replies.reply({"message": "Application is being activated"})
