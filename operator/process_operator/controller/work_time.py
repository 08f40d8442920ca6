"""How much of the workers' time each group of keys has had lately."""

from collections.abc import Hashable

_HALF_LIFE_SECONDS = 10.0
_FORGOTTEN_SECONDS = 0.001
"""A group of which less is left counts no longer."""
_SWEEP_SECONDS = 60.0


class WorkTime:
    """Seconds of work by group, of which half is forgotten every ten seconds.

    Nothing is done as they fade: what comes later weighs more instead, until a sweep brings all
    back to the weight of that moment.
    """

    def __init__(self, now: float) -> None:
        self._weighed: dict[Hashable, float] = {}
        self._total = 0.0
        self._swept_at = now

    def add(self, group: Hashable, seconds: float, now: float) -> None:
        """Note that so much was worked for a group."""
        if now - self._swept_at > _SWEEP_SECONDS:
            self._sweep(now)
        weighed = seconds * self._weight(now)
        self._weighed[group] = self._weighed.get(group, 0.0) + weighed
        self._total += weighed

    def is_light(self, group: Hashable) -> bool:
        """Whether a group has had less than its share: less than the mean of all that had some."""
        return self._weighed.get(group, 0.0) * len(self._weighed) < self._total

    def _weight(self, now: float) -> float:
        return float(2.0 ** ((now - self._swept_at) / _HALF_LIFE_SECONDS))

    def _sweep(self, now: float) -> None:
        weight = self._weight(now)
        faded = {group: weighed / weight for group, weighed in self._weighed.items()}
        self._weighed = {group: one for group, one in faded.items() if one > _FORGOTTEN_SECONDS}
        self._total = sum(self._weighed.values())
        self._swept_at = now
