"""`/healthz` says that the loop turns, `/readyz` that everything is listed and being watched.

Readiness does not mean leadership: a standby is ready, or a rolling update would never end.
"""

from collections.abc import Callable

from aiohttp import web


async def serve(port: int, *, is_ready: Callable[[], bool]) -> web.AppRunner:
    """Serve the two probes; the caller cleans the runner up."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        if is_ready():
            return web.Response(text="ok\n")
        return web.Response(status=503, text="not every kind is listed and watched yet\n")

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port).start()
    except OSError as error:
        raise SystemExit(
            f"cannot serve the probes on port {port} ({error.strerror}): choose another "
            "--health-port"
        ) from error
    return runner
