"""Applications that are made like another one."""

from http import HTTPStatus
from typing import Any

from fastapi import Response

from process_operator.api import problems
from process_operator.api.payloads.applications import Application, CloneApplication
from process_operator.api.reads import cache
from process_operator.api.reads.cache import Record
from process_operator.api.routes import creation, groups, replies
from process_operator.api.routes.parameters import Create, Uid
from process_operator.api.writes import writer

router = groups.router("Applications")

_NOT_COPIED = ("suspend", "revision")


@router.post(
    "/v3/applications/{id}/clone",
    summary="Clone an application",
    responses=replies.documented(201, Application, "The new application.", writes=True),
)
async def clone_application(call: Create, id: Uid, payload: CloneApplication) -> Response:  # noqa: A002
    """Create an application with the saved settings, variables and processes of another one.

    Its hosts are left out, because each leads to one application. Secrets, ConfigMaps and claims
    that the original names are named by the clone too. Nothing runs before a deployment.
    """
    original = call.application(id)
    given = payload.given()
    if given.get("cluster_id") and given["cluster_id"].lower() != call.parts.cluster_id:
        raise problems.refused(
            "cluster_id names no cluster; take the one of /v3/resources/clusters, or leave it out"
        )
    record = writer.repeated(call.ticket, call.applications())
    if record is None:
        project = original.marks.get(cache.PROJECT)
        spec = _application(original, given["display_name"])
        record = await creation.application(call, original.namespace, spec, project)
    if not call.options.dry_run:
        # Also of one that an earlier request has made, and was cut off in.
        there = {one.spec["key"] for one in call.processes(record)}
        for one in call.processes(original):
            if one.spec["key"] not in there:
                await creation.process(call, record, _process(one, record.name), {})
    return replies.reply(call.present_application(record), HTTPStatus.CREATED, of=record)


def _application(original: Record, display_name: str) -> dict[str, Any]:
    kept = {name: value for name, value in original.spec.items() if name not in _NOT_COPIED}
    release = {**(kept.get("release") or {}), "initial": "manual"}
    return {**kept, "displayName": display_name, "release": release}


def _process(original: Record, application: str) -> dict[str, Any]:
    spec = {**original.spec, "applicationRef": {"name": application}}
    if "ingress" in spec:
        spec["ingress"] = {name: one for name, one in spec["ingress"].items() if name != "hosts"}
    return spec
