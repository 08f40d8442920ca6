"""A client of ours before a server that answers as a test wants it."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

from process_operator.cluster import connection
from process_operator.cluster.client import Cluster

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def answering(answer: Answer, **told: Any) -> AsyncIterator[Cluster]:
    """Yield a client of a server that answers everything in the same way."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with Cluster(
            connection.connection(server=f"http://127.0.0.1:{port}", **told)
        ) as opened:
            yield opened
    finally:
        await runner.cleanup()


def always(**answer: Any) -> Answer:
    async def respond(_: web.Request) -> web.StreamResponse:
        return web.Response(**answer)

    return respond
