"""`make bench N=1000`: what the operator costs, beside a client that only writes.

On a fresh kwok cluster: real API server and controllers, pods by stages. Counts of writes are
exact, from the audit log, and are held against the targets: the exit code is 1 where they are
missed. Times depend on the machine and are only told, with their targets and the floor of the same
run beside them.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import connecting
import local_cluster
import operate
import running
from bench import floor, observing, workload
from local_cluster import kubeconfigs
from process_operator.cluster import client
from process_operator.kube import names

ROOT = Path(__file__).parents[2]
USER = "system:serviceaccount:process-operator:process-operator"
BENCH, FLOOR = "bench", "bench-floor"
PER_TYPE = {"web": 5, "worker": 2, "cron": 2}
"""Writes on create of a process, its status included."""
PER_RELEASE = 4
"""Writes of a release: itself, its start, its end, and the application's status."""
PER_APPLICATION = PER_RELEASE + 1
"""Writes of a first release: the application is marked as released."""
MAX_CHANGE_WRITES = 3.3
"""Writes for a changed process, its part of the release's included; progress that is told while
much is under way is the difference to the 2.8 that are needed."""
MAX_CPU_MS = {"create": 5.0, "change": 7.0, "foreign label": 2.0, "resync": 0.5}
"""The operator's own CPU per process, by phase."""
MAX_MEDIAN_OF_WALL = 0.60
"""When half of the processes are Ready, as a part of the time until all are: work that has begun
ends first."""
MAX_OF_FLOOR = 1.10
"""Time to create everything, beside the floor's."""
PATIENCE_SECONDS = 900.0
RESYNC_SECONDS = 65.0


@dataclass(slots=True, kw_only=True)
class Phase:
    """What one phase has cost."""

    name: str
    processes: int
    writes: Counter[str] = field(default_factory=Counter)
    needed: int = 0
    target: int = 0
    """How many writes it may take."""
    wall_seconds: float = 0.0
    cpu_ms: float = 0.0
    rss_mib: float = 0.0
    latency_ms: tuple[float, float] | None = None
    """p50 and p99 from apply to Ready."""

    @property
    def is_met(self) -> bool:
        """Whether no more was written than may be."""
        return self.writes.total() <= self.target

    @property
    def cpu_ms_per_process(self) -> float:
        """The operator's own CPU for each process."""
        return self.cpu_ms / self.processes

    @property
    def cpu_ms_per_write(self) -> float | None:
        """The operator's own CPU for each write; None where nothing was written."""
        return self.cpu_ms / self.writes.total() if self.writes else None


