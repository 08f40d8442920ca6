"""What a network and a server do to whoever talks through them: one weather for each fault.

A weather sees each request before the API server does. Most of them spoil each write of a
namespace the first time that it is tried; others spoil every watch, or everything for a while.
"""

import asyncio
import contextlib
import datetime as dt
import email.utils
import gzip
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from faults.proxy import Proxy, named_status, namespace_of, write_of

Answer = web.StreamResponse


class Weathered(Proxy):
    """A proxy with a weather, which may change."""

    weather: "Weather | None" = None

    async def _handle(self, request: web.Request) -> Answer:
        try:
            if self.weather is None:
                return await super()._handle(request)
            return await self.weather.meet(self, request)
        except aiohttp.ClientConnectionError:
            return reset(request)

    async def through(self, request: web.Request) -> Answer:
        """Pass a request on, and remember it if it writes."""
        return await super()._handle(request)

    async def committed(self, request: web.Request) -> None:
        """Let the API server commit a write, and keep its answer back."""
        body = await request.read()
        write = write_of(request, body)
        self.record(namespace_of(request.path)).writes.append(write)
        await self._forward(request, body, write)

    def asked(self, request: web.Request, body: bytes) -> Any:
        """Return the request to the API server, to be entered."""
        return self._ask(request, body)


class Weather:
    """Fine weather, of which the others are kinds."""

    async def meet(self, way: Weathered, request: web.Request) -> Answer:
        """Answer a request."""
        return await way.through(request)


Spoil = Callable[[Weathered, web.Request], Awaitable[Answer]]
_CHANCE = random.Random(29)  # noqa: S311 - the same weather each time


class FirstTries(Weather):
    """Spoils each write of a namespace the first time that it is tried."""

    def __init__(self, spoil: Spoil) -> None:
        self._spoil = spoil
        self._seen: set[tuple[str, str]] = set()

    async def meet(self, way: Weathered, request: web.Request) -> Answer:
        namespace = namespace_of(request.path)
        if request.method not in {"GET", "HEAD"} and namespace.startswith("faults-"):
            one = (namespace, write_of(request, await request.read()).what)
            if one not in self._seen:
                self._seen.add(one)
                return await self._spoil(way, request)
        return await way.through(request)


class Reads(Weather):
    """Spoils each list the first time that it is asked for, after a restart."""

    def __init__(self, spoil: Spoil) -> None:
        self._spoil = spoil
        self._seen: set[str] = set()

    async def meet(self, way: Weathered, request: web.Request) -> Answer:
        is_list = request.method == "GET" and "limit" in request.query
        if is_list and request.path not in self._seen:
            self._seen.add(request.path)
            return await self._spoil(way, request)
        return await way.through(request)


class ForAWhile(Weather):
    """Spoils everything, from the first write that it meets on, for some seconds."""

    def __init__(self, spoil: Spoil, *, seconds: float, writes_only: bool = False) -> None:
        self._spoil = spoil
        self._seconds = seconds
        self._writes_only = writes_only
        self._until: float | None = None

    async def meet(self, way: Weathered, request: web.Request) -> Answer:
        now = asyncio.get_running_loop().time()
        writes = request.method not in {"GET", "HEAD"}
        if self._until is None and writes:
            self._until = now + self._seconds
        raging = self._until is not None and now < self._until
        if raging and (writes or not self._writes_only) and "watch" not in request.query:
            return await self._spoil(way, request)
        return await way.through(request)


class Watches(Weather):
    """Spoils every watch: cuts it, doubles its events, or expires it."""

    def __init__(
        self, *, seconds: float = 600, double: bool = False, expire: bool = False, late: float = 0
    ) -> None:
        self._seconds = seconds
        self._double = double
        self._expire = expire
        self._late = late

    async def meet(self, way: Weathered, request: web.Request) -> Answer:
        if "watch" not in request.query:
            return await way.through(request)
        async with way.asked(request, b"") as answer:
            passed = web.StreamResponse(status=answer.status)
            await passed.prepare(request)
            with contextlib.suppress(ConnectionError, aiohttp.ClientError, TimeoutError):
                async with asyncio.timeout(self._seconds):
                    async for line in answer.content:
                        await asyncio.sleep(_CHANCE.random() * self._late)
                        await passed.write(line * (2 if self._double else 1))
            if self._expire:
                gone = {"type": "ERROR", "object": named_status(410, "Expired", "too old")}
                with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                    await passed.write(json.dumps(gone).encode() + b"\n")
            with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                await passed.write_eof()
            return passed


