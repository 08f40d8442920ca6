"""The event loop of whatever runs for long, and how it is told to end."""

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import suppress


def factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the fastest loop of this platform; None for Python's own."""
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - there is none for Windows

    return uvloop.new_event_loop


def on_signal(end: Callable[[], None]) -> None:
    """Let the running loop call this when the process is told to end."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows has no such signals: there the console ends the process.
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, end)
