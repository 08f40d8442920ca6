"""The HTTP server: uvicorn, with an end to patience in every phase of a request."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from process_operator.api.http.settings import Settings

_log = logging.getLogger("process_operator.api")
_quiet_log = logging.getLogger("process_operator.api.connections")
_quiet_log.setLevel(logging.ERROR)
"""Nothing of what strangers can cause by what they send: they could fill the log."""

_HEAD_SECONDS = 10.0
_MAX_HEAD = 32 * 1024
_KEEP_ALIVE_SECONDS = 30
_CONNECTIONS = 1024
_SHUTDOWN_SECONDS = 10


class _Joined(asyncio.Transport):
    """Sends what is written in one turn of the loop as one piece: an answer's head and its body.

    As two pieces they wake the client twice, and the slowest answers take twice as long.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._pieces: list[bytes | bytearray | memoryview] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)

    def _send(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces and not self._transport.is_closing():
            self._transport.write(b"".join(pieces))

    def close(self) -> None:
        self._send()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)


class _Patient(HttpToolsProtocol):
    """Ends connections whose request line and headers are too long, or too long under way."""

    _head_bytes = 0
    _head_ends: asyncio.TimerHandle | None = None

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.logger = _quiet_log

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_Joined(transport))
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head_ends is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_ends is not None and self._head_bytes > _MAX_HEAD:
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        self._head_arrived()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        if self._head_ends is None:
            self._head_ends = self.loop.call_later(_HEAD_SECONDS, self._give_up)

    def _head_arrived(self) -> None:
        self._head_bytes = 0
        if self._head_ends is not None:
            self._head_ends.cancel()
            self._head_ends = None

    def _give_up(self) -> None:
        self._head_ends = None
        if not self.transport.is_closing():
            self.transport.close()


async def serve(
    app: Any, given: Settings, background: Callable[[], list[Coroutine[Any, Any, None]]]
) -> int:
    """Serve until told to stop, or until something in the background fails; return the code."""
    server = uvicorn.Server(_configuration(app, given))
    failed = False

    def check(task: asyncio.Task[None]) -> None:
        nonlocal failed
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical("stops because of a defect", exc_info=error)
            failed = True
            server.should_exit = True

    tasks = [asyncio.create_task(work) for work in background()]
    for task in tasks:
        task.add_done_callback(check)
    try:
        await server.serve()
    except SystemExit as error:
        raise SystemExit(
            f"cannot listen on {given.host}, port {given.port}, as told above: choose another "
            "--host or --port"
        ) from error
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return 1 if failed or not server.started else 0


def _configuration(app: Any, given: Settings) -> uvicorn.Config:
    made = uvicorn.Config(
        app,
        host=given.host,
        port=given.port,
        http=_Patient,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody asks where a request came from
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        limit_concurrency=_CONNECTIONS,
        ssl_certfile=given.tls_certificate,
        ssl_keyfile=given.tls_key,
    )
    try:
        made.load()
    except OSError as error:
        raise SystemExit(
            f"--tls-certificate and --tls-key cannot be used ({error}): give files in PEM format, "
            "a certificate chain and its private key"
        ) from error
    return made
