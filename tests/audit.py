"""What the operator has written, by the API server's own log."""

import json
import time
from pathlib import Path

_READS = {"get", "list", "watch"}
_QUIET_SECONDS = 3
"""Longer than the two seconds after which progress is told."""
_MOST_LOOKS = 20


def writes(log: Path, namespace: str) -> list[str]:
    """Return what was written in a namespace, as `verb resource/name`, when nothing more comes.

    The log is flushed late, and progress is written late.
    """
    found = _written(log, namespace)
    for _ in range(_MOST_LOOKS):
        time.sleep(_QUIET_SECONDS)
        before, found = found, _written(log, namespace)
        if found == before:
            return found
    raise AssertionError(f"the operator does not cease to write: {found}")


def taken(log: Path, namespace: str) -> list[str]:
    """Return the same, without what the server has refused, such as writes that came too late."""
    writes(log, namespace)
    return _written(log, namespace, worst=299)


def _written(log: Path, namespace: str, *, worst: int = 599) -> list[str]:
    found = []
    with log.open() as lines:
        for line in lines:
            # The last line may be one that is just being written.
            if namespace not in line or ":process-operator" not in line or line[-1] != "\n":
                continue
            event = json.loads(line)
            if event["responseStatus"]["code"] > worst:
                continue
            reference = event.get("objectRef") or {}
            if reference.get("namespace") == namespace and event["verb"] not in _READS:
                parts = (reference["resource"], reference.get("subresource"), reference.get("name"))
                found.append(f"{event['verb']} {'/'.join(part for part in parts if part)}")
    return found
