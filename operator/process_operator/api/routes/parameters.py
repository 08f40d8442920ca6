"""What routes take from requests."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from process_operator.api.access import identity
from process_operator.api.access.keys import Key  # noqa: TC001 - of a variable
from process_operator.api.payloads.logs import LogFilter, log_filters
from process_operator.api.routes.call import Call
from process_operator.api.writes.writer import WriteOptions

MAX_OFFSET = 10_000
_SCHEMES = frozenset({"http", "https"})


# What routes take from requests.

Uid = Annotated[str, Path(pattern=identity.PATTERN, description="An id.")]
Limit = Annotated[int, Query(ge=1, le=100, description="How many items a page has at most.")]
Offset = Annotated[int, Query(ge=0, le=MAX_OFFSET, description="How many items are left out.")]
_DryRun = Annotated[
    bool, Query(description="Answer with what would become of it, and write nothing.")
]
_Force = Annotated[
    bool, Query(description="Also change fields that another manager declares; they change hands.")
]
_IfMatch = Annotated[
    str | None,
    Header(max_length=256, description="The ETag of the version that may be changed."),
]
_IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern="^[!-~]+$",
        description="A request that repeats this text is not done twice, but answered again.",
    ),
]

Start = Annotated[
    datetime | None, Query(alias="from", description="The first moment that is meant.")
]
End = Annotated[datetime | None, Query(description="The last moment that is meant.")]


async def _filters(
    filters: Annotated[
        str | None,
        Query(
            description="Which lines are meant: a JSON list of filters, of which each has to hold. "
            "A filter has `key` (severity, message, tags.container, tags.pod), `operator` (EQUALS, "
            "NOT_EQUALS, CONTAINS, NOT_CONTAINS), and `value` or a list of `values`.",
            examples=['[{"key": "severity", "operator": "EQUALS", "value": "ERROR"}]'],
        ),
    ] = None,
) -> list[LogFilter]:
    try:
        return log_filters(filters) if filters is not None else []
    except ValidationError as error:
        found = [{**one, "loc": ("query", "filters", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(found) from error


Filters = Annotated[list[LogFilter], Depends(_filters)]


def _call(request: Request, options: Mapping[str, Any]) -> Call:
    state = request.scope["state"]
    key: Key = state["key"]
    return Call(
        parts=request.app.state.parts,
        key=key,
        namespaces=state["namespaces"],
        options=WriteOptions(caller=key.id, asker=key.name, **options),
        # Not of `request.url`, which is parsed anew for each request.
        place=f"{request.method} {request.scope['path']}",
        body=state["body"],
    )


# These wait for nothing, and are coroutines all the same: a plain function would be called in a
# thread, which takes longer than all the rest of a read.


async def _read(request: Request) -> Call:
    return _call(request, {})


async def _change(
    request: Request,
    dry_run: _DryRun = False,
    force: _Force = False,
    if_match: _IfMatch = None,
) -> Call:
    return _call(request, {"dry_run": dry_run, "force": force, "if_match": if_match})


async def _remove(request: Request, dry_run: _DryRun = False, if_match: _IfMatch = None) -> Call:
    return _call(request, {"dry_run": dry_run, "if_match": if_match})


async def _alter(request: Request, dry_run: _DryRun = False, force: _Force = False) -> Call:
    return _call(request, {"dry_run": dry_run, "force": force})


async def _create(
    request: Request, dry_run: _DryRun = False, idempotency_key: _IdempotencyKey = None
) -> Call:
    return _call(request, {"dry_run": dry_run, "idempotency_key": idempotency_key})


async def _create_forced(
    request: Request,
    dry_run: _DryRun = False,
    force: _Force = False,
    idempotency_key: _IdempotencyKey = None,
) -> Call:
    options = {"dry_run": dry_run, "force": force, "idempotency_key": idempotency_key}
    return _call(request, options)


async def _origin(request: Request) -> str:
    """Return where this API is, as its caller sees it."""
    scheme = request.headers.get("x-forwarded-proto", request.scope["scheme"])
    return f"{scheme if scheme in _SCHEMES else 'https'}://{request.headers.get('host', '')}"


Origin = Annotated[str, Depends(_origin)]
Read = Annotated[Call, Depends(_read)]
Perform = Annotated[Call, Depends(_read)]
"""What changes nothing that is kept, and so knows neither versions nor a dry run."""
Change = Annotated[Call, Depends(_change)]
Remove = Annotated[Call, Depends(_remove)]
Alter = Annotated[Call, Depends(_alter)]
"""A change of what has no version that callers are told."""
Create = Annotated[Call, Depends(_create)]
CreateForced = Annotated[Call, Depends(_create_forced)]


def lies_between(moment: datetime, start: datetime | None, end: datetime | None) -> bool:
    """Whether a moment lies within the asked time; a time without an offset is UTC."""
    return (start is None or aware(start) <= moment) and (end is None or moment <= aware(end))


def aware(moment: datetime) -> datetime:
    """Return a moment with its offset; one without is in UTC."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
