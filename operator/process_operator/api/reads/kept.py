"""Answers that are kept: what was presented once is presented again until something of it changes.

Dashboards ask for the same objects all the time, and turning specs and records into the words of
the contract costs more than all the rest of a read.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import orjson

MAX_KEPT = 10_000
"""A process takes about one KiB."""


class ResponseCache:
    """The JSON of the objects that were presented last."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, tuple[tuple[Any, ...], bytes]] = OrderedDict()

    def get(
        self, uid: str, versions: tuple[Any, ...], present: Callable[[], Any]
    ) -> orjson.Fragment:
        """Return the JSON of an object, as a part for a larger one.

        Args:
            uid: Whose it is.
            versions: All that it depends on; it is presented anew when one of them is another.
            present: Presents it.
        """
        known = self._texts.get(uid)
        if known is not None and known[0] == versions:
            self._texts.move_to_end(uid)
            return orjson.Fragment(known[1])
        # A copy, because orjson keeps a larger buffer.
        text = bytes(memoryview(orjson.dumps(present())))
        self._texts[uid] = (versions, text)
        self._texts.move_to_end(uid)
        if len(self._texts) > MAX_KEPT:
            self._texts.popitem(last=False)
        return orjson.Fragment(text)
