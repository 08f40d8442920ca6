"""Requests that are made again under their name: what is remembered, and what of it is the same."""

from datetime import timedelta
from typing import Any

import pytest

import make
from process_operator.controller.observe.records import CustomResource, ObservedState, Release, Run
from process_operator.controller.plan import plan
from process_operator.controller.release import repeated, runs
from process_operator.kube import names
from process_operator.models.application import MAX_PAST_REQUESTS, PastRequest
from process_operator.models.run import RunSpec

CRON = make.process(key="tidy", type="cron", schedule="0 6 * * *")


def a_run(uid: str, *, begun: bool = False, spec: Any = None, **about: Any) -> Run:
    """Return a run named `once`."""
    asked = RunSpec.model_validate(spec or {"processRef": {"name": "tidy"}})
    named = {"kind": names.RUN_KIND, "name": "once", "uid": uid, "taken_up": uid}
    made: Run = make._owned(names.RUN_KIND, asked, named | about)
    if not begun:
        return made
    return make.with_status(
        made,
        release={"name": "shop-1", "number": 1},
        jobUID="j-1",
        startedAt="2026-01-05T11:59:00Z",
    )


def past(seen: ObservedState) -> tuple[PastRequest, ...]:
    assert isinstance(seen.application, CustomResource)
    return seen.application.status.past_requests


def after(seen: ObservedState, **declared: Any) -> ObservedState:
    """Return what is seen when the application has told its status, and the requests are gone."""
    assert isinstance(seen.application, CustomResource)
    told = repeated.remembered(seen, seen.application.status)
    application = make.with_status(
        make.application(**declared),
        pastRequests=[one.model_dump(by_alias=True, mode="json") for one in told],
    )
    return make.observed(seen, application=application, runs=())


def decided(seen: ObservedState, run: Run) -> str | None:
    """Return with which reason a run ends without having run; None if it runs."""
    serving = runs.Serving(name="shop-1", number=1, snapshot=make.candidate(seen))
    found = runs.decide(seen, serving, run, suspended=False, grace=timedelta(minutes=1))
    return found.record.reason if found.record is not None else None


@pytest.fixture
def ran() -> ObservedState:
    """Return an application that has run `once`, which is gone."""
    seen = make.released(make.observed(processes=[CRON]))
    return after(make.observed(seen, runs=(a_run("first", begun=True),)))


def test_the_same_run_under_the_same_name_does_nothing(ran: ObservedState) -> None:
    assert decided(ran, a_run("second")) == "AlreadyRun"


@pytest.mark.parametrize(
    "other",
    [
        a_run("second", spec={"processRef": {"name": "tidy"}, "command": ["other"]}),
        a_run("second", name="twice"),
        a_run("second", generated=True),
    ],
    ids=["another command", "another name", "a generated name"],
)
def test_another_run_runs(ran: ObservedState, other: Run) -> None:
    assert decided(ran, other) is None


def test_with_another_image_it_runs(ran: ObservedState) -> None:
    newer = after(ran, image="registry.example.com/shop:2")
    assert decided(newer, a_run("second")) is None


def test_what_is_made_again_is_remembered_as_the_newest_and_the_oldest_is_forgotten(
    ran: ObservedState,
) -> None:
    many = tuple(
        a_run(f"uid-{number}", name=f"run-{number}", begun=True)
        for number in range(MAX_PAST_REQUESTS)
    )
    told = past(after(make.observed(ran, runs=many)))
    assert [one.name for one in told] == [one.name for one in many]


def test_nothing_is_remembered_of_what_nobody_named(ran: ObservedState) -> None:
    anonymous = a_run("third", name="shop-x", begun=True, generated=True)
    assert [one.uid for one in past(after(make.observed(ran, runs=(anonymous,))))] == ["first"]


def test_a_release_that_has_run_is_skipped_by_its_name() -> None:
    served = make.served()
    asked: Release = make.request(name="once", uid="second", generated=False)
    first = make.with_status(
        make.request(name="once", uid="first", generated=False),
        number=2,
        state="success",
        startedAt="2026-01-05T11:59:00Z",
        requested={"image": make.IMAGE, "hash": make.candidate(served).inputs_hash},
    )
    told = after(make.observed(served, releases=[*served.releases, first]))
    seen = make.observed(told, releases=[*served.releases, asked])
    [(release, record)] = plan.plan(seen).decision.records
    assert (release.uid, record.state) == ("second", "skipped")
    assert record.conditions[0].reason == "AlreadyRun"
