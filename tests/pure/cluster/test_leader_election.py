import asyncio
import copy

import virtual_time
from process_operator.cluster.leader_election import Election
from process_operator.kube import errors
from process_operator.kube.manifest import Manifest


class ObjectCache:
    """One Lease, kept as the API server keeps it."""

    def __init__(self) -> None:
        self.lease: Manifest | None = None
        self.fault: Exception | None = None
        self.hangs = False
        self.loses_answers = False
        self.answers_late = False
        self.writes = 0
        self.is_written = asyncio.Event()

    async def _reached(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault

    async def get(self, kind: str, namespace: str | None, name: str) -> Manifest:
        await self._reached()
        assert (kind, namespace, name) == ("Lease", "ops", "operator")
        if self.lease is None:
            raise errors.NotFound("no lease")
        return copy.deepcopy(self.lease)

    async def create(self, manifest: Manifest) -> Manifest:
        await self._reached()
        if self.lease is not None:
            raise errors.AlreadyExists("lease")
        return await self._store(manifest)

    async def replace(self, manifest: Manifest) -> Manifest:
        await self._reached()
        if self.lease is None:
            raise errors.NotFound("no lease")
        if self.lease["metadata"]["resourceVersion"] != manifest["metadata"]["resourceVersion"]:
            raise errors.Conflict("newer")
        return await self._store(manifest)

    async def _store(self, manifest: Manifest) -> Manifest:
        self.writes += 1
        self.is_written.set()
        self.lease = copy.deepcopy(manifest)
        self.lease["metadata"]["resourceVersion"] = str(self.writes)
        if self.answers_late:
            await asyncio.sleep(1)
        if self.loses_answers:
            raise errors.Unavailable("the answer was lost")
        return copy.deepcopy(self.lease)

    @property
    def holder(self) -> str:
        return str(self.lease["spec"]["holderIdentity"]) if self.lease else ""


class Overtaken(ObjectCache):
    """Once armed, does a write that was on its way right after the next answer to a reader."""

    is_armed = False

    async def get(self, kind: str, namespace: str | None, name: str) -> Manifest:
        lease = await super().get(kind, namespace, name)
        if self.is_armed:
            self.is_armed = False
            await self._store(lease)
        return lease


class Candidate:
    def __init__(self, store: ObjectCache, identity: str) -> None:
        self.election = Election(store, namespace="ops", name="operator", identity=identity)
        self.history: list[tuple[str, float]] = []
        self.task = asyncio.create_task(
            self.election.run(on_started=self._started, on_lost=self._lost)
        )

    def _started(self) -> None:
        self.history.append(("started", now()))

    async def _lost(self) -> None:
        self.history.append(("lost", now()))

    @property
    def what(self) -> list[str]:
        return [what for what, _ in self.history]

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def now() -> float:
    return asyncio.get_running_loop().time()


@virtual_time.run
async def test_of_several_candidates_one_leads_and_keeps_the_lead() -> None:
    store = ObjectCache()
    candidates = [Candidate(store, f"replica-{number}") for number in range(3)]
    await asyncio.sleep(600)
    assert sorted(len(one.history) for one in candidates) == [0, 0, 1]
    assert sum(one.election.leading for one in candidates) == 1
    for one in candidates:
        await one.leave()


@virtual_time.run
async def test_a_leader_that_leaves_hands_over_within_seconds() -> None:
    store = ObjectCache()
    first = Candidate(store, "first")
    await asyncio.sleep(1)
    second = Candidate(store, "second")
    await asyncio.sleep(30)
    left = now()
    await first.leave()
    assert (first.what, store.holder) == (["started", "lost"], "")
    await asyncio.sleep(3)
    assert second.election.leading
    assert second.history[0][1] - left < 3
    await second.leave()


@virtual_time.run
async def test_a_leader_that_leaves_while_it_renews_hands_over_too() -> None:
    store = ObjectCache()
    first = Candidate(store, "first")
    await asyncio.sleep(1)
    store.answers_late = True
    store.is_written.clear()
    await store.is_written.wait()
    await first.leave()
    assert (first.what, store.holder) == (["started", "lost"], "")


@virtual_time.run
async def test_a_renewal_that_arrives_while_its_leader_leaves_does_not_keep_the_lease() -> None:
    store = Overtaken()
    first = Candidate(store, "first")
    await asyncio.sleep(1)
    store.is_armed = True
    await first.leave()
    assert (store.is_armed, store.holder) == (False, "")


@virtual_time.run
async def test_a_candidate_that_leaves_while_it_takes_the_lease_leaves_it_to_others() -> None:
    store = ObjectCache()
    store.answers_late = True
    only = Candidate(store, "only")
    await store.is_written.wait()
    assert store.holder == "only"
    await only.leave()
    assert (only.what, store.holder) == ([], "")


@virtual_time.run
async def test_the_lease_of_a_leader_that_died_is_taken_when_it_has_run_out_and_not_before() -> (
    None
):
    store = ObjectCache()
    first = Candidate(store, "first")
    await asyncio.sleep(1)
    second = Candidate(store, "second")
    await asyncio.sleep(30)
    # A killed process says nothing, so its Lease still names it.
    kept, died = copy.deepcopy(store.lease), now()
    await first.leave()
    store.lease = kept
    await asyncio.sleep(12)
    assert not second.election.leading
    await asyncio.sleep(10)
    assert second.election.leading
    assert 13 <= second.history[0][1] - died <= 20
    await second.leave()


@virtual_time.run
async def test_a_leader_that_cannot_renew_stops_before_another_may_start() -> None:
    store = ObjectCache()
    leader = Candidate(store, "first")
    await asyncio.sleep(1)
    for cut_off in ("fault", "hangs"):
        setattr(store, cut_off, errors.Unavailable("down") if cut_off == "fault" else True)
        await asyncio.sleep(10.1)
        assert not leader.election.leading
        assert leader.what[-1] == "lost"
        setattr(store, cut_off, None)
        await asyncio.sleep(10)
        assert leader.election.leading
    assert leader.what == ["started", "lost", "started", "lost", "started"]
    await leader.leave()


@virtual_time.run
async def test_a_short_outage_costs_nothing() -> None:
    store = ObjectCache()
    leader = Candidate(store, "first")
    await asyncio.sleep(1)
    store.fault = errors.Throttled("later", retry_after=1, status=429, reason="")
    await asyncio.sleep(6)
    store.fault = None
    await asyncio.sleep(60)
    assert leader.what == ["started"]
    await leader.leave()


@virtual_time.run
async def test_a_renewal_whose_answer_was_lost_is_not_mistaken_for_a_rival() -> None:
    store = ObjectCache()
    leader = Candidate(store, "first")
    await asyncio.sleep(1)
    store.loses_answers = True
    await asyncio.sleep(3)
    store.loses_answers = False
    await asyncio.sleep(60)
    assert leader.what == ["started"]
    await leader.leave()


@virtual_time.run
async def test_a_leader_whose_lease_another_one_holds_has_lost_at_once() -> None:
    store = ObjectCache()
    leader = Candidate(store, "first")
    await asyncio.sleep(1)
    assert store.lease is not None
    await store._store(store.lease | {"spec": store.lease["spec"] | {"holderIdentity": "rival"}})
    await asyncio.sleep(3)
    assert leader.what == ["started", "lost"]
    assert store.holder == "rival"
    await leader.leave()
    assert store.holder == "rival"


@virtual_time.run
async def test_a_lease_that_was_deleted_is_made_again_without_losing_the_lead() -> None:
    store = ObjectCache()
    leader = Candidate(store, "first")
    await asyncio.sleep(1)
    store.lease = None
    await asyncio.sleep(5)
    assert (leader.what, store.holder) == (["started"], "first")
    await leader.leave()


@virtual_time.run
async def test_a_frozen_leader_does_not_lead_when_it_wakes() -> None:
    store = ObjectCache()
    leader = Candidate(store, "first")
    await asyncio.sleep(1)
    loop = asyncio.get_running_loop()
    assert isinstance(loop, virtual_time.Loop)
    loop.skip(11)
    assert not leader.election.leading
    await leader.leave()
