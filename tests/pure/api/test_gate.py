"""What every request passes before any route, told by requests without a server."""

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import generate_latest

from process_operator import metrics
from process_operator.api import problems
from process_operator.api.access.keys import BoundNamespace, Key, KeySet, Role
from process_operator.api.http import gate, limits
from process_operator.api.http.gate import Gate
from process_operator.api.http.limits import Limiter
from process_operator.api.reads.cache import NAMESPACE_KIND, Cache
from process_operator.kube import names

NOW = datetime.now(UTC)
HERE = BoundNamespace("a", "uid-a")
UNKNOWN = "11111111-1111-4111-8111-11111111111a"


def observed(cache: Cache, kind: str, name: str, uid: str, namespace: str = "") -> None:
    about = {"namespace": namespace, "name": name, "uid": uid, "resourceVersion": "1"}
    created = {"creationTimestamp": "2026-01-05T12:00:00Z"}
    cache.observe({"kind": kind, "metadata": about | created, "spec": {}})


class KeyStore:
    trusted = True

    def __init__(self) -> None:
        self.key_set = KeySet()

    def find(self, text: str, now: datetime) -> Key | None:
        return self.key_set.find(text, now)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    message = await receive()
    if scope["path"].endswith("/broken"):
        raise RuntimeError("the password is hunter2")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


class Front:
    """The gate with a key of each role."""

    def __init__(self) -> None:
        self.key_store = KeyStore()
        self.cache = Cache(None)  # type: ignore[arg-type] # nothing is asked here
        observed(self.cache, NAMESPACE_KIND, *HERE)
        self.read_parts = 0
        """How many parts of bodies were read, by the last request."""
        self.write, self.other, self.read, self.expired = (
            self.key_store.key_set.add(
                name=name, role=role, namespaces=[HERE], now=NOW, lifetime=lifetime
            )
            for name, role, lifetime in (
                ("w", Role.WRITE, None),
                ("o", Role.WRITE, None),
                ("r", Role.READ, None),
                ("e", Role.WRITE, timedelta(seconds=-1)),
            )
        )
        self.gate = Gate(
            echo,
            key_store=self.key_store,  # type: ignore[arg-type]
            cache=self.cache,
            limiter=Limiter(lambda: 0.0),
        )

    async def ask(
        self,
        method: str = "GET",
        path: str = "/v3/webhooks",
        *,
        key: str | None = None,
        parts: tuple[bytes, ...] = (b"",),
        headers: tuple[tuple[bytes, bytes], ...] = (),
        breaks_off: bool = False,
    ) -> tuple[int, dict[str, str], bytes]:
        given = [*headers]
        if any(parts):
            given.append((b"transfer-encoding", b"chunked"))
        if key is not None:
            given.append((b"authorization", f"Bearer {key}".encode()))
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": given,
            "query_string": b"",
        }
        left = list(parts)
        self.read_parts = 0
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if not left:
                await asyncio.Event().wait()  # for what never comes
            part = left.pop(0)
            self.read_parts += 1
            return {"type": "http.request", "body": part, "more_body": bool(left) or breaks_off}

        async def send(message: Any) -> None:
            sent.append({**message, "headers": list(message.get("headers", ()))})

        await self.gate(scope, receive, send)
        told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], told, sent[1]["body"]


@pytest.fixture
async def front() -> Front:
    return Front()


async def test_without_a_key_nothing_of_v3_is_answered(front: Front) -> None:
    status, headers, body = await front.ask()
    assert status == 401
    assert headers["www-authenticate"].startswith("Bearer")
    told = json.loads(body)
    assert (told["status"], told["data"]["code"]) == (401, headers["x-request-id"])


@pytest.mark.parametrize("path", ["/v3/openapi.json", "/docs", "/healthz", "/readyz"])
async def test_what_tells_nothing_of_anybody_is_answered_without_a_key(
    front: Front, path: str
) -> None:
    assert (await front.ask(path=path))[0] == 200


