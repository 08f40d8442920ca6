"""Rates: which requests are counted together, and when one is let through."""

import heapq

import pytest

from process_operator.api.http import limits
from process_operator.api.http.limits import LIMITS, Limiter, Sort

APP = "fb5e5168-4281-4bec-94c5-0d1584e9e657"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("method", "path", "sort", "application"),
    [
        ("GET", "/v3/applications", Sort.READ, ""),
        ("GET", f"/v3/applications/{APP}/deployments/x/logs", Sort.LOGS, ""),
        ("GET", f"/v3/applications/{APP}/runtime-logs", Sort.LOGS, ""),
        ("GET", f"/v3/applications/{APP}/runtime-logs/follow", Sort.LOGS, ""),
        ("POST", "/v3/applications", Sort.CREATION, ""),
        ("POST", f"/v3/applications/{APP}/clone", Sort.CREATION, ""),
        ("POST", f"/v3/applications/{APP}/processes", Sort.OTHER, ""),
        ("POST", f"/v3/applications/{APP}/suspend", Sort.OTHER, ""),
        ("PATCH", f"/v3/applications/{APP}", Sort.MUTATION, APP),
        ("PATCH", f"/v3/applications/{APP}/processes/x", Sort.MUTATION, APP),
        ("DELETE", f"/v3/applications/{APP}", Sort.MUTATION, APP),
        ("DELETE", f"/v3/applications/{APP}/processes/x", Sort.OTHER, ""),
        ("POST", f"/v3/applications/{APP}/deployments", Sort.DEPLOYMENT, APP),
        ("POST", f"/v3/applications/{APP}/deployments/rollback", Sort.DEPLOYMENT, APP),
    ],
)
def test_requests_are_counted_by_kind(method: str, path: str, sort: Sort, application: str) -> None:
    assert limits.sort_of(method, path) == (sort, application)


def test_a_limit_lets_as_many_through_as_it_says_and_then_one_at_a_time() -> None:
    clock = Clock()
    limiter = Limiter(clock)
    most, seconds = LIMITS[Sort.MUTATION]
    told = [limiter.take("key", Sort.MUTATION, APP) for _ in range(most + 1)]
    assert [one.allowed for one in told] == [True] * most + [False]
    assert [one.remaining for one in told] == [*range(most - 1, -1, -1), 0]
    assert told[-1].retry_after == seconds // most
    clock.now += told[-1].retry_after
    assert limiter.take("key", Sort.MUTATION, APP).allowed
    assert not limiter.take("key", Sort.MUTATION, APP).allowed


def test_whoever_is_refused_is_told_when_its_own_turn_is() -> None:
    clock = Clock()
    limiter = Limiter(clock)
    most, seconds = LIMITS[Sort.MUTATION]

    def take() -> limits.Verdict:
        return limiter.take("key", Sort.MUTATION, APP)

    turns = [take().retry_after for _ in range(most + 5)][most:]
    assert turns == [6, 12, 18, 24, 30]
    for turn in turns:
        clock.now = turn
        assert take().allowed
    # However many do not wait, nobody waits for longer than until the whole limit is there again.
    assert [take().retry_after for _ in range(most + 5)][-1] == seconds
    clock.now += seconds
    assert [take().retry_after for _ in range(most + 1)][-1] == 6


def test_an_application_with_many_parts_is_taken_apart_before_its_client_gives_up() -> None:
    """As Terraform does it: ten at a time, each waits as it is told, and gives up after 30 s."""
    clock = Clock()
    limiter = Limiter(clock)
    for _ in range(20):  # what was made just before
        assert limiter.take("key", Sort.OTHER, "").allowed
    left, waits = 20, []
    under_way: list[tuple[float, float]] = []  # when each asks again, and when it began
    while left or under_way:
        while left and len(under_way) < 10:
            heapq.heappush(under_way, (clock.now, clock.now))
            left -= 1
        clock.now, began = heapq.heappop(under_way)
        verdict = limiter.take("key", Sort.OTHER, "")
        if verdict.allowed:
            waits.append(clock.now - began)
        else:
            heapq.heappush(under_way, (clock.now + verdict.retry_after, began))
    assert len(waits) == 20
    assert max(waits) < 30


def test_after_the_told_reset_the_whole_limit_is_there_again() -> None:
    clock = Clock()
    limiter = Limiter(clock)
    for _ in range(15):
        last = limiter.take("key", Sort.OTHER, "")
    clock.now += last.reset
    assert limiter.take("key", Sort.OTHER, "").remaining == LIMITS[Sort.OTHER].requests - 1


@pytest.mark.parametrize(
    "other", [("other", Sort.MUTATION, APP), ("key", Sort.READ, ""), ("key", Sort.MUTATION, "b")]
)
def test_keys_kinds_and_applications_are_counted_apart(other: tuple[str, Sort, str]) -> None:
    limiter = Limiter(Clock())
    for _ in range(20):
        limiter.take("key", Sort.MUTATION, APP)
    assert limiter.take(*other).allowed


def test_every_limit_can_be_scaled() -> None:
    assert Limiter(Clock(), scale=3).take("key", Sort.OTHER, "").limit == 90


def test_however_many_others_ask_nobody_gets_a_new_limit_by_being_forgotten() -> None:
    limiter = Limiter(Clock())
    for _ in range(LIMITS[Sort.MUTATION].requests):
        limiter.take("key", Sort.MUTATION, APP)
    for number in range(30_000):
        limiter.take("other", Sort.MUTATION, str(number))
    assert not limiter.take("key", Sort.MUTATION, APP).allowed


def test_buckets_that_are_full_again_do_not_fill_the_memory() -> None:
    clock = Clock()
    limiter = Limiter(clock)
    most, seconds = LIMITS[Sort.READ]
    for number in range(5_000):
        limiter.take(str(number), Sort.READ, "")
    for number in range(5_000):
        clock.now += seconds / 1_000
        limiter.take(str(number % 100), Sort.READ, "")
    assert len(limiter._buckets[Sort.READ]) == 100
    clock.now += seconds
    assert limiter.take("0", Sort.READ, "").remaining == most - 1
