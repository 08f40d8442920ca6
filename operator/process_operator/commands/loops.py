"""The event loop of whatever runs for long."""

import asyncio
import sys
from collections.abc import Callable


def factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the fastest loop of this platform; None for Python's own."""
    if sys.platform == "win32":
        return None
    import uvloop  # there is none for Windows

    return uvloop.new_event_loop
