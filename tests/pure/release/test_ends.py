"""How releases end before their time, and what going back takes along."""

import dataclasses
from datetime import timedelta

import pytest

import make
from process_operator.controller.observe.records import CustomResource
from process_operator.controller.plan import plan
from process_operator.controller.release import cancel, history, record, rollout
from process_operator.kube import conditions
from process_operator.models import snapshot as snapshots
from process_operator.models.snapshot import Snapshot

AT = "2026-01-05T11:59:30Z"


@pytest.mark.parametrize(
    ("times", "stays"),
    [
        ({"rolloutStartedAt": None}, False),
        ({"rolloutStartedAt": AT}, True),
        ({"rolloutStartedAt": AT, "rollbackStartedAt": AT}, False),
    ],
    ids=["before the rollout", "during the first one", "after the way back"],
)
def test_a_cancelled_release_says_whether_what_it_made_stays(
    times: dict[str, str | None], *, stays: bool
) -> None:
    begun = make.started(1, make.candidate(make.observed()), state="inProgress")
    ended = record.cancel(make.with_status(begun, **times), make.NOW)
    ready = ended.condition(conditions.READY)
    assert ready is not None
    assert ("there was no earlier release to go back to" in ready.message) is stays


@pytest.mark.parametrize("state", ["inProgress", "waiting"])
def test_what_ends_a_release_without_an_application_is_logged(state: str) -> None:
    begun = make.started(1, make.candidate(make.observed()), state="inProgress")
    waits = make.request(cancel=True)
    only = begun if state == "inProgress" else waits
    decision = cancel.orphans(make.observed(application=None, releases=[only]))
    assert [one for one, _ in decision.records] == [only]
    assert decision.note == "cancelled the releases of an application that is gone"
    assert not cancel.orphans(make.observed()).note


def test_going_back_keeps_the_size_that_serves() -> None:
    def sized(count: int) -> Snapshot:
        manual = {"type": "manual", "manual": {"instanceCount": count}}
        return make.candidate(make.observed(processes=[make.process(scaling_strategy=manual)]))

    back = make.request(rollback_to="shop-1", seen_at=make.LONG_AGO)
    releases = [make.started(1, sized(5)), make.started(2, sized(2)), back]
    seen = make.observed(releases=releases, processes=[make.process()])
    [(_, started)] = plan.plan(seen).decision.records
    frozen = snapshots.read(started.snapshot)
    assert [one.scaling.instances for one in frozen.processes] == [2]


def test_children_that_are_still_to_be_made_are_not_up_to_date() -> None:
    assert not rollout.NOT_MADE.current


def test_a_release_goes_back_until_its_deadline_and_no_longer() -> None:
    first, second = (make.started(number, make.candidate(make.observed())) for number in (1, 2))
    back = make.with_status(second, state="inProgress", step="rollback", rollbackStartedAt=AT)
    seen = make.observed(releases=[first, back])
    deadline = plan.plan(seen).decision.wake_at
    assert deadline is not None
    for at, ends in ((deadline - timedelta(seconds=1), False), (deadline, True)):
        assert bool(plan.plan(make.observed(seen, now=at)).decision.records) is ends


def test_of_what_was_asked_for_in_the_same_second_the_last_is_taken() -> None:
    asked = [
        make.request(name="b", asked_at="2026-01-05T11:55:00.000001+00:00"),
        make.request(name="a", asked_at="2026-01-05T11:55:00.000002+00:00"),
        make.request(name="c"),
    ]
    decision = plan.plan(make.observed(releases=asked)).decision
    ended = {one.name: str(status.state) for one, status in decision.records}
    assert ended == {"b": "skipped", "c": "skipped", "a": "inProgress"}


def test_only_what_has_ended_and_is_of_this_application_is_its_past() -> None:
    candidate = make.candidate(make.observed())
    ended = make.started(1, candidate)
    namesake = make.started(1, candidate, name="old", status={"applicationUID": "another"})
    namesake = dataclasses.replace(namesake, owner_uid="another")
    active = make.started(2, candidate, state="inProgress")
    seen = make.observed(releases=[ended, namesake, active, make.request()])
    application = seen.application
    assert isinstance(application, CustomResource)
    assert history.release_history(seen, application).ended == (ended,)
