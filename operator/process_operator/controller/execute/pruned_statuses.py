"""Statuses of which the cluster keeps only a part: its CRDs are older than this operator.

What they do not know the server leaves out without a word. Told once; the rest of each status is
published as ever, and one that was kept in part is not sent again until it says something else.
"""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

log = logging.getLogger(__name__)

_REMEMBERED = 4096
"""How many objects are remembered; one that is forgotten is written once more."""


class Pruned:
    """What was sent last of each status that was kept in part, by uid of its object."""

    def __init__(self) -> None:
        self._sent: OrderedDict[str, bytes] = OrderedDict()
        self._told: set[str] = set()

    def has(self, uid: str, status: Mapping[str, Any]) -> bool:
        """Return whether just this status was sent last, and kept in part."""
        return self._sent.get(uid) == _digest(status)

    def note(self, kind: str, uid: str, sent: Mapping[str, Any], kept: Mapping[str, Any]) -> None:
        """Take in what the server has kept of a status."""
        lost = tuple(_lost(sent, kept, "status"))
        if not lost:
            self._sent.pop(uid, None)
            return
        self._sent[uid] = _digest(sent)
        self._sent.move_to_end(uid)
        if len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)
        if kind not in self._told:
            self._told.add(kind)
            log.warning(
                "statuses are kept in part: the CRDs of the cluster are older than this operator",
                extra={"kind": kind, "fields": ", ".join(lost[:5]), "remedy": "apply its crds/"},
            )


def _lost(sent: Any, kept: Any, path: str) -> Iterator[str]:
    """Yield the fields that were sent and are not there."""
    if isinstance(sent, Mapping):
        for name, value in sent.items():
            if not isinstance(kept, Mapping) or name not in kept:
                yield f"{path}.{name}"
            else:
                yield from _lost(value, kept[name], f"{path}.{name}")
    elif isinstance(sent, list) and isinstance(kept, list):
        for one, other in zip(sent, kept, strict=False):
            yield from _lost(one, other, f"{path}[]")


def _digest(status: Mapping[str, Any]) -> bytes:
    text = orjson.dumps(status, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=16).digest()
