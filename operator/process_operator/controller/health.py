"""`/healthz` says that the loop turns, `/readyz` that everything is listed and watched, or why not.

`/metrics` is for Prometheus; it names no application and no namespace. Readiness does not mean
leadership: a standby is ready, or a rolling update would never end.
"""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from process_operator import metrics


async def serve(port: int, *, unready: Callable[[], str]) -> web.AppRunner:
    """Serve the two probes; the caller cleans the runner up.

    Args:
        port: On all addresses.
        unready: Why this replica is not ready; "" when it is.
    """

    async def healthz(_: web.Request) -> web.Response:
        return _answer(200, "ok")

    async def readyz(_: web.Request) -> web.Response:
        why = unready()
        return _answer(503, why) if why else _answer(200, "ok")

    async def measured(_: web.Request) -> web.Response:
        answer = web.Response(body=generate_latest(metrics.REGISTRY))
        answer.headers["Content-Type"] = CONTENT_TYPE_LATEST
        answer.force_close()
        return answer

    app = web.Application()
    app.add_routes(
        [
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.get("/metrics", measured),
        ]
    )
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


def _answer(status: int, text: str) -> web.Response:
    answer = web.Response(status=status, text=f"{text}\n")
    # Kopf, when it ends, waits for the task of every connection that was opened while it ran.
    answer.force_close()
    return answer
