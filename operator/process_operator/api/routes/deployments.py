"""Deployments, which are releases: list, trigger, read, cancel, go back, and their logs."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query, Response

from process_operator.api import problems
from process_operator.api.payloads import base
from process_operator.api.payloads.deployments import (
    CreateDeployment,
    Deployment,
    Rollback,
)
from process_operator.api.payloads.logs import LogEntry
from process_operator.api.presenters import logs, times
from process_operator.api.presenters.deployments import deployment, log_lines, state_of
from process_operator.api.reads import cache
from process_operator.api.reads.cache import Record
from process_operator.api.routes import groups, parameters, replies
from process_operator.api.routes.call import Call
from process_operator.api.routes.parameters import (
    Change,
    Create,
    CreateForced,
    End,
    Filters,
    Limit,
    Offset,
    Read,
    Start,
    Uid,
)
from process_operator.api.writes import writer
from process_operator.kube import errors, names
from process_operator.models.release import ReleaseState, ReleaseStep

router = groups.router("Deployments")

_OPEN = {ReleaseState.WAITING, ReleaseState.IN_PROGRESS}
_DECIDED = {
    ReleaseStep.AFTER_SUCCESS_JOBS,
    ReleaseStep.BEFORE_ROLLBACK_JOBS,
    ReleaseStep.ROLLBACK,
    ReleaseStep.AFTER_FAILED_JOBS,
}


def _present(call: Call, record: Record, application: Record) -> dict[str, Any]:
    target = record.spec.get("rollbackTo")
    back_to = call.cache.named(names.RELEASE_KIND, record.namespace, target) if target else None
    return deployment(record, application, back_to)


@router.get(
    "/v3/applications/{id}/deployments",
    summary="List deployments",
    responses=replies.documented(200, base.Page[Deployment], "A page of deployments."),
)
async def list_deployments(call: Read, id: Uid, limit: Limit = 25, offset: Offset = 0) -> Response:  # noqa: A002
    """Return the deployments of an application, newest first."""
    application = call.application(id)
    return replies.paged(
        call.releases(application),
        lambda one: _present(call, one, application),
        limit=limit,
        offset=offset,
    )


@router.post(
    "/v3/applications/{id}/deployments",
    summary="Trigger a deployment",
    responses=replies.documented(201, Deployment, "The new deployment; it waits.", writes=True),
)
async def trigger_deployment(
    call: CreateForced,
    id: Uid,  # noqa: A002
    payload: CreateDeployment | None = None,
) -> Response:
    """Deploy what is saved, or an image that the application gets by this."""
    application = call.application(id)
    given = payload.given() if payload is not None else {}
    if given.get("branch"):
        raise problems.refused(
            "branch: there are no builds here; give docker_image, or nothing to deploy what is "
            "saved"
        )
    image = given.get("docker_image")
    if not image and "image" not in application.spec:
        raise problems.refused(
            "docker_image: the application has no image yet; give one here or by "
            "PATCH /v3/applications/{id}"
        )
    if not call.processes(application):
        raise problems.refused("the application has no process yet; create one first")
    release = writer.repeated(call.ticket, call.releases(application))
    if release is None:
        if image:
            # Asked before, so that a manifest that declares the image is heard of in time.
            call.writer.admit(application, {**application.spec, "image": image}, call.options)
        restart = {"restart": True} if given.get("is_restart") else {}
        release = await _release(call, application, restart, image)
        if image:
            # After the release: it waits until all is settled, and so takes the image with it.
            written = await call.writer.change(
                application, lambda one: {**one.spec, "image": image}, call.options
            )
            application = written.record
    return replies.reply(_present(call, release, application), HTTPStatus.CREATED)


async def _release(
    call: Call, application: Record, spec: dict[str, Any], image: str | None = None
) -> Record:
    about = writer.asked_of(application, call.ticket)
    if image:
        about["annotations"][cache.IMAGE] = image
    manifest = {
        "apiVersion": names.API_VERSION,
        "kind": names.RELEASE_KIND,
        "metadata": about,
        "spec": {"applicationRef": {"name": application.name}, **spec},
    }
    try:
        return await call.writer.create(manifest, call.options)
    except errors.AlreadyExists:
        found = await call.writer.read(names.RELEASE_KIND, application.namespace, about["name"])
        made = writer.repeated(call.ticket, [found] if found is not None else [])
        if made is None:
            raise
        return made


@router.post(
    "/v3/applications/{id}/deployments/rollback",
    summary="Go back to an earlier deployment",
    responses=replies.documented(201, Deployment, "The new deployment.", writes=True),
)
async def roll_back(
    call: Create,
    id: Uid,  # noqa: A002
    payload: Rollback | None = None,
) -> Response:
    """Deploy again what an earlier deployment did; jobs are skipped."""
    given = payload.given() if payload is not None else {}
    return await _go_back(call, id, given.get("deployment_id"))


@router.post(
    "/v3/applications/{id}/deployments/{deployment_id}/rollback",
    summary="Go back to this deployment",
    responses=replies.documented(201, Deployment, "The new deployment.", writes=True),
)
async def roll_back_to(call: Create, id: Uid, deployment_id: Uid) -> Response:  # noqa: A002
    """Deploy again what this deployment did; jobs are skipped."""
    return await _go_back(call, id, deployment_id)


async def _go_back(call: Call, application_id: str, deployment_id: str | None) -> Response:
    application = call.application(application_id)
    release = writer.repeated(call.ticket, call.releases(application))
    if release is None:
        target = _target(call, application, deployment_id)
        release = await _release(call, application, {"rollbackTo": target.name})
    return replies.reply(_present(call, release, application), HTTPStatus.CREATED)


def _target(call: Call, application: Record, deployment_id: str | None) -> Record:
    if deployment_id is not None:
        target = call.release(application, deployment_id)
        if state_of(target) is not ReleaseState.SUCCESS:
            raise problems.refused(
                "deployment_id: that deployment did not succeed; choose one with status success"
            )
        return target
    serving = (application.status.get("servingRelease") or {}).get("name")
    for one in call.releases(application):
        if state_of(one) is ReleaseState.SUCCESS and one.name != serving:
            return one
    raise problems.refused("there is no earlier successful deployment to go back to")


@router.get(
    "/v3/applications/{id}/deployments/{deployment_id}",
    summary="Get a deployment",
    responses=replies.documented(200, Deployment, "The deployment."),
)
async def get_deployment(call: Read, id: Uid, deployment_id: Uid) -> Response:  # noqa: A002
    """Return a deployment and how far it is."""
    application = call.application(id)
    return replies.reply(_present(call, call.release(application, deployment_id), application))


@router.post(
    "/v3/applications/{id}/deployments/{deployment_id}/cancel",
    summary="Cancel a deployment",
    responses=replies.documented(
        200,
        Deployment,
        "The deployment, which is being cancelled.",
        writes=True,
        conditional=True,
    ),
)
async def cancel_deployment(call: Change, id: Uid, deployment_id: Uid) -> Response:  # noqa: A002
    """Stop a deployment and go back to what served before."""
    application = call.application(id)
    record = call.release(application, deployment_id)

    def cancelled(one: Record) -> dict[str, Any]:
        if state_of(one) not in _OPEN or one.status.get("step") in _DECIDED:
            raise problems.refused("the deployment cannot be cancelled any more; it is decided")
        return {**one.spec, "cancel": True}

    written = await call.writer.change(record, cancelled, call.options)
    return replies.reply(_present(call, written.record, application))


@router.get(
    "/v3/applications/{id}/deployments/{deployment_id}/logs",
    summary="Get the log of a deployment",
    responses=replies.documented(200, list[LogEntry], "Lines, oldest first."),
)
async def get_deployment_logs(
    *,
    call: Read,
    id: Uid,  # noqa: A002
    deployment_id: Uid,
    start: Start = None,
    to: End = None,
    filters: Filters,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Return the course of a deployment: its jobs, its rollout, and the words of what failed."""
    application = call.application(id)
    lines = [
        line
        for line in log_lines(call.release(application, deployment_id), application)
        if parameters.lies_between(times.of_log(line["timestamp"]), start, to)
        and logs.passes(line, filters)
    ]
    return replies.reply(lines[-limit:])
