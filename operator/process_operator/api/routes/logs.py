"""What an application writes: the last lines of its instances."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query, Response

from process_operator.api.payloads.logs import LogEntry, LogFilter
from process_operator.api.presenters import logs
from process_operator.api.routes import groups, parameters, replies
from process_operator.api.routes.parameters import End, Filters, Read, Start, Uid
from process_operator.kube import names

router = groups.router("Logs")

MAX_LINES = 5000
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
    keys = [one.spec["key"] for one in call.processes(application)]
    by_label = {names.key_label(key): key for key in keys}
    since = parameters.aware(start) if start is not None else datetime.now(UTC) - _LATELY
    # Of what is then left out, more has to be read than is told.
    lines = MAX_LINES if filters or to is not None else limit
    found = await call.parts.logs.of(application, _only(filters), since, lines)
    told = (
        logs.runtime_line(line, application, by_label.get(line.process, line.process))
        for line in found
        if parameters.lies_between(line.at, since, to)
    )
    wanted = [line for line in told if logs.passes(line, filters)]
    return replies.reply(wanted[-limit:])


def _only(filters: Sequence[LogFilter]) -> str | None:
    """Return the key of the one process whose lines can pass, if there is such a one."""
    for one in filters:
        if one.key == "tags.container" and one.operator == "EQUALS" and len(one.choices) == 1:
            return one.choices[0]
    return None
