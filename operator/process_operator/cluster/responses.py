"""How an answer of the API server is read, and how a failure is called."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import orjson

from process_operator.kube import errors
from process_operator.kube.manifest import Manifest

_MAX_MESSAGE = 1000
_LONGEST_PAUSE_SECONDS = 60.0
# What is left was cut off by the end of the stream, and comes again with the next one.


def end(answer: bytes, most: int) -> bytes:
    """Return the last bytes of a text, from the beginning of a line if one begins there."""
    if len(answer) <= most:
        return answer
    kept = answer[-most:]
    _, _, whole = kept.partition(b"\n")
    return whole or kept


def parse(answer: bytes) -> Manifest:
    """Return the JSON object of an answer.

    Raises:
        Unavailable: it is no JSON object.
    """
    try:
        parsed = orjson.loads(answer)
    except orjson.JSONDecodeError as error:
        raise errors.Unavailable(f"the answer is not JSON: {_bounded(answer)}") from error
    if not isinstance(parsed, dict):
        raise errors.Unavailable(f"the answer is not an object: {_bounded(answer)}")
    return parsed


def _bounded(text: str | bytes) -> str:
    """Return a text as it may stand in a log line: cut, and without control characters."""
    if isinstance(text, bytes):
        text = text[:_MAX_MESSAGE].decode(errors="replace")
    printable = "".join(c if c.isprintable() else " " for c in text[:_MAX_MESSAGE])
    return " ".join(printable.split())


def unavailable(verb: str, path: str, error: Exception) -> errors.Unavailable:
    """Return the error of a request that had no answer."""
    said = "no answer in time" if isinstance(error, TimeoutError) else _bounded(str(error))
    return errors.Unavailable(f"{verb} {path}: {said or type(error).__name__}")


_BY_STATUS: Mapping[int, type[errors.ApiError]] = {
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    410: errors.Expired,
}


_UNKNOWN_FIELD = "failed to create typed patch object"
"""So an apply of a field that this server does not know is answered, with the status 500."""


_TERMINATING = "NamespaceTerminating"
"""The cause that comes with the refusal of a create (`NamespaceTerminatingCause`)."""


def failure(response: aiohttp.ClientResponse, answer: bytes) -> errors.ApiError:
    """Return the error that an answer stands for: a `Status`, or anything a proxy may send."""
    said = _status(answer)
    # Inside a watch the stream itself was answered with 200.
    status = response.status if response.status != 200 else int(said.get("code") or 500)
    reason = str(said.get("reason") or "")
    message = _bounded(str(said.get("message") or "") or answer) or f"status {status}"
    wait = response.headers.get("Retry-After")
    if status == 429 or (status == 503 and wait is not None):
        details = said.get("details") or {}
        return errors.Throttled(
            message,
            retry_after=_seconds(wait or str(details.get("retryAfterSeconds") or 1)),
            status=status,
            reason=reason,
        )
    causes = _causes(said)
    found = _class_of(status)
    if any(cause.reason == _TERMINATING for cause in causes):
        found = errors.NamespaceTerminating
    elif reason == "AlreadyExists":
        found = errors.AlreadyExists
    elif status == 500 and message.startswith(_UNKNOWN_FIELD):
        found = errors.Rejected
    return found(message, status=status, reason=reason, causes=causes)


def refused_upgrade(status: int, path: str) -> errors.ApiError:
    """Return the error of a websocket that was not opened, of whose answer only this is known."""
    return _class_of(status)(
        f"GET {path}: status {status} to the wish for a websocket", status=status
    )


def _class_of(status: int) -> type[errors.ApiError]:
    other = errors.Rejected if 400 <= status < 500 else errors.Unavailable
    return _BY_STATUS.get(status, other)


def _status(answer: bytes) -> Mapping[str, Any]:
    try:
        parsed = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return {}
    return parsed if isinstance(parsed, dict) and parsed.get("kind") == "Status" else {}


def _causes(status: Mapping[str, Any]) -> tuple[errors.Cause, ...]:
    return tuple(
        errors.Cause(
            reason=str(cause.get("reason") or ""),
            field=str(cause.get("field") or ""),
            message=_bounded(str(cause.get("message") or "")),
        )
        for cause in (status.get("details") or {}).get("causes") or ()
    )


def _seconds(retry_after: str) -> float:
    """Return the seconds of a Retry-After header, which may be a number or a date.

    Whoever asks for more than a minute is asked again after one: what stands between us and the
    server must not be able to send an application to sleep for ever.
    """
    return min(max(0.0, _asked_for(retry_after)), _LONGEST_PAUSE_SECONDS)


def _asked_for(retry_after: str) -> float:
    try:
        return float(retry_after)
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return 1.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return (until - datetime.now(UTC)).total_seconds()
