"""What an error, or the end of a look, means for the next look at the same key."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

import virtual_time
from process_operator.controller.observe.records import ApplicationKey
from process_operator.controller.reconcile import Result
from process_operator.controller.worker import Worker
from process_operator.controller.workqueue import Priority, WorkQueue
from process_operator.kube import errors

KEY = ApplicationKey("demo", "shop")
START = datetime(2026, 1, 5, 12, 0, 0, tzinfo=UTC)


def seconds() -> float:
    return asyncio.get_running_loop().time()


async def looks(answers: Sequence[Result | Exception]) -> list[float]:
    """Return when each look took place, where the looks are answered so, one after the other."""
    found: list[float] = []
    left = iter(answers)
    queue: WorkQueue[ApplicationKey] = WorkQueue(chance=lambda: 1.0)

    async def reconcile(key: ApplicationKey) -> Result:
        assert key == KEY
        found.append(seconds())
        answer = next(left, None)
        if answer is None:
            queue.close()
            return Result()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def clock() -> datetime:
        return START + timedelta(seconds=seconds())

    queue.add(KEY, Priority.USER)
    await Worker(queue=queue, reconcile=reconcile, told=lambda _, said: said, clock=clock).work()
    return found


@virtual_time.run
async def test_a_look_that_has_written_is_followed_by_another_at_once() -> None:
    assert await looks([Result(again=True)]) == [0.0, 0.0]


@virtual_time.run
async def test_a_key_is_looked_at_again_when_its_answer_may_change() -> None:
    assert await looks([Result(at=START + timedelta(seconds=30))]) == [0.0, 30.0]


@virtual_time.run
async def test_a_moment_that_has_passed_is_now() -> None:
    assert await looks([Result(at=START - timedelta(seconds=30))]) == [0.0, 0.0]


@pytest.mark.parametrize(
    "error",
    [errors.Conflict("x"), errors.NotFound("x"), errors.AlreadyExists("x"), errors.Rejected("x")],
    ids=lambda error: type(error).__name__,
)
@virtual_time.run
async def test_what_another_look_may_put_right_is_tried_ever_later(error: Exception) -> None:
    assert await looks([error, error, error]) == pytest.approx([0.0, 0.2, 0.6, 1.4])


@virtual_time.run
async def test_a_defect_costs_its_own_key_and_not_the_worker() -> None:
    assert await looks([ValueError("x"), Result(again=True)]) == [0.0, 0.2, 0.2]


@virtual_time.run
async def test_a_look_that_ends_well_makes_the_next_failure_the_first() -> None:
    error = errors.Conflict("x")
    assert await looks([error, error, Result(again=True), error]) == pytest.approx(
        [0.0, 0.2, 0.6, 0.6, 0.8]
    )


@virtual_time.run
async def test_the_server_says_how_long_to_wait() -> None:
    error = errors.Throttled("x", retry_after=7.0, status=429, reason="TooManyRequests")
    assert await looks([error, error]) == [0.0, 7.0, 14.0]


@virtual_time.run
async def test_a_server_that_is_away_makes_no_key_wait_ever_longer() -> None:
    found = await looks([errors.Unavailable("x")] * 5)
    assert all(2.0 <= after - before <= 4.0 for before, after in pairwise(found))
