"""What the watch tells us of our own writes, which we knew from their answers, ends before Kopf.

Half of all events of our own kinds are echoes of statuses that we wrote. The handler would find
nothing new in them, and until it has said so Kopf spends a hundred times what it takes to see it.
So a line of a watch that tells no more than is known already is read by Kopf as a bookmark: it
goes on from that version, and nobody is told.

That is no more than the handler would do. What somebody else changes has a version of its own, and
a write of ours carries the version that it was decided on: nothing can be newer than a change of
another and not know of it.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import aiohttp
import orjson

from process_operator.cluster import lines
from process_operator.kube import names
from process_operator.kube.kinds import KINDS

_PATHS = tuple(KINDS[kind].path() for kind in names.OWN_KINDS)


class Known(Protocol):
    """What is known of our own objects."""

    def has(self, kind: str, namespace: str, name: str, uid: str, version: int) -> bool:
        """Return whether an object is known as it was at a version, or later."""


class Echoes:
    """Stands between the API server and Kopf."""

    def __init__(self, known: Known) -> None:
        self._known = known

    async def middleware(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Pass an answer on; what a watch of one of our own kinds tells anew only."""
        response = await handler(request)
        is_watch = "watch" in request.url.query and request.url.path.endswith(_PATHS)
        if is_watch and response.status == 200:
            lines.rewrite(response, self.news)
        return response

    def news(self, line: bytes) -> bytes:
        """Return a line of a watch, or a bookmark in the place of one that is no news."""
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            return line  # Kopf ends by it, and everything begins anew.
        if event.get("type") not in {"ADDED", "MODIFIED"} or not self._is_known(event["object"]):
            return line
        version = {"resourceVersion": event["object"]["metadata"]["resourceVersion"]}
        return orjson.dumps({"type": "BOOKMARK", "object": {"metadata": version}})

    def _is_known(self, body: Mapping[str, Any]) -> bool:
        about = body["metadata"]
        return self._known.has(
            body["kind"],
            about.get("namespace", ""),
            about["name"],
            about["uid"],
            int(about["resourceVersion"]),
        )
