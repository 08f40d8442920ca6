"""A queue of keys for a fixed number of workers; it knows nothing of what a key means.

A key waits at most once, however often it is added, and is never worked on twice at a time: what
is added during the work waits until the work is done. Keys that are due wait in lanes, and a
better lane is emptied first, so that a user's change does not stand behind ten thousand others.
Within a lane the first come is the first served.

For each key there is at most one wish: the best lane and the earliest moment of all that was asked
since its work last began. A wish whose moment has not come stands in one heap, and one timer waits
for the first of them; entries of wishes that have changed stay in the heap and are skipped later.
All time is the running loop's.
"""

import asyncio
import heapq
import itertools
from collections import OrderedDict, deque
from collections.abc import Hashable
from enum import IntEnum
from typing import Generic, NamedTuple, TypeVar

from process_operator.cluster import backoff

Key = TypeVar("Key", bound=Hashable)

_FIRST_SECONDS = 0.2
_CAP_SECONDS = 300.0
_STALE_ENTRIES = 1000


class Priority(IntEnum):
    """Why a key is worked on; the smaller goes first."""

    USER = 0
    """Somebody changed something and waits for it."""
    UNFINISHED = 1
    """Work that goes on: a rollout, a failure that is tried again."""
    RESYNC = 2
    """Nothing is known to have changed."""


class Closed(Exception):  # noqa: N818 - not an error: so a worker learns that the day is over
    """The queue hands out no more keys."""


class _Wish(NamedTuple):
    priority: Priority
    at: float


class WorkQueue(Generic[Key]):
    """The queue. It belongs to the loop it was made in, and to that loop's thread."""

    def __init__(self, *, chance: backoff.Chance = backoff.chance) -> None:
        self._loop = asyncio.get_running_loop()
        self._chance = chance
        self._wishes: dict[Key, _Wish] = {}
        self._due: dict[Priority, OrderedDict[Key, None]] = {
            priority: OrderedDict() for priority in Priority
        }
        self._heap: list[tuple[float, int, Key]] = []
        self._delayed: dict[Key, int] = {}
        """By key: number of the heap entry that counts."""
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._at_work: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._getters: deque[asyncio.Future[None]] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    def __len__(self) -> int:
        """Return how many keys are due and wait for a worker."""
        return sum(map(len, self._due.values()))

    def add(self, key: Key, priority: Priority, *, after: float = 0.0) -> None:
        """Ask for work on a key, now or after so many seconds.

        If the key waits already, the better lane and the earlier moment win.
        """
        if self._closed:
            return
        before = self._wishes.get(key)
        wish = _Wish(priority, self._loop.time() + max(after, 0.0))
        if before is not None:
            wish = _Wish(min(before.priority, priority), min(before.at, wish.at))
        if wish == before:
            return
        self._wishes[key] = wish
        if key not in self._at_work:
            self._place(key, wish, before)

    def retry(self, key: Key, priority: Priority = Priority.UNFINISHED) -> float:
        """Ask for work on a key whose work has failed, later each time; return the seconds."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        wait = backoff.delay(failures, first=_FIRST_SECONDS, cap=_CAP_SECONDS, chance=self._chance)
        self.add(key, priority, after=wait)
        return wait

    def forget(self, key: Key) -> None:
        """Let the next failure of a key be its first."""
        self._failures.pop(key, None)

    async def get(self) -> Key:
        """Wait for a key that is due and take it; `done` must follow.

        Raises:
            Closed: There is no more work.
        """
        while not self._closed:
            for keys in self._due.values():
                if keys:
                    return self._take(keys)
            await self._woken()
        raise Closed

    def done(self, key: Key) -> None:
        """Say that the work on a key has ended; what was added meanwhile begins to wait."""
        self._at_work.remove(key)
        if not self._at_work:
            self._idle.set()
        if (wish := self._wishes.get(key)) is not None:
            self._place(key, wish, None)

    def close(self) -> None:
        """Hand out no more keys and take no more; work that has begun goes on."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        while self._getters:
            self._wake_one()

    async def drain(self) -> None:
        """Close, and wait until all work that has begun has ended."""
        self.close()
        await self._idle.wait()

    def _take(self, keys: OrderedDict[Key, None]) -> Key:
        key, _ = keys.popitem(last=False)
        del self._wishes[key]
        self._at_work.add(key)
        self._idle.clear()
        return key

    def _place(self, key: Key, wish: _Wish, before: _Wish | None) -> None:
        if self._closed:
            return
        if before is not None:
            self._due[before.priority].pop(key, None)
        if wish.at <= self._loop.time():
            self._make_due(key, wish.priority)
        elif before is None or before.at != wish.at:
            self._delay(key, wish.at)

    def _make_due(self, key: Key, priority: Priority) -> None:
        self._delayed.pop(key, None)
        self._due[priority][key] = None
        self._wake_one()

    def _delay(self, key: Key, at: float) -> None:
        if len(self._heap) > _STALE_ENTRIES + 2 * len(self._delayed):
            self._heap = [entry for entry in self._heap if self._counts(entry)]
            heapq.heapify(self._heap)
        order = self._delayed[key] = next(self._order)
        heapq.heappush(self._heap, (at, order, key))
        if self._heap[0][1] == order:
            self._set_timer()

    def _counts(self, entry: tuple[float, int, Key]) -> bool:
        return self._delayed.get(entry[2]) == entry[1]

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._heap[0][0], self._ring) if self._heap else None

    def _ring(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._heap and self._heap[0][0] <= now:
            entry = heapq.heappop(self._heap)
            if self._counts(entry):
                self._make_due(entry[2], self._wishes[entry[2]].priority)
        self._set_timer()

    async def _woken(self) -> None:
        getter: asyncio.Future[None] = self._loop.create_future()
        self._getters.append(getter)
        try:
            await getter
        except asyncio.CancelledError:
            if getter in self._getters:
                self._getters.remove(getter)
            elif not getter.cancelled():
                # This worker was called for a key that it will not take: call another one.
                self._wake_one()
            raise

    def _wake_one(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return
