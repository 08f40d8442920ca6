"""A queue of keys for a fixed number of workers; it knows nothing of what a key means.

A key waits at most once, however often it is added, and is never worked on twice at a time: what
is added during the work waits until the work is done. One turn answers all that was asked of a key
until then, for whatever reason.

Whose turn is next is a matter of shares, so that nothing starves. While keys of several priorities
wait, each priority gets its share of the turns. Within one, the groups of keys (their namespaces)
take turns, one that comes and has had less than its share of the workers' time before the others,
and within a group the first come is the first served. Beside the priorities, one turn in so many
goes to the key that has waited longest, whatever it is.

For each key and priority there is at most one wish: the earliest moment of all that was asked since
the key's work last began. A wish whose moment has not come stands in one heap, and one timer waits
for the first of them; entries of wishes that have changed stay in the heap and are skipped later.
All time is the running loop's.
"""

import asyncio
import heapq
import itertools
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Mapping
from enum import Enum, auto
from typing import Generic, TypeVar

from process_operator import metrics
from process_operator.cluster import backoff
from process_operator.controller.work_time import WorkTime

Key = TypeVar("Key", bound=Hashable)

_FIRST_SECONDS = 0.2
_CAP_SECONDS = 300.0
_STALE_ENTRIES = 1000


class Priority(Enum):
    """Why a key is worked on."""

    USER = auto()
    """Somebody changed something and waits for it."""
    UNFINISHED = auto()
    """Work that has begun goes on: a rollout, a failure that is tried again."""
    RESYNC = auto()
    """Nothing is known to have changed."""


_SHARES: Mapping[Priority | None, int] = {
    Priority.UNFINISHED: 20,
    Priority.USER: 6,
    Priority.RESYNC: 1,
    None: 1,
}
"""How many turns each gets while all wait; None is for whoever has waited longest.

What has begun needs several looks for each first one. With the largest share it ends before other
work begins, and a thousand changes are done one after the other, not all at the very end.
"""


class Closed(Exception):  # noqa: N818 - not an error: so a worker learns that the day is over
    """The queue hands out no more keys."""


def _one_group(_: Hashable) -> Hashable:
    return None


class _Lane(Generic[Key]):
    """Keys that are due: their groups take turns, the oldest of a group goes first.

    A group that comes anew goes before those that have had a turn, so that whoever asks rarely, or
    for little, does not wait for a whole round of those who always ask for much. One that comes
    back within the round is new only if it has had less work than the others: to come and go does
    not bring more than to stay.

    The rule for new flows is that of FQ-CoDel (RFC 8290, section 4.2), where each packet tells
    beforehand what it costs; here that is known of the work before.
    """

    def __init__(self, group_of: Callable[[Key], Hashable], work: WorkTime) -> None:
        self._group_of = group_of
        self._work = work
        self._keys: dict[Hashable, OrderedDict[Key, None]] = {}
        self._new: OrderedDict[Hashable, None] = OrderedDict()
        self._round: OrderedDict[Hashable, None] = OrderedDict()
        """Groups that have had a turn, whether or not anything of them waits."""

    def __bool__(self) -> bool:
        return bool(self._keys)

    def add(self, key: Key) -> None:
        group = self._group_of(key)
        comes = group not in self._keys
        self._keys.setdefault(group, OrderedDict())[key] = None
        if group not in self._round or (comes and self._work.is_light(group)):
            self._new[group] = None

    def discard(self, key: Key) -> None:
        group = self._group_of(key)
        keys = self._keys.get(group)
        if keys is None or key not in keys:
            return
        del keys[key]
        if not keys:
            del self._keys[group]
            self._new.pop(group, None)
        if not self._keys:
            self._round.clear()

    def next(self) -> Key:
        """Return whose turn it is; the next turn is another group's."""
        group = self._next_group()
        self._round[group] = None
        self._round.move_to_end(group)
        return next(iter(self._keys[group]))

    def _next_group(self) -> Hashable:
        if self._new:
            return self._new.popitem(last=False)[0]
        while True:
            group, _ = self._round.popitem(last=False)
            if group in self._keys:
                return group


