"""Whatever network and server do to it, a release ends as in fine weather, and then all is quiet.

One operator behind one proxy, on a real API server with real controllers, pods by stages. Each
weather of `weather.CASES` rages while a new application makes its first release, with a job before
and one after. Afterwards: the same end, each Job created once, the steps in order, nothing written
any more, and an operator that is ready. `--full` runs all of them; otherwise the quick ones.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import running
from faults import table, weather
from faults.proxy import Fault, Way
from faults.world import DIRECTORY, SCENARIOS, Matrix, Run, disorder, matrix, twice
from process_operator.kube import names

SCENARIO = SCENARIOS["success"]
EVENTS = range(3, 60, 4)
"""At which of the events that it is told the operator is killed."""
Place = Matrix[weather.Weathered]


def judged(run: Run, expected: Run, grace: float) -> list[str]:
    """Return what went otherwise than in fine weather."""
    late = run.seconds > expected.seconds + run.starting + grace
    return [
        *(f"{what} ended as {how}" for what, how in _difference(expected.ending, run.ending)),
        *([f"took {run.seconds:.1f} s"] if late else []),
        *twice(run.jobs),
        *disorder(run.writes),
    ]


def _difference(expected: dict[str, Any], seen: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for what in sorted({*expected, *seen}):
        if expected.get(what) != seen.get(what):
            yield what, seen.get(what)


async def through(place: Place, case: weather.Case, expected: Run) -> table.Row:
    """Run the scenario in a weather."""
    place.proxy.weather = case.weather()
    begun = time.monotonic()
    try:
        if case.restarts:
            await place.restart()
        run = await place.run(SCENARIO, None)
    except AssertionError as error:
        return table.Row(case.fault, case.name, [str(error)], time.monotonic() - begun)
    finally:
        place.proxy.weather = None
    wrong = judged(run, expected, case.grace_seconds)
    wrong += await asyncio.to_thread(_unready, place)
    return table.Row(case.fault, case.name, wrong, run.seconds)


def _unready(place: Place) -> list[str]:
    try:
        running.until(lambda: place.operator.readiness()[0] == 200, seconds=15)
    except AssertionError:
        return [f"not ready: {place.operator.readiness()[1]}"]
    return []


async def killed_at_events(place: Place, expected: Run) -> table.Row:
    """Kill the operator at one event after the other, in a run of its own each."""
    begun, wrong = time.monotonic(), []
    for event in EVENTS:
        place.proxy.weather = kill = weather.KillingAt(event)
        run = await place.run(SCENARIO, None)
        wrong += [f"event {event}: {one}" for one in judged(run, expected, 10)]
        if kill.events < event:
            break
    place.proxy.weather = None
    return table.Row("F2", "killed at every fourth event", wrong, time.monotonic() - begun)


async def twice_in_one_release(place: Place, expected: Run) -> table.Row:
    """Kill the operator after one write, while each first answer of the others is lost."""
    begun, wrong = time.monotonic(), []
    done = [one.what for one in expected.writes if 200 <= one.status < 300]
    for number in range(2, len(done), 3):
        place.proxy.weather = weather.FirstTries(weather.lose_the_answer)
        what = done[number - 1]
        fault = Fault(what, done[:number].count(what), Way.KILLED_AFTER)
        run = await place.run(SCENARIO, fault)
        wrong += [f"write {number}: {one}" for one in judged(run, expected, 15)]
    place.proxy.weather = None
    tried = "killed after a write, and first answers lost"
    return table.Row("F30", tried, wrong, time.monotonic() - begun)


async def edited_between_writes(place: Place, expected: Run) -> table.Row:
    """Change a schedule to and fro between each two writes."""

    async def edit(namespace: str, number: int) -> None:
        schedule = f"{number % 60} 5 1 1 *"
        for one in (schedule, "0 4 1 1 *"):
            change = {"spec": {"schedule": one}}
            await place.api.merge_patch(names.PROCESS_KIND, namespace, "tick", change)

    place.proxy.weather = weather.Toggling(edit)
    run = await place.run(SCENARIO, None)
    place.proxy.weather = None
    return table.Row(
        "F20", "a user edits between each two writes", judged(run, expected, 10), run.seconds
    )


async def of_another_day(place: Place, expected: Run) -> table.Row:
    """Start it on lists that are older than a release that has ended since."""
    stale = place.proxy.weather = weather.Stale()
    await place.restart()
    begun = time.monotonic()
    run = await place.run(SCENARIO, None)
    writes = len(run.writes)
    stale.replays = True
    await place.restart()
    await asyncio.sleep(5)
    stale.replays = False
    stale.lifted.set()
    place.proxy.weather = None
    await place.restart()
    after = await place.run(SCENARIO, None)
    wrong = judged(run, expected, 10) + judged(after, expected, 10)
    wrong += [] if len(run.writes) == writes else [f"wrote {run.writes[writes:]}"]
    return table.Row("F14", "started on older lists", wrong, time.monotonic() - begun)


async def a_namespace_that_goes(place: Place, expected: Run) -> table.Row:
    """Delete the namespace between two writes of a release, at each third one."""
    begun, wrong = time.monotonic(), []
    for last in range(1, len(expected.writes), 3):
        gone = await place.deleted_after(SCENARIO, last)
        wrong += [] if gone else [f"after write {last}: the namespace is still there"]
    said = place.operator.log.read_text()
    wrong += ["a traceback in the log"] if "Traceback" in said else []
    return table.Row("F23", "the namespace is deleted", wrong, time.monotonic() - begun)


@pytest.mark.first
async def test_in_any_weather_a_release_ends_as_in_a_fine_one(
    full: bool, tell: Callable[[table.Row], None]
) -> None:
    rows: list[table.Row] = []

    def note(row: table.Row) -> None:
        rows.append(row)
        tell(row)

    async with matrix(DIRECTORY / "weather", weather.Weathered) as place:
        expected = await place.run(SCENARIO, None)
        for case in weather.CASES:
            if full or case.quick:
                note(await through(place, case, expected))
        if full:
            for course in (
                killed_at_events,
                twice_in_one_release,
                edited_between_writes,
                of_another_day,
                a_namespace_that_goes,
            ):
                note(await course(place, expected))
        assert "Traceback" not in place.operator.log.read_text()
    assert not [str(row) for row in rows if row.wrong]
