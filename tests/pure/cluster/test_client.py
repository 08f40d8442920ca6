"""How many requests are made at the same time, and as whom."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from process_operator.cluster import connection
from process_operator.cluster.client import Cluster

SLOW = 0.3
"""Seconds that the server takes for a write."""


class Server:
    """A server whose writes are slow."""

    def __init__(self) -> None:
        self.now = self.most = 0
        """How many writes it is asked for now, and was at most at the same time."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.method != "GET" and "leases" not in request.path:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(SLOW)
            self.now -= 1
        return web.json_response({"kind": "Anything"})


@asynccontextmanager
async def serving(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def manifest(kind: str, name: str) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"namespace": "demo", "name": name}}


async def test_writes_that_wait_for_each_other_hold_up_neither_reads_nor_the_lease_nor_time_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of_a_call: Any = Cluster._open.__kwdefaults__
    monkeypatch.setitem(of_a_call, "timeout", aiohttp.ClientTimeout(total=4.0))
    server = Server()
    loop = asyncio.get_running_loop()
    async with (
        serving(server.answer) as address,
        Cluster(connection.connection(server=address)) as cluster,
        cluster.apart() as leases,
    ):
        writes = [
            asyncio.ensure_future(cluster.create(manifest("Deployment", f"web-{number}")))
            for number in range(900)
        ]
        began = loop.time()
        await asyncio.sleep(SLOW)
        while not all(write.done() for write in writes):
            asked = loop.time()
            await leases.replace(manifest("Lease", "operator"))
            await cluster.get("Process", "demo", "web")
            assert loop.time() - asked < 4.0
            await asyncio.sleep(SLOW)
        await asyncio.gather(*writes)
        assert loop.time() - began > 4.0
    assert server.most <= 32