@dataclass(frozen=True, slots=True)
class Target:
    """One figure, and what it is to be at most."""

    name: str
    at_most: float
    reached: float

    def __str__(self) -> str:
        missed = "" if self.reached <= self.at_most else "   MISSED"
        return f"{self.name:<44} {self.at_most:>8.2f} {self.reached:>8.2f}{missed}"


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
        self._audit = observing.Audit(made.audit_log, USER)
        self._workload = list(workload.applications(count, BENCH))
        self.phases: list[Phase] = []
        self.floor_seconds = 0.0
        self.idle_mib = 0.0
        self.restart_seconds = 0.0

    async def run(self) -> None:
        """Run all phases."""
        async with client.Cluster(connecting.connection(self._cluster.kubeconfig)) as api:
            for namespace in (BENCH, FLOOR):
                kubeconfigs.kubectl(self._cluster, ["create", "namespace", namespace])
            await asyncio.to_thread(self._operator.start)
            try:
                await self._audit.settled()
                self.idle_mib = observing.rss_mib(self._operator.pid)
                await self._create(api)
                await self._change(api)
                await self._label(api)
                await self._resync()
                await self._restart()
            finally:
                self._operator.stop()
            self.floor_seconds = await self._floor(api)

    async def _phase(
        self, name: str, needed: int, work: Any, *, target: int | None = None
    ) -> Phase:
        at_most = needed if target is None else target
        phase = Phase(name=name, processes=self._count, needed=needed, target=at_most)
        before, started = observing.cpu_seconds(self._operator.pid), time.monotonic()
        phase.latency_ms = await work
        phase.wall_seconds = time.monotonic() - started
        phase.writes = await self._audit.settled()
        phase.cpu_ms = (observing.cpu_seconds(self._operator.pid) - before) * 1000
        phase.rss_mib = observing.rss_mib(self._operator.pid)
        self.phases.append(phase)
        _say(f"{name}: {phase.writes.total()} writes, {phase.wall_seconds:.1f} s")
        return phase

    async def _create(self, api: client.Cluster) -> None:
        kinds = Counter(one["spec"]["type"] for _, members in self._workload for one in members)
        needed = sum(PER_TYPE[kind] * count for kind, count in kinds.items())
        needed += PER_APPLICATION * len(self._workload)
        applied: dict[str, float] = {}

        async def make(application: dict[str, Any], members: Sequence[dict[str, Any]]) -> None:
            for one in members:
                await api.create(one)
            await api.create(application)
            applied[application["metadata"]["name"]] = time.monotonic()

        async def work() -> tuple[float, float]:
            async with observing.Watcher(api, _runs) as watcher:
                todo = (make(application, members) for application, members in self._workload)
                await floor.in_flight(todo, floor.IN_FLIGHT)
                await watcher.all_seen(self._count, seconds=PATIENCE_SECONDS)
            return _percentiles(watcher.seen, applied)

        await self._phase("create", needed, work())

    async def _change(self, api: client.Cluster) -> None:
        """Give every application a new image."""
        started: dict[str, float] = {}
        image = "registry.example.com/app:2"

        async def patch(name: str) -> None:
            operation = {"op": "replace", "path": "/spec/image", "value": image}
            await api.json_patch(names.APPLICATION_KIND, BENCH, name, [operation])
            started[name] = time.monotonic()

        def has_changed(body: Any) -> bool:
            return _runs(body) and body["status"].get("image") == image

        async def work() -> tuple[float, float]:
            async with observing.Watcher(api, has_changed) as watcher:
                todo = (patch(one["metadata"]["name"]) for one, _ in self._workload)
                await floor.in_flight(todo, floor.IN_FLIGHT)
                await watcher.all_seen(self._count, seconds=PATIENCE_SECONDS)
            return _percentiles(watcher.seen, started)

        # Of each process its workload and its status.
        needed = 2 * self._count + PER_RELEASE * len(self._workload)
        target = int(MAX_CHANGE_WRITES * self._count)
        await self._phase("change", needed, work(), target=target)

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
            objects = await floor.written(api, BENCH)
            await floor.in_flight((label(one) for one in objects), floor.IN_FLIGHT)

        await self._phase("foreign label", 0, work())

    async def _resync(self) -> None:
        """Wait through a full comparison, which comes once a minute here."""
        await self._phase("resync", 0, asyncio.sleep(RESYNC_SECONDS))

    async def _restart(self) -> None:
        self._operator.kill()
        begun = time.monotonic()
        await asyncio.to_thread(self._operator.start)
        self.restart_seconds = time.monotonic() - begun
        phase = Phase(name="restart", processes=self._count)
        # A new leader waits until the old one's Lease has run out.
        phase.writes = await self._audit.settled(seconds=25)
        phase.wall_seconds = self.restart_seconds
        phase.cpu_ms = observing.cpu_seconds(self._operator.pid) * 1000
        phase.rss_mib = observing.rss_mib(self._operator.pid)
        self.phases.append(phase)
        _say(f"restart: {phase.writes.total()} writes, ready after {self.restart_seconds:.1f} s")

    async def _floor(self, api: client.Cluster) -> float:
        """Write the same objects, after the operator has ended, with nothing watched."""
        objects = await floor.written(api, BENCH)
        first = [one for one in objects if not one["metadata"]["name"].endswith("-2")]
        return await floor.write(api, first, FLOOR)