@pytest.mark.parametrize("path", ["/metrics", "/", "/debug", "/V3/projects", "//v3/projects"])
async def test_whatever_else_there_is_needs_a_key(front: Front, path: str) -> None:
    assert (await front.ask(path=path))[0] == 401
    assert (await front.ask(path=path, key=front.read))[0] == 200


async def test_a_key_that_is_not_valid_is_refused_whatever_it_is(front: Front) -> None:
    for key in ("", "x", front.write[:-1], front.write + "a", front.expired):
        assert (await front.ask(key=key))[0] == 401
    basic = ((b"authorization", f"Basic {front.write}".encode()),)
    assert (await front.ask(headers=basic))[0] == 401


async def test_a_key_that_may_only_read_does_not_write(front: Front) -> None:
    assert (await front.ask(key=front.read))[0] == 200
    for method in ("POST", "PATCH", "PUT", "DELETE"):
        assert (await front.ask(method, key=front.read))[0] == 403
        assert (await front.ask(method, key=front.write))[0] == 200


async def test_keys_that_cannot_be_checked_are_not_trusted(front: Front) -> None:
    front.key_store.trusted = False
    assert (await front.ask(key=front.write))[0] == 503
    assert (await front.ask(key="x"))[0] == 401


async def test_every_answer_to_a_key_tells_the_rate(front: Front) -> None:
    _, headers, _ = await front.ask(key=front.write)
    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("400", "399")
    for _ in range(30):
        status, headers, _ = await front.ask("POST", key=front.write)
        assert status == 200
    status, headers, _ = await front.ask("POST", key=front.write)
    assert (status, headers["x-ratelimit-remaining"], headers["retry-after"]) == (429, "0", "2")


async def test_a_body_may_come_in_parts_and_is_bounded(front: Front) -> None:
    answer = await front.ask("POST", key=front.write, parts=(b'{"a":', b"1}"))
    assert answer[2] == b'{"a":1}'
    too_large = (b"x" * gate.MAX_BODY, b"x")
    assert (await front.ask("POST", key=front.write, parts=too_large))[0] == 400
    declared = ((b"content-length", str(gate.MAX_BODY + 1).encode()),)
    assert (await front.ask("POST", key=front.write, headers=declared))[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "with_key"),
    [
        ("POST", "/nothing", False),
        ("POST", "/healthz", False),
        ("POST", "/v3/openapi.json", False),
        ("POST", "/v3/projects", False),
        ("GET", "/v3/projects", True),
    ],
)
async def test_a_body_that_nobody_wants_is_not_read(
    front: Front, method: str, path: str, with_key: bool
) -> None:
    parts = [b"[" * gate.MAX_BODY, b"["]
    key = front.write if with_key else None
    status, _, body = await front.ask(method, path, key=key, parts=tuple(parts))
    is_open = path in {"/healthz", "/v3/openapi.json"}
    assert status == (200 if with_key or is_open else 401)
    assert body == b"" or status == 401
    assert front.read_parts == 0


