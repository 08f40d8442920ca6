"""Some namespaces as if they were all: one list, one watch, and nothing falls in between."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from process_operator.cluster.connection import Connection
from process_operator.cluster.scoped import ScopedCluster
from process_operator.kube import errors


def event(namespace: str, version: int) -> dict[str, Any]:
    about = {"namespace": namespace, "name": f"n{version}", "resourceVersion": str(version)}
    return {"type": "ADDED", "object": {"kind": "Service", "metadata": about}}


class Server:
    """Answers lists with a version for each namespace, and each watch with what was prepared."""

    def __init__(self) -> None:
        self.versions = {"a": "10", "b": "12"}
        self.watches: dict[str, list[Any]] = {"a": [], "b": []}
        self.asked: list[tuple[str, str]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        namespace = request.path.split("/namespaces/")[1].split("/")[0]
        if "watch" not in request.query:
            found = {"metadata": {"resourceVersion": self.versions[namespace]}, "kind": "List"}
            return web.json_response(found | {"items": [{"metadata": {"name": namespace}}]})
        self.asked.append((namespace, request.query["resourceVersion"]))
        prepared = self.watches[namespace].pop(0) if self.watches[namespace] else []
        if isinstance(prepared, int):
            return web.Response(status=prepared)
        return web.Response(text="".join(json.dumps(one) + "\n" for one in prepared))


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[ScopedCluster]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    try:
        async with ScopedCluster(
            Connection(server=f"http://{host}:{port}", tls=None), ["a", "b"]
        ) as api:
            yield api
    finally:
        await runner.cleanup()


async def watched(api: ScopedCluster, version: str) -> list[str]:
    stream = api.watch("Service", resource_version=version)
    async with aclosing(stream) as events:
        return sorted([found["metadata"]["name"] async for _, found in events])


async def test_a_list_has_all_namespaces_and_the_version_of_the_first() -> None:
    async with serving(Server()) as api:
        pages = [page async for page in api.list("Service")]
    assert [item["metadata"]["name"] for items, _ in pages for item in items] == ["a", "b"]
    assert {version for _, version in pages} == {"10"}


async def test_each_namespace_is_watched_on_from_what_was_seen_there() -> None:
    server = Server()
    server.watches = {"a": [[event("a", 11)], []], "b": [[event("b", 30)], []]}
    async with serving(server) as api:
        assert await watched(api, "10") == ["n11", "n30"]
        # As an informer would: it knows the newest of all.
        assert await watched(api, "30") == []
    assert sorted(server.asked) == [("a", "10"), ("a", "11"), ("b", "10"), ("b", "30")]


async def test_a_watch_that_fails_in_one_namespace_loses_nothing_in_any() -> None:
    server = Server()
    server.watches = {"a": [[event("a", 40)], []], "b": [500, [event("b", 35)]]}
    async with serving(server) as api:
        with pytest.raises(errors.Unavailable):
            await watched(api, "10")
        assert await watched(api, "40") == ["n35"]
    assert ("b", "10") in server.asked[2:]
    assert ("a", "40") in server.asked[2:]


async def test_a_new_list_is_where_all_begin_again() -> None:
    server = Server()
    server.watches = {"a": [[event("a", 40)]], "b": [[event("b", 41)]]}
    async with serving(server) as api:
        await watched(api, "10")
        server.versions = {"a": "50", "b": "50"}
        assert [version async for _, version in api.list("Service")] == ["50", "50"]
        await watched(api, "50")
    assert sorted(server.asked[2:]) == [("a", "50"), ("b", "50")]