def _marked(live: Any, marked: Any) -> dict[str, Any]:
    return {
        name: {**(live["metadata"].get(name) or {}), **marked["metadata"][name]}
        for name in ("labels", "annotations")
    }


def _runs(body: Any) -> bool:
    conditions = (body.get("status") or {}).get("conditions") or ()
    return any(
        one["type"] == "Ready" and one["status"] == "True" and one["reason"] != "AwaitingRelease"
        for one in conditions
    )


def _percentiles(
    seen: dict[tuple[str, str], float], since: dict[str, float]
) -> tuple[float, float]:
    took = sorted(
        (at - since["-".join(name.split("-")[:2])]) * 1000 for (_, name), at in seen.items()
    )
    cuts = statistics.quantiles(took, n=100) if len(took) > 1 else [took[0]] * 99
    return cuts[49], cuts[98]


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def _table(phases: Iterable[Phase]) -> Iterator[str]:
    yield (
        f"{'phase':<14} {'writes':>7} {'needed':>7} {'target':>7} {'wall s':>7} {'CPU ms':>8} "
        f"{'ms/process':>10} {'ms/write':>8} {'RSS MiB':>8} {'p50 ms':>8} {'p99 ms':>8}"
    )
    for one in phases:
        p50, p99 = (f"{value:.0f}" for value in one.latency_ms) if one.latency_ms else ("", "")
        per_write = "" if one.cpu_ms_per_write is None else f"{one.cpu_ms_per_write:.2f}"
        yield (
            f"{one.name:<14} {one.writes.total():>7} {one.needed:>7} {one.target:>7} "
            f"{one.wall_seconds:>7.1f} {one.cpu_ms:>8.0f} {one.cpu_ms_per_process:>10.2f} "
            f"{per_write:>8} {one.rss_mib:>8.1f} {p50:>8} {p99:>8}"
            + ("" if one.is_met else "   MORE THAN THE TARGET")
        )
        for write, number in sorted(one.writes.items()):
            yield f"   {number:>6}  {write}"


def _targets(bench: Bench) -> Iterator[Target]:
    for one in bench.phases:
        if one.name in MAX_CPU_MS:
            name = f"{one.name}: CPU ms per process"
            yield Target(name, MAX_CPU_MS[one.name], one.cpu_ms_per_process)
        if one.latency_ms is not None:
            part = one.latency_ms[0] / 1000 / one.wall_seconds
            yield Target(f"{one.name}: median Ready, of its time", MAX_MEDIAN_OF_WALL, part)
    create = bench.phases[0].wall_seconds
    yield Target("create: time, of the floor's", MAX_OF_FLOOR, create / bench.floor_seconds)


def _report(bench: Bench) -> str:
    lines = [
        *_table(bench.phases),
        "",
        f"{'target':<44} {'at most':>8} {'reached':>8}",
        *map(str, _targets(bench)),
        "",
        f"floor {bench.floor_seconds:.1f} s",
        f"RSS when idle and empty {bench.idle_mib:.1f} MiB",
    ]
    return "\n".join(lines)


def main() -> int:
    """Run the bench; return 1 where more was written than has to be."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--n", type=int, default=1000, help="processes")
    count = parser.parse_args().n
    directory = ROOT / "build" / "cluster-bench"
    local_cluster.down(directory)
    made = local_cluster.up("kwok", directory)
    try:
        bench = Bench(count, made)
        asyncio.run(bench.run())
    finally:
        local_cluster.down(directory)
    print(_report(bench))
    result = {
        "processes": count,
        # asdict would make a Counter of a Counter's pairs.
        "phases": [asdict(one) | {"writes": dict(one.writes)} for one in bench.phases],
        "floorSeconds": bench.floor_seconds,
        "idleMiB": bench.idle_mib,
    }
    (ROOT / "build" / "bench.json").write_text(json.dumps(result, indent=2))
    return 0 if all(one.is_met for one in bench.phases) else 1


if __name__ == "__main__":
    sys.exit(main())
