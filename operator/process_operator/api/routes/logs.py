"""What an application writes: the last lines of its instances."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Annotated

import orjson
from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from process_operator.api import problems
from process_operator.api.payloads.logs import LogEntry, LogFilter
from process_operator.api.presenters import logs
from process_operator.api.presenters.views import Reply
from process_operator.api.reads.cache import Record
from process_operator.api.reads.runtime_logs import Line
from process_operator.api.routes import groups, parameters, replies
from process_operator.api.routes.call import Call
from process_operator.api.routes.parameters import End, Filters, Read, Start, Uid
from process_operator.kube import names

router = groups.router("Logs")

MAX_LINES = 5000
LINES = "application/x-ndjson"
_LATELY = timedelta(hours=1)


@router.get(
    "/v3/applications/{id}/runtime-logs",
    summary="Get the logs of an application",
    responses=replies.documented(200, list[LogEntry], "Lines, oldest first."),
)
async def get_runtime_logs(
    *,
    call: Read,
    id: Uid,  # noqa: A002
    start: Start = None,
    to: End = None,
    filters: Filters,
    limit: Annotated[int, Query(ge=1, le=MAX_LINES)] = 1000,
) -> Response:
    """Return the last lines that the instances of an application wrote, of all its processes.

    Those of the last hour, where no `from` is given. They come from the nodes: there are lines of
    instances that still exist, as far back as their node keeps them, and at most the last 5000 of
    each, fewer where there are many. What is to be kept for longer needs a log store.
    `tags.container` is the key of the process.
    """
    application = call.application(id)
    show = _showing(call, application)
    since = parameters.aware(start) if start is not None else datetime.now(UTC) - _LATELY
    # Of what is then left out, more has to be read than is told.
    lines = MAX_LINES if filters or to is not None else limit
    found = await call.parts.logs.of(application, _only(filters), since, lines)
    told = (show(line) for line in found if parameters.lies_between(line.at, since, to))
    wanted = [line for line in told if logs.passes(line, filters)]
    return replies.reply(wanted[-limit:])


@router.get(
    "/v3/applications/{id}/runtime-logs/follow",
    summary="Follow the logs of an application",
    response_class=StreamingResponse,
    responses=replies.documented(200, LogEntry, "")
    | {
        200: {
            "description": "Lines, each a LogEntry as JSON.",
            "content": {LINES: {"schema": {"$ref": "#/components/schemas/LogEntry"}}},
        }
    },
)
async def follow_runtime_logs(
    call: Read,
    id: Uid,  # noqa: A002
    filters: Filters,
    start: Start = None,
) -> Response:
    """Return what the instances of an application write, as they write it.

    Each line of the answer is one line of a log, as in `runtime-logs`; an empty one says that
    nothing came for some seconds. Instances that start later are followed too, 50 at a time. The
    answer ends after 15 minutes: ask again, with `from`. A key may follow four times at once.
    """
    application = call.application(id)
    followed = call.parts.followed
    if not followed.has_room(call.key.id):
        raise problems.busy("this is followed often enough; end one of the others first")
    since = parameters.aware(start) if start is not None else datetime.now(UTC)
    lines = followed.of(call.key.id, application, _only(filters), since)
    show = _showing(call, application)

    async def told() -> AsyncGenerator[bytes, None]:
        async with aclosing(lines):
            async for line in lines:
                if not call.may_go_on(application):
                    return
                shown = show(line) if line is not None else None
                if shown is None:
                    yield b"\n"
                elif logs.passes(shown, filters):
                    yield orjson.dumps(shown) + b"\n"

    return StreamingResponse(told(), media_type=LINES)


def _showing(call: Call, application: Record) -> Callable[[Line], Reply]:
    """Return what presents the lines of an application, each with the key of its process."""
    keys = (one.spec["key"] for one in call.processes(application))
    by_label = {names.key_label(key): key for key in keys}

    def show(line: Line) -> Reply:
        key = by_label.get(line.process, line.process)
        return logs.runtime_line(line, application, key)

    return show


def _only(filters: Sequence[LogFilter]) -> str | None:
    """Return the key of the one process whose lines can pass, if there is such a one."""
    for one in filters:
        if one.key == "tags.container" and one.operator == "EQUALS" and len(one.choices) == 1:
            return one.choices[0]
    return None
