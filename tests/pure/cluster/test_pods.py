"""What is asked of the node of a pod: lines as they come, and a command that ends."""

import contextlib
from datetime import UTC, datetime

import pytest
from aiohttp import web

from answering import Answer, answering
from process_operator.cluster import pods
from process_operator.kube import errors

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
SUCCESS = b'\x03{"kind": "Status", "status": "Success"}'
FAILURE = (
    b'\x03{"kind": "Status", "status": "Failure", "reason": "NonZeroExitCode", "details": '
    b'{"causes": [{"reason": "ExitCode", "message": "3"}]}}'
)
NOT_RUN = b'\x03{"kind": "Status", "status": "Failure", "message": "no such program"}'


def container(written: bytes) -> Answer:
    """Answer as a kubelet does: the last lines first, and of those not more than the limit."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.query["container"] == "process"  # others may stand beside it
        lines = written.splitlines(keepends=True)[-int(request.query["tailLines"]) :]
        return web.Response(body=b"".join(lines)[: int(request.query["limitBytes"])])

    return answer


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (b"", ""),
        (b"".join(b"%d\n" % number for number in range(100)), "98\n99\n"),
        # However much stands before it, the error at the end is what matters.
        (b"x" * 300_000 + b"\nerror\n", "error\n"),
        (b"x" * 3_000_000 + b"\nerror\n", "error\n"),
        (b"x" * 300_000 + b"error", "x" * (16 * 1024 - 5) + "error"),
        (b"y\n" + b"x" * 3_000_000, "x" * 16 * 1024),
        (b"\xff\n", "\ufffd\n"),
    ],
)
async def test_the_end_of_a_log_is_what_is_read(written: bytes, told: str) -> None:
    async with answering(container(written)) as server:
        assert await pods.log(server, "ns", "pod", lines=2) == told


async def followed(*pieces: bytes) -> list[str]:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.query["follow"] == "true"
        assert request.query["sinceTime"] == "2026-01-05T12:00:00+00:00"
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        return response

    async with answering(answer) as server:
        lines = pods.follow(server, "demo", "shop-web-1", since=NOON)
        async with contextlib.aclosing(lines) as found:
            return [line async for line in found]


async def test_lines_are_told_whole_however_they_arrive() -> None:
    assert await followed(b"one\ntw", b"o\n", b"\n", b"three") == ["one", "two", ""]


async def test_a_line_without_an_end_is_cut_off_and_fills_no_memory() -> None:
    lines = await followed(*[b"x" * 10_000] * 100, b"\nshort\n")
    assert [len(line) for line in lines] == [16 * 1024, 5]


async def executed(*messages: bytes, kept: int = 100) -> pods.Executed:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.query.getall("command") == ["ls", "-l"]
        assert request.query["container"] == "process"
        response = web.WebSocketResponse(protocols=("v5.channel.k8s.io",))
        await response.prepare(request)
        for message in messages:
            await response.send_bytes(message)
        await response.close()
        return response

    async with answering(answer) as server:
        return await pods.execute(server, "demo", "shop-web-1", ["ls", "-l"], kept=kept)


async def test_a_command_ends_with_what_it_wrote_and_its_code() -> None:
    done = await executed(b"\x01out", b"\x02err", b"\x01more", FAILURE, b"\x01late")
    assert done == pods.Executed(stdout=b"outmore", stderr=b"err", exit_code=3)
    assert (await executed(SUCCESS)).exit_code == 0


async def test_a_command_that_was_not_run_is_refused_in_the_words_of_the_runtime() -> None:
    with pytest.raises(errors.Rejected, match="no such program"):
        await executed(NOT_RUN)


async def test_a_command_whose_end_nobody_told_is_no_success() -> None:
    with pytest.raises(errors.Unavailable, match="before the command"):
        await executed(b"\x01out")


async def test_a_command_that_writes_without_end_is_read_no_further() -> None:
    with pytest.raises(pods.TooMuch):
        await executed(*[b"\x01" + b"x" * 60] * 3, SUCCESS)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (400, errors.Rejected),
        (500, errors.Unavailable),
    ],
)
async def test_a_refused_websocket_is_the_same_as_any_refusal(
    status: int, expected: type[errors.ApiError]
) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    async with answering(answer) as server:
        with pytest.raises(expected):
            await pods.execute(server, "demo", "shop-web-1", ["ls"], kept=1)
