"""Who we are to the API server now: read anew once in a while, and when the server says no.

Tokens, client certificates and authorities are rotated under a running process. What was read at
its start is right until then, and wrong for ever after.
"""

import dataclasses
import logging
import time

import aiohttp

from process_operator.cluster.connection import Connection

_log = logging.getLogger(__name__)

_SECONDS = 60.0
"""How long credentials are used before they are read again; whoever rotates does it well ahead."""
_REFUSED_SECONDS = 1.0
"""How often they are read, at most, because they were refused."""


class Credentials:
    """The newest credentials that could be read."""

    def __init__(self, start: Connection) -> None:
        self._now = start
        self._again = start.again
        self._read_at = time.monotonic()
        self._refused_at = float("-inf")
        self._problem = ""

    def current(self) -> Connection:
        """Return whom we are: read anew if that was not done for a minute."""
        if time.monotonic() - self._read_at > _SECONDS:
            self._read()
        return self._now

    def after_refusal(self, refused: Connection) -> bool:
        """Return whether there are others by now than those that were refused."""
        if self._now is refused and time.monotonic() - self._refused_at > _REFUSED_SECONDS:
            self._refused_at = time.monotonic()
            self._read()
        return self._now is not refused

    def _read(self) -> None:
        self._read_at = time.monotonic()
        if self._again is None:
            return
        try:
            found = self._again()
        except (OSError, ValueError) as error:
            # Half of a rotation may be on the disk: what was there before may still be good.
            self._complain(str(error))
            return
        self._problem = ""
        # Another server is another cluster: that takes another process.
        found = dataclasses.replace(found, server=self._now.server, again=self._again)
        if found == self._now:
            return
        if found.tls_digest == self._now.tls_digest:
            # Connections stay open over a new token.
            found = dataclasses.replace(found, tls=self._now.tls)
        self._now = found
        _log.info("took up new credentials")

    def _complain(self, problem: str) -> None:
        if problem != self._problem:
            _log.warning("could not read the credentials anew", extra={"detail": problem})
        self._problem = problem


class Connector(aiohttp.TCPConnector):
    """A pool of connections that are made with the credentials of the moment.

    Certificates belong to a connection: new ones take new connections, while what is under way
    ends over the old.
    """

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        self._credentials = credentials
        self._tls = credentials.current().tls
        self._pools = [_pool(credentials.current())]
        """The last one is that of now; the one before it may still be in use."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[aiohttp.tracing.Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own, per phase
    ) -> aiohttp.connector.Connection:
        """Return a connection to make a request on."""
        now = self._credentials.current()
        if now.tls is not self._tls:
            self._tls = now.tls
            self._pools.append(_pool(now))
            if len(self._pools) > 2:
                await self._pools.pop(0).close()
        return await self._pools[-1].connect(req, traces, timeout)

    async def close(self, *, abort_ssl: bool = False) -> None:
        """Close every connection."""
        for pool in self._pools:
            await pool.close(abort_ssl=abort_ssl)
        await super().close(abort_ssl=abort_ssl)


def _pool(now: Connection) -> aiohttp.TCPConnector:
    # No limit: to wait for a connection would count as waiting for the server.
    return aiohttp.TCPConnector(limit=0, ssl=now.tls or True)
