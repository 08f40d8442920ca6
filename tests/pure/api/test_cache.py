"""What is found in the cache after writes of our own, told without an API server."""

from typing import Any

import pytest

from process_operator.api.access.keys import BoundNamespace
from process_operator.api.reads.cache import NAMESPACE_KIND, Cache, Record
from process_operator.kube import names

KIND = names.APPLICATION_KIND


def manifest(name: str, version: int, **about: Any) -> dict[str, Any]:
    metadata = {
        "namespace": "demo",
        "name": name,
        "uid": f"uid-{name}",
        "resourceVersion": str(version),
        "generation": 1,
        "creationTimestamp": "2026-01-05T12:00:00Z",
        **about,
    }
    return {"kind": KIND, "metadata": metadata, "spec": {"image": f"shop:{version}"}}


@pytest.fixture
async def cache() -> Cache:
    return Cache(None)  # type: ignore[arg-type] # nothing is asked here


def listed(cache: Cache) -> list[Record]:
    return list(cache.applications(("demo",)))


async def test_what_is_listed_follows_every_change(cache: Cache) -> None:
    assert listed(cache) == []
    second = cache.observe(manifest("b", 1))
    first = cache.observe(manifest("c", 2, creationTimestamp="2026-01-04T12:00:00Z"))
    assert listed(cache) == [first, second]
    changed = cache.observe(manifest("b", 3))
    assert listed(cache) == [first, changed]
    cache.forget(first)
    assert listed(cache) == [changed]


async def test_what_is_being_deleted_or_lies_elsewhere_is_not_listed(cache: Cache) -> None:
    stays = cache.observe(manifest("a", 1))
    elsewhere = cache.observe(manifest("b", 2, namespace="other"))
    cache.observe(manifest("c", 3))
    assert len(listed(cache)) == 2
    cache.observe(manifest("c", 4, deletionTimestamp="2026-01-05T12:01:00Z"))
    assert listed(cache) == [stays]
    assert list(cache.applications(("demo", "other"))) == [stays, elsewhere]


async def test_an_answer_is_returned_as_it_was_even_when_the_watch_was_faster(
    cache: Cache,
) -> None:
    newer = cache.observe(manifest("a", 5))
    older = cache.observe(manifest("a", 4))
    assert older.spec == {"image": "shop:4"}
    assert listed(cache) == [newer]
    assert cache.get(KIND, newer.uid) == newer


async def test_the_version_of_a_group_is_another_one_after_each_change(cache: Cache) -> None:
    def version() -> int:
        return cache.version(KIND, "demo", "a")

    seen = [version()]
    made = cache.observe(manifest("a", 1))
    seen.append(version())
    cache.observe(manifest("b", 2))
    assert version() == seen[-1]
    cache.observe(manifest("a", 3))
    seen.append(version())
    cache.forget(made)
    assert version() == 0
    cache.observe(manifest("a", 4, uid="uid-of-another"))
    seen.append(version())
    assert len({*seen}) == len(seen)


async def test_a_namesake_of_a_namespace_is_another_one(cache: Cache) -> None:
    def namespace(uid: str, version: int) -> dict[str, Any]:
        made = manifest("demo", version, namespace="", uid=uid)
        return made | {"kind": NAMESPACE_KIND}

    bound = (BoundNamespace("demo", "first"), BoundNamespace("gone", "x"))
    assert cache.namespaces(bound) == ()
    cache.observe(namespace("first", 1))
    assert cache.namespaces(bound) == ("demo",)
    cache.observe(namespace("second", 2))
    assert cache.namespaces(bound) == ()
    assert cache.namespaces((BoundNamespace("demo", ""),)) == ()
