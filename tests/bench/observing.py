"""What is read: the audit log for writes, /proc for CPU and memory, a watch for readiness."""

import asyncio
import json
import os
import statistics
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from prometheus_client import parser

from process_operator.cluster import client
from process_operator.kube import errors, names

_READS = {"get", "list", "watch"}
_TICKS = os.sysconf("SC_CLK_TCK")


class Audit:
    """The writes of one user since the last look, from the API server's own log."""

    def __init__(self, path: Path, user: str, *, leave_out: str) -> None:
        """Read the log at `path`; what is written in the namespace `leave_out` is not counted."""
        self._path = path
        self._user = user
        self._leave_out = leave_out
        self._offset = path.stat().st_size

    async def settled(self, *, seconds: float = 3.0) -> Counter[str]:
        """Wait until nothing has been written for a while; return how often each
        `verb resource` was, answers with an error included."""
        found: Counter[str] = Counter()
        since = time.monotonic()
        while time.monotonic() - since < seconds:
            await asyncio.sleep(0.5)
            if new := self._new():
                found += new
                since = time.monotonic()
        return found

    def _new(self) -> Counter[str]:
        found: Counter[str] = Counter()
        with self._path.open() as log:
            log.seek(self._offset)
            for line in iter(log.readline, ""):
                if not line.endswith("\n"):
                    break
                self._offset += len(line.encode())
                if self._user not in line:
                    continue
                event = json.loads(line)
                if event["user"]["username"] != self._user or event["verb"] in _READS:
                    continue
                reference = event["objectRef"]
                if reference.get("namespace") == self._leave_out:
                    continue
                if reference["resource"] != "leases":
                    parts = (reference["resource"], reference.get("subresource"))
                    found[f"{event['verb']} {'/'.join(part for part in parts if part)}"] += 1
        return found


def cpu_seconds(pid: int) -> float:
    """Return the CPU that a process has used, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def looks(address: str) -> int:
    """Return how many times an operator has looked at an application, from its own metrics."""
    with urllib.request.urlopen(f"http://{address}/metrics") as answer:
        families = parser.text_string_to_metric_families(answer.read().decode())
        samples = [sample for family in families for sample in family.samples]
    return int(
        sum(one.value for one in samples if one.name == "controller_runtime_reconcile_total")
    )


def rss_mib(pid: int) -> float:
    """Return the memory that a process holds now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} says nothing of its memory")


def busy(seconds: float) -> float:
    """Return which part of the machine's CPU is at work for a while, from 0 to 1."""

    def times() -> tuple[int, int]:
        each = [int(one) for one in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
        return sum(each), each[3] + each[4]  # what is idle, and what waits for disks

    total, idle = times()
    time.sleep(seconds)
    total, idle = (after - before for after, before in zip(times(), (total, idle), strict=True))
    return 1 - idle / total


class Watcher:
    """Remembers when each object of a kind was first seen as wanted, by our own clock."""

    def __init__(
        self,
        api: client.Cluster,
        wanted: Callable[[Any], bool],
        *,
        kind: str = names.PROCESS_KIND,
    ) -> None:
        self._api = api
        self._wanted = wanted
        self._kind = kind
        self.seen: dict[tuple[str, str], float] = {}
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        version = "0"
        async for _, listed in self._api.list(self._kind, limit=500):
            version = listed
        self._task = asyncio.create_task(self._watch(version))
        self._task.add_done_callback(lambda _: self._changed.set())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()

    async def all_seen(self, count: int, *, seconds: float) -> None:
        """Return when so many have been seen as wanted."""
        async with asyncio.timeout(seconds):
            while len(self.seen) < count:
                if self._task is not None and self._task.done():
                    self._task.result()  # why it has ended: it never does by itself
                self._changed.clear()
                await self._changed.wait()

    async def _watch(self, version: str) -> None:
        while True:
            try:
                events = self._api.watch(self._kind, resource_version=version)
                async for what, body in events:
                    metadata = body["metadata"]
                    version = metadata["resourceVersion"]
                    key = (metadata.get("namespace", ""), metadata.get("name", ""))
                    if what != "BOOKMARK" and key not in self.seen and self._wanted(body):
                        self.seen[key] = time.monotonic()
                        self._changed.set()
            except errors.Unavailable:
                continue
            except errors.Throttled as error:
                # So a server answers that prepares a kind anew after a change of its CRD.
                await asyncio.sleep(error.retry_after)


def is_ready(body: Any) -> bool:
    """Whether a process says of itself that it is as it shall be, by a release."""
    conditions = (body.get("status") or {}).get("conditions") or ()
    return any(
        one["type"] == "Ready" and one["status"] == "True" and one["reason"] != "AwaitingRelease"
        for one in conditions
    )


def percentiles(took_ms: list[float]) -> tuple[float, float]:
    """Return p50 and p99."""
    cuts = statistics.quantiles(took_ms, n=100) if len(took_ms) > 1 else [took_ms[0]] * 99
    return cuts[49], cuts[98]
