"""`make soak MINUTES=30`: random users, random faults, and a world that is right at the end.

Users do at random what users do, on a real API server with real controllers; meanwhile the operator
is killed, its connections are cut, the weather between it and the server changes, and its clock is
moved. Then the users stop. At the end: everything comes to rest, a fresh operator finds nothing to
write, no Job of a release ran twice, no two releases of one application were in progress at once,
memory was flat, and no log line tells of a defect. The seed is printed, and can be given.
"""

import argparse
import asyncio
import contextlib
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import audit
import running
from faults import weather
from faults.world import DIRECTORY, Matrix, Namespace, matrix, twice
from process_operator.kube import names
from soak.users import User

APPLICATIONS = 8
NAMESPACES = 2
CALM_SECONDS = 120
"""How long everything may take to come to rest: longer than any deadline of a release."""
PATIENT_SECONDS = 70
"""After a minute it is told of what lacks something that nobody has brought it."""
MAX_GROWTH_MIB = 40.0
"""By how much a life of the operator may grow between its first minute and its end."""
GRIM = [one for one in weather.CASES if one.grace_seconds < 40]


class Skewed(running.Operator):
    """An operator whose clock is wrong."""

    program = (str(Path(__file__).with_name("skewed.py")),)

    def set_clock(self, seconds: int) -> None:
        """Set the clock of its next life."""
        self._environment["CLOCK_SECONDS"] = str(seconds)

    def memory(self) -> float:
        """Return the resident memory, in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@dataclass(slots=True)
class Soak:
    """The place, the users, the faults, and what has been found out."""

    place: Matrix[weather.Weathered]
    operator: Skewed
    chance: random.Random
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    """(seconds of this life, MiB) of the operator's present life."""
    most_mib: float = 0.0

    async def rage(self) -> None:
        """Let one fault follow the other, until cancelled."""
        while True:
            await asyncio.sleep(self.chance.uniform(4, 20))
            match self.chance.choice(["kill", "kill", "clock", "weather", "weather", "weather"]):
                case "kill":
                    await self._kill("killed")
                case "clock":
                    self.operator.set_clock(self.chance.choice([-3600, -5, 0, 0, 61, 3600]))
                    await self._kill("killed, with another clock")
                case _:
                    case = self.chance.choice(GRIM)
                    self.faults[f"{case.fault} {case.name}"] += 1
                    self.place.proxy.weather = case.weather()
                    await asyncio.sleep(self.chance.uniform(2, 15))
                    self.place.proxy.weather = None

    async def _kill(self, how: str) -> None:
        self.faults[how] += 1
        self._judge_memory()
        await self.place.restart()

    async def measure(self) -> None:
        """Take down the memory every five seconds, until cancelled."""
        while True:
            with contextlib.suppress(OSError, AssertionError, IndexError):
                now = self.operator.memory()
                self.memory.append((time.monotonic(), now))
                self.most_mib = max(self.most_mib, now)
            await asyncio.sleep(5)

    def _judge_memory(self) -> None:
        lived = [mib for _, mib in self.memory]
        self.memory.clear()
        if len(lived) > 24 and lived[-1] - lived[12] > MAX_GROWTH_MIB:
            self.wrong.append(f"memory grew from {lived[12]:.0f} to {lived[-1]:.0f} MiB in a life")

    async def calm(self, spaces: list[Namespace]) -> None:
        """Wait until nothing is written any more, and everything that began has ended."""
        self.place.proxy.weather = None
        self.operator.set_clock(0)
        await self._kill("killed for the last time")
        await asyncio.sleep(PATIENT_SECONDS)
        deadline = time.monotonic() + CALM_SECONDS
        left: list[str] = ["everything"]
        while left and time.monotonic() < deadline:
            await asyncio.sleep(3)
            left = [
                f"{here.name}/{one['metadata']['name']} {one['status'].get('step')}"
                for here in spaces
                for one in await here.all(names.RELEASE_KIND)
                if (one.get("status") or {}).get("state") == "inProgress"
            ]
        self.wrong += [f"release still in progress: {one}" for one in left]

    async def written(self, spaces: list[Namespace]) -> dict[str, list[str]]:
        """Return what has been written in each namespace, once nothing more is."""
        return {
            here.name: await asyncio.to_thread(audit.writes, self.place.audit_log, here.name)
            for here in spaces
        }

    async def judge(self, spaces: list[Namespace]) -> None:
        """See that the world is as a fresh operator would make it."""
        before = await self.written(spaces)
        await self._kill("started afresh")
        after = await self.written(spaces)
        for name, writes in after.items():
            # The schedules run on: what they lead to is no work that was left.
            more = [one for one in writes[len(before[name]) :] if "-tick" not in one]
            self.wrong += [f"a fresh operator wrote in {name}: {one}" for one in more]
        for here in spaces:
            made = self.place.created_jobs(here.name)
            self.wrong += [f"{here.name}: {one}" for one in twice(made)]
        doubles = sorted(set(self.place.doubles))
        self.wrong += [f"two releases at once: {one}" for one in doubles]
        said = self.operator.log.read_text()
        if "because of a defect" in said or "Traceback" in said:
            self.wrong.append(f"a defect was logged: see {self.operator.log}")


@contextlib.asynccontextmanager
async def during(*courses: object) -> AsyncIterator[None]:
    """Let courses run beside the body."""
    tasks = [asyncio.ensure_future(one) for one in courses]  # type: ignore[call-overload]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for one in ended:
            if isinstance(one, Exception):
                raise one


async def soak(minutes: float, seed: int) -> Soak:
    """Run users and faults for some minutes, then judge."""
    async with matrix(DIRECTORY / "soak", weather.Weathered, Skewed) as place:
        operator = place.operator
        assert isinstance(operator, Skewed)
        found = Soak(place, operator, random.Random(seed))  # noqa: S311 - to be replayed
        spaces = [Namespace(place.api, f"faults-soak-{number}") for number in range(NAMESPACES)]
        for here in spaces:
            space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": here.name}}
            await place.api.create(space)
        users = [
            User(
                spaces[number % NAMESPACES],
                place.api,
                f"shop{number}",
                random.Random(f"{seed}-{number}"),  # noqa: S311
            )
            for number in range(APPLICATIONS)
        ]
        async with during(found.measure()):
            async with during(*(user.act() for user in users), found.rage()):
                await asyncio.sleep(minutes * 60)
            for user in users:
                await user.resume()
            await found.calm(spaces)
            await found.judge(spaces)
        done = sum((user.done for user in users), Counter[str]())
        refused = sum((user.refused for user in users), Counter[str]())
        _tell("users did", done)
        _tell("the server refused", refused)
        _tell("faults", found.faults)
        print(f"at most {found.most_mib:.0f} MiB of memory, {place.restarts} starts")
        return found


def _tell(what: str, counts: Counter[str]) -> None:
    print(f"{what}:")
    for name, count in counts.most_common():
        print(f"  {count:>6}  {name}")


def main() -> int:
    """Soak and tell; give the exit code."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(10**6)  # noqa: S311
    print(f"seed {seed}: make soak MINUTES={options.minutes:g} SEED={seed}", flush=True)
    found = asyncio.run(soak(options.minutes, seed))
    for one in found.wrong:
        print(f"WRONG: {one}")
    print("the world is as it should be" if not found.wrong else f"{len(found.wrong)} wrong")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
