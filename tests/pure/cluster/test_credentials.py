"""Tokens and authorities that are rotated under a running process."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from faults import proxy
from process_operator.cluster import connection
from process_operator.cluster.client import Cluster
from process_operator.cluster.credentials import Credentials
from process_operator.kube import errors


async def answer(_: web.Request) -> web.Response:
    return web.json_response({"kind": "Anything"})


@asynccontextmanager
async def serving(folder: Path, port: int = 0) -> AsyncIterator[int]:
    """Serve with a new certificate, which is put into the folder; yield the port."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*proxy._self_signed(folder))
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls, reuse_address=True).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def test_a_server_with_a_new_authority_is_trusted_as_soon_as_that_is_on_the_disk(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as port:
        address = f"https://127.0.0.1:{port}"
        found = connection.connection(server=address, ca_path=str(tmp_path / "proxy.crt"))
        cluster = await Cluster(found).__aenter__()
        of_kopf = cluster.session()
        await cluster.get("Process", "demo", "web")
        async with of_kopf.get(address) as answered:
            assert answered.status == 200
    old = (tmp_path / "proxy.crt").read_bytes()
    async with cluster, of_kopf, serving(tmp_path, port):
        new = (tmp_path / "proxy.crt").read_bytes()
        (tmp_path / "proxy.crt").write_bytes(old)
        with pytest.raises(errors.Unavailable, match="certificate verify failed"):
            await cluster.get("Process", "demo", "web")
        with pytest.raises(aiohttp.ClientSSLError):
            await of_kopf.get(address)
        (tmp_path / "proxy.crt").write_bytes(new)
        cluster._credentials._refused_at = float("-inf")  # a second later
        await cluster.get("Process", "demo", "web")
        async with of_kopf.get(address) as answered:
            assert answered.status == 200


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the clock, as the one item of a list."""
    now = [0.0]
    monkeypatch.setattr("process_operator.cluster.credentials.time.monotonic", lambda: now[0])
    return now


def test_a_token_is_read_again_after_a_minute_or_when_it_was_refused(
    tmp_path: Path, time: list[float]
) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    held = Credentials(connection.connection(server="http://127.0.0.1", token_file=file))
    file.write_text("second")
    time[0] = 59
    first = held.current()
    assert first.token == "first"  # noqa: S105
    time[0] = 61
    assert held.current().token == "second"  # noqa: S105

    file.write_text("third")
    assert held.after_refusal(first)
    assert held.current().token == "second"  # noqa: S105 - nobody has refused this one
    assert held.after_refusal(held.current())
    assert held.current().token == "third"  # noqa: S105


def test_credentials_that_stay_refused_are_read_once_a_second(
    tmp_path: Path, time: list[float]
) -> None:
    file = tmp_path / "token"
    file.write_text("wrong")
    held = Credentials(connection.connection(server="http://127.0.0.1", token_file=file))
    assert not held.after_refusal(held.current())
    file.write_text("right")
    assert not held.after_refusal(held.current())
    time[0] = 1.1
    assert held.after_refusal(held.current())


def test_what_was_good_is_used_while_a_rotation_is_half_done(
    tmp_path: Path, time: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = proxy._self_signed(tmp_path)
    held = Credentials(
        connection.connection(
            server="https://127.0.0.1",
            certificate_path=str(certificate),
            private_key_path=str(key),
        )
    )
    before, old = held.current(), key.read_bytes()
    proxy._self_signed(tmp_path)
    new = key.read_bytes()
    key.write_bytes(old)
    for time[0] in (61, 122):
        assert held.current() is before
    assert [record.message for record in caplog.records] == ["could not read the credentials anew"]
    key.write_bytes(new)
    time[0] = 183
    assert held.current().tls is not before.tls
