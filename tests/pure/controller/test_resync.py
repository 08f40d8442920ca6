"""What is looked for once in a while: own objects whose events never came."""

import asyncio
from collections.abc import AsyncIterator

import pytest

import storytelling
import virtual_time
from process_operator.controller import resync
from process_operator.controller.observe.records import ApplicationKey, CustomResource
from process_operator.kube import errors, names
from process_operator.kube.manifest import Manifest
from storytelling import Server, application
from storytelling.life import Operator
from userside import Body, process


class Reads:
    """The model of a server as the sweep reads it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.read: list[str] = []
        self.now = self.most = 0
        """How many objects are read now, and were at most at the same time."""

    async def list(
        self,
        kind: str,
        *,
        metadata_only: bool,
        namespace: str | None = None,
        field_selector: str | None = None,
    ) -> AsyncIterator[tuple[list[Manifest], str]]:
        assert metadata_only
        assert (namespace is None) == (field_selector is None)
        found = [{"metadata": body["metadata"]} for body in self._server.find(kind)]
        yield found, str(self._server.version)

    async def get(self, kind: str, namespace: str | None, name: str) -> Manifest:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(1)
        self.now -= 1
        self.read.append(f"{kind} {name}")
        return await self._server.get(kind, namespace, name)


def known(operator: Operator, key: ApplicationKey = storytelling.KEY) -> dict[str, str | None]:
    """Return the processes that are known of an application, each with its entrypoint."""
    found = operator.store.gather(key).processes
    return {one.name: one.spec.entrypoint for one in found if isinstance(one, CustomResource)}


@pytest.fixture
def server() -> Server:
    made = Server(lambda _: None)
    made.put(_here(application()))
    made.put(_here(process("web", "web", entrypoint="first")))
    return made


def _here(body: Body) -> Body:
    return {**body, "metadata": {**body["metadata"], "namespace": storytelling.NAMESPACE}}


def swept(server: Server, operator: Operator) -> tuple[Reads, set[ApplicationKey]]:
    reads = Reads(server)
    with asyncio.Runner(loop_factory=virtual_time.Loop) as runner:
        keys = runner.run(sweep(reads, operator))
    return reads, keys


async def sweep(reads: Reads, operator: Operator) -> set[ApplicationKey]:
    return {key async for keys in resync.sweep(reads, operator.store) for key in keys}


def test_nothing_is_read_of_what_was_told(server: Server) -> None:
    reads, keys = swept(server, Operator(server))
    assert (reads.read, keys) == ([], set())


def test_what_is_new_changed_or_gone_without_having_been_told_is_found(server: Server) -> None:
    server.put(_here(process("old", "worker")))
    operator = Operator(server)
    server.put(_here(process("web", "web", entrypoint="second")))
    server.put(_here(process("new", "worker", entrypoint="third")))
    server.remove((names.PROCESS_KIND, storytelling.NAMESPACE, "old"))
    reads, keys = swept(server, operator)
    assert known(operator) == {"web": "second", "new": "third"}
    assert sorted(reads.read) == ["Process new", "Process web"]
    assert keys == {storytelling.KEY}


def test_a_process_made_again_under_another_application_is_found_there_alone(
    server: Server,
) -> None:
    operator = Operator(server)
    server.remove((names.PROCESS_KIND, storytelling.NAMESPACE, "web"))
    server.put(_here(process("web", "web", of="other", entrypoint="again")))
    other = ApplicationKey(storytelling.NAMESPACE, "other")
    _, keys = swept(server, operator)
    assert known(operator) == {}
    assert known(operator, other) == {"web": "again"}
    assert keys == {storytelling.KEY, other}


def test_much_that_was_not_told_is_read_a_little_at_a_time(server: Server) -> None:
    operator = Operator(server)
    for number in range(100):
        server.put(_here(process(f"worker-{number}", "worker")))
    reads, _ = swept(server, operator)
    assert len(known(operator)) == 101
    assert (len(reads.read), reads.most) == (100, 4)


def test_what_is_told_a_moment_after_the_list_is_not_read(server: Server) -> None:
    operator = Operator(server)
    server.put(_here(process("web", "web", entrypoint="second")))
    late = server.find(names.PROCESS_KIND)[0]

    async def sweep_early() -> Reads:
        reads = Reads(server)
        asyncio.get_running_loop().call_later(1, operator.store.observe, late)
        await sweep(reads, operator)
        return reads

    with asyncio.Runner(loop_factory=virtual_time.Loop) as runner:
        assert runner.run(sweep_early()).read == []
    assert known(operator) == {"web": "second"}


def test_what_was_found_before_a_failure_is_looked_at(server: Server) -> None:
    server.put(_here(process("old", "worker")))
    operator = Operator(server)
    server.remove((names.PROCESS_KIND, storytelling.NAMESPACE, "old"))
    server.put(_here(process("new", "worker")))
    reads = Reads(server)
    found: list[ApplicationKey] = []

    async def away(*_: object) -> Manifest:
        raise errors.Unavailable("the server is away")

    async def fail() -> None:
        reads.get = away  # type: ignore[method-assign, assignment]
        async for keys in resync.sweep(reads, operator.store):
            found.extend(keys)

    with (
        asyncio.Runner(loop_factory=virtual_time.Loop) as runner,
        pytest.raises(errors.Unavailable),
    ):
        runner.run(fail())
    assert found == [storytelling.KEY]


def test_what_is_there_as_it_was_before_the_list_tells_of_a_history_that_was_set_back(
    server: Server,
) -> None:
    saved = server.saved()
    server.put(_here(process("web", "web", entrypoint="second")))
    operator = Operator(server)
    server.restore(saved)
    assert swept(server, operator)[1] == set()  # as far as is known it may come yet
    server.version += 100
    with pytest.raises(resync.SetBack):
        swept(server, operator)


def test_the_processes_of_an_application_that_has_just_come_are_listed_once(
    server: Server,
) -> None:
    operator = Operator(server)
    server.seen = lambda *_: None
    server.put(_here(process("worker", "worker", entrypoint="unseen")))
    reads = Reads(server)
    with asyncio.Runner(loop_factory=virtual_time.Loop) as runner:
        for _ in range(2):
            runner.run(resync.find_processes(reads, operator.store, storytelling.KEY))
    assert reads.read == [f"{names.PROCESS_KIND} worker"]
    assert known(operator) == {"web": "first", "worker": "unseen"}


def test_an_application_of_which_something_was_released_is_not_asked_about(
    server: Server,
) -> None:
    shop = next(iter(server.find(names.APPLICATION_KIND)))
    server.put({**shop, "status": {"lastReleaseNumber": 1}})
    assert not Operator(server).store.take_arrived(storytelling.KEY)


def test_a_list_that_failed_is_asked_for_again(server: Server) -> None:
    operator = Operator(server)
    reads = Reads(server)

    async def away(*_: object, **__: object) -> AsyncIterator[tuple[list[Manifest], str]]:
        raise errors.Unavailable("the server is away")
        yield [], ""

    reads.list = away  # type: ignore[method-assign]
    with (
        asyncio.Runner(loop_factory=virtual_time.Loop) as runner,
        pytest.raises(errors.Unavailable),
    ):
        runner.run(resync.find_processes(reads, operator.store, storytelling.KEY))
    assert operator.store.take_arrived(storytelling.KEY)
