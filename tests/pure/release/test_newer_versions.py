"""What a newer version of the operator, or newer CRDs, have left there is left alone, and told."""

from typing import Any

import orjson
import pytest

import make
from process_operator.controller.observe.own_objects import SPECS
from process_operator.controller.observe.records import ObservedState
from process_operator.controller.plan import plan
from process_operator.controller.status import report
from process_operator.kube import conditions, names
from process_operator.models import snapshot


def _newer(**change: Any) -> str:
    known = orjson.loads(snapshot.text(make.candidate(make.observed())))
    return orjson.dumps(known | change).decode()


NEWER = {
    "another profile": _newer(profile=2),
    "another profile, in another shape": _newer(profile=2, image={"repository": "a"}),
    "a field that this one does not know": _newer(sidecars=[]),
}


def seen(state: str, recorded: str) -> ObservedState:
    """Return a served application whose next release a newer operator has started."""
    served = make.served()
    record = {"snapshot": recorded} | ({"step": "rollout"} if state == "inProgress" else {})
    second = make.started(2, make.candidate(served), state=state, status=record)
    shop = make.application(image="registry.example.com/shop:3")
    return make.observed(
        served,
        application=shop,
        releases=(*served.releases, second),
        in_progress_since={shop.uid: make.LONG_AGO},
    )


@pytest.mark.parametrize("recorded", NEWER.values(), ids=NEWER)
@pytest.mark.parametrize("state", ["inProgress", "success"])
def test_a_release_of_a_newer_operator_is_left_alone_with_all_that_runs(
    state: str, recorded: str
) -> None:
    todo = plan.plan(seen(state, recorded))
    assert not todo.actions
    assert not [action for one in todo.processes for action in one.actions]
    said = {
        one.of.kind: one.status.condition(conditions.READY)
        for one in report.report(seen(state, recorded), todo).writes
    }
    ready = said[names.APPLICATION_KIND]
    assert ready is not None
    assert (ready.status, ready.reason) == ("False", "NewerOperator")
    assert ready.message.endswith("upgrade the operator")


@pytest.mark.parametrize(
    ("recorded", "says"),
    [
        (_newer(profile=2), "profile: is 2, and this version knows 1"),
        (_newer(sidecars=[]), "sidecars"),
    ],
)
def test_what_this_version_does_not_know_is_named(recorded: str, says: str) -> None:
    with pytest.raises(snapshot.FromNewer, match=says):
        snapshot.read(recorded)


@pytest.mark.parametrize("recorded", ["", "[]", '{"profile": "2"}', _newer(image=1)])
def test_what_no_version_has_written_is_not_taken_for_a_newer_ones(recorded: str) -> None:
    with pytest.raises(snapshot.Unreadable) as refused:
        snapshot.read(recorded)
    assert not isinstance(refused.value, snapshot.FromNewer)


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_a_spec_with_a_field_of_newer_crds_is_not_read_without_it(kind: str) -> None:
    with pytest.raises(ValueError, match="fieldOfTomorrow"):
        SPECS[kind].model_validate({"fieldOfTomorrow": True})
