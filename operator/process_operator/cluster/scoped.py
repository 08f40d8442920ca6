"""The API server as it looks to whoever may see some namespaces only.

A list or a watch of all objects of a kind is made of one for each namespace. What follows a list is
watched in each namespace from where that list began, and goes on there from what was seen there
last: events of one namespace say nothing of how far another one's have come.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from process_operator.cluster.client import Cluster, Page
from process_operator.cluster.connection import Connection
from process_operator.cluster.credentials import Credentials
from process_operator.kube.kinds import KINDS
from process_operator.kube.manifest import Manifest

_What = tuple[str, str | None, str | None, bool]
"""Kind and selectors, and whether of the metadata only."""
_Event = tuple[str, Manifest]


class ScopedCluster(Cluster):
    """Requests to one API server, about the objects of some namespaces."""

    def __init__(self, connection: Connection | Credentials, namespaces: Sequence[str]) -> None:
        super().__init__(connection)
        self._namespaces = tuple(namespaces)
        self._seen: dict[_What, dict[str, str]] = {}
        """By what is watched and namespace: the version that was seen there last."""

    def _is_narrowed(self, kind: str, namespace: str | None) -> bool:
        return namespace is None and KINDS[kind].namespaced

    async def list(
        self, kind: str, *, namespace: str | None = None, **how: Any
    ) -> AsyncGenerator[Page, None]:
        """Yield the pages of all namespaces, with the version at which the first was listed.

        What happened in the others since then is told once more by the watch.
        """
        if not self._is_narrowed(kind, namespace):
            async for page in super().list(kind, namespace=namespace, **how):
                yield page
            return
        first = ""
        for one in self._namespaces:
            async with aclosing(super().list(kind, namespace=one, **how)) as pages:
                async for items, version in pages:
                    first = first or version
                    yield items, first
        self._seen.pop(_what(kind, how), None)

    async def try_watch(
        self, kind: str, resource_version: str, namespace: str | None = None
    ) -> None:
        """Open a watch in each namespace and close it again, to see whether that is allowed."""
        if not self._is_narrowed(kind, namespace):
            await super().try_watch(kind, resource_version, namespace)
            return
        for one in self._namespaces:
            await super().try_watch(kind, resource_version, one)

    async def watch(
        self, kind: str, *, resource_version: str, namespace: str | None = None, **how: Any
    ) -> AsyncGenerator[_Event, None]:
        """Yield what happens in all namespaces, until the watches of all have ended."""
        if not self._is_narrowed(kind, namespace):
            stream = super().watch(
                kind, resource_version=resource_version, namespace=namespace, **how
            )
            async with aclosing(stream) as events:
                async for event in events:
                    yield event
            return
        seen = self._seen.setdefault(
            _what(kind, how), dict.fromkeys(self._namespaces, resource_version)
        )
        told: asyncio.Queue[tuple[str, _Event | None]] = asyncio.Queue()

        async def follow(one: str) -> None:
            stream = super(ScopedCluster, self).watch(
                kind, resource_version=seen[one], namespace=one, **how
            )
            try:
                async with aclosing(stream) as events:
                    async for event in events:
                        told.put_nowait((one, event))
            finally:
                told.put_nowait((one, None))

        following = [asyncio.create_task(follow(one)) for one in self._namespaces]
        try:
            left = len(following)
            while left:
                one, heard = await told.get()
                if heard is None:
                    left -= 1
                    continue
                yield heard
                seen[one] = heard[1]["metadata"]["resourceVersion"]
            for task in following:
                task.result()
        finally:
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)


def _what(kind: str, how: dict[str, Any]) -> _What:
    selectors = how.get("label_selector"), how.get("field_selector")
    return kind, *selectors, bool(how.get("metadata_only"))
