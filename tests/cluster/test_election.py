import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import connecting
from process_operator.cluster.client import Cluster
from process_operator.cluster.leader_election import Election, Timing

QUICK = Timing(duration=5, renew=4.0, retry=0.3, call=2.5)
LONGER = QUICK.duration + 1.0
"""Within this time a standby would have taken a Lease that nobody renews."""


@pytest.fixture
async def server(kubeconfig: Path) -> AsyncIterator[Cluster]:
    async with Cluster(connecting.connection(kubeconfig)) as opened:
        yield opened


class Candidate:
    def __init__(self, server: Cluster, namespace: str, identity: str) -> None:
        self.started = asyncio.Event()
        self.lost = asyncio.Event()
        self.election = Election(
            server, namespace=namespace, name="operator", identity=identity, timing=QUICK
        )
        self.task = asyncio.create_task(
            self.election.run(on_started=self.started.set, on_lost=self._lost)
        )

    async def _lost(self) -> None:
        self.lost.set()

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_the_lead_is_won_renewed_and_handed_over_by_a_real_lease(
    server: Cluster, namespace: str
) -> None:
    first = Candidate(server, namespace, "first")
    async with asyncio.timeout(10):
        await first.started.wait()
    second = Candidate(server, namespace, "second")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(second.started.wait(), timeout=LONGER)
    lease = await server.get("Lease", namespace, "operator")
    assert lease["spec"]["holderIdentity"] == "first"
    assert lease["spec"]["renewTime"] > lease["spec"]["acquireTime"]

    await first.leave()
    assert first.lost.is_set()
    async with asyncio.timeout(10):
        await second.started.wait()
    spec = (await server.get("Lease", namespace, "operator"))["spec"]
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"]) == ("second", QUICK.duration)
    await second.leave()


async def test_of_candidates_that_start_together_exactly_one_wins(
    server: Cluster, namespace: str
) -> None:
    candidates = [Candidate(server, namespace, f"replica-{number}") for number in range(8)]
    waits = [asyncio.create_task(one.started.wait()) for one in candidates]
    async with asyncio.timeout(10):
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait(waits, timeout=LONGER)
    assert sum(one.election.leading for one in candidates) == 1
    assert sum(one.started.is_set() for one in candidates) == 1
    for waiting in waits:
        waiting.cancel()
    for one in candidates:
        await one.leave()
