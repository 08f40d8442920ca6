import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import kopf
import pytest

import connecting
import freezing
import running
from process_operator.cli import connect
from process_operator.cluster.client import Cluster
from process_operator.controller import handlers
from process_operator.controller.contact import Contact
from process_operator.controller.observe.records import ApplicationKey
from process_operator.controller.workqueue import Priority
from process_operator.kube import names
from process_operator.kube.manifest import Manifest


class Seen:
    """Takes the place of the observed state, and remembers what it was told."""

    def __init__(self) -> None:
        self.names: set[tuple[str, str]] = set()
        self.known: set[str] = set()
        """Names of objects of which each version is known before the watch tells it."""
        self._news = asyncio.Event()

    def observe(self, body: Mapping[str, Any]) -> tuple[ApplicationKey, ...]:
        metadata = body["metadata"]
        self.names.add((metadata.get("namespace", ""), metadata["name"]))
        self._news.set()
        return ()

    def evict(self, *_: str) -> tuple[ApplicationKey, ...]:
        return ()

    def has(self, _kind: str, _namespace: str, name: str, _uid: str, _version: int) -> bool:
        return name in self.known

    def enqueue(self, _: Iterable[ApplicationKey], priority: Priority) -> None:
        """Nobody is to work at it here."""

    async def until(self, condition: Callable[[], bool], *, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self._news.clear()
                await self._news.wait()


@contextlib.asynccontextmanager
async def shell(api: Cluster) -> AsyncIterator[Seen]:
    """Run Kopf with our handlers and settings."""
    seen, stop = Seen(), asyncio.Event()
    operator = asyncio.create_task(
        kopf.operator(
            registry=handlers.registry(cast("Any", seen), seen.enqueue, api, Contact()),
            settings=handlers.settings(),
            clusterwide=True,
            standalone=True,
            stop_flag=stop,
        )
    )
    try:
        yield seen
    finally:
        stop.set()
        await operator


def application(namespace: str, name: str) -> Manifest:
    return {
        "apiVersion": "process-operator.dev/v1alpha1",
        "kind": "ProcessApplication",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {},
    }


@pytest.mark.fault("F11")
async def test_a_frozen_watch_of_our_own_kinds_is_healed_within_fifteen_seconds(
    kubeconfig: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    found = connect.connection(connect.credentials())
    async with (
        Cluster(connecting.connection(kubeconfig)) as server,
        freezing.way(found.server) as (freezer, address),
        Cluster(dataclasses.replace(found, server=address)) as behind,
        shell(behind) as seen,
    ):
        # Until what the start has asked for is over: a stream could go on over an idle connection.
        await asyncio.to_thread(
            running.until, lambda: freezer.connections == len(names.OWN_KINDS), seconds=40
        )
        await server.create(application(namespace, "heard"))
        await seen.until(lambda: (namespace, "heard") in seen.names, seconds=5)
        freezer.freeze()
        await server.create(application(namespace, "unheard"))
        await seen.until(lambda: (namespace, "unheard") in seen.names, seconds=15)


async def test_what_was_known_from_the_answer_to_a_write_does_not_come_back_through_kopf(
    kubeconfig: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    found = connect.connection(connect.credentials())
    async with Cluster(found) as server, shell(server) as seen:
        await server.create(application(namespace, "before"))
        await seen.until(lambda: (namespace, "before") in seen.names, seconds=20)
        seen.known.add("ours")
        await server.create(application(namespace, "ours"))
        await server.create(application(namespace, "of-another"))
        # The watch goes on behind what it did not tell.
        await seen.until(lambda: (namespace, "of-another") in seen.names, seconds=5)
        assert (namespace, "ours") not in seen.names