class Far(Weather):
    """Fifty milliseconds there and back, and one connection in twenty breaks."""

    async def meet(self, way: Weathered, request: web.Request) -> Answer:
        await asyncio.sleep(0.05)
        fate = _CHANCE.random()
        if "watch" not in request.query and fate < 0.05:
            if fate < 0.025 and request.method not in {"GET", "HEAD"}:
                await way.committed(request)
            return reset(request)
        return await way.through(request)


class Stale(Weather):
    """Serves the lists of another day, and watches in which nothing happens, until it is lifted."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[bytes, str]] = {}
        self.replays = False
        self.lifted = asyncio.Event()

    async def meet(self, way: Weathered, request: web.Request) -> Answer:
        if request.method != "GET" or "/apis/coordination" in request.path:
            return await way.through(request)
        if "watch" in request.query:
            return await (self._silence(request) if self.replays else way.through(request))
        # The same path is asked for whole objects and for their metadata.
        asked = f"{request.rel_url} {request.headers.get('Accept', '')}"
        if self.replays and asked in self._kept:
            body, kind = self._kept[asked]
            return web.Response(body=body, headers={"Content-Type": kind})
        async with way.asked(request, b"") as answer:
            body = await answer.read()
            if answer.status == 200:
                self._kept[asked] = (body, answer.headers["Content-Type"])
            kind = answer.headers["Content-Type"]
            return web.Response(status=answer.status, body=body, headers={"Content-Type": kind})

    async def _silence(self, request: web.Request) -> Answer:
        passed = web.StreamResponse()
        await passed.prepare(request)
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            await self.lifted.wait()
            await passed.write_eof()
        return passed


def status(code: int, reason: str, message: str, **headers: str) -> Spoil:
    """Answer in the API server's place, which never hears of it."""

    async def spoil(_: Weathered, __: web.Request) -> Answer:
        return web.json_response(named_status(code, reason, message), status=code, headers=headers)

    return spoil


def throttled(after: str | None) -> Spoil:
    """Answer with 429, and say when to try again, or not."""
    headers = {} if after is None else {"Retry-After": after}
    return status(429, "TooManyRequests", "too many requests", **headers)


def in_seconds(seconds: int) -> str:
    """Return a date, as Retry-After may have one."""
    return email.utils.format_datetime(
        dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds), usegmt=True
    )


