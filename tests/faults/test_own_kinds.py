"""Kinds of our own that are not there, go, come back, or may not be read: nobody acts blindly."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

import audit
import local_cluster
import operate
import running
from faults.proxy import Proxy
from process_operator.kube import names
from process_operator.kube.kinds import KINDS
from userside import Namespace, application, process

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "build" / "cluster-faults"
CRDS = [f"crd/{KINDS[kind].plural}.{names.GROUP}" for kind in names.OWN_KINDS]
WAITS = "waits for its own kinds"
FOUND = "found all of its own kinds"


@dataclass(frozen=True, slots=True)
class Installation:
    """A cluster of the test's own, and an operator for it that has not been started."""

    cluster: local_cluster.Cluster
    operator: running.Operator
    here: Namespace

    def leads(self) -> bool:
        lease = ("get", "lease", "-n", operate.NAMESPACE, names.OPERATOR, "--ignore-not-found")
        holder = self.here.kubectl(*lease, "-o", "jsonpath={.spec.holderIdentity}")
        return holder.endswith(f"-{self.operator.pid}")

    def is_ready(self) -> bool:
        return self.operator.readiness()[0] == 200

    def unready(self, *words: str) -> bool:
        status, text = self.operator.readiness()
        return status == 503 and all(word in text for word in words)

    def writes(self) -> list[str]:
        assert self.cluster.audit_log is not None
        return audit.writes(self.cluster.audit_log, self.here.name)

    def owner(self, kind: str) -> str:
        owner: str = self.here.get(kind, "shop-web")["metadata"]["ownerReferences"][0]["uid"]
        return owner

    def logged(self, words: str) -> int:
        return self.operator.log.read_text().count(words)


@pytest.fixture
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    directory = DIRECTORY / request.node.name[:20]
    try:
        cluster = local_cluster.up("kwok", directory)
        operate.apply_rights(cluster, "deploy/install.yaml")
        kubeconfig = local_cluster.service_account_kubeconfig(
            cluster, operate.NAMESPACE, names.OPERATOR, directory / "operator.kubeconfig"
        )
        log = directory / "logs" / "operator.log"
        log.unlink(missing_ok=True)
        operator = running.Operator(kubeconfig, log)
        kubectl = running.kubectl(cluster.kubectl, cluster.kubeconfig)
        here = Namespace(kubectl, f"kinds-{uuid.uuid4().hex[:8]}")
        kubectl("create", "namespace", here.name)
        try:
            yield Installation(cluster, operator, here)
        finally:
            operator.kill()
    finally:
        local_cluster.down(directory)


@pytest.mark.fault("F8")
def test_nothing_begins_before_every_own_kind_is_served(installation: Installation) -> None:
    installation.operator.launch()
    missing = [f"{kind}: not served by the cluster" for kind in names.OWN_KINDS]
    running.until(
        lambda: installation.unready(WAITS, *missing, "kubectl apply -f crds/"), seconds=15
    )
    assert installation.operator.probe("healthz") == (200, "ok\n")
    assert installation.operator.stop() == 0

    installation.operator.launch()
    running.until(lambda: installation.unready(WAITS), seconds=15)
    assert not installation.leads()
    assert installation.logged(WAITS) == 2
    operate.install(installation.cluster)
    running.until(installation.is_ready, seconds=10)
    assert installation.logged(FOUND) == 1
    installation.here.release(application(), process("web", "web"))
    assert installation.leads()
    assert installation.operator.stop() == 0
    assert not installation.leads()


@pytest.mark.fault("F8")
def test_kinds_that_go_and_come_back_are_watched_again_and_the_old_is_forgotten(
    installation: Installation,
) -> None:
    operate.install(installation.cluster)
    installation.operator.start()
    installation.here.release(application(), process("web", "web"))
    old, found = installation.owner("deployment"), installation.logged(FOUND)

    installation.here.kubectl("delete", *CRDS)
    running.until(lambda: installation.unready("Process: not served by the cluster"), seconds=15)
    running.until(lambda: not installation.leads(), seconds=5)
    written = installation.writes()
    # While the kind of their owner is away the garbage collector leaves alone the children that it
    # has not removed before; an operator that acts on what it remembers would make this one again.
    installation.here.kubectl("delete", "deployment", "shop-web", "--ignore-not-found")
    operate.install(installation.cluster)
    running.until(installation.is_ready, seconds=10)
    running.until(installation.leads, seconds=10)
    assert installation.writes() == written
    installation.here.release(application(), process("web", "web"))
    installation.here.wait("pproc/web", "condition=Ready")
    new = installation.here.get("pproc", "web")["metadata"]["uid"]
    assert installation.owner("deployment") == installation.owner("service") == new != old
    assert not installation.operator.has_ended
    assert installation.logged("stops all work: ") == 1
    assert installation.logged(FOUND) == found + 1
    assert "Traceback" not in installation.operator.log.read_text()


