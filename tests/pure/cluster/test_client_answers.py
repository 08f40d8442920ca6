"""Whatever a server answers, or keeps back, the client makes one class of error of it."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from answering import always, answering
from process_operator.cluster import connection
from process_operator.cluster.client import Cluster
from process_operator.kube import errors
from process_operator.kube.manifest import Manifest


async def everything(server: Cluster, kind: str, **asked: Any) -> list[Manifest]:
    return [item async for items, _ in server.list(kind, **asked) for item in items]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"status": 200, "text": "<html>welcome</html>"}, errors.Unavailable),
        ({"status": 200, "text": '{"kind": "Depl'}, errors.Unavailable),
        ({"status": 200, "text": "[]"}, errors.Unavailable),
        ({"status": 200, "text": "{}"}, errors.Unavailable),
        (
            {"status": 200, "body": b"x", "headers": {"Content-Encoding": "gzip"}},
            errors.Unavailable,
        ),
        ({"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, errors.Unavailable),
        ({"status": 400, "text": "no"}, errors.Rejected),
        ({"status": 401, "text": "who?"}, errors.Unauthorized),
        ({"status": 403, "text": "no"}, errors.Forbidden),
        ({"status": 404, "text": "no"}, errors.NotFound),
        ({"status": 410, "text": "gone"}, errors.Expired),
        ({"status": 500, "text": "ouch"}, errors.Unavailable),
        ({"status": 502, "text": "<html>bad gateway</html>"}, errors.Unavailable),
        ({"status": 503, "text": "later"}, errors.Unavailable),
        ({"status": 504, "text": "too slow"}, errors.Unavailable),
    ],
)
async def test_whatever_is_answered_has_one_class_of_error(
    answer: dict[str, Any], expected: type[errors.ApiError]
) -> None:
    async with answering(always(**answer)) as server:
        with pytest.raises(expected) as caught:
            await server.get("Deployment", "shop", "web")
        assert type(caught.value) is expected
        assert caught.value.message
        with pytest.raises(errors.ApiError):
            await everything(server, "Deployment")


async def test_a_write_is_done_when_its_object_is_the_answer_and_not_before() -> None:
    """A gateway that says yes to everything has written nothing."""
    yes = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    written = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": "shop", "name": "web"},
    }
    async with answering(always(status=200, text=json.dumps(yes))) as server:
        for write in (
            server.create(written),
            server.apply(written, force=True),
            server.replace(written),
            server.replace_status(
                "Deployment", "shop", "web", uid="1", resource_version="1", status={}
            ),
        ):
            with pytest.raises(errors.Unavailable):
                await write
        await server.delete("Deployment", "shop", "web", uid="1", propagation="Background")


@pytest.mark.parametrize(
    ("status", "header", "least", "most"),
    [
        (429, "7", 7, 7),
        (429, None, 1, 1),
        (429, "soon", 1, 1),
        (503, "30", 30, 30),
        # Dates are of when the tests were collected, which may be a while ago when this one runs.
        (429, format_datetime(datetime.now(UTC) + timedelta(hours=9), usegmt=True), 60, 60),
        (429, "31536000000000", 60, 60),
        (429, "inf", 60, 60),
        (429, "nan", 0, 0),
        (429, format_datetime(datetime.now(UTC) - timedelta(seconds=500), usegmt=True), 0, 0),
    ],
    # Named, because two workers that collect in different seconds must collect the same names.
    ids=[
        "seconds",
        "absent",
        "nonsense",
        "unavailable",
        "date",
        "ages",
        "for ever",
        "no number",
        "past date",
    ],
)
async def test_a_throttled_request_says_how_long_to_wait(
    status: int, header: str | None, least: float, most: float
) -> None:
    headers = {} if header is None else {"Retry-After": header}
    async with answering(always(status=status, headers=headers)) as server:
        with pytest.raises(errors.Throttled) as caught:
            await server.get("Deployment", "shop", "web")
        assert least <= caught.value.retry_after <= most


async def test_an_error_text_is_short_and_harmless() -> None:
    async with answering(always(status=500, text="\x1b[31m\n" + "x" * 3_000_000)) as server:
        with pytest.raises(errors.Unavailable) as caught:
            await server.get("Deployment", "shop", "web")
        assert len(caught.value.message) <= 1000
        assert caught.value.message.isprintable()


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with Cluster(connection.connection(server="http://127.0.0.1:1")) as server:
        with pytest.raises(errors.Unavailable):
            await server.get("Deployment", "shop", "web")
        with pytest.raises(errors.Unavailable):
            async for _ in server.watch("Deployment", resource_version="1"):
                pass


async def test_a_refused_token_is_read_again_once(tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("old")
    seen: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers["Authorization"])
        if request.headers["Authorization"] == "Bearer new":
            return web.json_response({"kind": "Deployment"})
        token_file.write_text("new")
        return web.Response(status=401)

    async with answering(answer, token_file=token_file) as server:
        await server.get("Deployment", "shop", "web")
        await server.get("Deployment", "shop", "web")
    assert seen == ["Bearer old", "Bearer new", "Bearer new"]


async def test_a_token_that_stays_refused_is_not_sent_again(tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("wrong\n")
    asked = 0

    async def answer(_: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return web.Response(status=401)

    async with answering(answer, token_file=token_file) as server:
        with pytest.raises(errors.Unauthorized):
            await server.get("Deployment", "shop", "web")
    assert asked == 1


async def test_a_token_never_shows_in_a_connection() -> None:
    made = connection.connection(server="http://127.0.0.1:1", token="canary")  # noqa: S106
    assert "canary" not in repr(made)


async def test_a_silent_watch_is_dropped() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.sleep(60)
        return response

    async with answering(answer) as server:
        began = asyncio.get_running_loop().time()
        with pytest.raises(errors.Unavailable, match="no answer in time"):
            async for _ in server.watch("Deployment", resource_version="1", seconds=1):
                pass
        assert asyncio.get_running_loop().time() - began < 6


async def test_a_watch_survives_lines_in_any_pieces_and_drops_the_one_that_was_cut_off() -> None:
    lines = b"".join(
        b'{"type": "ADDED", "object": {"metadata": {"name": "%d"}}}\n' % number
        for number in range(3)
    )

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for at in range(0, len(lines) - 5, 7):
            await response.write(lines[at : min(at + 7, len(lines) - 5)])
            await asyncio.sleep(0)
        return response

    async with answering(answer) as server:
        seen = [
            found["metadata"]["name"]
            async for _, found in server.watch("Deployment", resource_version="1")
        ]
    assert seen == ["0", "1"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            b'{"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}',
            errors.Expired,
        ),
        (b'{"type": "ERROR", "object": {"kind": "Status", "code": 500}}', errors.Unavailable),
        (b'{"type": "ADDED"}', errors.Unavailable),
        (b"<html>", errors.Unavailable),
        (b"3", errors.Unavailable),
    ],
)
async def test_an_error_in_a_stream_is_the_same_as_one_in_an_answer(
    line: bytes, expected: type[errors.ApiError]
) -> None:
    async with answering(always(body=line + b"\n")) as server:
        with pytest.raises(expected):
            async for _ in server.watch("Deployment", resource_version="1"):
                pass
