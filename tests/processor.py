"""Processor time as one usual machine would take it: bounds on it hold wherever a test runs.

A neighbour on the same core and an older machine make any work slower, and as much a piece of work
that is always the same. So a time is told in terms of that piece.
"""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_YARDSTICK_SECONDS = 0.0015
"""What the yardstick takes on two cores of a cloud machine of 2024, when nobody else is there."""
_TRIES = 3


@contextmanager
def undisturbed() -> Iterator[None]:
    """Collect no garbage meanwhile: that takes as long as the heap of all tests so far is large."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def seconds(work: Callable[..., object], *arguments: object) -> float:
    """Return the processor's time that some work takes here."""
    began = time.process_time()
    work(*arguments)
    return time.process_time() - began


def usual(took: float) -> float:
    """Return the seconds that what has just taken so long here takes on the usual machine."""
    with undisturbed():
        return took * _YARDSTICK_SECONDS / min(seconds(_yardstick) for _ in range(_TRIES))


def _yardstick() -> int:
    words = [str(number) for number in range(5_000)]
    return sum(len(word) for word in sorted(set(words)) if word.startswith("1"))
