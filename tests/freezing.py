"""A way to the API server that can stop to carry bytes, as a dead firewall does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit


class Freezer:
    """A listener that passes bytes on, and can swallow them without closing anything."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._flows: set[asyncio.Task[None]] = set()
        self._frozen: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """How many are open now: each has a flow in either direction."""
        return len(self._flows) // 2

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._to)
        for source, target in ((reader, back), (there, writer)):
            flow = asyncio.create_task(self._carry(source, target))
            self._flows.add(flow)
            flow.add_done_callback(self._flows.discard)

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                if asyncio.current_task() not in self._frozen:
                    target.write(data)
                    await target.drain()
            target.close()

    def freeze(self) -> None:
        """Swallow all that comes on the connections of this moment; new ones work."""
        self._frozen |= self._flows


@contextlib.asynccontextmanager
async def way(server: str) -> AsyncIterator[tuple[Freezer, str]]:
    """Yield a way to the server, and the address at which it begins."""
    address = urlsplit(server)
    freezer = Freezer(address.hostname or "", address.port or 443)
    listener = await asyncio.start_server(freezer.accept, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    try:
        yield freezer, f"{address.scheme}://127.0.0.1:{port}"
    finally:
        listener.close()
