"""What strangers can hold of the server, told over real sockets: connections, memory and time."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from uvicorn.server import ServerState

from process_operator import metrics
from process_operator.api.http import server, settings
from process_operator.api.http.connections import Connections, address_of

GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
MIB = 1024 * 1024
PATIENCE = 5.0

REFUSED = "process_operator_api_refused_connections_total"


@dataclass(slots=True)
class Here:
    """A server on a free port, what it was asked, and what it holds."""

    connections: Connections
    state: ServerState = field(default_factory=ServerState)
    port: int = 0
    seen: list[list[tuple[bytes, bytes]]] = field(default_factory=list)
    answer: bytes = b"hello"
    """What it answers at once, without reading a body."""
    reads: bool = False
    """Whether it reads the body first."""

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        while self.reads and (await receive()).get("more_body"):
            pass
        self.seen.append(list(scope["headers"]))
        headers = [(b"content-length", str(len(self.answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.answer})

    async def line(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)


@pytest.fixture
async def here() -> AsyncIterator[Here]:
    parser = argparse.ArgumentParser()
    settings.add_arguments(parser, {})
    made = Here(Connections(most=8, per_address=4))
    given = settings.of(parser.parse_args([]))
    configuration = server._configuration(made.app, given, made.connections)

    def protocol() -> Any:
        protocol_class: Any = configuration.http_protocol_class
        return protocol_class(config=configuration, server_state=made.state, app_state={})

    listening = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()
    for one in list(made.state.connections):
        one.transport.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - nothing here tells of it
            await asyncio.sleep(0.01)


async def to_the_end(reader: asyncio.StreamReader) -> bytes:
    """Return all that comes until the server ends the connection."""
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE)
    except ConnectionError:
        return b""


async def pour(writer: asyncio.StreamWriter, part: bytes, most: int) -> int:
    """Send a part again and again until the connection has ended; return how much went out."""
    sent = 0
    try:
        while sent < most:
            writer.write(part)
            sent += len(part)
            await asyncio.wait_for(writer.drain(), PATIENCE)
            await asyncio.sleep(0)
    except ConnectionError:
        return sent
    raise AssertionError(f"the server has taken {sent} bytes")


@pytest.mark.parametrize("reads", [False, True])
async def test_trailers_are_bounded(here: Here, reads: bool) -> None:
    here.reads = reads
    _, writer = await here.line()
    writer.write(CHUNKED + b"0\r\n")
    await pour(writer, b"X-Late: " + b"x" * 8000 + b"\r\n", 16 * MIB)
    await until(lambda: not here.connections.open)


async def test_one_endless_trailer_is_bounded(here: Here) -> None:
    _, writer = await here.line()
    writer.write(CHUNKED + b"0\r\nX-Late: ")
    await pour(writer, b"x" * 8000, 16 * MIB)


async def test_a_chunk_extension_is_bounded(here: Here) -> None:
    _, writer = await here.line()
    writer.write(CHUNKED + b"1;x=")
    await pour(writer, b"x" * 8000, 16 * MIB)


async def test_a_trailer_is_no_header(here: Here) -> None:
    here.reads = True
    reader, writer = await here.line()
    writer.write(CHUNKED + b"1\r\nx\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
    assert b"hello" in await asyncio.wait_for(reader.readuntil(b"hello"), PATIENCE)
    assert b"authorization" not in dict(here.seen[0])


async def test_header_fields_are_counted(here: Here) -> None:
    reader, writer = await here.line()
    many = b"a:\r\n" * (server._MAX_FIELDS + 1)
    writer.write(b"GET / HTTP/1.1\r\n" + many + b"\r\n" + GET)
    assert (await to_the_end(reader)).startswith(b"HTTP/1.1 400")
    assert here.seen == []


async def test_requests_that_wait_for_their_turn_are_bounded(here: Here) -> None:
    reader, writer = await here.line()
    writer.write(GET * 5000)
    await to_the_end(reader)
    assert len(here.seen) <= server._MAX_PIPELINED + 1


async def test_a_few_pipelined_requests_are_answered_in_turn(here: Here) -> None:
    reader, writer = await here.line()
    writer.write(GET * server._MAX_PIPELINED)
    for _ in range(server._MAX_PIPELINED):
        await asyncio.wait_for(reader.readuntil(b"hello"), PATIENCE)


async def test_a_body_that_nobody_wants_is_read_to_a_bound(here: Here) -> None:
    _, writer = await here.line()
    length = 1024 * MIB
    writer.write(f"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: {length}\r\n\r\n".encode())
    assert await pour(writer, b"x" * 65_536, 64 * MIB) < 32 * MIB


async def test_a_connection_is_kept_when_the_rest_of_a_body_comes(here: Here) -> None:
    reader, writer = await here.line()
    writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\n")
    await asyncio.wait_for(reader.readuntil(b"hello"), PATIENCE)
    writer.write(b"abc" + GET)
    await asyncio.wait_for(reader.readuntil(b"hello"), PATIENCE)


@pytest.mark.parametrize(
    "then",
    [
        b"1\r\nx\r\n",  # a part of a body whose request was answered
        b"0\r\n\r\n",  # its end, after which nothing comes
        b"0\r\nX-Late:",
    ],
)
async def test_whoever_was_answered_cannot_stay_by_sending_more_of_the_body(
    here: Here, monkeypatch: pytest.MonkeyPatch, then: bytes
) -> None:
    monkeypatch.setattr(server, "_HEAD_SECONDS", 0.2)
    monkeypatch.setattr(server, "_REQUEST_SECONDS", 0.4)
    reader, writer = await here.line()
    writer.write(CHUNKED)
    await asyncio.wait_for(reader.readuntil(b"hello"), PATIENCE)
    writer.write(then)
    await to_the_end(reader)


async def test_empty_lines_keep_no_connection(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_HEAD_SECONDS", 0.2)
    reader, writer = await here.line()
    writer.write(GET)
    await asyncio.wait_for(reader.readuntil(b"hello"), PATIENCE)
    writer.write(b"\r\n")
    await to_the_end(reader)


async def test_a_request_that_asks_for_another_protocol_is_the_last_one(here: Here) -> None:
    reader, writer = await here.line()
    writer.write(b"GET / HTTP/1.1\r\nHost: here\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")
    answered = await to_the_end(reader)
    assert answered.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answered


@pytest.mark.parametrize(
    "malformed",
    [
        b"nonsense\r\n\r\n",
        CHUNKED + b"zz\r\n",
        CHUNKED + b"0\r\nX-Late\x00: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ],
)
@pytest.mark.parametrize("before", [b"", GET])
async def test_what_cannot_be_read_is_the_last_of_its_connection(
    here: Here, malformed: bytes, before: bytes
) -> None:
    reader, writer = await here.line()
    if before:
        writer.write(before)
        await asyncio.wait_for(reader.readuntil(b"hello"), PATIENCE)
    seen = len(here.seen)
    writer.write(malformed + GET * 3)
    answered = await to_the_end(reader)
    assert answered.count(b"HTTP/1.1 ") <= 1
    assert b"HTTP/1.1 200" not in answered
    assert len(here.seen) - seen <= 1  # the request itself, where its head was well-formed


async def test_whoever_does_not_read_is_not_waited_for(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_SEND_SECONDS", 0.2)
    here.answer = b"x" * (32 * MIB)
    reader, writer = await here.line()
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(GET)
    await until(lambda: len(here.seen) == 1)
    await until(lambda: not here.connections.open)
    assert reader is not None


async def test_an_address_has_so_many_connections_and_others_are_not_in_its_way(
    here: Here,
) -> None:
    def refused() -> float:
        return metrics.REGISTRY.get_sample_value(REFUSED) or 0.0

    before = refused()
    lines = [await here.line() for _ in range(4)]
    await until(lambda: here.connections.open == 4)
    reader, _ = await here.line()
    assert await to_the_end(reader) == b""
    assert refused() == before + 1
    assert here.connections.enter("192.0.2.1")
    for reader, writer in lines:
        writer.write(GET)
        await asyncio.wait_for(reader.readuntil(b"hello"), PATIENCE)
    lines[0][1].close()
    await until(lambda: here.connections.open == 4)
    reader, writer = await here.line()
    writer.write(GET)
    await asyncio.wait_for(reader.readuntil(b"hello"), PATIENCE)


def test_all_addresses_together_have_so_many_connections() -> None:
    connections = Connections(most=3, per_address=2)
    entered = [connections.enter(one) for one in ("a", "a", "a", "b", "c")]
    assert entered == [True, True, False, True, False]
    connections.leave("a")
    assert connections.enter("c")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", True),
    ],
)
def test_a_client_is_an_address_and_in_ipv6_a_network(one: str, other: str, same: bool) -> None:
    assert (address_of(one) == address_of(other)) is same
