"""The last results of pure steps, given back while everything that they were made of is the same.

A look at an application asks the same of each of its processes as the look before, and mostly
nothing has changed. The records that the pure part works on are frozen, and one that says the same
stays the same object: so whether a result still holds is asked by identity, input by input. What
depends on the time of the look says until when it holds.

Nothing may depend on what is remembered: with an empty memory the same comes out, only later.
"""

import operator
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")

MOST_BYTES = 48 * 1024 * 1024
"""What is remembered of all applications together, as it is estimated."""
RESULT_BYTES = 2_000
"""What a result weighs beside the texts in it, with its inputs: an average, as measured."""


@dataclass(slots=True)
class _Kept:
    inputs: tuple[object, ...]
    result: Any
    bytes: int
    made_at: datetime | None
    until: datetime | None

    def holds(self, inputs: tuple[object, ...], now: datetime | None) -> bool:
        if len(self.inputs) != len(inputs) or not all(map(operator.is_, self.inputs, inputs)):
            return False
        if self.until is None or now is None or self.made_at is None:
            return True
        return self.made_at <= now < self.until


class Memory:
    """The last results for one application."""

    def __init__(self) -> None:
        self.bytes = 0
        """What they weigh, as it is estimated."""
        self._kept: dict[str, dict[Hashable, _Kept]] = {}

    def recall(
        self,
        of: str,
        step: Hashable,
        inputs: tuple[object, ...],
        make: Callable[[], ResultT],
        *,
        now: datetime | None = None,
        until: Callable[[ResultT], datetime | None] | None = None,
        weight: Callable[[ResultT], int] | None = None,
    ) -> ResultT:
        """Return the result of a step; it is made if any of its inputs is another object now.

        Args:
            of: uid of the object that it is about, "" for the application as a whole.
            step: What is made; unique for the object.
            inputs: All that the result depends on beside the time.
            make: Makes it.
            now: The time of the look, where it matters.
            until: Returns the time from which a result is to be made anew, None for never.
            weight: Returns the bytes of the texts in a result.
        """
        about = self._kept.setdefault(of, {})
        known = about.get(step)
        if known is not None:
            if known.holds(inputs, now):
                found: ResultT = known.result
                return found
            self.bytes -= known.bytes
        result = make()
        size = RESULT_BYTES + (weight(result) if weight is not None else 0)
        holds_until = until(result) if until is not None else None
        about[step] = _Kept(inputs, result, size, now, holds_until)
        self.bytes += size
        return result

    def same(self, step: Hashable, result: ResultT) -> ResultT:
        """Return an equal result of the last look in the place of a new one, or the new one."""
        about = self._kept.setdefault("", {})
        known = about.get(step)
        if known is not None and known.result == result:
            found: ResultT = known.result
            return found
        self.bytes += RESULT_BYTES - (known.bytes if known is not None else 0)
        about[step] = _Kept((), result, RESULT_BYTES, None, None)
        return result

    def retain(self, uids: Collection[str]) -> None:
        """Forget what is about none of these objects."""
        for uid in self._kept.keys() - {"", *uids}:
            self.bytes -= sum(one.bytes for one in self._kept.pop(uid).values())


class Memories:
    """The memories of all applications; those that were not looked at for longest go first."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._of: OrderedDict[Hashable, Memory] = OrderedDict()
        self._weights: dict[Hashable, int] = {}
        self.bytes = 0

    def of(self, key: Hashable) -> Memory:
        """Return the memory of an application."""
        found = self._of.setdefault(key, Memory())
        self._of.move_to_end(key)
        return found

    def weigh(self, key: Hashable) -> None:
        """Take in what an application's memory weighs after a look; make room if it must be."""
        memory = self._of.get(key)
        if memory is None:
            return
        self.bytes += memory.bytes - self._weights.get(key, 0)
        self._weights[key] = memory.bytes
        while self.bytes > self._most_bytes:
            self.forget(next(iter(self._of)))

    def forget(self, key: Hashable) -> None:
        """Forget an application."""
        if self._of.pop(key, None) is not None:
            self.bytes -= self._weights.pop(key, 0)
