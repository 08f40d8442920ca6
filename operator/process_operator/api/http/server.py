"""The HTTP server: uvicorn, with an end to patience in every phase of a request."""

import asyncio
import functools
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from process_operator.api.http.connections import Connections, address_of
from process_operator.api.http.settings import Settings

_log = logging.getLogger("process_operator.api")
_quiet_log = logging.getLogger("process_operator.api.connections")
_quiet_log.setLevel(logging.ERROR)
"""Nothing of what strangers can cause by what they send: they could fill the log."""

_HEAD_SECONDS = 10.0
_REQUEST_SECONDS = 20.0
"""From the first byte of a request to its last, whether or not it was answered meanwhile."""
_SEND_SECONDS = 30.0
"""How long a client may take to read what is sent to it."""
_MAX_HEAD = 32 * 1024
"""Bytes of a head; and of all that a body may have around its data: chunk sizes and trailers."""
_MAX_FIELDS = 100
_MAX_BODY = 4 * 1024 * 1024
"""Bytes of a body that are read, so that its sender gets to read the refusal of a smaller limit."""
_MAX_PIPELINED = 16
"""How many requests of one connection may wait for the answer to one before them."""
_KEEP_ALIVE_SECONDS = 30
_SHUTDOWN_SECONDS = 10


class _Joined(asyncio.Transport):
    """Sends what is written in one turn of the loop as one piece: an answer's head and its body.

    As two pieces they wake the client twice, and the slowest answers take twice as long. What a
    client does not read in time is not kept for it.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._pieces: list[bytes | bytearray | memoryview] = []
        self._read_ends: asyncio.TimerHandle | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)

    def _send(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces and not self._transport.is_closing():
            self._transport.writelines(pieces)  # without a copy, where the loop can do so

    def close(self) -> None:
        self._send()
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self.expect_reader()

    def expect_reader(self) -> None:
        """End the connection, with all that is still to be sent, unless its client reads on."""
        if self._read_ends is None:
            self._read_ends = self._loop.call_later(_SEND_SECONDS, self._transport.abort)

    def reader_came(self) -> None:
        """Wait for the reader no longer."""
        if self._read_ends is not None:
            self._read_ends.cancel()
            self._read_ends = None

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)


class _TooMuch(Exception):  # noqa: N818 - the parser makes an error of it
    """A request has more of something than anybody needs; it is answered as malformed."""


class _Patient(HttpToolsProtocol):
    """Ends connections that hold more of the server, or hold it for longer, than requests need."""

    transport: _Joined
    _entered: str | None = None
    """The address that this connection is counted for."""
    _message_ends: asyncio.TimerHandle | None = None
    """Set while a message is under way, and while the first byte of one is waited for."""
    _in_body = False
    """Whether the head of the message under way is complete."""
    _unused = 0
    """Bytes that have come since there was a head, or a part of a body."""
    _body_bytes = 0

    def __init__(self, *given: Any, connections: Connections, **named: Any) -> None:
        super().__init__(*given, **named)
        self.logger = _quiet_log
        self._connections = connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        peer = transport.get_extra_info("peername")
        address = address_of(str(peer[0])) if peer else ""
        if not self._connections.enter(address):
            transport.abort()
            return
        self._entered = address
        super().connection_made(_Joined(transport))
        self._expect_message()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._entered is None:
            return
        self._connections.leave(self._entered)
        self._message_ended()
        super().connection_lost(exc)
        self.transport.reader_came()

    def data_received(self, data: bytes) -> None:
        if self._entered is None or self.transport.is_closing():
            return
        self._unused += len(data)
        super().data_received(data)
        if self._message_ends is not None:
            if self._unused > _MAX_HEAD:
                self.transport.close()
        elif self._is_idle():
            # What has come began no message, and ended the wait for one: it is waited for anew.
            self._expect_message()

    def _is_idle(self) -> bool:
        """Whether nothing is done for this connection, and no time is set for its next request."""
        answered = self.cycle is None or self.cycle.response_complete
        return answered and self.timeout_keep_alive_task is None

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= _MAX_PIPELINED:
            raise _TooMuch
        super().on_message_begin()
        self._expect_message()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body:
            return  # a trailer; to keep it among the headers would let it pass for one
        if len(self.headers) == _MAX_FIELDS:
            raise _TooMuch
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_body = True
        self._unused = self._body_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unused = 0
        self._body_bytes += len(body)
        if self._body_bytes > _MAX_BODY:
            raise _TooMuch
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._message_ended()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if not self.pipeline:
            self.cycle.body = bytearray()  # a connection that is kept keeps nothing else
        super().on_response_complete()

    def pause_writing(self) -> None:
        self.transport.expect_reader()
        super().pause_writing()

    def resume_writing(self) -> None:
        self.transport.reader_came()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """End the connection, after an answer if it is the turn of what cannot be read."""
        if self._is_next():
            super().send_400_response(msg)
        else:
            self.transport.close()

    def _is_next(self) -> bool:
        if self.cycle is None or self.pipeline:
            return self.cycle is None
        return not self.cycle.response_started if self._in_body else self.cycle.response_complete

    def _unsupported_upgrade_warning(self) -> None:
        """End the connection with this answer: what comes after the request is not read as HTTP."""
        self.cycle.keep_alive = False

    def _expect_message(self) -> None:
        if self._message_ends is None:
            self._message_ends = self.loop.call_later(_HEAD_SECONDS, self._head_ended)

    def _head_ended(self) -> None:
        if self._in_body:
            left = _REQUEST_SECONDS - _HEAD_SECONDS
            self._message_ends = self.loop.call_later(left, self.transport.close)
        else:
            self.transport.close()

    def _message_ended(self) -> None:
        self._in_body = False
        self._unused = 0
        if self._message_ends is not None:
            self._message_ends.cancel()
            self._message_ends = None


async def serve(
    app: Any,
    given: Settings,
    connections: Connections,
    background: Callable[[], list[Coroutine[Any, Any, None]]],
) -> int:
    """Serve until told to stop, or until something in the background fails; return the code."""
    server = uvicorn.Server(_configuration(app, given, connections))
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


def _configuration(app: Any, given: Settings, connections: Connections) -> uvicorn.Config:
    made = uvicorn.Config(
        app,
        host=given.host,
        port=given.port,
        http=functools.partial(_Patient, connections=connections),  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody asks where a request came from
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
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
