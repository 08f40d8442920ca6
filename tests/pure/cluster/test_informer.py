import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

import virtual_time
from process_operator.cluster.informer import Informer
from process_operator.controller.observe.child import child
from process_operator.controller.observe.records import Child
from process_operator.kube import errors, names
from process_operator.kube.manifest import Manifest


def service(name: str, version: int, *, uid: str = "", application: str = "shop") -> Manifest:
    return {
        "metadata": {
            "namespace": "ns",
            "name": name,
            "uid": uid or f"uid-{name}",
            "creationTimestamp": "2026-01-05T12:00:00Z",
            "resourceVersion": str(version),
            "labels": {names.APPLICATION: application},
        },
        "spec": {"version": version},
    }


def quiet(name: str, version: int) -> Manifest:
    """Return an object in which nothing but the version is new."""
    return service(name, version) | {"spec": {}}


SELECTORS = {"label_selector": names.SELECTOR, "field_selector": None, "metadata_only": False}


class Told:
    """A source that answers what it is told, and then nothing more."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.exhausted = asyncio.Event()

    async def _next(self, asked: str) -> Any:
        self.asked.append(asked)
        if not self.answers:
            self.exhausted.set()
            await asyncio.Event().wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def list(
        self, kind: str, **selectors: str | bool | None
    ) -> AsyncGenerator[tuple[list[Manifest], str], None]:
        assert (kind, selectors) == ("Service", SELECTORS)
        pages, version = await self._next("list")
        for page in pages:
            if isinstance(page, Exception):
                raise page
            yield page, str(version)

    async def watch(
        self, kind: str, *, resource_version: str, **selectors: str | bool | None
    ) -> AsyncGenerator[tuple[str, Manifest], None]:
        assert (kind, selectors) == ("Service", SELECTORS)
        for event in await self._next(f"watch {resource_version}"):
            if isinstance(event, Exception):
                raise event
            yield event


class Notes:
    def __init__(self) -> None:
        self.taken: list[str] = []

    def changed(self, old: Child | None, new: Child | None) -> None:
        one = new or old
        assert one is not None
        self.taken.append(f"{'+' if old is None else '-' if new is None else '~'}{one.name}")


def transform(found: Manifest) -> Child:
    return child("Service", found)


def made(*answers: Any) -> tuple[Informer[Child], Notes, Told]:
    notes, source = Notes(), Told(*answers)
    informer: Informer[Child] = Informer("Service", transform, source=source, sink=notes)
    return informer, notes, source


async def followed(*answers: Any) -> tuple[Informer[Child], Notes, Told]:
    """Return an informer that has taken in all answers."""
    informer, notes, source = made(*answers)
    running = asyncio.create_task(informer.run())
    waiting = asyncio.create_task(source.exhausted.wait())
    await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    assert not running.done(), "the informer ended"
    running.cancel()
    return informer, notes, source


def listed(version: int, *objects: Manifest) -> tuple[list[list[Manifest]], int]:
    return [list(objects)], version


def bookmark(version: int) -> tuple[str, Manifest]:
    return "BOOKMARK", {"metadata": {"resourceVersion": str(version)}}


def held(informer: Informer[Child]) -> dict[str, str]:
    return {record.name: record.resource_version for record in informer.all()}


@virtual_time.run
async def test_a_list_and_a_watch_make_the_copy() -> None:
    informer, notes, source = await followed(
        ([[service("a", 1)], [service("b", 2)]], 5),
        [("ADDED", service("c", 6)), ("MODIFIED", service("a", 7)), ("DELETED", service("b", 8))],
    )
    assert held(informer) == {"a": "7", "c": "6"}
    assert notes.taken == ["+a", "+b", "+c", "~a", "-b"]
    assert source.asked == ["list", "watch 5", "watch 8"]
    assert informer.complete.is_set()
    assert informer.available


@virtual_time.run
async def test_it_is_complete_only_after_the_last_page() -> None:
    informer, _, _ = await followed(([[service("a", 1)], errors.Unavailable("cut")], 5))
    assert len(informer) == 1
    assert not informer.complete.is_set()


@virtual_time.run
async def test_a_new_version_alone_is_kept_and_wakes_nobody() -> None:
    informer, notes, _ = await followed(listed(5, quiet("a", 1)), [("MODIFIED", quiet("a", 6))])
    assert held(informer) == {"a": "6"}
    assert notes.taken == ["+a"]


@virtual_time.run
async def test_bookmarks_move_on_where_the_next_watch_begins() -> None:
    _, notes, source = await followed(listed(5), [bookmark(9)], [])
    assert source.asked == ["list", "watch 5", "watch 9", "watch 9"]
    assert notes.taken == []


@virtual_time.run
async def test_what_was_deleted_while_nobody_looked_is_found_by_the_next_list() -> None:
    informer, notes, source = await followed(
        listed(5, service("a", 1), service("b", 2), service("c", 3)),
        errors.Expired("too old"),
        listed(20, service("b", 2), service("c", 15)),
    )
    assert held(informer) == {"b": "2", "c": "15"}
    assert notes.taken == ["+a", "+b", "+c", "~c", "-a"]
    assert source.asked == ["list", "watch 5", "list", "watch 20"]


@virtual_time.run
async def test_an_expired_page_begins_the_list_anew_and_drops_nothing_meanwhile() -> None:
    informer, notes, _ = await followed(
        ([[service("a", 1)], errors.Expired("page")], 5), listed(6, service("a", 1))
    )
    assert notes.taken == ["+a"]
    assert informer.complete.is_set()


@virtual_time.run
async def test_a_broken_watch_goes_on_where_it_was() -> None:
    informer, notes, source = await followed(
        listed(5), [("ADDED", service("a", 6)), errors.Unavailable("cut")], []
    )
    assert source.asked == ["list", "watch 5", "watch 6", "watch 6"]
    assert notes.taken == ["+a"]
    assert len(informer) == 1


@virtual_time.run
async def test_no_failure_ends_the_informer_and_the_waits_stay_below_five_seconds() -> None:
    failures = [errors.Unavailable("down") for _ in range(200)]
    informer, _, source = await followed(*failures, listed(5))
    assert informer.complete.is_set()
    elapsed = asyncio.get_running_loop().time()
    assert 200 * 2 - 10 < elapsed < 200 * 4
    assert len(source.asked) == 202


@virtual_time.run
async def test_a_server_that_ends_every_watch_at_once_is_asked_once_a_second() -> None:
    await followed(listed(5), *([] for _ in range(20)))
    assert asyncio.get_running_loop().time() >= 20


class Losing(Told):
    """A source whose watches are silent, and whose second list has an object."""

    async def list(
        self, kind: str, **selectors: str | bool | None
    ) -> AsyncGenerator[tuple[list[Manifest], str], None]:
        self.asked.append(f"list {kind} {selectors}")
        yield ([] if len(self.asked) == 1 else [service("lost", 3)]), "5"

    async def watch(
        self, kind: str, *, resource_version: str, **selectors: str | bool | None
    ) -> AsyncGenerator[tuple[str, Manifest], None]:
        assert (kind, selectors) == ("Service", SELECTORS)
        await asyncio.sleep(10)
        yield bookmark(int(resource_version))


@virtual_time.run
async def test_a_lost_event_is_found_within_about_five_minutes() -> None:
    notes = Notes()
    informer = Informer("Service", transform, source=Losing(), sink=notes)
    running = asyncio.create_task(informer.run())
    await asyncio.sleep(200)
    assert notes.taken == []
    await asyncio.sleep(120)
    assert notes.taken == ["+lost"]
    running.cancel()


@virtual_time.run
async def test_the_answer_to_a_write_is_there_at_once_and_its_event_wakes_nobody() -> None:
    informer, notes, _ = await followed(listed(5), [bookmark(6)])
    record = informer.observe(service("a", 7))
    assert record is informer.get("ns", "a")
    assert record is not None
    informer._take_in("ADDED", service("a", 7))
    informer._take_in("MODIFIED", service("a", 8))
    assert notes.taken == ["~a"]


@virtual_time.run
async def test_a_record_inherits_from_the_one_before_it() -> None:
    def carry_over(old: Child, new: Child) -> Child:
        return dataclasses.replace(new, spec_generation=old.spec_generation + 1)

    informer: Informer[Child] = Informer(
        "Service", transform, source=Told(), sink=Notes(), carry_over=carry_over
    )
    informer._take_in("ADDED", service("a", 6))
    for version in (7, 8):
        informer._take_in("MODIFIED", service("a", version))
    record = informer.get("ns", "a")
    assert record is not None
    assert (record.resource_version, record.spec_generation) == ("8", 2)


@virtual_time.run
async def test_an_older_version_never_replaces_a_newer_one() -> None:
    informer, _, _ = await followed(listed(5, service("a", 5)), [("MODIFIED", service("a", 99))])
    informer._take_in("MODIFIED", service("a", 6))
    informer.observe(service("a", 10))
    assert held(informer) == {"a": "99"}


@virtual_time.run
async def test_versions_are_compared_as_numbers() -> None:
    informer, _, _ = await followed(listed(5, service("a", 9)), [("MODIFIED", service("a", 10))])
    assert held(informer) == {"a": "10"}


@virtual_time.run
async def test_what_was_written_during_a_list_survives_it() -> None:
    informer, _, _ = await followed(listed(5))
    informer.observe(service("a", 30))
    informer._source = Told(listed(20))
    await informer._list()
    assert held(informer) == {"a": "30"}


@virtual_time.run
async def test_a_late_answer_does_not_bring_back_what_was_deleted_since() -> None:
    informer, _, _ = await followed(
        listed(5), [("ADDED", service("a", 6)), ("DELETED", service("a", 7))]
    )
    assert informer.observe(service("a", 6)) is None
    assert len(informer) == 0


@virtual_time.run
async def test_the_deletion_of_a_predecessor_does_not_remove_its_successor() -> None:
    informer, notes, _ = await followed(listed(5, service("a", 4, uid="old")))
    informer.observe(service("a", 8, uid="new"))
    informer._take_in("DELETED", service("a", 7, uid="old"))
    assert held(informer) == {"a": "8"}
    informer.evict("ns", "a", "old")
    assert held(informer) == {"a": "8"}
    informer.evict("ns", "a", "new")
    assert held(informer) == {}
    assert notes.taken == ["+a"]


@virtual_time.run
async def test_the_deletion_of_a_successor_that_was_never_seen_removes_its_predecessor_too() -> (
    None
):
    informer, notes, _ = await followed(
        listed(5, service("a", 4, uid="old")), [("DELETED", service("a", 9, uid="new"))]
    )
    assert len(informer) == 0
    assert notes.taken == ["+a", "-a"]


@virtual_time.run
async def test_a_list_is_believed_when_the_history_of_the_server_went_back() -> None:
    informer, notes, _ = await followed(
        listed(500, service("a", 400), service("b", 410)),
        errors.Expired("compacted"),
        listed(100, service("a", 90)),
        [("MODIFIED", service("a", 101))],
    )
    assert held(informer) == {"a": "101"}
    assert notes.taken == ["+a", "+b", "~a", "-b", "~a"]


@virtual_time.run
async def test_what_a_newer_list_has_as_it_was_before_is_believed_too() -> None:
    informer, notes, _ = await followed(
        listed(100, service("a", 100), service("b", 90)),
        errors.Expired("compacted"),
        listed(120, service("a", 80), service("b", 90)),
    )
    assert held(informer) == {"a": "80", "b": "90"}
    assert notes.taken == ["+a", "+b", "~a"]


@virtual_time.run
async def test_a_kind_that_the_server_does_not_know_is_complete_and_looked_for_again() -> None:
    informer, notes, source = made(
        errors.NotFound("no such kind"), listed(5, service("a", 1)), errors.NotFound("removed")
    )
    running = asyncio.create_task(informer.run())
    await informer.complete.wait()
    assert not informer.available
    await asyncio.sleep(61)
    assert notes.taken == ["+a"]
    assert not informer.available
    assert source.asked == ["list", "list", "watch 5"]
    assert informer.get("ns", "a") is not None
    running.cancel()


@virtual_time.run
async def test_the_children_of_one_application_are_found_together() -> None:
    informer, _, _ = await followed(
        listed(5, service("a", 1), service("b", 2), service("c", 3, application="other")),
        [("MODIFIED", service("a", 6, application="other")), ("DELETED", service("c", 7))],
    )
    assert [record.name for record in informer.of("ns", "shop")] == ["b"]
    assert [record.name for record in informer.of("ns", "other")] == ["a"]
    assert list(informer.of("elsewhere", "shop")) == []
    informer.evict("ns", "b", "uid-b")
    assert list(informer.of("ns", "shop")) == []


@virtual_time.run
async def test_an_informer_without_an_answer_for_half_a_minute_is_not_healthy() -> None:
    informer, _, _ = await followed(listed(5))
    assert informer.healthy
    await asyncio.sleep(31)
    assert not informer.healthy


@pytest.mark.parametrize("fault", [errors.Rejected, errors.Unauthorized, errors.Conflict])
@virtual_time.run
async def test_a_refusal_is_tried_again_too(fault: Callable[[str], Exception]) -> None:
    informer, _, _ = await followed(fault("no"), listed(5, service("a", 1)))
    assert len(informer) == 1


@virtual_time.run
async def test_a_kind_that_is_not_installed_is_no_sign_of_a_server_that_is_silent() -> None:
    """A cluster without the Gateway API is a healthy one, each second of each minute."""
    informer, _, source = made(*[errors.NotFound("no such kind", status=404)] * 5)
    running = asyncio.create_task(informer.run())
    seen = []
    for _ in range(150):
        await asyncio.sleep(1)
        seen.append(informer.healthy)
    assert all(seen)
    assert 3 <= len(source.asked) <= 6
    running.cancel()


@virtual_time.run
async def test_a_silent_server_is_noticed_for_a_kind_that_is_not_installed_too() -> None:
    informer, _, _ = made(errors.NotFound("no such kind", status=404))
    running = asyncio.create_task(informer.run())
    await asyncio.sleep(100)
    assert not informer.healthy
    running.cancel()
