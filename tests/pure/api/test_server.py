"""How answers leave the server, told by what reaches the transport below it."""

import argparse
import asyncio
import logging
from typing import Any

import pytest
from uvicorn.server import ServerState

from process_operator.api.http import server, settings
from process_operator.api.http.connections import Connections

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n"
REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
LAST_REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    assert (scope["method"], (await receive())["body"]) == ("GET", b"")
    headers = [(b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


class Line(asyncio.Transport):
    """One connection: what has been sent over it, and whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.arrived = asyncio.Event()
        self.ended = asyncio.Event()

    def write(self, data: Any) -> None:
        assert not self.closed
        self.sent.append(bytes(data))
        self.arrived.set()

    def close(self) -> None:
        self.ended.set()

    @property
    def closed(self) -> bool:
        return self.ended.is_set()

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0


@pytest.fixture
async def line() -> Line:
    return Line()


def _protocol() -> Any:
    parser = argparse.ArgumentParser()
    settings.add_arguments(parser, {})
    connections = Connections(most=1, per_address=1)
    return server._Patient(
        config=server._configuration(hello, settings.of(parser.parse_args([])), connections),
        connections=connections,
        server_state=ServerState(),
        app_state={},
        _loop=asyncio.get_running_loop(),
    )


@pytest.fixture
async def protocol(line: Line) -> Any:
    made = _protocol()
    made.connection_made(line)
    yield made
    made.connection_lost(None)


async def test_the_head_and_the_body_of_an_answer_are_one_piece(line: Line, protocol: Any) -> None:
    protocol.data_received(REQUEST)
    await asyncio.wait_for(line.arrived.wait(), 5)
    assert line.sent == [HEAD + b"\r\nhello"]
    assert not line.closed


async def test_the_last_answer_is_sent_before_the_connection_ends(
    line: Line, protocol: Any
) -> None:
    protocol.data_received(LAST_REQUEST)
    await asyncio.wait_for(line.arrived.wait(), 5)
    assert line.sent == [HEAD + b"connection: close\r\n\r\nhello"]
    assert line.closed


async def test_an_answer_to_somebody_who_is_gone_is_dropped(line: Line, protocol: Any) -> None:
    protocol.transport.write(b"late")
    line.close()
    await asyncio.sleep(0)  # the turn in which it would be sent
    assert line.sent == []


async def test_a_head_that_is_too_long_ends_the_connection(line: Line, protocol: Any) -> None:
    protocol.data_received(b"GET / HTTP/1.1\r\nX: " + b"x" * (server._MAX_HEAD // 2))
    assert not line.closed
    protocol.data_received(b"x" * (server._MAX_HEAD // 2))
    assert line.closed
    assert line.sent == []


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost:"])
async def test_a_head_that_does_not_come_in_time_ends_the_connection(
    line: Line, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(server, "_HEAD_SECONDS", 0.05)
    made = _protocol()
    made.connection_made(line)
    made.data_received(begun)
    await asyncio.wait_for(line.ended.wait(), 5)
    assert line.sent == []


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: here\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    ],
)
async def test_what_strangers_send_fills_no_log(
    line: Line, protocol: Any, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    caplog.set_level(logging.DEBUG)
    protocol.data_received(sent)
    await asyncio.wait_for(line.arrived.wait(), 5)
    assert caplog.records == []