@pytest.mark.fault("F8")
def test_a_kind_that_may_not_be_read_is_neither_ready_nor_led(installation: Installation) -> None:
    every = [KINDS[kind].plural for kind in names.OWN_KINDS]

    def permit(resources: list[str], *verbs: str) -> None:
        rule = {"apiGroups": [names.GROUP], "resources": resources, "verbs": ["get", *verbs]}
        change = json.dumps([{"op": "replace", "path": "/rules/0", "value": rule}])
        installation.here.kubectl(
            "patch", "clusterrole", names.OPERATOR, "--type=json", "-p", change
        )

    def runs_well() -> bool:
        return installation.is_ready() and installation.leads()

    operate.install(installation.cluster)
    permit(every, "list")
    installation.operator.launch()
    right = "ProcessRun: the right is missing to {} processruns.process-operator.dev"
    remedy = "give it the rights of its chart, or of deploy/install.yaml"
    running.until(lambda: installation.unready(WAITS, right.format("watch"), remedy), seconds=15)
    assert not installation.leads()
    permit(every, "list", "watch")
    running.until(runs_well, seconds=20)

    permit(every[:-1], "list", "watch")
    running.until(lambda: installation.unready(right.format("list"), remedy), seconds=60)
    running.until(lambda: not installation.leads(), seconds=5)
    permit(every, "list", "watch")
    running.until(runs_well, seconds=20)
    assert not installation.operator.has_ended
    assert "Traceback" not in installation.operator.log.read_text()


class Breaking(Proxy):
    """Ends one watch of processes with an error that Kopf does not go on from.

    It does so while another watch is asked for and not answered yet: a request that waits for its
    answer is the one that Kopf lets go on when it is cancelled.
    """

    is_armed = False

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        super().__init__(kubeconfig, folder)
        self._is_waiting = asyncio.Event()
        self._is_broken = asyncio.Event()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if self.is_armed and "watch" in request.query:
            if request.path.endswith("/processes"):
                await self._is_waiting.wait()
                self.is_armed = False
                self._is_broken.set()
                status = {"kind": "Status", "apiVersion": "v1", "code": 500, "message": "broken"}
                return web.Response(text=json.dumps({"type": "ERROR", "object": status}) + "\n")
            if request.path.endswith("/processapplications"):
                self._is_waiting.set()
                await self._is_broken.wait()
                await asyncio.sleep(_LONGER_THAN_KOPF_TAKES)
        return await super()._handle(request)


_LONGER_THAN_KOPF_TAKES = 2.0
"""Seconds for which a watch stays unanswered after another one has failed."""


@pytest.mark.fault("F8")
async def test_a_watch_that_ends_in_an_error_is_begun_anew_with_all_the_others(
    installation: Installation,
) -> None:
    directory = installation.cluster.directory
    kubeconfig = await asyncio.to_thread(operate.install, installation.cluster)
    async with Breaking(kubeconfig, directory / "proxy") as way:
        operator = running.Operator(way.kubeconfig, directory / "logs" / "operator.log")
        proxied = Installation(installation.cluster, operator, installation.here)

        def leads_for_the(number: int) -> bool:
            return proxied.leads() and proxied.logged("won the lead") == number

        try:
            await asyncio.to_thread(operator.launch)
            await asyncio.to_thread(running.until, lambda: leads_for_the(1), seconds=30)
            way.is_armed = True
            await asyncio.to_thread(running.until, lambda: leads_for_the(2), seconds=30)
            assert proxied.logged("begins anew because Kopf has ended") == 1
            assert await asyncio.to_thread(proxied.is_ready)
            assert await asyncio.to_thread(operator.stop) == 0
        finally:
            operator.kill()
