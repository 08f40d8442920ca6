import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

import virtual_time
from process_operator.cluster import connection
from process_operator.cluster.client import Cluster
from process_operator.controller.contact import Arrival, Contact, History
from process_operator.controller.lives import End, Lives
from process_operator.kube import errors, names
from process_operator.kube.kinds import KINDS
from process_operator.kube.manifest import Manifest

PROCESSES = KINDS[names.PROCESS_KIND].path()


def heard(contact: Contact, *but: str) -> None:
    for kind in names.OWN_KINDS:
        if kind not in but:
            contact.note(KINDS[kind].path(), "watch", 200)


@virtual_time.run
async def test_nothing_is_ready_before_every_kind_has_been_heard_of() -> None:
    contact = Contact()
    heard(contact, "Process", "ProcessRun")
    assert contact.unready() == "not watched yet: Process, ProcessRun"
    assert not contact.complete.is_set()
    heard(contact)
    assert contact.complete.is_set()
    assert contact.unready() == ""


@virtual_time.run
async def test_a_kind_that_is_gone_is_lost_at_once() -> None:
    contact = Contact()
    heard(contact)
    waiting = asyncio.create_task(contact.lost())
    await asyncio.sleep(5)
    contact.note(KINDS["Process"].path(), "watch", 404)
    assert str(await waiting) == ("Process: not served by the cluster; kubectl apply -f crds/")
    assert asyncio.get_running_loop().time() == 5
    assert contact.unready().startswith("Process: not served")


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (403, "the right is missing to watch processes.process-operator.dev"),
        (401, "the credentials are refused"),
        (503, "answered with status 503"),
        (200, "no answer from the API server"),
    ],
)
@virtual_time.run
async def test_a_kind_unheard_of_for_thirty_seconds_is_lost(status: int, why: str) -> None:
    contact, loop = Contact(), asyncio.get_running_loop()
    heard(contact)
    waiting = asyncio.create_task(contact.lost())
    for _ in range(6):
        await asyncio.sleep(5)
        heard(contact, "Process")
        if status != 200:
            contact.note(KINDS["Process"].path(), "watch", status)
        assert bool(contact.unready()) == (loop.time() >= 30)
    lost = await waiting
    assert (lost.kind, lost.why, loop.time()) == ("Process", why, 30)


@virtual_time.run
async def test_a_refusal_that_passes_is_no_loss() -> None:
    contact = Contact()
    waiting = asyncio.create_task(contact.lost())
    for _ in range(10):
        heard(contact, "Process")
        contact.note(KINDS["Process"].path(), "watch", 403)
        await asyncio.sleep(20)
        heard(contact)
        await asyncio.sleep(5)
    assert not waiting.done()
    waiting.cancel()


@virtual_time.run
async def test_a_kind_that_kopf_has_never_asked_for_is_lost() -> None:
    contact = Contact()
    heard(contact, "ProcessRun")
    waiting = asyncio.create_task(contact.lost())
    while not waiting.done():
        await asyncio.sleep(8)
        heard(contact, "ProcessRun")
    assert waiting.result().kind == "ProcessRun"


