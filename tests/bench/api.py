"""`make bench-api`: what the REST API costs, beside the raw calls that kubectl would make.

On a fresh kwok cluster: 1,000 applications of five processes each and their last release, and one
application of a hundred processes. All are written raw, statuses included: no operator runs, since
the API only ever reads what one has left behind.

Sixteen clients in a process of their own (`load`) ask in closed loops, over connections that they
keep: the API, and in turn with it the API server itself, with the same ServiceAccount and the same
library. So the two cores of a small machine serve clients, API, API server and etcd at the same
time; what the machine does besides touches both sides of a pair, and how busy it is with that is
told. A raw PATCH changes the same fields as the API's own, which adds the version that it read.
Then, beside an open loop of wrong keys, a client with a valid one. The exit code is 1 where a
target is missed.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import connecting
import local_cluster
import restside
import running
import serve_api
from bench import observing, shops
from bench.load import Flood, Load, Plan, Seen
from bench.shops import NAMESPACE, Place
from local_cluster import kubeconfigs
from process_operator.api.access import identity, keys
from process_operator.api.reads import ownership
from process_operator.cluster import client
from process_operator.kube import kinds, names

ROOT = Path(__file__).parents[2]
CLIENTS = 16
PAGE = 100
ROUNDS = 3
"""Each pair is measured so often, in turn with the others: a disturbance meets all of them."""
SECONDS = 5.0
FLOOD_RATE = 1000
FLOOD_SECONDS = 10.0
FLOOD_LEAST = 0.95
"""A flood that is slower than that proves nothing."""

MAX_GET_MS = 20.0
MAX_LIST_MS = 50.0
MAX_PATCH_RATIO = 1.5
MAX_FLOODED_MS = 50.0
MAX_RSS_MIB = 150.0


@dataclass(slots=True, kw_only=True)
class Row:
    """One kind of request, and what was seen of it in all rounds."""

    name: str
    plan: Plan
    max_p99_ms: float | None = None
    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0
    """Of the API, meanwhile."""

    @property
    def per_second(self) -> float:
        """How many were answered."""
        return len(self.latencies_ms) / self.seconds

    def quantile(self, percent: int) -> float:
        """Return a percentile of the latencies."""
        return statistics.quantiles(self.latencies_ms, n=100)[percent - 1]

    @property
    def is_met(self) -> bool:
        """Whether it is as fast as it has to be."""
        return self.max_p99_ms is None or self.quantile(99) <= self.max_p99_ms

    def add(self, seen: Seen) -> None:
        """Add what one round has shown."""
        if set(seen.statuses) != {"200"}:
            raise RuntimeError(f"{self.name}: {seen.statuses}")
        self.seconds += seen.seconds
        self.latencies_ms += seen.latencies_ms


class Bench:
    """One run: the API, what is asked of it, and what was seen."""

    def __init__(self, made: local_cluster.Cluster) -> None:
        self._cluster = made
        self._kubeconfig = serve_api.install(made)
        log = made.directory / "logs" / "api-under-bench.log"
        log.unlink(missing_ok=True)
        # Rates are for a key: here one key does what a thousand would.
        quick = ("--rate-scale", "1000000", "--log-level", "info")
        self._api = restside.Api(self._kubeconfig, log, *quick)
        self._key = ""
        self.ready_seconds = 0.0
        self.rss_mib: dict[str, float] = {}
        self.busy: dict[str, float] = {}
        """How much of the machine works while nothing is asked here."""
        self.rows: list[Row] = []
        self.flooded: list[Row] = []
        self.flood_rates: list[float] = []

    def run(self, count: int) -> None:
        """Fill the cluster, and measure."""
        kubeconfigs.kubectl(self._cluster, ["create", "namespace", NAMESPACE])
        places = asyncio.run(self._fill(count))
        self._key = restside.new_key(self._cluster.kubeconfig, NAMESPACE)
        began = time.monotonic()
        self._api.start()
        self.ready_seconds = time.monotonic() - began
        try:
            client = restside.Client(self._api, self._key)
            running.until(lambda: client.get("/v3/api-keys/validate").status == 200, seconds=10)
            assert client.get("/v3/applications").body["total"] == count + 1
            self._note_memory("before")
            self._note_work("before")
            self._measure(places)
            self._note_memory("after")
            self._under_flood(places)
            self._note_memory("after the flood")
            self._note_work("after")
        finally:
            self._api.stop()

    async def _fill(self, count: int) -> list[Place]:
        began = time.monotonic()
        async with client.Cluster(connecting.connection(self._cluster.kubeconfig)) as api:
            places = await shops.fill(api, count)
        _say(f"{len(places)} processes made in {time.monotonic() - began:.0f} s")
        return places

    def _note_work(self, moment: str) -> None:
        self.busy[moment] = observing.busy(3.0)

    def _note_memory(self, moment: str) -> None:
        self.rss_mib[moment] = observing.rss_mib(self._api.pid)

    def _rest(self, method: str, paths: Sequence[str], **more: Any) -> Plan:
        given = {"port": self._api.port, "kubeconfig": None, "clients": CLIENTS, "seconds": SECONDS}
        headers = {"authorization": f"Bearer {self._key}", **_content(method, "application/json")}
        return Plan(method=method, paths=paths, headers=headers, **given | more)

    def _raw(self, method: str, paths: Sequence[str], **more: Any) -> Plan:
        where = {"port": None, "kubeconfig": str(self._kubeconfig)}
        given = {**where, "clients": CLIENTS, "seconds": SECONDS}
        headers = _content(method, "application/merge-patch+json")
        return Plan(method=method, paths=paths, headers=headers, **given | more)

    def _measure(self, places: list[Place]) -> None:
        """Measure the pairs of requests through the API, and what kubectl would send."""
        # Ids come by chance, so their order is one of no meaning.
        mixed = sorted(places, key=lambda one: one.rest)
        pages = [f"limit={PAGE}&offset={offset}" for offset in range(0, 500, PAGE)]
        large = Counter(one.application for one in places).most_common(1)[0][0]
        processes = kinds.KINDS[names.PROCESS_KIND].path(NAMESPACE)
        applications = kinds.KINDS[names.APPLICATION_KIND].path(NAMESPACE)
        written = f"?fieldManager={ownership.MANAGER}&fieldValidation=Strict"
        sizes = ("s2", "s1")
        rest_bodies = [
            json.dumps({"display_name": "N@", "resource_type_id": identity.resource_type(size)})
            for size in sizes
        ]
        raw_bodies = [
            json.dumps({"spec": {"displayName": "N@", "resourceTypeRef": {"name": size}}})
            for size in sizes
        ]
        self.rows = [
            Row(
                name="GET a process",
                plan=self._rest("GET", [one.rest for one in mixed]),
                max_p99_ms=MAX_GET_MS,
            ),
            Row(name="  raw", plan=self._raw("GET", [one.raw for one in mixed])),
            Row(
                name=f"list {PAGE} applications",
                plan=self._rest("GET", [f"/v3/applications?{page}" for page in pages]),
                max_p99_ms=MAX_LIST_MS,
            ),
            Row(name="  raw", plan=self._raw("GET", [f"{applications}?limit={PAGE}"])),
            Row(
                name=f"list {PAGE} processes",
                plan=self._rest("GET", [f"/v3/applications/{large}/processes?limit={PAGE}"]),
                max_p99_ms=MAX_LIST_MS,
            ),
            Row(name="  raw", plan=self._raw("GET", [f"{processes}?limit={PAGE}"])),
            Row(
                name="PATCH a process",
                plan=self._rest("PATCH", [one.rest for one in mixed], bodies=rest_bodies),
            ),
            Row(
                name="  raw",
                plan=self._raw("PATCH", [one.raw + written for one in mixed], bodies=raw_bodies),
            ),
        ]
        for number in range(ROUNDS):
            for row in self.rows:
                before = observing.cpu_seconds(self._api.pid)
                row.add(Load(row.plan).seen())
                row.cpu_seconds += observing.cpu_seconds(self._api.pid) - before
            _say(f"round {number + 1} of {ROUNDS}")

    def _under_flood(self, places: list[Place]) -> None:
        """Measure clients with a valid key while others try wrong ones."""
        identifier = keys.identity_of(self._key)
        assert identifier is not None
        wrong = ["nonsense", self._key[:-1], keys.PREFIX]
        for _ in range(200):
            wrong += [keys.generate()[1], _forged(identifier)]
        for clients in (1, CLIENTS):
            plan = self._rest(
                "GET", [one.rest for one in places], clients=clients, seconds=FLOOD_SECONDS - 2
            )
            row = Row(name=f"GET, {clients} valid", plan=plan, max_p99_ms=MAX_FLOODED_MS)
            flood = Load(
                Flood(
                    port=self._api.port,
                    path=places[0].rest,
                    keys=wrong,
                    rate=FLOOD_RATE,
                    seconds=FLOOD_SECONDS,
                )
            )
            before = observing.cpu_seconds(self._api.pid)
            row.add(Load(plan).seen())
            row.cpu_seconds = observing.cpu_seconds(self._api.pid) - before
            self.flooded.append(row)
            refused = flood.seen()
            rate = refused.statuses["401"] / refused.seconds
            self.flood_rates.append(rate)
            if rate < FLOOD_LEAST * FLOOD_RATE:
                raise RuntimeError(f"{rate:.0f} wrong keys per second prove nothing: {refused}")

    @property
    def patch_ratio(self) -> float:
        """How much longer a PATCH takes than the raw one."""
        rest, raw = self.rows[-2:]
        return rest.quantile(50) / raw.quantile(50)

    def missed(self) -> list[str]:
        """Return which targets are missed."""
        found = [
            f"{row.name}: p99 is {row.quantile(99):.1f} ms, not {row.max_p99_ms:.0f} ms at most"
            for row in (*self.rows, *self.flooded)
            if not row.is_met
        ]
        if self.patch_ratio > MAX_PATCH_RATIO:
            found.append(f"PATCH takes {self.patch_ratio:.2f} x the raw one, not {MAX_PATCH_RATIO}")
        if (most := max(self.rss_mib.values())) > MAX_RSS_MIB:
            found.append(f"RSS is {most:.0f} MiB, not {MAX_RSS_MIB:.0f} MiB at most")
        return found

    def report(self) -> str:
        """Return what was seen, as a table."""
        heading = (
            f"{'request':<22} {'req/s':>7} {'p50 ms':>8} {'p99 ms':>8} {'target':>7} "
            f"{'API CPU ms':>11}"
        )
        lines = [heading]
        for row in (*self.rows, *self.flooded):
            target = "" if row.max_p99_ms is None else f"{row.max_p99_ms:.0f}"
            cpu = row.cpu_seconds * 1000 / len(row.latencies_ms)
            lines.append(
                f"{row.name:<22} {row.per_second:>7.0f} {row.quantile(50):>8.2f} "
                f"{row.quantile(99):>8.2f} {target:>7} "
                + (f"{cpu:>11.2f}" if row.plan.port is not None else "")
            )
        rates = ", ".join(f"{rate:.0f}" for rate in self.flood_rates)
        memory = ", ".join(f"{value:.1f} {moment}" for moment, value in self.rss_mib.items())
        work = ", ".join(f"{value:.0%} {moment}" for moment, value in self.busy.items())
        lines += [
            f"PATCH / raw at p50: {self.patch_ratio:.2f} (target {MAX_PATCH_RATIO})",
            f"wrong keys beside the last two, per second, each answered with 401: {rates}",
            f"RSS in MiB: {memory} (target {MAX_RSS_MIB:.0f})",
            f"ready {self.ready_seconds:.1f} s after its start",
            f"the machine was at work with nothing asked here: {work}",
        ]
        return "\n".join(lines)

    def result(self) -> dict[str, Any]:
        """Return what was seen, as JSON."""
        return {
            "requests": [
                {
                    "name": row.name.strip(),
                    "through": "API" if row.plan.port is not None else "API server",
                    "clients": row.plan.clients,
                    "perSecond": row.per_second,
                    "p50Ms": row.quantile(50),
                    "p99Ms": row.quantile(99),
                    "targetP99Ms": row.max_p99_ms,
                }
                for row in (*self.rows, *self.flooded)
            ],
            "patchRatio": self.patch_ratio,
            "wrongKeysPerSecond": self.flood_rates,
            "rssMiB": self.rss_mib,
            "readySeconds": self.ready_seconds,
            "busy": self.busy,
            "missed": self.missed(),
        }


def _content(method: str, media_type: str) -> dict[str, str]:
    return {"content-type": media_type} if method == "PATCH" else {}


def _forged(identifier: str) -> str:
    """Return a key of an id that exists, with a right checksum and a wrong secret."""
    text = f"{keys.PREFIX}{identifier}_{keys._random(keys._SECRET_LENGTH)}"
    return text + keys._checksum(text)


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Run the bench; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="bench.api", description=__doc__)
    parser.add_argument("--n", type=int, default=1000, help="applications of five processes")
    count = parser.parse_args().n
    directory = ROOT / "build" / "cluster-bench"
    local_cluster.down(directory)
    made = local_cluster.up("kwok", directory)
    try:
        bench = Bench(made)
        bench.run(count)
    finally:
        local_cluster.down(directory)
    print(bench.report())
    (ROOT / "build" / "bench-api.json").write_text(json.dumps(bench.result(), indent=2))
    print("\n".join(f"MISSED: {one}" for one in bench.missed()) or "every target is met")
    return 1 if bench.missed() else 0


if __name__ == "__main__":
    sys.exit(main())
