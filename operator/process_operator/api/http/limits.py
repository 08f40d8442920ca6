"""How much a key may ask for: token buckets by kind of request, as the contract has them."""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

_REMEMBERED = 20_000
"""Buckets beyond this many are forgotten, those first that were not used for the longest time."""


class Limit(NamedTuple):
    """So many requests in so many seconds."""

    requests: int
    seconds: int


class Sort(Enum):
    """The kinds of requests that are counted apart."""

    READ = "read"
    LOGS = "logs"
    CREATION = "creation"
    MUTATION = "mutation"
    DEPLOYMENT = "deployment"
    OTHER = "other"


LIMITS = {
    Sort.READ: Limit(400, 60),
    Sort.LOGS: Limit(30, 60),
    Sort.CREATION: Limit(20, 3600),
    Sort.MUTATION: Limit(10, 60),
    Sort.DEPLOYMENT: Limit(10, 60),
    Sort.OTHER: Limit(30, 60),
}
_BY_APPLICATION = {Sort.MUTATION, Sort.DEPLOYMENT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether one request may go on, and what its caller is told of the limit."""

    allowed: bool
    limit: int
    remaining: int
    reset: int
    """Seconds until the whole limit is there again."""
    retry_after: int
    """Seconds until it is this caller's turn; 0 where the request was allowed.

    Whoever was refused before comes first: a client with many requests under way would otherwise
    repeat all of them at the same time, for one that is let through.
    """


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    waiting: int = 0
    """Requests that were refused and have not been repeated, as far as is known."""


def sort_of(method: str, path: str) -> tuple[Sort, str]:
    """Return how a request counts, and the application that it counts for ("" for none)."""
    parts = path.strip("/").split("/")[1:]
    application = parts[1] if len(parts) > 1 and parts[0] == "applications" else ""
    if method in ("GET", "HEAD"):
        sort = Sort.LOGS if parts and parts[-1] == "logs" else Sort.READ
    elif method == "POST":
        sort = _sort_of_post(parts)
    else:
        sort = Sort.MUTATION
    return sort, application if sort in _BY_APPLICATION else ""


def _sort_of_post(parts: list[str]) -> Sort:
    if parts == ["applications"]:
        return Sort.CREATION
    if len(parts) > 2 and parts[2] == "deployments":
        return Sort.DEPLOYMENT
    return Sort.OTHER


class Limiter:
    """The buckets of all keys."""

    def __init__(self, clock: Callable[[], float], *, scale: int = 1) -> None:
        self._clock = clock
        self._scale = scale
        self._buckets: OrderedDict[tuple[str, Sort, str], _Bucket] = OrderedDict()

    def take(self, key: str, sort: Sort, application: str) -> Verdict:
        """Take one request out of a bucket."""
        requests, seconds = LIMITS[sort]
        requests *= self._scale
        now = self._clock()
        place = (key, sort, application)
        bucket = self._buckets.get(place)
        if bucket is None:
            bucket = self._buckets[place] = _Bucket(float(requests), now)
            if len(self._buckets) > _REMEMBERED:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(place)
        rate = requests / seconds
        bucket.tokens = min(float(requests), bucket.tokens + (now - bucket.at) * rate)
        bucket.at = now
        allowed = bucket.tokens >= 1
        if bucket.tokens == requests:
            bucket.waiting = 0
        bucket.waiting = max(0, bucket.waiting - 1) if allowed else bucket.waiting + 1
        if allowed:
            bucket.tokens -= 1
        turn = math.ceil((bucket.waiting - bucket.tokens) / rate)
        return Verdict(
            allowed=allowed,
            limit=requests,
            remaining=int(bucket.tokens),
            reset=math.ceil((requests - bucket.tokens) / rate),
            retry_after=0 if allowed else min(turn, seconds),
        )
