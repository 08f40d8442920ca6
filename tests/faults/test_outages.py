"""The server goes, the Lease cannot be renewed, the operator's machine stands still or is full.

Each test has a cluster and an elected operator of its own. What was asked for meanwhile is done
once the fault has ended; until then nobody acts blindly, and the probes say so.
"""

import asyncio
import os
import resource
import signal
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

import local_cluster
import operate
import running
from faults import weather
from local_cluster import components, state
from userside import IMAGE, Namespace, application, process

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "build" / "cluster-faults"
LEASE_SECONDS = 15
WON = "won the lead"


@dataclass(frozen=True, slots=True)
class Place:
    """A namespace in which an application serves, and its operator behind a proxy."""

    here: Namespace
    operator: running.Operator
    way: weather.Weathered
    directory: Path

    def said(self, words: str) -> int:
        return self.operator.log.read_text().count(words)

    def ready(self) -> bool:
        return self.operator.readiness()[0] == 200

    def ask(self, image: str) -> None:
        self.here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:{image}"}})

    def serves(self, image: str) -> bool:
        deployment = self.here.get("deployment", "shop-web")
        found: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        return found == f"{IMAGE}:{image}"


@asynccontextmanager
async def place(name: str) -> AsyncIterator[Place]:
    directory = DIRECTORY / name
    try:
        cluster = await asyncio.to_thread(local_cluster.up, "kwok", directory)
        kubeconfig = await asyncio.to_thread(operate.install, cluster)
        kubectl = running.kubectl(cluster.kubectl, cluster.kubeconfig)
        here = Namespace(kubectl, f"faults-{uuid.uuid4().hex[:8]}")
        await asyncio.to_thread(kubectl, "create", "namespace", here.name)
        log = directory / "logs" / "operator.log"
        log.unlink(missing_ok=True)
        async with weather.Weathered(kubeconfig, directory / "proxy") as way:
            operator = running.Operator(way.kubeconfig, log)
            try:
                await asyncio.to_thread(operator.start)
                await asyncio.to_thread(here.release, application(), process("web", "web", env=[]))
                yield Place(here, operator, way, directory)
                assert "Traceback" not in log.read_text()
            finally:
                await asyncio.to_thread(operator.kill)
    finally:
        await asyncio.to_thread(local_cluster.down, directory)


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    await asyncio.to_thread(running.until, condition, seconds=seconds)


class Only(weather.Weather):
    """Answers either only what is asked of the Lease, or only everything else."""

    def __init__(self, *, the_lease: bool) -> None:
        self._the_lease = the_lease

    async def meet(self, way: weather.Weathered, request: web.Request) -> weather.Answer:
        if ("/leases/" in request.path) == self._the_lease or "watch" in request.query:
            return await way.through(request)
        return await weather.status(500, "InternalError", "no")(way, request)


@pytest.mark.fault("F18", quick=False)
async def test_whoever_cannot_renew_the_lease_ceases_to_act_until_he_can() -> None:
    async with place("lease") as now:
        now.way.weather = Only(the_lease=False)
        await until(lambda: not now.ready(), LEASE_SECONDS + 10)
        await asyncio.to_thread(now.ask, "v2")
        await asyncio.sleep(3)
        assert not await asyncio.to_thread(now.serves, "v2")
        now.way.weather = None
        await until(lambda: now.said(WON) == 2)
        await until(lambda: now.serves("v2"))


@pytest.mark.fault("F18", quick=False)
async def test_whoever_can_renew_the_lease_alone_keeps_it_and_goes_on_when_he_can() -> None:
    async with place("only-lease") as now:
        now.way.weather = Only(the_lease=True)
        await asyncio.to_thread(now.ask, "v2")
        await asyncio.sleep(LEASE_SECONDS + 5)
        now.way.weather = None
        await until(lambda: now.serves("v2"))
        assert now.said(WON) == 1


@pytest.mark.parametrize("seconds", [20, 90])
@pytest.mark.fault("F15", quick=False)
async def test_a_server_that_was_away_is_served_again_at_once(seconds: int) -> None:
    async with place(f"away-{seconds}") as now:
        await asyncio.to_thread(components.stop, state.load(now.directory), ["kube-apiserver"])
        lines = len(now.operator.log.read_text().splitlines())
        await until(lambda: not now.ready(), 20)
        await asyncio.sleep(seconds)
        said = len(now.operator.log.read_text().splitlines()) - lines
        assert said < 10 * seconds, "it does not cease to say so"
        await asyncio.to_thread(local_cluster.up, "kwok", now.directory)
        await asyncio.to_thread(now.ask, "v2")
        await until(lambda: now.said(WON) == 2)
        await until(lambda: now.serves("v2"), 30)


@pytest.mark.fault("F26", "F17", quick=False)
async def test_an_operator_that_stood_still_for_half_a_minute_begins_anew() -> None:
    async with place("still") as now:
        os.kill(now.operator.pid, signal.SIGSTOP)
        await asyncio.to_thread(now.ask, "v2")
        await asyncio.sleep(30)
        os.kill(now.operator.pid, signal.SIGCONT)
        await until(lambda: now.said(WON) == 2)
        await until(lambda: now.serves("v2"))


@pytest.mark.fault("F26", quick=False)
async def test_without_a_file_descriptor_it_waits_for_one() -> None:
    async with place("descriptors") as now:
        pid = now.operator.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        # Not one more than it has.
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        await asyncio.to_thread(now.ask, "v2")
        # Its connections are closed by and by, and none can be opened in their place.
        await asyncio.sleep(20)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        await until(lambda: now.serves("v2"))
        await until(now.ready)
