"""Runs by hand: which old ones go, and whose values their output may not tell."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import make
from process_operator.controller.observe.records import CustomResource, ObservedState, Run
from process_operator.controller.release import runs
from process_operator.kube import conditions, names
from process_operator.models.run import RunSpec

WEEK = timedelta(days=7)


def run(name: str, *, ended: timedelta | None = timedelta(0), **about: Any) -> Run:
    """Return a run of the process `tidy` that ended so long ago, and began a minute before."""
    status: dict[str, Any] = {"jobUID": "j-1"}
    if ended is not None:
        status["finishedAt"] = conditions.timestamp(make.NOW - ended)
    plain: dict[str, Any] = {
        "kind": names.RUN_KIND,
        "namespace": make.NAMESPACE,
        "name": name,
        "uid": f"uid-of-{name}",
        "taken_up": f"uid-of-{name}",
        "resource_version": "100",
        "generation": 1,
        "created_at": make.NOW - (ended or timedelta(0)) - timedelta(minutes=1),
        "seen_at": make.NOW,
        "deleting": False,
        "owner_uid": None,
        "generated": True,
        "spec": RunSpec.model_validate({"processRef": {"name": "tidy"}}),
        "status": make.status(names.RUN_KIND, status),
    }
    return CustomResource(**(plain | about))


def gone(
    *found: Run, limit: int = 10, max_age: timedelta = WEEK
) -> tuple[list[str], datetime | None]:
    """Return the names of the runs that go, and when the next one will."""
    old, expiry = runs.history(found, limit=limit, max_age=max_age, now=make.NOW)
    return [one.name for one in old], expiry


def test_a_run_goes_when_it_is_too_old() -> None:
    young = run("young", ended=WEEK - timedelta(seconds=1))
    assert gone(run("old", ended=WEEK), young) == (["old"], make.NOW + timedelta(seconds=1))


def test_the_age_counts_from_the_end() -> None:
    long = run("long", ended=timedelta(hours=1), created_at=make.NOW - 2 * WEEK)
    assert gone(long) == ([], make.NOW + WEEK - timedelta(hours=1))


def test_the_next_look_is_when_the_oldest_that_is_kept_will_be_too_old() -> None:
    days = [run(f"day-{day}", ended=timedelta(days=day)) for day in (1, 5, 3)]
    assert gone(*days) == ([], make.NOW + timedelta(days=2))


def test_beyond_the_limit_the_oldest_go_however_young() -> None:
    minutes = [run(f"minute-{minute}", ended=timedelta(minutes=minute)) for minute in range(4)]
    names_gone, expiry = gone(*minutes, limit=2)
    assert names_gone == ["minute-2", "minute-3"]
    assert expiry == make.NOW + WEEK - timedelta(minutes=1)


def test_none_is_kept_where_the_limit_is_none() -> None:
    assert gone(run("a"), limit=0) == (["a"], None)


def test_the_limit_is_for_each_process() -> None:
    other = RunSpec.model_validate({"processRef": {"name": "other"}})
    assert gone(run("a"), run("b", spec=other), limit=1)[0] == []


def test_one_that_somebody_named_is_theirs_to_remove() -> None:
    assert gone(run("mine", ended=2 * WEEK, generated=False), limit=0) == ([], None)


def test_one_that_still_runs_is_kept() -> None:
    assert gone(run("runs", ended=None), limit=0) == ([], None)


def test_one_that_is_going_already_is_not_removed_again() -> None:
    assert gone(run("going", ended=2 * WEEK, deleting=True)) == ([], None)


def test_the_output_is_masked_with_the_environment_that_the_run_was_made_with() -> None:
    """Another release may have come since, with other values."""

    def released(seen: ObservedState, value: str) -> ObservedState:
        env = [{"name": "KEY", "value": value}]
        application = make.application(env=env)
        return make.released(make.observed(seen, application=application))

    cron = make.process(key="tidy", type="cron", schedule="0 6 * * *")
    seen = released(released(make.observed(processes=[cron]), "old-value"), "new-value")
    record = {
        "release": {"name": "shop-1", "number": 1},
        "jobName": "shop-tidy-1",
        "jobUID": "j-1",
        "startedAt": "2026-01-05T11:59:00Z",
    }
    serving = runs.Serving(name="shop-2", number=2, snapshot=make.candidate(seen))
    ended = runs.decide(
        seen,
        serving,
        dataclasses.replace(run("now", ended=None), status=make.status(names.RUN_KIND, record)),
        suspended=False,
        grace=timedelta(minutes=10),
    )
    assert ended.record is not None
    assert set(ended.secrets) == {"old-value", "new-value"}


def test_a_run_whose_releases_record_is_gone_ends_all_the_same() -> None:
    """A release of the same name may have been made by hand since: it has no record either."""
    cron = make.process(key="tidy", type="cron", schedule="0 6 * * *")
    seen = make.released(make.observed(processes=[cron]))
    record = {
        "release": {"name": "shop-1", "number": 1},
        "jobName": "shop-tidy-1",
        "jobUID": "j-1",
        "startedAt": "2026-01-05T11:59:00Z",
    }
    one = dataclasses.replace(run("now", ended=None), status=make.status(names.RUN_KIND, record))
    for left in ([], [make.request(name="shop-1")]):
        found = runs.decide(
            make.observed(seen, releases=left),
            None,
            one,
            suspended=False,
            grace=timedelta(minutes=10),
        )
        assert found.record is not None
        assert found.record.outcome == "failed"
        assert found.record.reason == "JobDeleted"


def test_who_asked_is_told_by_the_annotation_or_else_by_what_was_recorded() -> None:
    serving = runs.Serving(name="shop-1", number=1, snapshot=make.candidate(make.observed()))
    begun: dict[str, Any] = {"name": "job", "uid": "job-1", "now": make.NOW}
    recorded = make.with_status(run("once"), requestedBy="before")
    assert runs.started(recorded, serving, by="me", **begun).requested_by == "me"
    assert runs.started(recorded, serving, by="", **begun).requested_by == "before"
