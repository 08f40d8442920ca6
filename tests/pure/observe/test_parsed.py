"""What is kept of parsed objects has a bound in bytes, however large they are."""

from typing import Any

import make
import userside
from process_operator.controller.observe import own_objects
from process_operator.controller.observe.parsed import KEPT_BYTES, Parsed
from process_operator.models import snapshot


def entry(number: int, status: dict[str, Any]) -> own_objects.Entry:
    body = userside.process(f"w{number}", "worker")
    about = {
        "uid": f"uid-{number}",
        "resourceVersion": "1",
        "creationTimestamp": "2026-01-05T12:00:00Z",
        "namespace": make.NAMESPACE,
    }
    body["metadata"] |= about
    return own_objects.entry_of(body | {"status": status}, make.NOW)


def test_an_object_that_has_not_changed_is_the_same_object() -> None:
    parsed, one = Parsed(), entry(1, {})
    assert parsed.read(one) is parsed.read(one)


def test_a_spec_stays_the_same_while_the_status_changes() -> None:
    parsed = Parsed()
    before, after = (parsed.read(entry(1, {"instances": text})) for text in ("0/1", "1/1"))
    assert before is not after
    assert before.spec is after.spec  # type: ignore[union-attr]


def test_large_objects_leave_room_for_fewer() -> None:
    large = {"warnings": ["x" * 50_000]}
    parsed = Parsed()
    for number in range(400):
        parsed.read(entry(number, large))
    kept = len(parsed._objects)
    assert kept == KEPT_BYTES // parsed._objects.getsizeof(parsed._objects["uid-399"])
    assert 100 < kept < 200


def test_large_snapshots_leave_room_for_fewer() -> None:
    env = [{"name": f"V{number}", "value": "x" * 1000} for number in range(48)]
    for number in range(200):
        shop = make.application(image=f"registry.example.com/shop:{number}", env=env)
        snapshot.read(snapshot.text(make.candidate(make.observed(application=shop))))
    assert snapshot._parsed.currsize <= snapshot.PARSED_BYTES
    assert 40 < len(snapshot._parsed) < 90
