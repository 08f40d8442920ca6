"""Processes: list, create, read, change, delete."""

from http import HTTPStatus
from typing import Any

from fastapi import Response

from process_operator.api import problems
from process_operator.api.payloads import base, processes
from process_operator.api.reads import cache
from process_operator.api.reads.cache import Record
from process_operator.api.routes import groups, replies
from process_operator.api.routes.call import Call
from process_operator.api.routes.parameters import Change, Create, Limit, Offset, Read, Remove, Uid
from process_operator.api.writes import changes, writer
from process_operator.api.writes.writer import Written
from process_operator.kube import errors, names

router = groups.router("Processes")

_TRIES = 5


@router.get(
    "/v3/applications/{id}/processes",
    summary="List processes",
    responses=replies.documented(200, base.Page[processes.Process], "A page of processes."),
)
async def list_processes(call: Read, id: Uid, limit: Limit = 25, offset: Offset = 0) -> Response:  # noqa: A002
    """Return the processes of an application, oldest first."""
    application = call.application(id)
    return replies.paged(
        call.processes(application), call.shows(application), limit=limit, offset=offset
    )


@router.post(
    "/v3/applications/{id}/processes",
    summary="Create a process",
    responses=replies.documented(201, processes.Process, "The new process.", writes=True),
)
async def create_process(call: Create, id: Uid, payload: processes.CreateProcess) -> Response:  # noqa: A002
    """Create a process. It does nothing until a deployment."""
    application = call.application(id)
    given = payload.given()
    known = call.processes(application)
    repeated = writer.repeated(call.ticket, known)
    if repeated is None and given["type"] == "web":
        web = [one for one in known if one.spec["type"] == "web"]
        if any(cache.DEFAULT_PROCESS in one.marks for one in web):
            record = await _adopt(call, web[0], given)
            return _created(call, record, application)
        if web:
            raise problems.refused(
                "type web: the application has a web process already; change that one, or create "
                "a worker"
            )
    record = repeated or await _create(call, application, given)
    return _created(call, record, application)


def _created(call: Call, record: Record, application: Record) -> Response:
    body = call.present(Written(record=record), application)
    return replies.reply(body, HTTPStatus.CREATED, of=record)


async def _adopt(call: Call, record: Record, given: dict[str, Any]) -> Record:
    """Make the web process that came with the application the one that is asked for."""
    types = _resource_types(call)
    written = await call.writer.change(
        record,
        lambda one: changes.process(given, _bare(one.spec), resource_types=types),
        call.options,
        marks={cache.DEFAULT_PROCESS: None, cache.IDEMPOTENCY: call.ticket},
    )
    return written.record


def _bare(spec: dict[str, Any]) -> dict[str, Any]:
    """Return what nobody chose, and the domains, which may have been added before the process."""
    bare = {name: spec[name] for name in ("applicationRef", "key", "type")}
    hosts = (spec.get("ingress") or {}).get("hosts")
    return {**bare, "ingress": {"hosts": hosts}} if hosts else bare


async def _create(call: Call, application: Record, given: dict[str, Any]) -> Record:
    wanted = "web" if given["type"] == "web" else _slug(given)
    for attempt in range(_TRIES):
        # Asked anew each time: somebody else may have taken the key a moment ago.
        taken = {one.spec["key"] for one in call.processes(application)}
        key = changes.numbered(wanted, taken, limit=changes.MAX_KEY)
        name = names.child(application.name, key)
        if attempt % 2:
            # Something else bears that name: a process of another key, or of another application.
            name = names.job(application.name, key, application.uid)
        bare = {"applicationRef": {"name": application.name}, "key": key, "type": given["type"]}
        manifest = {
            "apiVersion": names.API_VERSION,
            "kind": names.PROCESS_KIND,
            "metadata": {
                "namespace": application.namespace,
                "name": name,
                "annotations": {cache.IDEMPOTENCY: call.ticket} if call.ticket else {},
            },
            "spec": changes.process(given, bare, resource_types=_resource_types(call)),
        }
        try:
            return await call.writer.create(manifest, call.options)
        except errors.AlreadyExists:
            found = await call.writer.read(names.PROCESS_KIND, application.namespace, name)
            if found is not None and writer.repeated(call.ticket, [found]) is not None:
                return found
    raise problems.refused("display_name: no free key can be made of it; choose another")


def _slug(given: dict[str, Any]) -> str:
    return changes.slug(given["display_name"], limit=changes.MAX_KEY, instead=given["type"])


def _resource_types(call: Call) -> dict[str, str]:
    return {one.id: one.name for one in call.resource_types().values()}


@router.get(
    "/v3/applications/{id}/processes/{process_id}",
    summary="Get a process",
    responses=replies.documented(200, processes.Process, "The process."),
)
async def get_process(call: Read, id: Uid, process_id: Uid) -> Response:  # noqa: A002
    """Return a process with its saved values."""
    application = call.application(id)
    record = call.process(application, process_id)
    return replies.reply(call.shows(application)(record), of=record)


@router.patch(
    "/v3/applications/{id}/processes/{process_id}",
    summary="Update a process",
    responses=replies.documented(
        200, processes.Process, "The process.", writes=True, conditional=True
    ),
)
async def update_process(
    call: Change,
    id: Uid,  # noqa: A002
    process_id: Uid,
    payload: processes.UpdateProcess,
) -> Response:
    """Update the configuration of an existing process.

    Only the provided fields are changed; all other fields retain their current values. Changes to
    resource type, scaling or probes take effect on the next deployment. Protocol changes are
    applied asynchronously.
    """
    application = call.application(id)
    record = call.process(application, process_id)
    given, types = payload.given(), _resource_types(call)
    written = await call.writer.change(
        record,
        lambda one: changes.process(given, one.spec, resource_types=types),
        call.options,
        marks={cache.DEFAULT_PROCESS: None} if given else None,
    )
    return replies.reply(call.present(written, application), of=written.record)


@router.delete(
    "/v3/applications/{id}/processes/{process_id}",
    summary="Delete a process",
    responses=replies.documented(
        200, base.Message, "It is being deleted.", writes=True, conditional=True
    ),
)
async def delete_process(call: Remove, id: Uid, process_id: Uid) -> Response:  # noqa: A002
    """Delete a process; what runs of it ends at once."""
    record = call.process(call.application(id), process_id)
    await call.writer.delete(record, call.options)
    return replies.reply({"message": "Process is being deleted"})
