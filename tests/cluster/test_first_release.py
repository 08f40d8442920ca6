"""A first release has every process that was there before its application."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import connecting
from process_operator.cluster.client import Cluster
from process_operator.controller import resync
from process_operator.controller.observe.records import ApplicationKey
from process_operator.controller.observe.store import Informers, ObjectCache
from process_operator.kube import names
from userside import Namespace, application, process


class Nothing:
    """An informer in which there is nothing."""

    def of(self, _namespace: str, _application: str) -> Iterator[Any]:
        return iter(())

    def all(self) -> Iterator[Any]:
        return iter(())


@pytest.fixture
def store() -> ObjectCache:
    """Return what is known by an operator whose watches have told nothing yet."""
    nothing = Nothing()
    return ObjectCache(
        informers=Informers(children=(), pods=nothing, ingress_classes=nothing),
        clock=lambda: datetime.now(UTC),
        allowed_annotations=(),
    )


def known(store: ObjectCache) -> list[str]:
    return sorted(name for _, name, _, _ in store.identities(names.PROCESS_KIND))


async def test_processes_that_came_before_their_application_are_found_by_one_list(
    kubeconfig: Path, here: Namespace, store: ObjectCache
) -> None:
    others = process("other", "worker", of="another")
    here.apply(process("web", "web"), process("worker", "worker"), others, application())
    key = ApplicationKey(here.name, "shop")
    shop = here.get("papp", "shop")
    shop["status"].pop("lastReleaseNumber", None)
    store.observe(shop)
    async with Cluster(connecting.connection(kubeconfig)) as server:
        await resync.find_processes(server, store, key)
        assert known(store) == ["web", "worker"]
        # Once is enough: what comes later is told by the watch, and makes the release wait.
        here.apply(process("late", "worker"))
        await resync.find_processes(server, store, key)
        assert known(store) == ["web", "worker"]


def test_applications_that_do_not_settle_are_released_with_all_their_processes(
    here: Namespace,
) -> None:
    shops = [f"shop{number}" for number in range(8)]
    for shop in shops:
        keys = [f"w{number}" for number in range(6)]
        workers = [
            {**process(key, "worker", of=shop), "metadata": {"name": f"{shop}-{key}"}}
            for key in keys
        ]
        here.apply(*workers, application(shop, release={"settleSeconds": 0}))
    for shop in shops:
        release = here.wait(f"prel/{shop}-1", "jsonpath={.status.state}")
        frozen = json.loads(release["status"]["snapshot"])
        assert [one["key"] for one in frozen["processes"]] == [f"w{n}" for n in range(6)]
