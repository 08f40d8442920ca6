"""Clients in a process of their own, so that their work is not taken for the server's.

`python -m bench.load clients|flood` reads a plan as JSON from standard input and prints what it saw
as JSON. `clients` are closed loops: each asks as soon as it has its answer. `flood` is an open
loop: it sends at a pace, whether answers come or not. Both end by themselves, and speak to
127.0.0.1 only.
"""

import asyncio
import json
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import Any

import aiohttp
import yarl

import connecting
from process_operator import loops

HOST = "127.0.0.1"
_WARM_UP_SECONDS = 0.5
"""Connections are made and caches filled before anything is measured."""
_LIMIT = aiohttp.ClientTimeout(total=30)
_CONNECTIONS = 64
_ANSWER_SECONDS = 1.0
"""How long the flood waits for its last answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What closed loops ask for."""

    port: int | None
    """Of the REST API; None for the API server of the kubeconfig."""
    kubeconfig: str | None
    method: str
    paths: Sequence[str]
    """Each client takes its own of them, in turn."""
    headers: dict[str, str] = field(default_factory=dict)
    bodies: Sequence[str] = ()
    """In turn; `@` stands for a number that is never the same."""
    clients: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """What an open loop sends to the REST API."""

    port: int
    path: str
    keys: Sequence[str]
    """In turn."""
    rate: int
    """Requests per second."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came back."""

    seconds: float
    statuses: dict[str, int]
    latencies_ms: Sequence[float]
    """From the first byte sent to the last byte read, in no order."""


class Load:
    """One of the two, as a process; its plan goes in at the start, and what it saw comes out."""

    def __init__(self, plan: Plan | Flood) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.load", "flood" if isinstance(plan, Flood) else "clients"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(plan)))
        self._process.stdin.close()
        self._process.stdin = None
        self._seconds = plan.seconds

    def seen(self) -> Seen:
        """Wait until it has ended; return what it saw."""
        try:
            output, _ = self._process.communicate(timeout=self._seconds + 60)
        finally:
            self._process.kill()
        if self._process.returncode != 0:
            raise RuntimeError("the clients failed, see above")
        return Seen(**json.loads(output))


async def ask(plan: Plan) -> Seen:
    """Ask in closed loops."""
    server, tls, headers = _place(plan)
    numbers = count(time.time_ns())
    latencies: list[float] = []
    statuses: Counter[str] = Counter()
    began = time.perf_counter() + _WARM_UP_SECONDS
    ends = began + plan.seconds

    async def client(session: aiohttp.ClientSession, urls: Sequence[yarl.URL]) -> None:
        bodies = cycle(plan.bodies or [""])
        for url in cycle(urls):
            data = next(bodies).replace("@", str(next(numbers))) or None
            asked = time.perf_counter()
            if asked >= ends:
                return
            async with session.request(plan.method, url, data=data, headers=headers) as answer:
                await answer.read()
            if asked >= began:  # and not while connections were made
                latencies.append((time.perf_counter() - asked) * 1000)
                statuses[str(answer.status)] += 1

    connector = aiohttp.TCPConnector(limit=plan.clients, ssl=tls or True)
    async with aiohttp.ClientSession(connector=connector, timeout=_LIMIT) as session:
        urls = [yarl.URL(server + path, encoded=True) for path in plan.paths]
        shares = [urls[number :: plan.clients] or urls for number in range(plan.clients)]
        await asyncio.gather(*(client(session, share) for share in shares))
    return Seen(seconds=plan.seconds, statuses=dict(statuses), latencies_ms=latencies)


def _place(plan: Plan) -> tuple[str, ssl.SSLContext | None, dict[str, str]]:
    if plan.port is not None:
        return f"http://{HOST}:{plan.port}", None, plan.headers
    found = connecting.connection(Path(str(plan.kubeconfig)))
    if yarl.URL(found.server).host != HOST:
        raise ValueError(f"{found.server} is not on this machine")
    return found.server, found.tls, plan.headers | {"Authorization": f"Bearer {found.token}"}


class _Line(asyncio.Protocol):
    """One connection of the flood: it counts refusals and waits for none."""

    _REFUSED = b"HTTP/1.1 401"

    def __init__(self) -> None:
        self.transport: Any = None
        self.refused = 0
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        data = self._tail + data
        self.refused += data.count(self._REFUSED)
        self._tail = data[1 - len(self._REFUSED) :]


async def send(plan: Flood) -> Seen:
    """Send in an open loop, over connections that are kept."""
    loop = asyncio.get_running_loop()
    lines = [(await loop.create_connection(_Line, HOST, plan.port))[1] for _ in range(_CONNECTIONS)]
    requests = cycle(_requests(plan))
    total = round(plan.rate * plan.seconds)
    began = time.perf_counter()
    sent = 0
    while sent < total:
        due = min(total, int((time.perf_counter() - began) * plan.rate))
        for _ in range(due - sent):
            lines[sent % _CONNECTIONS].transport.write(next(requests))
            sent += 1
        await asyncio.sleep(0.001)
    took = time.perf_counter() - began
    await asyncio.sleep(_ANSWER_SECONDS)
    for line in lines:
        line.transport.close()
    refused = sum(line.refused for line in lines)
    return Seen(seconds=took, statuses={"401": refused}, latencies_ms=())


def _requests(plan: Flood) -> Iterator[bytes]:
    for key in plan.keys:
        yield (
            f"GET {plan.path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\n\r\n"
        ).encode()


def main() -> None:
    """Do what the plan says."""
    given = json.load(sys.stdin)
    work = send(Flood(**given)) if sys.argv[1] == "flood" else ask(Plan(**given))
    with asyncio.Runner(loop_factory=loops.factory()) as runner:
        json.dump(asdict(runner.run(work)), sys.stdout)


if __name__ == "__main__":
    main()
