"""`make bench N=1000`: what the operator costs, beside a client that only writes.

On a fresh kwok cluster: real API server and controllers, pods by stages. Counts of writes are
exact, from the audit log, and are held against the targets: the exit code is 1 where they are
missed. Times depend on the machine and are only told, with their targets and the floor of the same
run beside them. While everything is created and changed, one user of his own namespace changes an
application too: how long he waits is told.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

import connecting
import local_cluster
import operate
import running
from bench import bystander, floor, observing, workload
from bench.bystander import Bystander
from bench.report import Floor, Phase, Result, report
from local_cluster import kubeconfigs
from process_operator.cluster import client
from process_operator.kube import names

ROOT = Path(__file__).parents[2]
USER = "system:serviceaccount:process-operator:process-operator"
FLOOR = "floor-of-"
"""Before the name of a namespace: where the same is written as floor."""
MAX_FLOOR = 2000
"""Processes, above which no floor is measured: it doubles what the server holds, and a Service
costs the more the more there are."""
PER_TYPE = {"web": 5, "worker": 2, "cron": 2}
"""Writes on create of a process, its status included."""
PER_RELEASE = 4
"""Writes of a release: itself, its start, its end, and the application's status."""
PER_APPLICATION = PER_RELEASE + 1
"""Writes of a first release: the application is marked as released."""
MAX_CHANGE_WRITES = 3.3
"""Writes for a changed process, its part of the release's included; progress that is told while
much is under way is the difference to the 2.8 that are needed."""
FIRST_TOLD = 20
"""Applications that are told how far they are, at creation: the first, before many wait."""
PATIENCE_SECONDS = 900.0
"""For a phase, and for each thousand of processes above the first."""
RESYNC_SECONDS = 65.0


