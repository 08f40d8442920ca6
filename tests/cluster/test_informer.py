import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

import connecting
import freezing
from process_operator.cluster.client import Cluster
from process_operator.cluster.informer import Informer
from process_operator.controller.observe import child, records
from process_operator.controller.observe.child_status import DeploymentStatus
from process_operator.controller.observe.records import Child
from process_operator.kube.manifest import Manifest


@pytest.fixture
async def server(kubeconfig: Path) -> AsyncIterator[Cluster]:
    async with Cluster(connecting.connection(kubeconfig)) as opened:
        yield opened


class Watcher:
    """A sink that can be waited for."""

    def __init__(self) -> None:
        self.taken: list[tuple[Child | None, Child | None]] = []
        self._news = asyncio.Event()

    def changed(self, old: Child | None, new: Child | None) -> None:
        self.taken.append((old, new))
        self._news.set()

    async def until(self, condition: Callable[[], bool], *, seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self._news.clear()
                await self._news.wait()


@contextlib.asynccontextmanager
async def informing(
    server: Cluster, namespace: str
) -> AsyncIterator[tuple[Informer[Child], Watcher]]:
    """Yield a complete informer of the Deployments that are labelled with the namespace."""
    watcher = Watcher()
    informer: Informer[Child] = Informer(
        "Deployment",
        partial(child.child, "Deployment"),
        source=server,
        sink=watcher,
        label_selector=f"run={namespace}",
    )
    running = asyncio.create_task(informer.run())
    try:
        async with asyncio.timeout(10):
            await informer.complete.wait()
        yield informer, watcher
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def deployment(namespace: str, name: str = "web") -> Manifest:
    labels = {"run": namespace, "app": name}
    container = {"name": "app", "image": "example.invalid/app:1"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": name, "labels": labels},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }


async def remove(server: Cluster, record: Child | None) -> None:
    assert record is not None
    await server.delete(
        record.kind, record.namespace, record.name, uid=record.uid, propagation="Background"
    )


async def test_what_was_there_and_what_comes_changes_and_goes_is_copied(
    server: Cluster, namespace: str
) -> None:
    await server.create(deployment(namespace, "before"))
    async with informing(server, namespace) as (informer, watcher):
        assert [record.name for record in informer.all()] == ["before"]
        await server.create(deployment(namespace, "after"))
        await watcher.until(lambda: informer.get(namespace, "after") is not None)
        await remove(server, informer.get(namespace, "before"))
        await watcher.until(lambda: informer.get(namespace, "before") is None)
        # The controller's answer to a Deployment of size 0 comes through as well.
        await watcher.until(lambda: _observed(informer.get(namespace, "after")) == 1)


def _observed(record: Child | None) -> int:
    return records.status(record, DeploymentStatus).observed_generation


async def test_a_scale_by_somebody_else_shows_who_owns_the_replicas(
    server: Cluster, namespace: str, kubectl: Callable[..., str]
) -> None:
    async with informing(server, namespace) as (informer, watcher):
        await server.apply(deployment(namespace), force=False)
        await watcher.until(lambda: _observed(informer.get(namespace, "web")) == 1)
        record = informer.get(namespace, "web")
        assert record is not None
        assert not record.others_own_replicas
        await asyncio.to_thread(kubectl, "scale", "deploy/web", "--replicas=1", "-n", namespace)
        await watcher.until(
            lambda: bool((one := informer.get(namespace, "web")) and one.others_own_replicas)
        )


async def test_a_change_that_no_decision_needs_wakes_nobody(
    server: Cluster, namespace: str
) -> None:
    async with informing(server, namespace) as (informer, watcher):
        await server.create(deployment(namespace))
        await watcher.until(lambda: _observed(informer.get(namespace, "web")) == 1)
        for path, value in (
            ("/metadata/finalizers", ["example.test/held"]),
            ("/metadata/finalizers", []),
            ("/metadata/annotations/example.test~1cares", "yes"),
            # One of ours, behind which the others would have shown.
            ("/metadata/annotations/process-operator.dev~1cares", "yes"),
        ):
            operation = {"op": "add", "path": path, "value": value}
            await server.json_patch("Deployment", namespace, "web", [operation])
        ours = b"process-operator.dev/cares"
        await watcher.until(lambda: ours in _body(informer.get(namespace, "web")))
        assert b"example.test" not in _body(informer.get(namespace, "web"))
        seen = [(old, new) for old, new in watcher.taken if old and new]
        assert all(_decisive(old) != _decisive(new) for old, new in seen)


def _body(record: Child | None) -> bytes:
    return record.body if record else b""


def _decisive(record: Child) -> Child:
    return dataclasses.replace(record, resource_version="")


async def test_a_kind_that_is_not_installed_is_complete_and_not_available(server: Cluster) -> None:
    informer: Informer[Child] = Informer(
        "HTTPRoute", partial(child.child, "HTTPRoute"), source=server, sink=Watcher()
    )
    running = asyncio.create_task(informer.run())
    async with asyncio.timeout(10):
        await informer.complete.wait()
    assert len(informer) == 0
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.fault("F11")
async def test_a_silent_stream_is_noticed_and_healed_within_fifteen_seconds(
    server: Cluster, kubeconfig: Path, namespace: str
) -> None:
    real = connecting.connection(kubeconfig)
    async with freezing.way(real.server) as (freezer, address):
        way = dataclasses.replace(real, server=address)
        async with Cluster(way) as frozen, informing(frozen, namespace) as (informer, watcher):
            await server.create(deployment(namespace, "heard"))
            await watcher.until(lambda: informer.get(namespace, "heard") is not None)
            freezer.freeze()
            await server.create(deployment(namespace, "unheard"))
            await watcher.until(lambda: informer.get(namespace, "unheard") is not None, seconds=15)
