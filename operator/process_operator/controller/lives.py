"""One process, and in it one life of the operator after another.

What made a life end may be there for long, or be gone at once. So each begins only when all of our
own kinds can be watched, and those that end soon follow each other ever more slowly. The process
stays: as a container that is started again and again it would be kept waiting for minutes when
everything is well again.
"""

import asyncio
import gc
import logging
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from process_operator import loops
from process_operator.cluster import backoff
from process_operator.controller import contact

log = logging.getLogger(__name__)

_FIRST_SECONDS = 0.5
_CAP_SECONDS = 30.0
_LONG_SECONDS = 60.0
"""A life that lasted so long is no sign of trouble that returns."""


class End(Enum):
    """How a life ends."""

    TOLD = auto()
    """The process was told to end."""
    BLIND = auto()
    """What was known may no longer be true: the next life finds out."""
    FAILED = auto()
    """The process is of no use any more."""


class Life(Protocol):
    """All of the operator, from knowing nothing on."""

    async def run(self) -> End:
        """Run to the end."""

    def unready(self) -> str:
        """Return why it is not ready; "" if it is."""


class Lives:
    """A replica."""

    def __init__(
        self,
        arrival: contact.Arrival,
        told: asyncio.Event,
        make: Callable[[asyncio.Event], Life],
    ) -> None:
        self._arrival = arrival
        self._told = told
        self._make = make
        self._life: Life | None = None

    def unready(self) -> str:
        """Return why this replica is not ready; "" if it is."""
        return (self._life or self._arrival).unready()

    async def run(self) -> int:
        """Run until told to end; return the exit code."""
        loops.on_signal(self._told.set)
        end = End.BLIND
        failures = 0
        while end is End.BLIND and await self._arrive(failures):
            began = asyncio.get_running_loop().time()
            end = await self._live()
            is_long = asyncio.get_running_loop().time() - began > _LONG_SECONDS
            failures = 1 if is_long else failures + 1
        log.info("stopped")
        return 1 if end is End.FAILED else 0

    async def _arrive(self, failures: int) -> bool:
        """Wait until a life can begin; return False if told to end meanwhile."""
        waiting = asyncio.create_task(self._wait(failures))
        told = asyncio.create_task(self._told.wait())
        await asyncio.wait((waiting, told), return_when=asyncio.FIRST_COMPLETED)
        if self._told.is_set():
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            return False
        told.cancel()
        await waiting
        return True

    async def _wait(self, failures: int) -> None:
        if failures:
            await asyncio.sleep(backoff.delay(failures, first=_FIRST_SECONDS, cap=_CAP_SECONDS))
        await self._arrival.wait()

    async def _live(self) -> End:
        self._life = self._make(self._told)
        try:
            return await self._life.run()
        finally:
            self._life = None
            # The parts of a life know each other: else what it knew would stay beside the next.
            gc.collect()
