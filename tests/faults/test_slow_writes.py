"""A server whose writes are slow, and much to write: the leader goes on leading."""

import asyncio
import contextlib
import uuid
from pathlib import Path

import pytest
from aiohttp import web

import connecting
import local_cluster
import operate
import running
from faults.proxy import Proxy
from process_operator.cluster import client
from process_operator.kube import names
from userside import IMAGE, application, process

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "build" / "cluster-faults" / "slow-writes"
APPLICATIONS = 20
PROCESSES = 16
SLOW_SECONDS = 3.0
"""What a write of a child takes: those of 20 workers, 64 at a time, would take 15 seconds."""


class Slow(Proxy):
    """Lets every write of a child wait."""

    writes = 0

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "PATCH" and "/deployments/" in request.path:
            self.writes += 1
            await asyncio.sleep(SLOW_SECONDS)
        return await super()._handle(request)


async def create_all(api: client.Cluster, namespace: str) -> None:
    """Make all processes, then what lets them be released."""
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    await api.create(space)
    shops = [f"shop{number}" for number in range(APPLICATIONS)]
    everything = [
        {**one, "metadata": {"name": f"{shop}-{one['metadata']['name']}", "namespace": namespace}}
        for shop in shops
        for one in (process(f"w{number}", "worker", of=shop) for number in range(PROCESSES))
    ]
    await asyncio.gather(*(api.create(one) for one in everything))
    for shop in shops:
        about = {"name": shop, "namespace": namespace}
        await api.create({**application(shop, image=f"{IMAGE}:v1"), "metadata": about})


@pytest.mark.fault("F6", "F18")
async def test_the_lead_is_kept_while_hundreds_of_slow_writes_wait() -> None:
    log = DIRECTORY / "logs" / "operator-with-slow-writes.log"
    namespace = f"slow-{uuid.uuid4().hex[:8]}"
    try:
        cluster = await asyncio.to_thread(local_cluster.up, "kwok", DIRECTORY)
        kubeconfig = await asyncio.to_thread(operate.install, cluster)
        log.unlink(missing_ok=True)
        async with Slow(kubeconfig, DIRECTORY / "proxy") as slow:
            operator = running.Operator(slow.kubeconfig, log)
            try:
                await asyncio.to_thread(operator.start)
                async with client.Cluster(connecting.connection(cluster.kubeconfig)) as api:
                    await create_all(api, namespace)
                    enough = APPLICATIONS * PROCESSES * 3 // 4
                    await asyncio.to_thread(
                        running.until, lambda: slow.writes >= enough, seconds=70
                    )
                    assert not operator.has_ended
                    said = log.read_text()
                    assert said.count("won the lead") == 1
                    assert "could not use the Lease" not in said
                    lease = await api.get("Lease", operate.NAMESPACE, names.OPERATOR)
                    assert lease["spec"]["holderIdentity"].endswith(f"-{operator.pid}")
            finally:
                with contextlib.suppress(ProcessLookupError):
                    operator.kill()
    finally:
        await asyncio.to_thread(local_cluster.down, DIRECTORY)
