"""Every write of a release is injected once in five ways; each time it ends as if nothing had been.

On a real API server with real controllers, pods by stages. Runs without a fault count the writes
and tell how the scenario ends. Then, write by write, the operator is killed before or after it, or
the answer is a 500 (after commit), a 409 or a 429. After each: the same end, within five seconds
more than without a fault; each Job created once; never two releases in progress; before-jobs,
rollout and after-jobs in this order. Each scenario has a cluster of its own, so that they can run
side by side.
"""

import asyncio
from collections.abc import Callable

import pytest

from faults.proxy import Fault, Proxy, Way
from faults.world import (
    AT_ONCE,
    DIRECTORY,
    GRACE_SECONDS,
    SCENARIOS,
    disorder,
    matrix,
    twice,
)


def chosen(number: int, *, full: bool) -> list[Way]:
    """Return in which ways a write is spoilt: in all; or every other one, the ways in turn."""
    ways = list(Way)
    if full:
        return ways
    return [] if number % 2 else [ways[number // 2 % len(ways)]]


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.first
@pytest.mark.fault("F1", "F3", "F4", "F5")
async def test_a_spoilt_write_changes_nothing_in_the_end(
    name: str, full: bool, show: Callable[[str], None]
) -> None:
    scenario = SCENARIOS[name]
    lines: list[str] = []
    failed: list[str] = []
    async with matrix(DIRECTORY / name, Proxy) as made:
        # As many at once as are injected at once, so that the times can be compared.
        unspoilt = await asyncio.gather(*(made.run(scenario, None) for _ in range(AT_ONCE)))
        # Progress is written where it takes its time: what is always written is injected.
        fewest = min(unspoilt, key=lambda one: len(one.writes))
        expected = fewest.ending
        plain = max(one.seconds for one in unspoilt)
        assert [one.ending for one in unspoilt] == [expected] * AT_ONCE
        done = [one for one in fewest.writes[fewest.first :] if 200 <= one.status < 300]
        writes = [one.what for one in done]
        todo = [
            (number, Fault(what, writes[:number].count(what), way))
            for number, what in enumerate(writes, 1)
            for way in chosen(number, full=full)
        ]
        limit = asyncio.Semaphore(AT_ONCE)

        async def run(number: int, fault: Fault) -> None:
            async with limit:
                injected = await made.run(scenario, fault)
            # Two statuses may become one.
            missed = not fault.done and not fault.what.endswith("/status")
            late = injected.seconds > plain + injected.starting + GRACE_SECONDS
            wrong = [
                *([] if injected.ending == expected else [f"ended as {injected.ending}"]),
                *([f"took {injected.starting:.1f} s of them to start again"] if late else []),
                *(["never injected"] if missed else []),
                *twice(injected.jobs),
                *disorder(injected.writes),
            ]
            line = f"{number:>3} {fault.way:<14} {injected.seconds:>5.1f} s  {fault.what}"
            line += "" if fault.done else "  (not injected: it was written with another one)"
            lines.append(line + ("" if not wrong else f"  WRONG: {'; '.join(wrong)}"))
            failed.extend(f"{line}: {one}" for one in wrong)

        await asyncio.gather(*(run(*one) for one in todo if not one[1].kills))
        await asyncio.gather(*(run(*one) for one in todo if one[1].kills))
        doubles = made.doubles
    head = f"{name}: {len(writes)} writes, at most {plain:.1f} s without a fault"
    show("\n".join([head, *sorted(lines)]))
    assert not failed, "\n".join([f"without a fault it ended as {expected}", *failed])
    assert doubles == [], "two releases were in progress at once"
