"""What every request passes before any route: size, key, rate, and what every answer carries.

It stands before the framework, so that a request without a valid key costs little: no byte of its
body is read, nothing is routed. Nothing that a caller sent is ever written to a log but the
method, the path and the name of its key.
"""

import asyncio
import logging
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from process_operator.api import problems
from process_operator.api.access.keys import UNBOUND, Key, KeyStore, Role
from process_operator.api.http import limits, meters
from process_operator.api.http.limits import Lease, Limiter, Verdict
from process_operator.api.problems import Problem
from process_operator.api.reads.cache import Cache
from process_operator.api.routes.hooks import HOOKS
from process_operator.kube import names

_log = logging.getLogger("process_operator.api")

MAX_BODY = 1024 * 1024
MAX_DEPTH = 32
_BODY_SECONDS = 10.0
_MAX_TARGET = 8192
_READS = frozenset({"GET", "HEAD"})
_OF_A_BODY = frozenset({b"content-length", b"transfer-encoding"})
"""A request with neither has no body (RFC 9112, section 6.3)."""
_OPEN = frozenset({"/v3/openapi.json", "/docs", "/healthz", "/readyz"})
"""What needs no key, for it tells nothing of anybody; whatever is added needs one, but for the
hooks, whose address is the key."""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class Gate:
    """The ASGI application around the routes."""

    def __init__(self, app: App, *, key_store: KeyStore, cache: Cache, limiter: Limiter) -> None:
        self._app = app
        self._ring = key_store
        self._cache = cache
        self._limiter = limiter
        self._held = limits.Held()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        extra: Headers = [(b"x-request-id", request_id.encode())]
        answered = 0

        async def answer(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = message["status"]
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        lease: Lease | None = None
        try:
            _check_query(scope)
            received = b""
            if scope["path"] not in _OPEN and not scope["path"].startswith(HOOKS):
                key = self._admit(scope, extra)
                if scope["method"] not in _READS:
                    lease = self._held.lease(key.id)
                    received = await _body(scope, receive, lease)
            scope["state"]["body"] = received
            await self._app(scope, _replayed(received, receive), answer)
        except Problem as problem:
            await _refuse(answer, problem, request_id)
        except Exception as error:  # noqa: BLE001 - the last place that can answer
            _log_defect(error, request_id)
            if not answered:
                defect = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, problems.DEFECT)
                await _refuse(answer, defect, request_id)
        finally:
            if lease is not None:
                lease.end()
            self._note(scope, answered, time.perf_counter() - began)

    def _admit(self, scope: Scope, extra: Headers) -> Key:
        """Return the key of a request that may go on; note in `extra` what is left of its rate."""
        key = self._key(scope)
        namespaces = self._cache.namespaces(key.namespaces)
        scope["state"] |= {"key": key, "namespaces": namespaces}
        sort, application = limits.sort_of(scope["method"], scope["path"])
        if application:
            application = self._known(application, namespaces)
        verdict = self._limiter.take(key.id, sort, application)
        extra += _rate_headers(verdict)
        _check(scope, key, verdict)
        return key

    def _known(self, uid: str, namespaces: tuple[str, ...]) -> str:
        """Return the uid of an application of the key; "" for any other text, which names none."""
        found = self._cache.get(names.APPLICATION_KIND, uid.lower())
        return found.uid if found is not None and found.namespace in namespaces else ""

    def _key(self, scope: Scope) -> Key:
        given = next((v for n, v in scope["headers"] if n == b"authorization"), None)
        if given is None:
            raise problems.unauthorized(
                "the Authorization header is missing; send `Authorization: Bearer <API key>`"
            )
        word, _, text = given.decode("latin-1").partition(" ")
        key = self._ring.find(text.strip(), datetime.now(UTC)) if word.lower() == "bearer" else None
        if key is not None and not self._ring.trusted:
            raise problems.unavailable("API keys cannot be checked now; try again")
        if key is None:
            raise problems.unauthorized(
                "the API key is not valid; it is mistyped, expired or revoked"
            )
        if not key.is_bound:
            raise problems.unauthorized(f"the API key {UNBOUND}")
        return key

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("route")
        template = getattr(route, "path", None) or "unmatched"
        meters.count(scope["method"], template, status, seconds)
        key = scope["state"].get("key")
        if key is not None:
            _log.debug(
                "answered",
                extra={
                    "method": scope["method"],
                    "route": template,
                    "status": status,
                    "key": key.name,
                    "request": scope["state"]["request_id"],
                    "seconds": round(seconds, 4),
                },
            )


def _check(scope: Scope, key: Key, verdict: Verdict) -> None:
    if not verdict.allowed:
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"too many requests: {verdict.limit} are allowed; wait {verdict.retry_after} s",
            headers={"retry-after": str(verdict.retry_after)},
        )
    if scope["method"] not in _READS and key.role is Role.READ:
        raise problems.forbidden("the API key may only read; use one of role write")


def _rate_headers(verdict: Verdict) -> Headers:
    return [
        (b"x-ratelimit-limit", str(verdict.limit).encode()),
        (b"x-ratelimit-remaining", str(verdict.remaining).encode()),
        (b"x-ratelimit-reset", str(verdict.reset).encode()),
    ]


def _check_query(scope: Scope) -> None:
    if len(scope.get("query_string", b"")) > _MAX_TARGET:
        raise problems.invalid("the query is too long; shorten it")


async def _body(scope: Scope, receive: Receive, lease: Lease) -> bytes:
    """Return the whole body, if it is of a bearable size, depth and duration."""
    told = {name: value for name, value in scope["headers"] if name in _OF_A_BODY}
    if not told:
        return b""
    declared = told.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > MAX_BODY:
        raise _too_large()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            body = await _read(receive, lease)
    except TimeoutError:
        raise problems.invalid(f"the body did not arrive within {_BODY_SECONDS:.0f} s") from None
    if _is_deep(body):
        raise problems.invalid(f"the body is nested deeper than {MAX_DEPTH}; flatten it")
    return body


async def _read(receive: Receive, lease: Lease) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise problems.invalid("the request was cut off")
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            raise _too_large()
        if not lease.add(len(part)):
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too many large bodies at the same time; send one after the other",
                headers={"retry-after": "1"},
            )
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _too_large() -> Problem:
    return problems.invalid(f"the body is larger than {MAX_BODY} bytes; send less")


def _is_deep(body: bytes) -> bool:
    if body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return False
    depth = 0
    in_text = escaped = False
    for byte in body:
        if in_text:
            in_text = escaped or byte != 0x22
            escaped = not escaped and byte == 0x5C
        elif byte == 0x22:
            in_text = True
        elif byte in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif byte in b"}]":
            depth -= 1
    return False


def _replayed(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _refuse(send: Send, problem: Problem, request_id: str) -> None:
    body = problems.body(problem.status, problem.message, request_id)
    headers: Iterable[tuple[bytes, bytes]] = (
        (b"content-type", problems.MEDIA_TYPE),
        (b"content-length", str(len(body)).encode()),
        *((name.encode(), value.encode()) for name, value in problem.headers.items()),
    )
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _log_defect(error: BaseException, request_id: str) -> None:
    """Log where it failed, not with what: the text of an error may hold what a caller sent."""
    frames = traceback.extract_tb(error.__traceback__)
    place = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
    _log.error(
        "failed a request",
        extra={"request": request_id, "error": type(error).__name__, "place": place},
    )