class Bench:
    """One run: its clients, the operator and what was measured."""

    def __init__(self, count: int, made: local_cluster.Cluster) -> None:
        self._count = count
        self._cluster = made
        log = made.directory / "logs" / "operator-under-bench.log"
        log.unlink(missing_ok=True)
        kubeconfig = operate.install(made)
        self._operator = running.Operator(kubeconfig, log, "--resync-seconds", "60")
        if made.audit_log is None:
            raise RuntimeError("the bench needs a cluster with an audit log")
        self._audit = observing.Audit(made.audit_log, USER, leave_out=bystander.NAMESPACE)
        self._namespaces = workload.namespaces(count)
        self._workload = list(workload.applications(count))
        self._patience_seconds = PATIENCE_SECONDS * max(1, count // 1000)
        self._phases: list[Phase] = []

    async def run(self) -> Result:
        """Run all phases."""
        async with client.Cluster(connecting.connection(self._cluster.kubeconfig)) as api:
            for namespace in (*self._namespaces, bystander.NAMESPACE):
                kubeconfigs.kubectl(self._cluster, ["create", "namespace", namespace])
            await asyncio.to_thread(self._operator.start)
            try:
                await self._audit.settled()
                idle_mib = observing.rss_mib(self._operator.pid)
                beside = Bystander(api)
                await beside.come()
                await self._create(api, beside)
                await self._change(api, beside)
                await self._label(api)
                await self._resync()
                await self._restart()
            finally:
                self._operator.stop()
            return Result(
                processes=self._count,
                phases=self._phases,
                floor=await self._floor(api) if self._count <= MAX_FLOOR else None,
                idle_mib=idle_mib,
            )

    async def _phase(
        self, name: str, needed: int, work: Awaitable[Any], *, target: int | None = None
    ) -> Phase:
        at_most = needed if target is None else target
        phase = Phase(name=name, processes=self._count, needed=needed, target=at_most)
        before, started = observing.cpu_seconds(self._operator.pid), time.monotonic()
        looks = observing.looks(self._operator.address)
        phase.latency_ms, phase.beside_ms = await work or (None, None)
        phase.wall_seconds = time.monotonic() - started
        phase.writes = await self._audit.settled()
        phase.cpu_ms = (observing.cpu_seconds(self._operator.pid) - before) * 1000
        phase.looks = observing.looks(self._operator.address) - looks
        phase.rss_mib = observing.rss_mib(self._operator.pid)
        self._phases.append(phase)
        _say(phase.line)
        return phase

    async def _create(self, api: client.Cluster, beside: Bystander) -> None:
        kinds = Counter(one["spec"]["type"] for _, members in self._workload for one in members)
        needed = sum(PER_TYPE[kind] * count for kind, count in kinds.items())
        needed += PER_APPLICATION * len(self._workload)
        applied: dict[str, float] = {}

        async def make(application: dict[str, Any], members: Sequence[dict[str, Any]]) -> None:
            for one in members:
                await api.create(one)
            await api.create(application)
            applied[application["metadata"]["name"]] = time.monotonic()

        def is_one_of_us(body: Any) -> bool:
            is_bystander = body["metadata"]["namespace"] == bystander.NAMESPACE
            return observing.is_ready(body) and not is_bystander

        async def work() -> list[float]:
            async with observing.Watcher(api, is_one_of_us) as watcher:
                todo = (make(application, members) for application, members in self._workload)
                await floor.in_flight(todo, floor.IN_FLIGHT)
                await watcher.all_seen(self._count, seconds=self._patience_seconds)
            return _waits(watcher.seen, applied)

        target = needed + min(FIRST_TOLD, len(self._workload))
        await self._phase("create", needed, _both(beside, work()), target=target)

    async def _change(self, api: client.Cluster, beside: Bystander) -> None:
        """Give every application a new image."""
        started: dict[str, float] = {}
        image = "registry.example.com/app:2"

        async def patch(namespace: str, name: str) -> None:
            operation = {"op": "replace", "path": "/spec/image", "value": image}
            await api.json_patch(names.APPLICATION_KIND, namespace, name, [operation])
            started[name] = time.monotonic()

        def has_changed(body: Any) -> bool:
            return observing.is_ready(body) and bool(body["status"].get("image") == image)

        async def work() -> list[float]:
            metadata = [one["metadata"] for one, _ in self._workload]
            async with observing.Watcher(api, has_changed) as watcher:
                todo = (patch(one["namespace"], one["name"]) for one in metadata)
                await floor.in_flight(todo, floor.IN_FLIGHT)
                await watcher.all_seen(self._count, seconds=self._patience_seconds)
            return _waits(watcher.seen, started)

        # Of each process its workload and its status.
        needed = 2 * self._count + PER_RELEASE * len(self._workload)
        target = int(MAX_CHANGE_WRITES * self._count)
        await self._phase("change", needed, _both(beside, work()), target=target)

    async def _label(self, api: client.Cluster) -> None:
        """Let somebody put a label and an annotation of theirs on everything."""

        async def label(one: dict[str, Any]) -> None:
            metadata = one["metadata"]
            mark = {"somebody.example.com/mark": "theirs"}
            manifest = {
                **{name: one[name] for name in ("apiVersion", "kind")},
                "metadata": {
                    "name": metadata["name"],
                    "namespace": metadata["namespace"],
                    "labels": mark,
                    "annotations": mark,
                },
            }
            live = await api.get(one["kind"], metadata["namespace"], metadata["name"])
            await api.replace({**live, "metadata": {**live["metadata"], **_marked(live, manifest)}})

        async def work() -> None:
            for namespace in self._namespaces:
                objects = await floor.written(api, namespace)
                await floor.in_flight((label(one) for one in objects), floor.IN_FLIGHT)

        await self._phase("foreign label", 0, work())

    async def _resync(self) -> None:
        """Wait through a full comparison, which comes once a minute here."""
        await self._phase("resync", 0, asyncio.sleep(RESYNC_SECONDS))

    async def _restart(self) -> None:
        self._operator.kill()
        begun = time.monotonic()
        await asyncio.to_thread(self._operator.start, seconds=self._patience_seconds)
        phase = Phase(name="restart", processes=self._count)
        phase.wall_seconds = time.monotonic() - begun
        # A new leader waits until the old one's Lease has run out.
        phase.writes = await self._audit.settled(seconds=25)
        phase.cpu_ms = observing.cpu_seconds(self._operator.pid) * 1000
        phase.looks = observing.looks(self._operator.address)
        phase.rss_mib = observing.rss_mib(self._operator.pid)
        self._phases.append(phase)
        _say(phase.line)

    async def _floor(self, api: client.Cluster) -> Floor:
        """Write the same objects without the operator, and wait until all is rolled out."""
        objects = []
        for namespace in self._namespaces:
            kubeconfigs.kubectl(self._cluster, ["create", "namespace", FLOOR + namespace])
            found = await floor.written(api, namespace)
            objects += [one for one in found if not one["metadata"]["name"].endswith("-2")]
        deployments = sum(one["kind"] == "Deployment" for one in objects)

        def is_available(body: Any) -> bool:
            is_ours = body["metadata"]["namespace"].startswith(FLOOR)
            return is_ours and bool(body.get("status", {}).get("availableReplicas"))

        async with observing.Watcher(api, is_available, kind="Deployment") as watcher:
            started, cpu_started = time.monotonic(), time.process_time()
            await floor.write(api, objects, FLOOR)
            cpu_ms = (time.process_time() - cpu_started) * 1000
            await watcher.all_seen(deployments, seconds=self._patience_seconds)
            seconds = time.monotonic() - started
        return Floor(seconds=seconds, cpu_ms_per_process=cpu_ms / self._count)


async def _both(
    beside: Bystander, work: Awaitable[list[float]]
) -> tuple[tuple[float, float], tuple[float, float]]:
    waits, changes = await beside.beside(work)
    return observing.percentiles(waits), observing.percentiles(changes)


def _waits(seen: dict[tuple[str, str], float], since: dict[str, float]) -> list[float]:
    """Return how many milliseconds each process took since its application was written."""
    return [(at - since["-".join(name.split("-")[:2])]) * 1000 for (_, name), at in seen.items()]


def _marked(live: Any, marked: Any) -> dict[str, Any]:
    return {
        name: {**(live["metadata"].get(name) or {}), **marked["metadata"][name]}
        for name in ("labels", "annotations")
    }


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Run the bench; return 1 where more was written than has to be."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--n", type=int, default=1000, help="processes")
    count = parser.parse_args().n
    directory = ROOT / "build" / "cluster-bench"
    local_cluster.down(directory)
    made = local_cluster.up("kwok", directory)
    try:
        result = asyncio.run(Bench(count, made).run())
    finally:
        local_cluster.down(directory)
    print(report(result, directory.parent))
    result.save(directory.parent)
    return 0 if result.is_met else 1


if __name__ == "__main__":
    sys.exit(main())
