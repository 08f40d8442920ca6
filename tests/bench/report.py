"""What a run of the bench is told as: a table of its phases, and every target beside its figure."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_MAX_CPU_MS = {"create": 5.0, "change": 7.0, "foreign label": 2.0, "resync": 0.5}
"""The operator's own CPU per process, by phase."""
_MAX_MEDIAN_OF_WALL = 0.60
"""When half of the processes are Ready, as a part of the time until all are: work that has begun
ends first."""
_MAX_OF_FLOOR = 1.10
"""Time to create everything, beside the floor's."""
_MAX_RSS_MIB = 250.0
_MAX_RESTART_SECONDS = 10.0
_MAX_BESIDE_MS = (300.0, 1000.0)
"""p50 and p99 of one user's change while all others are queued."""
_MAX_GROWTH = 1.2
"""CPU per process, beside that of a smaller run."""


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
    looks: int = 0
    """How many times the operator looked at an application."""
    cpu_ms: float = 0.0
    rss_mib: float = 0.0
    latency_ms: tuple[float, float] | None = None
    """p50 and p99 from apply to Ready."""
    beside_ms: tuple[float, float] | None = None
    """p50 and p99 of the changes that the bystander made meanwhile."""

    @property
    def is_met(self) -> bool:
        """Whether no more was written than may be."""
        return self.writes.total() <= self.target

    @property
    def cpu_ms_per_process(self) -> float:
        """The operator's own CPU for each process."""
        return self.cpu_ms / self.processes

    @property
    def line(self) -> str:
        """What is told when it ends: whatever comes later may fail."""
        beside = (
            f", {self.beside_ms[0]:.0f} and {self.beside_ms[1]:.0f} ms" if self.beside_ms else ""
        )
        return (
            f"{self.name}: {self.wall_seconds:.1f} s, {self.writes.total()} writes, "
            f"{self.cpu_ms_per_process:.2f} ms a process, {self.rss_mib:.0f} MiB{beside}"
        )

    @property
    def cpu_ms_per_write(self) -> float | None:
        """The operator's own CPU for each write; None where nothing was written."""
        return self.cpu_ms / self.writes.total() if self.writes else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """What it costs to write the same objects once each, and to watch nothing."""

    seconds: float
    cpu_ms_per_process: float
    """The client's own CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one run has measured."""

    processes: int
    phases: list[Phase]
    floor: Floor | None
    """None where the floor was not measured."""
    idle_mib: float
    """With nothing to do, before anything was created."""

    @property
    def is_met(self) -> bool:
        """Whether no phase wrote more than it may."""
        return all(one.is_met for one in self.phases)

    def save(self, directory: Path) -> None:
        """Keep the figures, for a larger run to compare its own with."""
        # asdict would make a Counter of a Counter's pairs.
        phases = [asdict(one) | {"writes": dict(one.writes)} for one in self.phases]
        told = {"phases": phases, "idleMiB": self.idle_mib}
        _file(directory, self.processes).write_text(json.dumps(told, indent=2))


@dataclass(frozen=True, slots=True)
class Target:
    """One figure, and what it is to be at most."""

    name: str
    at_most: float
    reached: float

    def __str__(self) -> str:
        missed = "" if self.reached <= self.at_most else "   MISSED"
        return f"{self.name:<44} {self.at_most:>8.2f} {self.reached:>8.2f}{missed}"


def report(result: Result, directory: Path) -> str:
    """Return everything as text, with the growth since a run of a tenth, if one was kept."""
    floor, seconds = result.floor, "not measured"
    if floor is not None:
        seconds = f"{floor.seconds:.1f} s, CPU {floor.cpu_ms_per_process:.2f} ms per process"
    lines = [
        *_table(result.phases),
        "",
        f"{'target':<44} {'at most':>8} {'reached':>8}",
        *map(str, _targets(result)),
        *map(str, _growth(result, _file(directory, result.processes // 10))),
        "",
        f"floor {seconds}",
        f"RSS when idle and empty {result.idle_mib:.1f} MiB",
    ]
    return "\n".join(lines)


def _file(directory: Path, processes: int) -> Path:
    return directory / f"bench-{processes}.json"


def _table(phases: Iterable[Phase]) -> Iterator[str]:
    yield (
        f"{'phase':<14} {'writes':>7} {'needed':>7} {'target':>7} {'wall s':>7} "
        f"{'looks':>6} {'CPU ms':>8} "
        f"{'ms/process':>10} {'ms/write':>8} {'RSS MiB':>8} {'p50 ms':>8} {'p99 ms':>8}"
    )
    for one in phases:
        p50, p99 = (f"{value:.0f}" for value in one.latency_ms) if one.latency_ms else ("", "")
        per_write = "" if one.cpu_ms_per_write is None else f"{one.cpu_ms_per_write:.2f}"
        yield (
            f"{one.name:<14} {one.writes.total():>7} {one.needed:>7} {one.target:>7} "
            f"{one.wall_seconds:>7.1f} {one.looks:>6} {one.cpu_ms:>8.0f} "
            f"{one.cpu_ms_per_process:>10.2f} "
            f"{per_write:>8} {one.rss_mib:>8.1f} {p50:>8} {p99:>8}"
            + ("" if one.is_met else "   MORE THAN THE TARGET")
        )
        for write, number in sorted(one.writes.items()):
            yield f"   {number:>6}  {write}"


def _targets(result: Result) -> Iterator[Target]:
    for one in result.phases:
        if one.name in _MAX_CPU_MS:
            name = f"{one.name}: CPU ms per process"
            yield Target(name, _MAX_CPU_MS[one.name], one.cpu_ms_per_process)
        if one.latency_ms is not None:
            part = one.latency_ms[0] / 1000 / one.wall_seconds
            yield Target(f"{one.name}: median Ready, of its time", _MAX_MEDIAN_OF_WALL, part)
        if one.beside_ms is not None:
            for name, most, took in zip(("p50", "p99"), _MAX_BESIDE_MS, one.beside_ms, strict=True):
                yield Target(f"{one.name}: a bystander's change, {name} ms", most, took)
    yield Target("RSS MiB", _MAX_RSS_MIB, max(one.rss_mib for one in result.phases))
    restart = result.phases[-1].wall_seconds
    yield Target("restart: seconds until ready", _MAX_RESTART_SECONDS, restart)
    if result.floor is not None:
        took = result.phases[0].wall_seconds / result.floor.seconds
        yield Target("create: time, of the floor's", _MAX_OF_FLOOR, took)


def _growth(result: Result, smaller: Path) -> Iterator[Target]:
    if not smaller.exists():
        return
    before: dict[str, Any] = json.loads(smaller.read_text())
    for one, old in zip(result.phases, before["phases"], strict=True):
        if one.name in _MAX_CPU_MS and old["cpu_ms"]:
            grown = one.cpu_ms_per_process / (old["cpu_ms"] / old["processes"])
            yield Target(f"{one.name}: CPU, of that of a tenth", _MAX_GROWTH, grown)
