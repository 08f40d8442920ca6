"""How routes answer."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import Response

from process_operator.api.payloads import base
from process_operator.api.presenters import pages
from process_operator.api.reads.cache import Record
from process_operator.api.writes import writer

# What routes answer with.


def reply(body: Any, status: int = HTTPStatus.OK, *, of: Record | None = None) -> Response:
    """Return an answer; with the version of the object that it is about."""
    headers = {"etag": writer.etag(of)} if of is not None else None
    return Response(
        orjson.dumps(body), status_code=status, headers=headers, media_type="application/json"
    )


def paged(
    records: Sequence[Any], present: Callable[[Any], Any], *, limit: int, offset: int
) -> Response:
    """Return one page of a list; only what is on it is presented."""
    shown = [present(one) for one in records[offset : offset + limit]]
    return reply(pages.page(shown, total=len(records), offset=offset, limit=limit))


def documented(
    status: int, model: Any, description: str, *, writes: bool = False, conditional: bool = False
) -> dict[int | str, dict[str, Any]]:
    """Return what the documentation says of the answers of a route."""
    told = {
        400: "The request breaks the form of the contract.",
        401: "The key is missing or not valid.",
        404: "It does not exist, or not for this key.",
        429: "Too many requests.",
        503: "The cluster cannot be asked now.",
    }
    if writes:
        told[403] = "The key may not do this."
        told[422] = "The request breaks a rule."
    if conditional:
        told[412] = "If-Match names another version."
    found: dict[int | str, dict[str, Any]] = {status: {"model": model, "description": description}}
    return found | {
        code: {"model": base.Error, "description": text} for code, text in sorted(told.items())
    }
