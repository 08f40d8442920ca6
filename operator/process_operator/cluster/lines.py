"""The lines of a watch, one event each, and how they are read by somebody who is told less."""

from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import aiohttp


async def lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Yield lines of any length; `StreamReader.readline` gives up at 128 kB."""
    begun: list[bytes] = []
    async for chunk in stream.iter_any():
        *ended, rest = chunk.split(b"\n")
        for line in ended:
            begun.append(line)
            if whole := b"".join(begun):
                yield whole
            begun.clear()
        if rest:
            begun.append(rest)


def rewrite(response: aiohttp.ClientResponse, of: Callable[[bytes], bytes]) -> None:
    """Let whoever reads an answer in chunks read each line as `of` gives it back.

    A last line without an end is not passed on: the stream broke off in it, and what it told comes
    again with the next one.
    """
    response.content = cast("aiohttp.StreamReader", _Rewritten(response.content, of))


class _Rewritten:
    """A stream whose lines are others; all else about it is the stream's own."""

    def __init__(self, stream: aiohttp.StreamReader, of: Callable[[bytes], bytes]) -> None:
        self._stream = stream
        self._of = of

    async def iter_chunked(self, _: int) -> AsyncIterator[bytes]:
        """Yield whole lines."""
        async for line in lines(self._stream):
            yield self._of(line) + b"\n"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
