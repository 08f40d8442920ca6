"""Runs of cron processes, and what can be measured of a process now."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import Query, Response

from process_operator.api import problems
from process_operator.api.payloads import base
from process_operator.api.payloads.runs import Point, Run
from process_operator.api.presenters import runs as presenters_runs
from process_operator.api.presenters import times
from process_operator.api.presenters.runs import point, run, scheduled_run
from process_operator.api.reads import usage
from process_operator.api.routes import groups, parameters, replies
from process_operator.api.routes.parameters import Create, Limit, Offset, Read, Uid
from process_operator.api.writes import writer
from process_operator.kube import errors, names

router = groups.router("Runs and metrics")

_LATELY = timedelta(minutes=1)

Measurement = Literal["cpu-usage", "cpu-limit", "memory-usage", "memory-limit", "instance-count"]


@router.post(
    "/v3/applications/{id}/processes/{process_id}/trigger",
    summary="Trigger a cron job",
    responses=replies.documented(200, base.Message, "A run was asked for.", writes=True),
)
async def trigger_process(call: Create, id: Uid, process_id: Uid) -> Response:  # noqa: A002
    """Run a cron process once, now, with what serves."""
    application = call.application(id)
    process = call.process(application, process_id)
    if process.spec["type"] != "cron":
        raise problems.refused("only cron processes can be triggered")
    if call.view(application).entry_of(process.spec) is None:
        raise problems.refused("the process was not deployed yet; deploy the application first")
    known = list(call.cache.of(names.RUN_KIND, process.namespace, process.name))
    if writer.repeated(call.ticket, known) is None:
        manifest = {
            "apiVersion": names.API_VERSION,
            "kind": names.RUN_KIND,
            "metadata": writer.asked_of(process, call.ticket),
            "spec": {"processRef": {"name": process.name}},
        }
        try:
            await call.writer.create(manifest, call.options)
        except errors.AlreadyExists:
            if call.ticket is None:
                raise
    return replies.reply({"message": "Cron job triggered"})


@router.get(
    "/v3/applications/{id}/processes/{process_id}/runs",
    summary="List runs",
    responses=replies.documented(200, base.Page[Run], "A page of runs."),
)
async def list_runs(
    call: Read,
    id: Uid,  # noqa: A002
    process_id: Uid,
    limit: Limit = 25,
    offset: Offset = 0,
) -> Response:
    """Return the runs of a cron process, newest first; other types have none.

    Of the runs by the schedule the last one is known, of those that were triggered all that the
    cluster keeps.
    """
    process = call.process(call.application(id), process_id)
    found = []
    if process.spec["type"] == "cron":
        known = call.cache.of(names.RUN_KIND, process.namespace, process.name)
        found = [(one.created_at, run(one, process.uid)) for one in known]
        status = process.status
        last = status.get("lastScheduledRun")
        if last is not None:
            at = last.get("startedAt") or status.get("lastScheduleTime") or process.created_at
            found.append((at, scheduled_run(last, status, process.uid)))
    newest = sorted(found, key=lambda one: (times.time(one[0]), one[1]["id"]), reverse=True)
    return replies.paged(newest, lambda one: dict(one[1]), limit=limit, offset=offset)


@router.get(
    "/v3/applications/{id}/processes/{process_id}/metrics/{measurement}",
    summary="Get a measurement",
    responses=replies.documented(200, list[Point], "A series of points in time."),
)
async def get_measurement(
    *,
    call: Read,
    id: Uid,  # noqa: A002
    process_id: Uid,
    measurement: Measurement,
    start: datetime | None = None,
    end: datetime | None = None,
    since: Annotated[datetime | None, Query(alias="from")] = None,
    to: datetime | None = None,
    interval_in_seconds: Annotated[int, Query(ge=1, le=86_400)] = 60,
) -> Response:
    """Return what is measured now, if now lies within the asked time; no history is kept.

    CPU is in millicores and memory in megabytes: limits are those of one instance, use is the mean
    of all, and an empty series where the cluster does not measure it. Clients that are older than
    `start` and `end` call them `from` and `to`.
    """
    del interval_in_seconds  # There is one point, however far apart others would be.
    application = call.application(id)
    process = call.process(application, process_id)
    now = datetime.now(UTC)
    if measurement in usage.MEASURED:
        value = await call.parts.usage.of(measurement, process)
    else:
        value = presenters_runs.measurement(measurement, process, call.view(application))
    # Whoever asks until now was a moment faster than this.
    asked = parameters.lies_between(now, start or since, None) and parameters.lies_between(
        now - _LATELY, None, end or to
    )
    points = [point(now, value)] if value is not None and asked else []
    return replies.reply(points)