class WorkQueue(Generic[Key]):
    """The queue. It belongs to the loop it was made in, and to that loop's thread."""

    def __init__(
        self,
        *,
        group_of: Callable[[Key], Hashable] = _one_group,
        chance: backoff.Chance = backoff.chance,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._chance = chance
        self._wishes: dict[Key, dict[Priority, float]] = {}
        self._due: OrderedDict[Key, float] = OrderedDict()
        """Since when each is due."""
        self._group_of = group_of
        self._work = WorkTime(self._loop.time())
        self._lanes = {priority: _Lane(group_of, self._work) for priority in Priority}
        self._owed = dict.fromkeys(_SHARES, 0)
        self._heap: list[tuple[float, int, Key, Priority]] = []
        self._delayed: dict[tuple[Key, Priority], int] = {}
        """By key and priority: number of the heap entry that counts."""
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._at_work: dict[Key, float] = {}
        """Since when each is worked on."""
        self._failures: dict[Key, int] = {}
        self._getters: deque[asyncio.Future[None]] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    def __len__(self) -> int:
        """Return how many keys are due and wait for a worker."""
        return len(self._due)

    def add(self, key: Key, priority: Priority, *, after: float = 0.0) -> None:
        """Ask for work on a key, now or after so many seconds.

        If the same was asked before, the earlier moment wins.
        """
        if self._closed:
            return
        at = self._loop.time() + max(after, 0.0)
        wishes = self._wishes.setdefault(key, {})
        if priority in wishes and wishes[priority] <= at:
            return
        wishes[priority] = at
        if key not in self._at_work:
            self._place(key, priority, at)

    def retry(self, key: Key, priority: Priority = Priority.UNFINISHED) -> float:
        """Ask for work on a key whose work has failed, later each time; return the seconds."""
        metrics.QUEUE_RETRIES.labels(metrics.CONTROLLER).inc()
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
            if self._due:
                key = self._next()
                self._take(key)
                return key
            await self._woken()
        raise Closed

    def done(self, key: Key) -> None:
        """Say that the work on a key has ended; what was added meanwhile begins to wait."""
        now = self._loop.time()
        self._work.add(self._group_of(key), now - self._at_work.pop(key), now)
        if not self._at_work:
            self._idle.set()
        for priority, at in self._wishes.get(key, {}).items():
            self._place(key, priority, at)

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

    def _next(self) -> Key:
        turn = self._turn()
        return next(iter(self._due)) if turn is None else self._lanes[turn].next()

    def _turn(self) -> Priority | None:
        """Return who is owed most, of those that wait: so turns are spread evenly."""
        waiting = [one for one in _SHARES if one is None or self._lanes[one]]
        for one in waiting:
            self._owed[one] += _SHARES[one]
        chosen = max(waiting, key=self._owed.__getitem__)
        self._owed[chosen] -= sum(_SHARES[one] for one in waiting)
        return chosen

    def _take(self, key: Key) -> None:
        metrics.QUEUE_SECONDS.labels(metrics.CONTROLLER).observe(
            self._loop.time() - self._due.pop(key)
        )
        for priority in self._wishes.pop(key):
            self._lanes[priority].discard(key)
            self._delayed.pop((key, priority), None)
        self._at_work[key] = self._loop.time()
        self._idle.clear()

    def _place(self, key: Key, priority: Priority, at: float) -> None:
        if self._closed:
            return
        if at <= self._loop.time():
            self._make_due(key, priority)
        else:
            self._delay(key, priority, at)

    def _make_due(self, key: Key, priority: Priority) -> None:
        self._delayed.pop((key, priority), None)
        self._lanes[priority].add(key)
        if key not in self._due:
            self._due[key] = self._loop.time()
            metrics.QUEUE_ADDS.labels(metrics.CONTROLLER).inc()
            self._wake_one()

    def _delay(self, key: Key, priority: Priority, at: float) -> None:
        if len(self._heap) > _STALE_ENTRIES + 2 * len(self._delayed):
            self._heap = [entry for entry in self._heap if self._counts(entry)]
            heapq.heapify(self._heap)
        order = self._delayed[key, priority] = next(self._order)
        heapq.heappush(self._heap, (at, order, key, priority))
        if self._heap[0][1] == order:
            self._set_timer()

    def _counts(self, entry: tuple[float, int, Key, Priority]) -> bool:
        return self._delayed.get(entry[2:]) == entry[1]

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
                self._make_due(*entry[2:])
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
