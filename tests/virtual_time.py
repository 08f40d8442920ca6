"""A loop whose time passes at once whenever nothing is left to do but to wait."""

import asyncio
import functools
import selectors
from collections.abc import Awaitable, Callable
from typing import Any


class _Selector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout is None:
            raise AssertionError("everything waits, and nothing will ever come")
        if not found and timeout is not None:
            self.now += max(timeout, 0.0)
        return found


class Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now

    def skip(self, seconds: float) -> None:
        """Let time pass as it does for a process that is frozen."""
        self._clock.now += seconds


def run(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a test in a loop of its own with virtual time."""

    @functools.wraps(test)
    def wrapped(*arguments: Any, **named: Any) -> None:
        async def whole() -> None:
            await test(*arguments, **named)

        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(whole())

    return wrapped
