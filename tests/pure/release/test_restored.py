"""Copies of what has run: how they are known, and that they are history."""

from datetime import timedelta
from typing import Any

import pytest

import make
from process_operator.controller.observe import own_objects
from process_operator.controller.plan import plan
from process_operator.controller.plan.model import TakeUp
from process_operator.controller.release import restored, runs
from process_operator.kube import manifest, marks, names
from process_operator.kube.marks import Mark
from process_operator.models.release import ReleaseState
from process_operator.models.run import RunSpec

SEEN = make.NOW - restored.STATUS_COMES_WITHIN


@pytest.mark.parametrize("mark", [Mark("uid-1"), Mark("uid-1", is_generated=True)])
def test_a_mark_is_read_as_it_was_written(mark: Mark) -> None:
    written = marks.manifest(names.RUN_KIND, "demo", "once", mark)
    assert marks.read(written["metadata"]["annotations"][names.TAKEN_UP]) == mark


def test_a_request_by_hand_goes_with_its_application_which_does_not_control_it() -> None:
    owner = manifest.owner(names.APPLICATION_KIND, "shop", "uid-2")
    written = marks.manifest(names.RUN_KIND, "demo", "once", Mark("uid-1"), owner)
    [reference] = written["metadata"]["ownerReferences"]
    assert (reference["kind"], reference["uid"]) == (names.APPLICATION_KIND, "uid-2")
    assert "controller" not in reference


@pytest.mark.parametrize("text", [None, "", "/", "/generated/x", "x" * 300_000])
def test_whatever_anybody_writes_there_is_read_as_something_short(text: str | None) -> None:
    assert len(marks.read(text).uid) <= 64


def body(**about: Any) -> dict[str, Any]:
    plain = {
        "name": "once",
        "namespace": "demo",
        "uid": "uid-2",
        "resourceVersion": "1",
        "creationTimestamp": "2026-01-05T12:00:00Z",
    }
    spec = {"processRef": {"name": "tick"}}
    return {"kind": names.RUN_KIND, "metadata": plain | about, "spec": spec}


def test_a_copy_remembers_that_its_name_was_generated() -> None:
    annotations = {names.TAKEN_UP: "uid-1/generated"}
    entry = own_objects.entry_of(body(annotations=annotations), make.NOW)
    assert (entry.taken_up, entry.generated) == ("uid-1", True)


@pytest.mark.parametrize(
    ("copy", "is_history"),
    [
        ({"taken_up": "another-uid"}, True),
        ({"is_ours": True}, True),
        ({"is_ours": True, "owner_uid": "uid-of-shop"}, False),
        ({"taken_up": ""}, False),
        ({}, False),
    ],
    ids=["marked", "ours without an owner", "ours", "by hand, not begun", "by hand, begun"],
)
def test_a_release_without_a_record_that_is_a_copy_is_history(
    copy: dict[str, Any], *, is_history: bool
) -> None:
    release = make.request(seen_at=SEEN, **copy)
    decision = plan.plan(make.observed(releases=[release])).decision
    ended = [one.state for _, one in decision.records] == [ReleaseState.SKIPPED]
    assert ended is is_history


def test_the_status_of_a_copy_is_waited_for() -> None:
    release = make.request(seen_at=SEEN + timedelta(seconds=1), taken_up="another-uid")
    todo = plan.plan(make.observed(releases=[release]))
    assert not todo.decision.records
    assert todo.wake_at == make.NOW + timedelta(seconds=1)


def test_a_release_by_hand_is_marked_before_it_starts() -> None:
    release = make.request(taken_up="", seen_at=SEEN)
    seen = make.observed(releases=[release])
    assert plan.plan(seen).actions == (TakeUp(of=release, owner=seen.application),)  # type: ignore[arg-type]


def test_a_request_that_goes_with_something_already_gets_no_owner_beside_it() -> None:
    """Kubernetes keeps what has two owners until both of them are gone."""
    release = make.request(taken_up="", seen_at=SEEN, is_owned=True)
    assert plan.plan(make.observed(releases=[release])).actions == (TakeUp(of=release),)


def test_an_application_is_marked_when_it_was_released_and_not_before() -> None:
    fresh = make.observed(application=make.application(taken_up=""))
    assert not [one for one in plan.plan(fresh).actions if isinstance(one, TakeUp)]
    served = make.served(fresh)
    assert plan.plan(served).actions == (TakeUp(of=served.application),)  # type: ignore[arg-type]


def test_the_first_release_of_a_copy_skips_the_jobs_unless_it_says_otherwise() -> None:
    migrate = make.process(key="migrate", type="job", jobStartPolicy="beforeDeployment")
    shop = make.application(taken_up="another-uid")
    results = []
    for jobs in (None, "run"):
        release = make.request(seen_at=SEEN, **({"jobs": jobs} if jobs else {}))
        seen = make.observed(
            application=shop, processes=[make.process(), migrate], releases=[release]
        )
        [(_, record)] = plan.plan(seen).decision.records
        results.append([one.result for one in record.jobs])
    assert results == [["skipped"], [None]]


def test_a_copy_of_a_run_is_recorded_as_skipped_and_counts_for_the_history() -> None:
    about = {
        "kind": names.RUN_KIND,
        "name": "once",
        "taken_up": "another-uid",
        "seen_at": SEEN,
        "generated": True,
    }
    copy = make._owned(
        names.RUN_KIND, RunSpec.model_validate({"processRef": {"name": "web"}}), about
    )
    seen = make.observed(runs=(copy,))
    decision = runs.decide(seen, None, copy, suspended=False, grace=timedelta(seconds=60))
    assert decision.record is not None
    assert (decision.record.outcome, decision.record.reason) == ("skipped", "Restored")
    ended = make.with_status(copy, outcome="skipped", finishedAt="2026-01-05T12:00:00Z")
    old, _ = runs.history([ended], limit=0, max_age=timedelta(days=7), now=make.NOW)
    assert [one.name for one in old] == ["once"]
