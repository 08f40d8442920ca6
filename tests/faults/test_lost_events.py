"""Events of our own objects, and of ConfigMaps, that never come: all is found all the same."""

import asyncio
import json
import uuid
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

import local_cluster
import operate
import running
from faults.proxy import Proxy, Write
from process_operator.kube import names
from userside import Namespace, application, process

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "build" / "cluster-faults" / "lost-events"
EVERY = frozenset({"ADDED", "MODIFIED", "DELETED"})


class Losing(Proxy):
    """Loses events of our own kinds and of ConfigMaps, and passes the bookmarks after them on."""

    lost: frozenset[str] = frozenset()

    async def _pass(
        self, request: web.Request, body: bytes, write: Write | None = None
    ) -> web.StreamResponse:
        is_lossy = names.GROUP in request.path or request.path.endswith("/configmaps")
        if "watch" not in request.query or not is_lossy:
            return await super()._pass(request, body, write)
        async with self._ask(request, body) as answer:
            passed = web.StreamResponse(status=answer.status)
            await passed.prepare(request)
            try:
                async for line in answer.content:
                    if answer.status != 200 or json.loads(line)["type"] not in self.lost:
                        await passed.write(line)
                await passed.write_eof()
            except (ConnectionError, aiohttp.ClientError):
                pass
            return passed


_SWEEPING = """
import datetime, sys
from process_operator import __main__
from process_operator.cluster import informer
from process_operator.controller import operator
operator.SWEEP = datetime.timedelta(seconds=5)
informer._RELIST_SECONDS = 5.0
sys.exit(__main__.main())
"""


class Sweeping(running.Operator):
    """Looks for what was not told every five seconds instead of every five minutes."""

    program = ("-c", _SWEEPING)


def told(here: Namespace, way: Losing, operator: running.Operator) -> None:
    """Do what is not told to the operator, and see that it knows."""

    def applied(deployment: str) -> int:
        return operator.log.read_text().count(f"{here.name}/{deployment} applied")

    def has(deployment: str) -> bool:
        return deployment in here.kubectl("get", "deployment", "-o", "name")

    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}
    used = [{"configMapRef": {"name": "settings"}}]
    here.apply(settings, application("other"), process("resident", "worker", of="other"))
    here.release(application(), process("web", "web", envFrom=used), process("roving", "worker"))
    here.wait_reason("papp/other", "Released")

    way.lost = frozenset({"DELETED"})
    here.kubectl("delete", "pproc", "roving")
    here.apply(process("roving", "worker", of="other"))
    here.wait_reason("pproc/roving", "AwaitingRelease")
    # The garbage collector looks for new kinds, such as ours, every half minute.
    running.until(lambda: not has("shop-roving"))
    here.kubectl("annotate", "papp", "shop", "somebody.example/looks=again")
    made = applied("shop-roving")

    way.lost = EVERY
    here.patch("configmap", "settings", {"data": {"LEVEL": "debug"}})
    here.wait("pproc/web", "jsonpath={.status.pending[0].field}=ConfigMap/settings")
    here.patch("papp", "shop", {"spec": {"suspend": True}})
    here.apply(process("late", "worker", of="other"))
    here.wait("deployment/shop-web", "jsonpath={.spec.replicas}=0")
    here.wait_reason("pproc/late", "AwaitingRelease")
    assert (made, applied("shop-roving"), has("shop-roving")) == (1, 1, False)
    assert operator.log.read_text().count("was not told by the watch") >= 2


@pytest.mark.first
@pytest.mark.fault("F12")
async def test_what_was_not_told_is_found_and_what_is_gone_is_not_made_again() -> None:
    try:
        cluster = await asyncio.to_thread(local_cluster.up, "kwok", DIRECTORY)
        kubeconfig = await asyncio.to_thread(operate.install, cluster)
        kubectl = running.kubectl(cluster.kubectl, cluster.kubeconfig)
        here = Namespace(kubectl, f"lost-{uuid.uuid4().hex[:8]}")
        await asyncio.to_thread(kubectl, "create", "namespace", here.name)
        async with Losing(kubeconfig, DIRECTORY / "proxy") as way:
            log = DIRECTORY / "logs" / "operator-that-loses-events.log"
            log.unlink(missing_ok=True)
            operator = Sweeping(way.kubeconfig, log, "--election", "false")
            try:
                await asyncio.to_thread(operator.start)
                await asyncio.to_thread(told, here, way, operator)
            finally:
                await asyncio.to_thread(operator.kill)
    finally:
        await asyncio.to_thread(local_cluster.down, DIRECTORY)