@asynccontextmanager
async def server(answer: Callable[[web.Request], web.Response]) -> AsyncIterator[str]:
    """Serve what really answers, on a port of its own."""

    async def handle(request: web.Request) -> web.Response:
        return answer(request)

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_an_answer_by_which_kopf_would_end_is_a_failed_connection_for_it() -> None:
    status, asked = 200, 0

    def answer(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    contact = Contact()
    async with server(answer) as url:
        cluster = Cluster(connection.connection(server=url))
        async with cluster.session(contact.middleware) as session:
            for status in (200, 403, 410, 429, 500):
                async with session.get(url + PROCESSES) as answered:
                    assert answered.status == status
            for status in (301, 401, 404):
                asked = 0
                with pytest.raises(aiohttp.ClientConnectionError, match=f"status {status}"):
                    await session.get(url + PROCESSES, params={"watch": "true"})
                assert asked == 1
    assert contact.unready() == "Process: not served by the cluster; kubectl apply -f crds/"


async def test_a_rotated_token_is_read_again_for_kopf_too(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    valid = "old"

    def answer(request: web.Request) -> web.Response:
        return web.Response(
            status=200 if request.headers["Authorization"] == f"Bearer {valid}" else 401
        )

    async with server(answer) as url:
        cluster = Cluster(connection.connection(server=url, token_file=file))
        async with cluster.session(Contact().middleware) as session:
            for valid in ("old", "new"):
                file.write_text(valid)
                async with session.get(url + PROCESSES) as answered:
                    assert answered.status == 200


class Server:
    """An API server that refuses what it is told to, by verb and kind."""

    def __init__(self) -> None:
        self.refused: dict[tuple[str, str], int] = {}
        self.plurals = frozenset(KINDS[kind].plural for kind in names.OWN_KINDS)
        self.is_away = False
        self.version = "7"

    def _reached(self, verb: str, kind: str) -> None:
        if status := self.refused.get((verb, kind)):
            raise errors.Rejected("no", status=status)

    async def served(self, api_version: str) -> frozenset[str]:
        assert api_version == names.API_VERSION
        if self.is_away:
            raise errors.Unavailable("no answer in time")
        return self.plurals

    async def list(
        self, kind: str, *, metadata_only: bool, limit: int
    ) -> AsyncGenerator[tuple[list[Manifest], str], None]:
        assert (metadata_only, limit) == (True, 1)
        self._reached("list", kind)
        yield [], self.version

    async def try_watch(self, kind: str, resource_version: str) -> None:
        assert resource_version == "7"
        self._reached("watch", kind)


@virtual_time.run
async def test_kinds_that_can_all_be_watched_are_not_waited_for() -> None:
    await Arrival(Server()).wait()
    assert asyncio.get_running_loop().time() == 0


@virtual_time.run
async def test_what_is_awaited_is_told_once_and_shown_at_any_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    server = Server()
    every, server.plurals = server.plurals, frozenset()
    arrival = Arrival(server)
    waiting = asyncio.create_task(arrival.wait())
    await asyncio.sleep(60)
    lines = [
        f"{kind}: not served by the cluster; kubectl apply -f crds/" for kind in names.OWN_KINDS
    ]
    assert arrival.unready().splitlines() == ["waits for its own kinds", *lines]

    server.plurals = every
    server.refused = {("list", "Process"): 403, ("watch", "ProcessRun"): 403}
    await asyncio.sleep(60)
    remedy = "give it the rights of its chart, or of deploy/install.yaml"
    assert arrival.unready().splitlines()[1:] == [
        f"Process: the right is missing to list processes.process-operator.dev; {remedy}",
        f"ProcessRun: the right is missing to watch processruns.process-operator.dev; {remedy}",
    ]

    server.is_away = True
    await asyncio.sleep(60)
    assert "Process: no answer from the API server; see that it can be reached" in arrival.unready()
    server.is_away, server.refused = False, {}
    await asyncio.sleep(2)
    assert waiting.done()
    messages = [record.message for record in caplog.records]
    assert messages == ["waits for its own kinds"] * 3 + ["found all of its own kinds"]
    assert caplog.records[0].__dict__["missing"] == ", ".join(names.OWN_KINDS)


@virtual_time.run
async def test_a_history_that_goes_back_is_noticed_within_ten_seconds() -> None:
    server = Server()
    waiting = asyncio.create_task(History(server).set_back())
    for server.version in ("7", "9", "9", "11"):
        await asyncio.sleep(11)
    server.refused = {("list", names.APPLICATION_KIND): 503}
    await asyncio.sleep(60)
    server.refused = {}
    await asyncio.sleep(11)
    assert not waiting.done()
    server.version = "10"
    await asyncio.sleep(11)
    assert waiting.done()


class Life:
    def __init__(self, end: End, seconds: float) -> None:
        self._end = end
        self._seconds = seconds

    async def run(self) -> End:
        await asyncio.sleep(self._seconds)
        return self._end

    def unready(self) -> str:
        return ""


class Replica:
    """A replica whose lives are told beforehand."""

    def __init__(self, *lives: Life, server: Server | None = None) -> None:
        self.began: list[float] = []
        self.told = asyncio.Event()
        self._coming = list(lives)
        self.lives = Lives(Arrival(server or Server()), self.told, self._make)

    def _make(self, told: asyncio.Event) -> Life:
        assert told is self.told
        self.began.append(asyncio.get_running_loop().time())
        return self._coming.pop(0)


@virtual_time.run
async def test_lives_that_end_soon_follow_each_other_ever_more_slowly() -> None:
    blind = [Life(End.BLIND, 1) for _ in range(12)]
    replica = Replica(*blind, Life(End.BLIND, 100), Life(End.TOLD, 1))
    assert await replica.lives.run() == 0
    pauses = [
        after - before for before, after in zip(replica.began, replica.began[1:], strict=False)
    ]
    assert pauses[0] < 2
    assert 16 <= pauses[-2] <= 31
    assert 100 < pauses[-1] < 101


@virtual_time.run
async def test_a_life_that_failed_is_the_last() -> None:
    assert await Replica(Life(End.FAILED, 1)).lives.run() == 1


@virtual_time.run
async def test_a_replica_that_waits_ends_when_told_to() -> None:
    server = Server()
    server.plurals = frozenset()
    replica = Replica(server=server)
    running = asyncio.create_task(replica.lives.run())
    await asyncio.sleep(5)
    assert replica.lives.unready().startswith("waits for its own kinds")
    replica.told.set()
    assert await running == 0
    assert replica.began == []