async def test_bodies_of_a_key_are_held_to_a_bound_and_only_while_they_are_used(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_MAX_HELD_BY_KEY", 10)
    monkeypatch.setattr(limits, "_MAX_HELD", 15)
    monkeypatch.setattr(gate, "_BODY_SECONDS", 0.5)
    slow = asyncio.create_task(
        front.ask("POST", key=front.write, parts=(b'{"a":1}',), breaks_off=True)
    )
    await asyncio.sleep(0)
    assert (await front.ask("POST", key=front.write, parts=(b'{"b":1}',)))[0] == 429
    assert (await front.ask("POST", key=front.other, parts=(b'{"b":1}',)))[0] == 200
    assert (await front.ask("POST", key=front.other, parts=(b'{"b":123}',)))[0] == 429
    assert (await asyncio.wait_for(slow, 5))[0] == 400
    assert (await front.ask("POST", key=front.write, parts=(b'{"b":1}',)))[0] == 200


async def changes(front: Front, key: str, *spellings: str) -> list[int]:
    return [(await front.ask("PATCH", f"/v3/applications/{one}", key=key))[0] for one in spellings]


async def test_an_application_is_counted_however_its_id_is_spelled(front: Front) -> None:
    uid = UNKNOWN.replace("1", "2")
    observed(front.cache, names.APPLICATION_KIND, "shop", uid, "a")
    spelled = [uid.upper(), uid, uid[:-1] + "A"] * 4
    assert await changes(front, front.write, *spelled) == [200] * 10 + [429] * 2


async def test_ids_that_name_nothing_here_are_counted_together(front: Front) -> None:
    foreign = UNKNOWN.replace("1", "3")
    observed(front.cache, names.APPLICATION_KIND, "shop", foreign, "b")
    invented = [foreign, *(f"{number:08}{UNKNOWN[8:]}" for number in range(10)), "x"]
    assert await changes(front, front.write, *invented) == [200] * 10 + [429] * 2
    # The same for a key that may only read, and at nobody else's expense.
    assert await changes(front, front.read, *invented) == [403] * 10 + [429] * 2
    assert await changes(front, front.other, foreign) == [200]


async def test_a_key_that_was_made_before_keys_were_bound_has_to_be_made_anew(
    front: Front,
) -> None:
    old = front.key_store.key_set.add(
        name="old", role=Role.READ, namespaces=[BoundNamespace("a", "")], now=NOW, lifetime=None
    )
    status, _, body = await front.ask(key=old)
    assert status == 401
    assert b"make it anew" in body


async def test_a_body_that_does_not_come_in_time_is_waited_for_no_longer(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "_BODY_SECONDS", 0.05)
    asked = front.ask("POST", key=front.write, parts=(b'{"a":',), breaks_off=True)
    status, _, body = await asyncio.wait_for(asked, 5)
    assert status == 400
    assert b"the body did not arrive within" in body


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 32 + b"]" * 32, 200),
        (b"[" * 33 + b"]" * 33, 400),
        (b'{"a":' * 33 + b"1" + b"}" * 33, 400),
        (b'["' + b"[" * 100 + b'\\"' + b"{" * 100 + b'"]', 200),
        (b"[" + b"[]," * 100 + b"[]]", 200),
    ],
)
async def test_depth_is_bounded_and_text_does_not_count(
    front: Front, body: bytes, status: int
) -> None:
    assert (await front.ask("POST", key=front.write, parts=(body,)))[0] == status


async def test_a_defect_is_answered_with_its_code_and_logged_without_its_words(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        status, headers, body = await front.ask("POST", "/v3/broken", key=front.write)
    assert status == 500
    assert headers["x-request-id"] in body.decode()
    said = "".join(str(vars(entry)) for entry in caplog.records)
    assert headers["x-request-id"] in said
    for secret in ("hunter2", front.write):
        assert secret not in said + body.decode()


async def test_answers_are_counted_by_route_and_never_by_path(front: Front) -> None:
    await front.ask(path="/v3/applications/some-id", key=front.write)
    await front.ask("JUNK", path="/v3/x")
    text = generate_latest(metrics.REGISTRY).decode()
    assert "some-id" not in text
    assert "JUNK" not in text
    assert 'status="401"' in text


@pytest.mark.parametrize(
    ("make", "status"),
    [
        (lambda: problems.invalid("x"), 400),
        (lambda: problems.forbidden("x"), 403),
        (lambda: problems.missing("x"), 404),
        (problems.stale, 412),
        (lambda: problems.refused("x"), 422),
        (lambda: problems.unavailable("x"), 503),
    ],
)
def test_each_reason_has_its_status(make: Callable[[], problems.Problem], status: int) -> None:
    assert make().status == status
