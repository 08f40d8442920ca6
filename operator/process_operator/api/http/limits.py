"""How much a key may ask for: token buckets by kind of request, as the contract has them."""

import math
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

_MAX_HELD = 64 * 1024 * 1024
"""Bytes of bodies that are held at the same time, of all keys together."""
_MAX_HELD_BY_KEY = 8 * 1024 * 1024


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


_LOGS = {"logs", "runtime-logs", "follow"}
_OF_APPLICATION = 2
"""Parts of a path that names an application and nothing below it."""


def sort_of(method: str, path: str) -> tuple[Sort, str]:
    """Return how a request counts, and the application that it counts for ("" for none)."""
    parts = path.strip("/").split("/")[1:]
    application = parts[1] if len(parts) > 1 and parts[0] == "applications" else ""
    if method in ("GET", "HEAD"):
        sort = Sort.LOGS if parts and parts[-1] in _LOGS else Sort.READ
    elif method == "POST":
        sort = _sort_of_post(parts)
    elif method == "DELETE" and len(parts) > _OF_APPLICATION:
        # Whoever takes an application apart deletes each of its parts, within seconds.
        sort = Sort.OTHER
    else:
        sort = Sort.MUTATION
    return sort, application if sort in _BY_APPLICATION else ""


def _sort_of_post(parts: list[str]) -> Sort:
    if parts in (["applications"], ["projects"]) or (len(parts) == 3 and parts[2] == "clone"):
        return Sort.CREATION
    if len(parts) > 2 and parts[2] == "deployments":
        return Sort.DEPLOYMENT
    return Sort.OTHER


class Limiter:
    """The buckets of all keys."""

    def __init__(self, clock: Callable[[], float], *, scale: int = 1) -> None:
        self._clock = clock
        self._scale = scale
        self._buckets: dict[Sort, OrderedDict[tuple[str, str], _Bucket]] = {
            sort: OrderedDict() for sort in Sort
        }
        """By key and application, those first that were not used for the longest time."""

    def take(self, key: str, sort: Sort, application: str) -> Verdict:
        """Take one request out of a bucket.

        Args:
            key: Whose request it is.
            sort: How it counts.
            application: What it counts for: the uid of an application that is there, or "". Any
                other text would be a bucket for the asking.
        """
        requests, seconds = LIMITS[sort]
        requests *= self._scale
        now = self._clock()
        buckets = self._buckets[sort]
        _forget_full(buckets, now - seconds)
        place = (key, application)
        bucket = buckets.get(place)
        if bucket is None:
            bucket = buckets[place] = _Bucket(float(requests), now)
        buckets.move_to_end(place)
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


def _forget_full(buckets: OrderedDict[tuple[str, str], _Bucket], last_used: float) -> None:
    """Forget two buckets that are full again, if there are any: a new one is the same.

    For each request at most one is added, so that none is kept for long; and none is ever
    forgotten that still counts, however many others there are.
    """
    for _ in range(2):
        oldest = next(iter(buckets), None)
        if oldest is None or buckets[oldest].at > last_used:
            return
        del buckets[oldest]


class Held:
    """How many bytes of bodies are held at the same time, of each key and in all."""

    def __init__(self) -> None:
        self._by_key: Counter[str] = Counter()

    def lease(self, key: str) -> "Lease":
        """Return what one request holds, which is nothing yet."""
        return Lease(self._by_key, key)


class Lease:
    """What one request holds until its end."""

    def __init__(self, held: Counter[str], key: str) -> None:
        self._held = held
        self._key = key
        self._size = 0

    def add(self, size: int) -> bool:
        """Hold so many bytes more, unless that is too much; return whether they are held."""
        if self._held[self._key] + size > _MAX_HELD_BY_KEY:
            return False
        if self._held.total() + size > _MAX_HELD:
            return False
        self._held[self._key] += size
        self._size += size
        return True

    def end(self) -> None:
        """Hold nothing any more."""
        self._held[self._key] -= self._size
        if not self._held[self._key]:
            del self._held[self._key]
