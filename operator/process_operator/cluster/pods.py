"""What is asked of the node of a pod: what its process has written, and to run a command beside it.

Of a pod that has more containers only the one that is the process is meant.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson

from process_operator.cluster import responses
from process_operator.cluster.client import Cluster
from process_operator.kube import errors, names
from process_operator.kube.kinds import KINDS

_LOG_SECONDS = 5.0
"""The kubelet of a node that is gone answers never: a log must not hold a release up."""
_LOG_BYTES = 512 * 1024
"""More than twenty of the longest pieces, of 16 KiB, that container runtimes cut lines into."""
_LOG_KEPT = 16 * 1024
_LONGEST_LINE = 16 * 1024
_PROTOCOL = "v5.channel.k8s.io"
"""Each message begins with the number of its channel; what became of the command is a `Status` on
one of them, and the last thing that is said (since Kubernetes 1.30)."""
_STDOUT, _STDERR, _STATUS = 1, 2, 3


async def log(
    cluster: Cluster,
    namespace: str,
    pod: str,
    *,
    lines: int,
    previous: bool = False,
    since: datetime | None = None,
    kept: int = _LOG_KEPT,
) -> str:
    """Return the last lines that the process of a pod wrote.

    Args:
        cluster: Where the pod is.
        namespace: The pod's.
        pod: Its name.
        lines: How many, at most.
        previous: Of the container before its last restart.
        since: Only what was written from then on, each line behind its time.
        kept: How many bytes, at most; 512 KiB are the most that is read.
    """
    path = KINDS["Pod"].path(namespace, pod, "log")
    asked = {
        "container": names.CONTAINER,
        "limitBytes": str(_LOG_BYTES),
        "previous": str(previous).lower(),
    }
    if since is not None:
        asked |= _from(since)
    # The limit cuts the end off, where the newest lines stand: then fewer have to do.
    while True:
        asked["tailLines"] = str(lines)
        async with aclosing(cluster.stream(path, asked, seconds=_LOG_SECONDS)) as pieces:
            answer = b"".join([piece async for piece in pieces])
        if len(answer) < _LOG_BYTES or lines == 1:
            break
        lines = max(1, lines // 8)
    return responses.end(answer, kept).decode(errors="replace")


def _from(since: datetime) -> dict[str, str]:
    """Return what asks for lines from a time on, each behind its time."""
    return {"timestamps": "true", "sinceTime": since.astimezone(UTC).isoformat()}


class TooMuch(Exception):  # noqa: N818 - it is what a command did, not a defect
    """A command wrote more than was to be kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """What a command wrote, and how it ended."""

    stdout: bytes
    stderr: bytes
    exit_code: int


async def follow(
    cluster: Cluster, namespace: str, pod: str, *, since: datetime
) -> AsyncGenerator[str, None]:
    """Yield the lines that the process of a pod writes, each behind its time, until it ends.

    A line that has no end is cut off where it has become too long.

    Args:
        cluster: Where the pod is.
        namespace: The pod's.
        pod: Its name.
        since: The time from which on.
    """
    path = KINDS["Pod"].path(namespace, pod, "log")
    asked = {
        "container": names.CONTAINER,
        "follow": "true",
        **_from(since),
    }
    begun = b""
    async with aclosing(cluster.stream(path, asked)) as pieces:
        async for piece in pieces:
            first, *others = piece.split(b"\n")
            begun += first[: _LONGEST_LINE - len(begun)]
            for line in others:
                yield begun.decode(errors="replace")
                begun = line[:_LONGEST_LINE]


async def execute(
    cluster: Cluster, namespace: str, pod: str, command: Sequence[str], *, kept: int
) -> Executed:
    """Run a command beside the process of a pod, and wait for its end.

    A command that is waited for no longer is not ended by that.

    Args:
        cluster: Where the pod is.
        namespace: The pod's.
        pod: Its name.
        command: The program and its arguments, without a shell.
        kept: Bytes that it may write, in all.

    Raises:
        ApiError: It could not be started, or nobody knows how it ended.
        TooMuch: It wrote more.
    """
    path = KINDS["Pod"].path(namespace, pod, "exec")
    asked = [("container", names.CONTAINER), ("stdout", "true"), ("stderr", "true")]
    asked += [("command", one) for one in command]
    written = {_STDOUT: bytearray(), _STDERR: bytearray()}
    async with await cluster.websocket(path, asked, protocol=_PROTOCOL) as connection:
        async for message in connection:
            data = _data(message)
            channel, said = data[:1], data[1:]
            if channel == bytes([_STATUS]):
                return Executed(
                    stdout=bytes(written[_STDOUT]),
                    stderr=bytes(written[_STDERR]),
                    exit_code=exit_code(said),
                )
            for number in written:
                if channel == bytes([number]):
                    written[number] += said
            if sum(map(len, written.values())) > kept:
                raise TooMuch
    raise errors.Unavailable(f"GET {path}: the connection ended before the command")


def _data(message: aiohttp.WSMessage) -> bytes:
    data = message.data
    return data.encode() if isinstance(data, str) else bytes(data)


def exit_code(said: bytes) -> int:
    """Return the exit code that the status of a command tells.

    Raises:
        Rejected: The command was not run; the message is the container runtime's.
    """
    status: Mapping[str, Any] = orjson.loads(said)
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise errors.Rejected(str(status.get("message") or "the command was not run")[:1000])
