"""The API server's store is set back to an earlier day: what the operator knows was never so."""

import os
import shutil
import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import local_cluster
import operate
import running
from local_cluster import components, control_plane, state
from userside import IMAGE, Namespace, application, process

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "build" / "cluster-faults" / "restored"
STORE, BACKUP = DIRECTORY / "etcd", DIRECTORY / "backup"
KNEW = "knew all objects"


@dataclass(frozen=True, slots=True)
class Place:
    here: Namespace
    operator: running.Operator

    def logged(self, words: str) -> int:
        return self.operator.log.read_text().count(words)

    def image(self) -> str:
        deployment = self.here.get("deployment", "shop-web")
        image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        return image


@pytest.fixture
def place() -> Iterator[Place]:
    try:
        cluster = local_cluster.up("kwok", DIRECTORY)
        log = DIRECTORY / "logs" / "operator-of-a-restored-store.log"
        log.unlink(missing_ok=True)
        operator = running.Operator(operate.install(cluster), log, "--election", "false")
        kubectl = running.kubectl(cluster.kubectl, cluster.kubeconfig)
        here = Namespace(kubectl, f"restored-{uuid.uuid4().hex[:8]}")
        kubectl("create", "namespace", here.name)
        try:
            operator.start()
            yield Place(here, operator)
        finally:
            operator.kill()
    finally:
        local_cluster.down(DIRECTORY)


def back_up() -> None:
    """Copy the store as a power cut would leave it."""
    etcd = state.load(DIRECTORY).processes["etcd"]["pid"]
    os.kill(etcd, signal.SIGSTOP)
    try:
        shutil.copytree(STORE, BACKUP)
    finally:
        os.kill(etcd, signal.SIGCONT)


def restore() -> None:
    """Put the copy back, as the manuals say: with everything stopped that has a cache of it."""
    components.stop(state.load(DIRECTORY), ["kwok"])
    control_plane.stop(state.load(DIRECTORY))
    shutil.rmtree(STORE)
    shutil.copytree(BACKUP, STORE)
    local_cluster.up("kwok", DIRECTORY)


@pytest.mark.fault("F16")
def test_a_store_that_was_set_back_is_believed(place: Place) -> None:
    here = place.here
    here.release(application(), process("web", "web"), process("old", "worker"))
    back_up()
    here.kubectl("delete", "pproc", "old")
    here.apply(process("new", "worker"))
    for number in range(40):
        change = {"spec": {"displayName": f"number {number}"}}
        here.patch("pproc", "web", change)
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
    here.wait("prel/shop-2", "jsonpath={.status.state}=success")
    here.wait("deployment/shop-new", "create")

    restore()
    running.until(lambda: place.logged(KNEW) > 1, seconds=40)
    # Right after its start the server may not know our kinds yet: that is noticed at once.
    assert place.logged("history was set back") or place.logged("stops all work")
    assert place.image() == f"{IMAGE}:v1"
    here.kubectl("get", "deployment", "shop-old")
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v3"}})
    here.wait("prel/shop-2", "jsonpath={.status.state}=success")
    assert place.image() == f"{IMAGE}:v3"
    assert here.kubectl("get", "deployment,prel", "-o", "name").split() == [
        "deployment.apps/shop-old",
        "deployment.apps/shop-web",
        "processrelease.process-operator.dev/shop-1",
        "processrelease.process-operator.dev/shop-2",
    ]
    assert not place.operator.has_ended
    assert "Traceback" not in place.operator.log.read_text()
