"""Keys of the REST API: their form, how they are kept, and when one is valid."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from process_operator.api.access import keys
from process_operator.api.access.keys import BoundNamespace, KeySet, Role

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
SHOP = BoundNamespace("shop", "0a8d6d5e-3cf5-4a4c-9a64-b5b0e1b6b1a2")


def added(key_set: KeySet, name: str = "ci", lifetime: timedelta | None = None) -> str:
    return key_set.add(name=name, role=Role.WRITE, namespaces=[SHOP], now=NOW, lifetime=lifetime)


def test_a_key_is_recognised_by_prefix_and_checksum() -> None:
    identity, text = keys.generate()
    assert text.startswith("pop_")
    assert keys.identity_of(text) == identity


@pytest.mark.parametrize("place", [4, 20, 40, -1])
def test_a_mistyped_key_is_no_key(place: int) -> None:
    _, text = keys.generate()
    other = "b" if text[place] == "a" else "a"
    mistyped = text[:place] + other + (text[place + 1 :] if place != -1 else "")
    assert keys.identity_of(mistyped) is None


@pytest.mark.parametrize("text", ["", "pop_", "x" * 1000, "pop_é", "ghp_" + "a" * 60])
def test_junk_is_no_key(text: str) -> None:
    assert keys.identity_of(text) is None


def test_a_key_has_at_least_256_random_bits() -> None:
    texts = {keys.generate()[1] for _ in range(200)}
    assert len(texts) == 200
    assert 62 ** len(keys.generate()[1].rpartition("_")[2][:-6]) >= 2**256


def test_a_key_is_found_by_its_text_only() -> None:
    key_set = KeySet()
    text, other = added(key_set), added(key_set, "other")
    found = key_set.find(text, NOW)
    assert found is not None
    assert (found.name, found.role, found.namespaces) == ("ci", Role.WRITE, (SHOP,))
    identity, foreign = keys.generate()
    assert key_set.find(foreign, NOW) is None
    assert key_set.find(other, NOW) == key_set.named("other")
    assert identity not in {key.id for key in key_set.keys}


def test_a_key_of_the_right_id_and_another_secret_is_refused() -> None:
    key_set = KeySet()
    text = added(key_set)
    known = keys.identity_of(text)
    assert known is not None
    body = f"pop_{known}_{'a' * 43}"
    forged = body + keys._checksum(body)
    assert keys.identity_of(forged) == known
    assert key_set.find(forged, NOW) is None


def test_nothing_secret_is_kept() -> None:
    key_set = KeySet()
    text = added(key_set)
    kept = orjson.dumps(key_set.data()).decode()
    assert text not in kept
    assert text[15:40] not in kept


def test_a_book_is_the_same_after_it_was_kept() -> None:
    key_set = KeySet()
    text = added(key_set, lifetime=timedelta(days=1))
    again = KeySet(key_set.data())
    assert again.keys == key_set.keys
    assert again.find(text, NOW) == key_set.find(text, NOW)


def test_a_hash_is_worth_nothing_in_another_installation() -> None:
    key_set, other = KeySet(), KeySet()
    text = added(key_set)
    moved = KeySet({**other.data(), **{k: v for k, v in key_set.data().items() if k != "hash-key"}})
    assert moved.find(text, NOW) is None


def test_a_key_expires() -> None:
    key_set = KeySet()
    text = added(key_set, lifetime=timedelta(days=90))
    assert key_set.find(text, NOW + timedelta(days=89)) is not None
    assert key_set.find(text, NOW + timedelta(days=90)) is None


def test_a_removed_key_is_no_longer_found() -> None:
    key_set = KeySet()
    text = added(key_set)
    key = key_set.named("ci")
    assert key is not None
    key_set.remove(key.id)
    assert key_set.find(text, NOW) is None
    assert KeySet(key_set.data()).keys == ()


def entry(**changed: Any) -> str:
    """Return the entry of a key, with some of it changed."""
    key_set = KeySet()
    added(key_set)
    ((_name, value),) = ((k, v) for k, v in key_set.data().items() if k != "hash-key")
    return base64.b64encode(orjson.dumps(orjson.loads(base64.b64decode(value)) | changed)).decode()


@pytest.mark.parametrize(
    "unreadable",
    [
        "",
        base64.b64encode(b"\xff").decode(),
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b"{}").decode(),
        entry(role="admin"),
        entry(namespaces=[]),
        entry(namespaces="shop"),
        entry(hash="hunter2"),
        entry(createdAt="2026-01-05T12:00:00"),
        entry(expiresAt="2026-01-05T12:00:00"),  # of no zone, and so of no moment
    ],
)
def test_an_entry_that_cannot_be_read_is_told_and_the_others_work(unreadable: str) -> None:
    key_set = KeySet()
    text = added(key_set)
    found = KeySet({**key_set.data(), "key-broken": unreadable})
    assert found.find(text, NOW) == key_set.find(text, NOW)
    (fault,) = found.faults
    assert "key-broken" in fault
    assert "remove it" in fault
    assert "hunter2" not in fault
    assert found.data()["key-broken"] == unreadable  # for its writer to mend


def test_a_key_that_was_made_before_keys_were_bound_is_told_and_stays_so() -> None:
    key_set = KeySet()
    text = added(key_set)
    ((name, _),) = ((k, v) for k, v in key_set.data().items() if k != "hash-key")
    plain = orjson.loads(base64.b64decode(key_set.data()[name]))
    old = base64.b64encode(orjson.dumps(plain | {"namespaces": ["shop"]})).decode()
    found = KeySet({**key_set.data(), name: old})
    key = found.find(text, NOW)
    assert key is not None
    assert not key.is_bound
    (fault,) = found.faults
    assert "make it anew" in fault
    assert KeySet(found.data()).find(text, NOW) == key


def test_keys_that_nothing_can_be_compared_with_are_told() -> None:
    key_set = KeySet()
    text = added(key_set)
    found = KeySet({k: v for k, v in key_set.data().items() if k != "hash-key"})
    assert found.find(text, NOW) is None
    assert "hash-key is missing" in found.faults[0]
