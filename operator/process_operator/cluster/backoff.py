"""How long to wait before the next try."""

import random
from collections.abc import Callable

Chance = Callable[[], float]
"""A number from 0 to 1, so that many who failed together do not come back together."""

chance: Chance = random.SystemRandom().random


def delay(failures: int, *, first: float, cap: float, chance: Chance = chance) -> float:
    """Return the seconds to wait after so many failures in a row: doubled each time, with jitter.

    Args:
        failures: How many tries have failed in a row, at least 1.
        first: What the first wait is at most.
        cap: What any wait is at most.
        chance: Where the jitter comes from; a wait is between half of its size and all of it.
    """
    # Bounded before the power: after a night of failures 2 ** failures is no longer a float.
    full = min(cap, first * 2.0 ** min(failures - 1, 60))
    return full * (0.5 + chance() / 2)
