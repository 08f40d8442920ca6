"""`/healthz` says that the loop turns, `/readyz` that everything is listed and watched, or why not.

Readiness does not mean leadership: a standby is ready, or a rolling update would never end.
"""

from collections.abc import Callable, Sequence

from aiohttp import web


def probes(unready: Callable[[], str]) -> Sequence[web.RouteDef]:
    """Return the two probes.

    Args:
        unready: Why this replica is not ready; "" when it is.
    """

    async def healthz(_: web.Request) -> web.Response:
        return _answer(200, "ok")

    async def readyz(_: web.Request) -> web.Response:
        why = unready()
        return _answer(503, why) if why else _answer(200, "ok")

    return web.get("/healthz", healthz), web.get("/readyz", readyz)


def _answer(status: int, words: str) -> web.Response:
    answer = web.Response(status=status, text=f"{words}\n")
    # Kopf, when it ends, waits for the task of every connection that was opened while it ran.
    answer.force_close()
    return answer
