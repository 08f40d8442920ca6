"""A release's record that this version cannot read: nothing is rendered from it, and it is told.

It may have been written under earlier bounds, or by somebody who may write statuses.
"""

import dataclasses
from typing import Any

import make
import planning
from process_operator.controller.observe.records import CustomResource, InvalidObject, ObservedState
from process_operator.controller.plan import plan
from process_operator.controller.release import record
from process_operator.controller.status import report
from process_operator.kube import names


def _spoilt(one: CustomResource[Any] | InvalidObject) -> CustomResource[Any]:
    """Return a release whose snapshot holds a size without an end."""
    assert isinstance(one, CustomResource)
    frozen = one.status["snapshot"]
    volumes = [{"name": "a", "mountPath": "/a", "emptyDir": {"sizeLimit": "1e999999"}}]
    return dataclasses.replace(
        one, status={**one.status, "snapshot": {**frozen, "volumes": volumes}}
    )


def _conditions(seen: ObservedState, of: str) -> dict[str, Any]:
    [found] = (
        one.status for one in report.report(seen, plan.plan(seen)).writes if one.of.kind == of
    )
    return {one["type"]: one for one in found["conditions"]}


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
    assert said["Stalled"]["reason"] == "ServingReleaseMissing"
    assert "shop-1" in said["Stalled"]["message"]


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


def test_a_release_in_progress_that_cannot_be_read_ends_with_the_field_that_is_wrong() -> None:
    seen = _rolling()
    [(ended, record)] = plan.plan(seen).decision.records
    assert ended.name == "shop-2"
    assert record["state"] == "failed"
    assert record["failure"]["reason"] == "SnapshotUnreadable"
    assert "status.snapshot.volumes.0.emptyDir.sizeLimit" in record["failure"]["sentence"]


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
    bare = {name: value for name, value in second.status.items() if name != "snapshot"}
    seen = make.observed(
        seen, releases=(seen.releases[0], dataclasses.replace(second, status=bare))
    )
    [(_, record)] = plan.plan(seen).decision.records
    assert record["state"] == "failed"


def test_a_snapshot_that_nests_without_an_end_or_has_endless_numbers_hides_no_object() -> None:
    deep: dict[str, Any] = {}
    for _ in range(900):
        deep = {"a": deep}
    for forged in (deep, {"profile": 10**20}):
        recorded = {"state": "success", "number": 1, "snapshot": forged}
        [one] = planning.released(recorded)
        assert isinstance(one, CustomResource)
        assert one.status["state"] == "success"
        assert record.snapshot(one) is None
