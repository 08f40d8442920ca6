"""`/metrics` for Prometheus, on a port of its own that no Service and no route leads to."""

from collections.abc import Iterable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from process_operator import metrics


async def serve(port: int, *, flag: str, probes: Iterable[web.RouteDef] = ()) -> web.AppRunner:
    """Serve `/metrics` and the probes on all addresses; the caller cleans the runner up.

    Args:
        port: 0 for a free one.
        flag: What chooses the port, for whoever has to choose another.
        probes: What else is served there.

    Raises:
        SystemExit: The port cannot be had.
    """
    app = web.Application()
    app.add_routes([web.get("/metrics", _measured), *probes])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port).start()
    except OSError as error:
        raise SystemExit(
            f"cannot serve metrics on port {port} ({error.strerror}): choose another {flag}"
        ) from error
    return runner


async def _measured(_: web.Request) -> web.Response:
    answer = web.Response(body=generate_latest(metrics.REGISTRY))
    answer.headers["Content-Type"] = CONTENT_TYPE_LATEST
    # Kopf, when it ends, waits for the task of every connection that was opened while it ran.
    answer.force_close()
    return answer
