"""`/healthz` says that the loop turns, `/readyz` that everything is listed and watched, or why not.

Readiness does not mean leadership: a standby is ready, or a rolling update would never end.
"""

from collections.abc import Callable, Sequence

from aiohttp import web

from process_operator import exposition


def probes(unready: Callable[[], str]) -> Sequence[web.RouteDef]:
    """Return the two probes.

    Args:
        unready: Why this replica is not ready; "" when it is.
    """

    async def healthz(_: web.Request) -> web.Response:
        return exposition.text(200, "ok")

    async def readyz(_: web.Request) -> web.Response:
        why = unready()
        return exposition.text(503, why) if why else exposition.text(200, "ok")

    return web.get("/healthz", healthz), web.get("/readyz", readyz)
