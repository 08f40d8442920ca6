"""What the instances of an application write, as they write it: those that come later too."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from process_operator.api.reads import runtime_logs
from process_operator.api.reads.cache import Record
from process_operator.api.reads.runtime_logs import Line
from process_operator.cluster import pods
from process_operator.cluster.client import Cluster, Page
from process_operator.cluster.informer import Informer
from process_operator.kube import names
from process_operator.kube.errors import ApiError
from process_operator.kube.manifest import Manifest

_MOST = 64
_MOST_OF_KEY = 4
_MAX_PODS = 50
_SECONDS = 15 * 60
"""How long one is followed; whoever wants more asks again."""
_QUIET_SECONDS = 3.0
"""How long nothing is told, at most: what stands between would take it for the end, and whoever
reads asks then whether it may go on."""
_WAITING = 1000
"""Lines that may wait for a slow reader, before its instances are read no further."""


class FollowedLogs:
    """Follows for many, so many at the same time."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._by_key: Counter[str] = Counter()

    def has_room(self, key: str) -> bool:
        """Whether one more may be followed for this key."""
        return self._by_key[key] < _MOST_OF_KEY and self._by_key.total() < _MOST

    async def of(
        self, caller: str, application: Record, key: str | None, since: datetime
    ) -> AsyncGenerator[Line | None, None]:
        """Yield what the instances of an application write; None when nothing came for a while.

        Args:
            caller: The key for which they are followed.
            application: Whose instances.
            key: Key of the only process that is meant; None for all.
            since: The time from which on.
        """
        self._by_key[caller] += 1
        instances = _Instances(self._cluster, application.namespace, since)
        informer = Informer(
            "Pod",
            _instance,
            source=_Namespace(self._cluster, application.namespace),
            sink=instances,
            label_selector=runtime_logs.selector(application, key),
        )
        instances.begin(informer.run())
        try:
            async for line in instances.lines():
                yield line
        finally:
            self._by_key[caller] -= 1
            await instances.end()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Instance:
    """A pod, as far as it is followed."""

    name: str
    uid: str
    process: str
    running_since: str
    """When its process started this time; "" while it does not run."""


def _instance(found: Manifest) -> _Instance:
    about = found["metadata"]
    states = (found.get("status") or {}).get("containerStatuses") or ()
    running: dict[str, Any] = next(
        ((one.get("state") or {}) for one in states if one["name"] == names.CONTAINER), {}
    )
    return _Instance(
        name=about["name"],
        uid=about["uid"],
        process=runtime_logs.process_of(found),
        running_since=(running.get("running") or {}).get("startedAt") or "",
    )


class _Namespace:
    """The objects of one namespace, for an informer."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def list(
        self,
        kind: str,
        *,
        label_selector: str | None,
        field_selector: str | None,
        metadata_only: bool,
    ) -> AsyncGenerator[Page, None]:
        return self._cluster.list(
            kind,
            namespace=self._namespace,
            label_selector=label_selector,
            field_selector=field_selector,
            metadata_only=metadata_only,
        )

    def watch(
        self,
        kind: str,
        *,
        resource_version: str,
        label_selector: str | None,
        field_selector: str | None,
        metadata_only: bool,
    ) -> AsyncGenerator[tuple[str, Manifest], None]:
        return self._cluster.watch(
            kind,
            resource_version=resource_version,
            namespace=self._namespace,
            label_selector=label_selector,
            field_selector=field_selector,
            metadata_only=metadata_only,
        )


class _Instances:
    """Reads each instance from its start on, in a task of its own."""

    def __init__(self, cluster: Cluster, namespace: str, since: datetime) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._since = since
        self._written: asyncio.Queue[Line] = asyncio.Queue(_WAITING)
        self._places = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._read: dict[str, str] = {}
        """By uid: the start from which on an instance is read."""

    def changed(self, old: _Instance | None, new: _Instance | None) -> None:
        """Begin to read an instance that has started; forget one that is gone."""
        if new is None:
            self._read.pop(old.uid if old is not None else "", None)
            return
        has_started = new.running_since and self._read.get(new.uid) != new.running_since
        if has_started and len(self._tasks) <= _MAX_PODS:
            self._read[new.uid] = new.running_since
            self.begin(self._follow(new))

    def begin(self, work: Any) -> None:
        """Do something until all ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, one: _Instance) -> None:
        since = max(self._since, datetime.fromisoformat(one.running_since))
        with suppress(ApiError):  # it is gone, or its node does not answer
            async for said in pods.follow(self._cluster, self._namespace, one.name, since=since):
                line = runtime_logs.line(one.name, one.process, next(self._places), said)
                if line is not None and line.at >= self._since:
                    await self._written.put(line)

    async def lines(self) -> AsyncGenerator[Line | None, None]:
        """Yield the lines of all as they come; None when nothing came for a while."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _SECONDS
        while (left := end - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(left, _QUIET_SECONDS)):
                    line = await self._written.get()
            except TimeoutError:
                yield None
                continue
            yield line

    async def end(self) -> None:
        """Read nothing any more."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
