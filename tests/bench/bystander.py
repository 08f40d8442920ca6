"""One user of his own namespace, who changes his application while everybody's are at work."""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import aclosing, suppress
from typing import TypeVar

from bench import observing, workload
from process_operator.cluster import client
from process_operator.kube import errors, names

NAMESPACE = "bench-bystander"
_APPLICATION, _PROCESS = "shop", "shop-web"
_EVERY_SECONDS = 3.0
_PATIENCE_SECONDS = 60.0

ResultT = TypeVar("ResultT")


class Bystander:
    """Gives his process another host every few seconds, and sees when his Ingress has it."""

    def __init__(self, api: client.Cluster) -> None:
        self._api = api
        self._number = 0
        self._hosts: set[str] = set()
        self._changed = asyncio.Event()

    async def come(self) -> None:
        """Make the application, and wait until it serves."""
        settings = {"image": "registry.example.com/shop:1", "release": {"settleSeconds": 0}}
        spec = {
            "applicationRef": {"name": _APPLICATION},
            "key": "web",
            "type": "web",
            "ingress": {"hosts": [{"host": self._host()}]},
        }
        async with observing.Watcher(self._api, observing.is_ready) as watcher:
            await self._api.create(workload.manifest(names.PROCESS_KIND, NAMESPACE, _PROCESS, spec))
            await self._api.create(
                workload.manifest(names.APPLICATION_KIND, NAMESPACE, _APPLICATION, settings)
            )
            await watcher.all_seen(1, seconds=_PATIENCE_SECONDS)

    async def beside(self, work: Awaitable[ResultT]) -> tuple[ResultT, list[float]]:
        """Await the work, and change meanwhile; return how many milliseconds each change took."""
        took: list[float] = []
        done = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch())
            changing = group.create_task(self._change(took, done))
            result = await work
            done.set()
            await changing
            watching.cancel()
        return result, took

    async def _change(self, took: list[float], done: asyncio.Event) -> None:
        while not done.is_set():
            self._number += 1
            host = self._host()
            begun = time.monotonic()
            operation = {"op": "replace", "path": "/spec/ingress/hosts/0/host", "value": host}
            await self._api.json_patch(names.PROCESS_KIND, NAMESPACE, _PROCESS, [operation])
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while host not in self._hosts:
                    self._changed.clear()
                    await self._changed.wait()
            took.append((time.monotonic() - begun) * 1000)
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), _EVERY_SECONDS)

    async def _watch(self) -> None:
        version = "0"
        while True:
            stream = self._api.watch("Ingress", resource_version=version, namespace=NAMESPACE)
            try:
                async with aclosing(stream) as events:
                    async for _, body in events:
                        version = body["metadata"]["resourceVersion"]
                        rules = (body.get("spec") or {}).get("rules") or ()
                        self._hosts |= {one["host"] for one in rules}
                        self._changed.set()
            except errors.Unavailable:
                continue

    def _host(self) -> str:
        return f"at-{self._number}.bystander.example.com"