def reset(request: web.Request) -> Answer:
    """Break the connection."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def lose_the_answer(way: Weathered, request: web.Request) -> Answer:
    """Let the API server commit the write, then break the connection."""
    await way.committed(request)
    return reset(request)


async def never_answer(_: Weathered, request: web.Request) -> Answer:
    """Leave a request lying, longer than anybody waits."""
    await asyncio.sleep(40)
    return reset(request)


async def answer_late(way: Weathered, request: web.Request) -> Answer:
    """Let the API server commit the write, and pass its answer on after three seconds."""
    await asyncio.sleep(3)
    return await way.through(request)


async def drip(way: Weathered, request: web.Request) -> Answer:
    """Pass an answer on in small drops."""
    body = await request.read()
    write = write_of(request, body)
    way.record(namespace_of(request.path)).writes.append(write)
    async with way.asked(request, body) as answer:
        whole = await answer.read()
        write.status = answer.status
        passed = web.StreamResponse(
            status=answer.status, headers={"Content-Type": answer.headers["Content-Type"]}
        )
        await passed.prepare(request)
        for start in range(0, len(whole), 64):
            await passed.write(whole[start : start + 64])
            await asyncio.sleep(0.01)
        await passed.write_eof()
        return passed


def garbage(body: bytes, kind: str = "application/json", **headers: str) -> Spoil:
    """Answer 200 with something else than was asked for, and let the server know nothing."""

    async def spoil(_: Weathered, __: web.Request) -> Answer:
        return web.Response(body=body, headers={"Content-Type": kind, **headers})

    return spoil


TRUNCATED = garbage(b'{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"na')
NOTHING = garbage(b"")
PAGE = garbage(b"<html><body><h1>Sign in</h1></body></html>", "text/html")
ZIPPED = garbage(b"\x1f\x8b\x08 no gzip at all", **{"Content-Encoding": "gzip"})
NO_OBJECT = garbage(b"[1, 2, 3]")
NO_ANSWER = garbage(b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success"}')
HUGE = garbage(gzip.compress(b" " * 3 * 1024**2), **{"Content-Encoding": "gzip"})
NO_SPACE = status(500, "", "etcdserver: mvcc: database space exceeded")


@dataclass(frozen=True, slots=True)
class Case:
    """One fault of the matrix, and its weather, made anew for each run."""

    fault: str
    name: str
    weather: Callable[[], Weather]
    grace_seconds: float = 30.0
    """By how much longer than without it a release may take."""
    restarts: bool = False
    """Whether the operator is started again in it, so that its lists meet it too."""
    quick: bool = False
    """Whether it is part of every run of the tests."""


def first(spoil: Spoil) -> Callable[[], Weather]:
    """Return the weather in which each first try fails so."""
    return lambda: FirstTries(spoil)


CASES = (
    Case("F3", "409 to each first try", first(status(409, "Conflict", "has been modified"))),
    Case("F4", "500 before each commit", first(status(500, "InternalError", "no")), quick=True),
    Case("F4", "503 before each commit", first(status(503, "ServiceUnavailable", "no"))),
    Case("F4", "504 before each commit", first(status(504, "Timeout", "no"))),
    Case("F4", "connection reset after each commit", first(lose_the_answer), quick=True),
    Case("F5", "429 with Retry-After: 1 for 3 s", lambda: ForAWhile(throttled("1"), seconds=3)),
    Case("F5", "429 without Retry-After for 3 s", lambda: ForAWhile(throttled(None), seconds=3)),
    Case("F5", "429 with a date", lambda: FirstTries(throttled(in_seconds(2)))),
    Case("F5", "429 with Retry-After: soon", first(throttled("soon"))),
    Case(
        "F5",
        "429 for a million years for 3 s",
        lambda: ForAWhile(throttled("31536000000000"), seconds=3, writes_only=True),
        70,
    ),
    Case("F6", "no answer for 40 s", lambda: ForAWhile(never_answer, seconds=1), 45),
    Case("F6", "answers after 3 s", lambda: ForAWhile(answer_late, seconds=6)),
    Case("F6", "answers in drops", first(drip)),
    Case("F7", "truncated JSON", first(TRUNCATED)),
    Case("F7", "an empty answer", first(NOTHING)),
    Case("F7", "a page to sign in", first(PAGE), quick=True),
    Case("F7", "no gzip", first(ZIPPED)),
    Case("F7", "a JSON list", first(NO_OBJECT)),
    Case("F7", "a Status that says yes", first(NO_ANSWER)),
    Case("F7", "3 MiB of nothing", first(HUGE)),
    Case("F7", "lists of truncated JSON", lambda: Reads(TRUNCATED), restarts=True),
    Case("F7", "lists that are a page to sign in", lambda: Reads(PAGE), restarts=True),
    Case("F7", "lists that are a JSON list", lambda: Reads(NO_OBJECT), restarts=True),
    Case("F10", "watches end each second", lambda: Watches(seconds=1), quick=True),
    Case("F10", "each event twice", lambda: Watches(double=True)),
    Case("F10", "each event up to 0.5 s late", lambda: Watches(late=0.5)),
    Case("F13", "watches expire each 2 s", lambda: Watches(seconds=2, expire=True)),
    Case("F16", "the store is full for 5 s", lambda: ForAWhile(NO_SPACE, seconds=5)),
    Case("F29", "50 ms away, 5 % break", Far),
)


class Toggling(Weather):
    """Lets a user change his mind twice between each two writes of the operator.

    Not for ever: each change asks for another write.
    """

    MOST = 40

    def __init__(self, edit: Callable[[str, int], Awaitable[None]]) -> None:
        self._edit = edit
        self._edits = 0

    async def meet(self, way: Weathered, request: web.Request) -> Answer:
        namespace = namespace_of(request.path)
        writes = request.method not in {"GET", "HEAD"} and namespace.startswith("faults-")
        if writes and self._edits < self.MOST:
            self._edits += 1
            await self._edit(namespace, self._edits)
        return await way.through(request)


class KillingAt(Weather):
    """Kills the operator at an event of a watch, once it has been told."""

    def __init__(self, event: int) -> None:
        self._event = event
        self.events = 0
        self._killed = False

    async def meet(self, way: Weathered, request: web.Request) -> Answer:
        if "watch" not in request.query:
            return await way.through(request)
        async with way.asked(request, b"") as answer:
            passed = web.StreamResponse(status=answer.status)
            await passed.prepare(request)
            with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                async for line in answer.content:
                    await passed.write(line)
                    await self._count(way, line)
                await passed.write_eof()
            return passed

    async def _count(self, way: Weathered, line: bytes) -> None:
        if b'"BOOKMARK"' in line[:40] or b'"namespace":"faults-' not in line:
            return
        self.events += 1
        if self.events == self._event and not self._killed and way.restart is not None:
            self._killed = True
            await way.restart()
