"""A release's record that this version cannot read: nothing is rendered from it, and it is told.

It may have been written under earlier bounds, or by somebody who may write statuses.
"""

import dataclasses
import json
from typing import Any

import pytest

import make
import planning
from process_operator.controller.observe import own_objects
from process_operator.controller.observe.records import CustomResource, InvalidObject, ObservedState
from process_operator.controller.plan import plan
from process_operator.controller.status import report
from process_operator.kube import names


def _spoilt(one: CustomResource[Any, Any] | InvalidObject) -> CustomResource[Any, Any]:
    """Return a release whose snapshot holds a size without an end."""
    assert isinstance(one, CustomResource)
    frozen = json.loads(one.status.snapshot)
    volumes = [{"name": "a", "mountPath": "/a", "emptyDir": {"sizeLimit": "1e999999"}}]
    return _with_snapshot(one, json.dumps({**frozen, "volumes": volumes}))


def _with_snapshot(
    one: CustomResource[Any, Any] | InvalidObject, recorded: object
) -> CustomResource[Any, Any]:
    assert isinstance(one, CustomResource)
    return dataclasses.replace(one, status=one.status.changed(snapshot=recorded))


def _conditions(seen: ObservedState, of: str) -> dict[str, Any]:
    [found] = (
        one.status for one in report.report(seen, plan.plan(seen)).writes if one.of.kind == of
    )
    return {one.type: one for one in found.conditions}


def test_what_serves_by_an_unreadable_record_is_left_as_it_is() -> None:
    served = make.served()
    seen = make.observed(
        served,
        releases=map(_spoilt, served.releases),
        in_progress_since={f"uid-of-{make.APPLICATION}": make.LONG_AGO},
    )
    [process_plan] = plan.plan(seen).processes
    assert (process_plan.stages, process_plan.target) == ((), None)
    assert process_plan.kept is not None
    said = _conditions(seen, names.APPLICATION_KIND)
    assert said["Stalled"].reason == "ServingReleaseMissing"
    assert "shop-1" in said["Stalled"].message


def test_a_new_release_is_asked_for_beside_an_unreadable_record() -> None:
    served = make.served()
    image = "registry.example.com/shop:2"
    seen = make.observed(
        served, releases=map(_spoilt, served.releases), application=make.application(image=image)
    )
    made = plan.plan(seen).decision.create
    assert made is not None
    assert made["metadata"]["name"] == "shop-2"


def _rolling() -> ObservedState:
    """Return the state in which the second release is being rolled out, and cannot be read."""
    served = make.served()
    second = make.started(2, make.candidate(served), state="inProgress", status={"step": "rollout"})
    return make.observed(served, releases=(*served.releases, _spoilt(second)))


def _nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize(
    "recorded",
    [
        pytest.param({"profile": 1, "image": "a:1", "processes": []}, id="an object"),
        pytest.param({}, id="an object that the server has pruned"),
        pytest.param(_nested(5000), id="a text that nests without an end"),
        pytest.param(f'{{"profile":{"9" * 9000}}}', id="a text with an endless number"),
        pytest.param("", id="no JSON"),
    ],
)
def test_whatever_stands_in_place_of_a_snapshot_ends_its_release(recorded: object) -> None:
    seen = _rolling()
    second = _with_snapshot(seen.releases[1], recorded)
    seen = make.observed(seen, releases=(seen.releases[0], second))
    [(ended, record)] = plan.plan(seen).decision.records
    assert record.failure is not None
    assert (ended.name, record.state) == ("shop-2", "failed")
    assert record.failure.reason == "SnapshotUnreadable"
    assert "status.snapshot" in str(record.failure.sentence)
    assert record.snapshot == recorded


def test_a_release_in_progress_that_cannot_be_read_ends_with_the_field_that_is_wrong() -> None:
    seen = _rolling()
    [(ended, record)] = plan.plan(seen).decision.records
    assert record.failure is not None
    assert ended.name == "shop-2"
    assert record.state == "failed"
    assert record.failure.reason == "SnapshotUnreadable"
    assert "status.snapshot.volumes.0.emptyDir.sizeLimit" in str(record.failure.sentence)


def test_after_its_end_what_served_is_rendered_again() -> None:
    seen = _rolling()
    [(ended, record)] = plan.plan(seen).decision.records
    after = make.observed(
        seen, releases=(seen.releases[0], dataclasses.replace(ended, status=record))
    )
    planned = plan.plan(after)
    assert planned.context is not None
    assert planned.context.running is after.releases[0]
    assert planned.decision.records == ()


def test_a_release_in_progress_without_any_snapshot_does_not_succeed() -> None:
    seen = _rolling()
    second = seen.releases[1]
    seen = make.observed(seen, releases=(seen.releases[0], _with_snapshot(second, None)))
    [(_, record)] = plan.plan(seen).decision.records
    assert record.state == "failed"


def test_what_is_too_large_to_be_recorded_waits_with_the_remedy() -> None:
    env = [{"name": f"A{one}", "value": "v" * 32_000} for one in range(32)]
    seen = make.observed(application=make.application(env=env), releases=[make.request()])
    decision = plan.plan(seen).decision
    assert decision.records == ()
    assert decision.waiting is not None
    assert decision.waiting.reason == "SnapshotTooLarge"
    assert "ConfigMap" in decision.waiting.message


def test_a_word_that_a_newer_operator_has_recorded_is_not_taken_for_another() -> None:
    newer = {"state": "paused", "number": 2, "snapshot": "{}", "jobs": [{"key": "a", "more": 1}]}
    [one] = planning.released(newer)
    assert isinstance(one, InvalidObject)
    assert "status.state" in one.message


def test_fields_of_a_newer_operator_stay_in_a_record_that_is_written_again() -> None:
    more = {"jobs": [{"key": "migrate", "policy": "beforeDeployment", "attempt": 2}], "note": {}}
    second = make.started(2, make.candidate(make.served()), state="inProgress", status=more)
    seen = make.observed(make.served(), releases=[second])
    [(one, record)] = plan.plan(seen).decision.records
    written = make.stored(one, record)
    assert (written["note"], written["jobs"][0]["attempt"]) == ({}, 2)


@pytest.mark.parametrize(
    "recorded",
    [
        {"conditions": [{"type": "Ready", "status": "Perhaps", "reason": "A", "message": ""}]},
        {"observedGeneration": 1, "lastScheduleTime": "2026-02-31T00:00:00Z"},
        {"lastScheduleTime": "2026-02-01T00:00:00+99:99"},
    ],
)
def test_a_process_whose_status_cannot_be_read_is_told_anew(recorded: dict[str, Any]) -> None:
    found = own_objects.known_part(names.PROCESS_KIND, json.dumps(recorded).encode())
    assert found.conditions == ()
