"""What is said of an application and its processes, and of which transitions an event tells."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import make
from process_operator.controller.observe import records
from process_operator.controller.observe.child_status import DeploymentStatus
from process_operator.controller.observe.records import Child, ChildKey, ObservedState, RefusedWrite
from process_operator.controller.plan import plan
from process_operator.controller.plan.model import Plan
from process_operator.controller.status import report as status_report
from process_operator.controller.status import resource_types
from process_operator.controller.status.model import Report, Write
from process_operator.kube import conditions
from process_operator.models.process import ProcessStatus
from process_operator.models.status import Status

ROLLED = {"rolloutStartedAt": "2026-01-05T11:59:00Z"}
WENT_BACK = {**ROLLED, "rollbackStartedAt": "2026-01-05T11:59:30Z"}
WORKER = {"key": "worker", "type": "worker"}


def failed(
    seen: ObservedState, process: str = "web", state: str = "failed", **record: Any
) -> ObservedState:
    """Return the observed state after one more release, that did not succeed."""
    number = len(seen.releases) + 1
    why = {
        "step": "rollout",
        "process": process,
        "reason": "CrashLoop",
        "message": "exited",
        "sentence": f'The rollout failed because process "{process}" exited',
    }
    told = {"failure": why} if state == "failed" else {}
    made = make.started(number, make.candidate(seen), state=state, status=told)
    made = make.with_status(made, **({"rolloutStartedAt": None} | record))
    return make.observed(seen, releases=(*seen.releases, made))


def writes(seen: ObservedState) -> dict[str, Write]:
    """Return what is to be written when all has been open for long, by kind and name."""
    objects = [seen.application, *seen.processes]
    waited = {one.uid: make.LONG_AGO for one in objects if one is not None}
    seen = make.observed(seen, in_progress_since=waited)
    report = status_report.report(seen, plan.plan(seen))
    return {f"{one.of.kind} {one.of.name}": one for one in report.writes}


def said(seen: ObservedState, of: str = "ProcessApplication shop") -> str:
    """Return reason and message of what is said."""
    ready = writes(seen)[of].status.condition(conditions.READY)
    assert ready is not None
    return f"{ready.reason}: {ready.message}"


def written(seen: ObservedState) -> ObservedState:
    """Return the observed state after all statuses have been written."""
    found: dict[str, Any] = {one.of.uid: one.status for one in writes(seen).values()}
    assert seen.application is not None
    return make.observed(
        seen,
        application=dataclasses.replace(
            seen.application, status=found.get(seen.application.uid, seen.application.status)
        ),
        processes=[
            dataclasses.replace(one, status=found.get(one.uid, one.status))
            for one in seen.processes
        ],
    )


def events(seen: ObservedState) -> list[tuple[str, str]]:
    found = writes(seen).get("ProcessApplication shop")
    return [(one.reason, one.message) for one in (found.events if found is not None else ())]


# Events.


def test_each_failed_release_is_told_once() -> None:
    second = failed(make.served(), **WENT_BACK)
    ((reason, message),) = events(second)
    assert (reason, '"shop-2" failed' in message) == ("ReleaseFailed", True)
    assert events(written(second)) == []


def test_a_release_that_fails_right_after_another_one_is_told_too() -> None:
    third = failed(written(failed(make.served(), **WENT_BACK)), **WENT_BACK)
    ((reason, message),) = events(third)
    assert (reason, '"shop-3" failed' in message) == ("ReleaseFailed", True)


# What a failure leaves running.


def test_after_going_back_the_earlier_release_serves_again() -> None:
    assert 'release "shop-1" serves again. The' in said(failed(make.served(), **WENT_BACK))


def test_before_the_rollout_the_earlier_release_never_stopped() -> None:
    assert 'release "shop-1" still serves. The' in said(failed(make.served()))


def test_without_going_back_the_failed_release_stays() -> None:
    told = said(failed(make.served(), **ROLLED))
    assert "its instances stay" in told
    assert "again" not in told.partition(". The rollout")[0]


def test_a_failure_before_the_rollout_leaves_what_an_earlier_failure_left() -> None:
    assert 'release "shop-2" still runs.' in said(failed(failed(make.served(), **ROLLED)))


def test_the_first_release_has_nothing_to_go_back_to() -> None:
    told = said(failed(make.observed(), **ROLLED))
    assert "there is no earlier release to go back to" in told
    assert 'what release "shop-1" made stays' in told
    assert "nothing runs yet" in said(failed(make.observed()))


def test_a_first_release_that_was_cancelled_has_nothing_to_go_back_to_either() -> None:
    told = said(failed(make.observed(), state="cancelled"))
    assert told.startswith('AwaitingRelease: release "shop-1" was cancelled, there is no earlier')
    assert "nothing runs yet" in told
    rolled = make.with_children(failed(make.observed(), state="cancelled", **ROLLED))
    assert 'what release "shop-1" made stays' in said(rolled)


def test_what_was_deleted_and_could_not_go_back_is_named() -> None:
    both = make.served(make.observed(processes=[make.process(), make.process(**WORKER)]))
    assert "serves again. The" in said(failed(both, **WENT_BACK))
    gone = make.observed(failed(both, **WENT_BACK), processes=[make.process()])
    assert 'serves again, without the deleted "worker". The' in said(gone)


def test_what_cannot_be_read_is_not_said_to_be_deleted() -> None:
    worker = make.process(**WORKER)
    both = make.served(make.observed(processes=[make.process(), worker]))
    broken = make.observed(
        failed(both, **WENT_BACK), processes=[make.process(), make.broken(worker)]
    )
    assert "without" not in said(broken)


# What the processes say of it.


def test_every_process_that_went_back_is_told_why() -> None:
    both = make.served(make.observed(processes=[make.process(), make.process(**WORKER)]))
    seen = failed(both, process="worker", **WENT_BACK)
    assert said(seen, "Process worker").endswith('release "shop-2" failed here: exited')
    assert said(seen, "Process web").endswith(
        'release "shop-2" failed: The rollout failed because process "worker" exited'
    )


def test_a_failure_before_the_rollout_costs_the_processes_no_write() -> None:
    settled = written(make.served())
    assert set(writes(failed(settled))) == {"ProcessApplication shop"}


# Refused children.


def refused(seen: ObservedState, kind: str) -> ObservedState:
    """Return the observed state in which one child of the process `web` was refused just now."""
    (key,) = (one.key for one in make.applies(seen) if one.key.kind == kind)
    desired_hash = next(one.desired_hash for one in make.applies(seen) if one.key == key)
    no = RefusedWrite(
        desired_hash=desired_hash,
        reason="Rejected",
        message="a webhook said no",
        retry_at=make.NOW + timedelta(minutes=1),
    )
    children = dict(make.with_children(seen).children)
    del children[key]
    return make.observed(seen, children=children, refused={key: no})


HOSTED = make.process(ingress={"hosts": [{"host": "shop.example.com"}]})


def rolling(kind: str) -> Plan:
    first = failed(make.observed(processes=[HOSTED]), state="inProgress", step="rollout", **ROLLED)
    return plan.plan(refused(first, kind))


def test_a_refused_ingress_holds_no_rollout_up() -> None:
    decided = rolling("Ingress")
    ((_, record),) = decided.decision.records
    assert record.state == "success"


def test_a_refused_deployment_does_and_says_why() -> None:
    (process_plan,) = rolling("Deployment").processes
    assert (process_plan.progress.reason, process_plan.progress.message) == (
        "Rejected",
        "a webhook said no",
    )
    assert rolling("Deployment").decision.records == ()


@pytest.mark.parametrize("kind", ["Ingress", "Deployment"])
def test_a_process_says_what_of_it_was_refused(kind: str) -> None:
    seen = refused(make.released(make.observed(processes=[HOSTED])), kind)
    assert said(seen, "Process web") == "Rejected: a webhook said no"


def test_a_refused_deployment_is_told_as_refused_where_nothing_serves_any_more() -> None:
    served = written(make.served())
    others = {key: one for key, one in served.children.items() if key.kind != "Deployment"}
    seen = refused(make.observed(served, children=others), "Deployment")
    assert said(seen, "Process web") == "Rejected: a webhook said no"


def test_a_refused_change_takes_nothing_from_what_serves() -> None:
    seen = make.served()
    key = ChildKey("Deployment", make.NAMESPACE, "shop-web")
    changed = make.observed(
        make.released(make.observed(seen, application=make.application(image="shop:2"))),
        now=make.NOW,
    )
    (desired_hash,) = (one.desired_hash for one in make.applies(changed) if one.key == key)
    no = RefusedWrite(
        desired_hash=desired_hash,
        reason="Rejected",
        message="no",
        retry_at=make.NOW + timedelta(minutes=1),
    )
    (process_plan,) = plan.plan(make.observed(changed, refused={key: no})).processes
    assert process_plan.progress.available == 1


# Resource types.


def test_of_two_default_sizes_each_is_told_of_the_other() -> None:
    sizes = {name: make.resource_type(name=name) for name in ("s1", "s2")}
    first, second = resource_types.resource_types(sizes, make.NOW)
    assert _stalled(first.status) == (
        "AmbiguousDefault: spec.default is also true for s2; leave it true for one of them"
    )
    assert _stalled(second.status).startswith("AmbiguousDefault: spec.default is also true for s1")


def test_one_default_size_is_as_it_should_be() -> None:
    sizes = {"s1": make.resource_type(), "s2": make.resource_type(name="s2", default=None)}
    for write in resource_types.resource_types(sizes, make.NOW):
        assert write.status.condition("Stalled") is None


def _stalled(status: Status) -> str:
    found = status.condition("Stalled")
    assert found is not None
    return f"{found.reason}: {found.message}"


# Cron processes.


def cron(now: datetime, **spec: Any) -> ObservedState:
    tidy = make.process(**{"key": "tidy", "type": "cron", "timeZone": "Europe/Berlin"} | spec)
    return make.observed(make.served(make.observed(processes=[tidy])), now=now)


def warnings(seen: ObservedState) -> list[str]:
    return list(tidy(seen).warnings)


def tidy(seen: ObservedState) -> ProcessStatus:
    status = writes(seen)["Process tidy"].status
    assert isinstance(status, ProcessStatus)
    return status


BEFORE_SPRING = datetime(2026, 3, 27, 12, 0, tzinfo=UTC)
BEFORE_AUTUMN = datetime(2026, 10, 23, 12, 0, tzinfo=UTC)


def test_a_run_that_the_clock_skips_is_warned_of() -> None:
    (warning,) = warnings(cron(BEFORE_SPRING, schedule="30 2 * * *"))
    assert warning.startswith("the run of 2026-03-29 02:30 is skipped")


def test_a_run_that_the_clock_doubles_is_warned_of() -> None:
    (warning,) = warnings(cron(BEFORE_AUTUMN, schedule="30 2 * * *"))
    assert warning.startswith("the run of 2026-10-25 02:30 runs twice")


@pytest.mark.parametrize(
    "spec",
    [
        {"schedule": "30 4 * * *"},
        {"schedule": "30 2 * * *", "timeZone": "UTC"},
        {"schedule": "0 * * * *"},
        {"schedule": "30 2 * * *", "suspend": True},
        {},
    ],
)
def test_what_no_change_of_the_clock_meets_needs_no_warning(spec: dict[str, Any]) -> None:
    assert warnings(cron(BEFORE_SPRING, **spec)) == []


def test_only_the_next_three_runs_are_looked_at() -> None:
    early = BEFORE_SPRING - timedelta(days=3)
    assert warnings(cron(early, schedule="30 2 * * *")) == []


def scheduled(name: str, start: str, outcome: str | None) -> Child:
    """Return a Job that the CronJob of `tidy` made."""
    ending = {"type": outcome, "status": "True", "lastTransitionTime": start}
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "shop-tidy", "controller": True}
    return make.child_of(
        {
            "kind": "Job",
            "metadata": {
                "namespace": make.NAMESPACE,
                "name": name,
                "ownerReferences": [owner | {"uid": "uid-of-CronJob-shop-tidy"}],
            },
            "spec": {},
        },
        **({"startTime": start} if start else {}),
        **({"conditions": [ending]} if outcome else {}),
    )


def with_jobs(seen: ObservedState, *jobs: Child) -> ObservedState:
    return make.observed(seen, children={**seen.children, **{one.key: one for one in jobs}})


TIDY = cron(make.NOW, schedule="0 6 * * *")


def test_two_that_fail_in_the_same_second_are_counted_once_each() -> None:
    moment = "2026-01-05T06:00:00Z"
    seen = with_jobs(TIDY, scheduled("a", moment, "Failed"), scheduled("b", moment, "Failed"))
    told = tidy(seen)
    assert told.last_scheduled_run is not None
    assert (told.last_scheduled_run.name, told.consecutive_failures) == ("b", 2)
    assert "Process tidy" not in writes(written(seen))


def test_a_run_that_succeeds_ends_the_count() -> None:
    jobs = [
        scheduled("a", "2026-01-04T06:00:00Z", "Failed"),
        scheduled("b", "2026-01-05T06:00:00Z", "Complete"),
    ]
    told = tidy(with_jobs(TIDY, *jobs))
    assert told.last_scheduled_run is not None
    assert (told.last_scheduled_run.result, told.consecutive_failures) == ("success", None)


def test_a_job_that_has_not_begun_is_no_run_yet() -> None:
    assert tidy(with_jobs(TIDY, scheduled("a", "", None))).last_scheduled_run is None


# When progress is told.


def under_way(seconds: float, backlog: int = 0) -> ObservedState:
    """Return the state so long after a rollout has begun, beside a backlog."""
    seen = make.released(make.observed())
    since = make.NOW - timedelta(seconds=seconds)
    uids = [one.uid for one in (seen.application, *seen.processes) if one is not None]
    return make.observed(seen, backlog=backlog, in_progress_since=dict.fromkeys(uids, since))


def report(seen: ObservedState) -> Report:
    return status_report.report(seen, plan.plan(seen))


@pytest.mark.parametrize(
    ("backlog", "seconds"), [(0, 2), (20, 2), (30, 3), (100, 10), (200, 20), (10_000, 60)]
)
def test_progress_is_told_later_the_longer_the_backlog_but_within_a_bound(
    backlog: int, seconds: int
) -> None:
    early = report(under_way(seconds - 0.5, backlog))
    assert early.in_progress == {"uid-of-web", "uid-of-shop"}
    assert early.writes == ()
    assert early.wake_at == make.NOW + timedelta(seconds=0.5)
    late = report(under_way(seconds, backlog))
    assert {one.of.uid for one in late.writes} == early.in_progress
    # Beside a backlog each telling begins the wait anew.
    assert late.told == (early.in_progress if seconds > 2 else frozenset())


def test_what_is_final_is_told_at_once_however_long_the_backlog() -> None:
    seen = make.observed(make.served(), backlog=10_000)
    assert {one.of.uid for one in report(seen).writes} == {"uid-of-web", "uid-of-shop"}


def test_what_waits_for_its_user_is_told_after_two_seconds_however_long_the_backlog() -> None:
    manual = make.application(release={"initial": "manual"})
    waits = make.observed(application=manual, backlog=10_000)
    since = make.NOW - timedelta(seconds=2)
    uids = ("uid-of-web", "uid-of-shop")
    told = report(make.observed(waits, in_progress_since=dict.fromkeys(uids, since)))
    assert {one.of.uid for one in told.writes} == set(uids)
    assert report(waits).writes == ()


def test_urls_are_told_once_the_route_is_there() -> None:
    web = make.process(ingress={"hosts": [{"host": "shop.example.com"}]})
    seen = make.served(make.observed(processes=[web]))
    told = writes(seen)["Process web"].status
    assert make.stored(web, told)["urls"] == ["http://shop.example.com"]
    others = {key: one for key, one in seen.children.items() if key.kind != "Ingress"}
    without = writes(make.observed(seen, children=others))["Process web"].status
    assert "urls" not in make.stored(web, without)


def test_what_serves_no_more_is_unavailable_for_as_long_as_that_lasts() -> None:
    seen = written(make.served())
    down = make.edited(
        make.child(seen, "Deployment"),
        status=dataclasses.replace(
            records.status(make.child(seen, "Deployment"), DeploymentStatus), available_replicas=0
        ),
    )
    seen = make.changed(seen, down)
    assert said(seen, "Process web").startswith("Unavailable: ")
    again = written(seen)
    live = records.status(down, DeploymentStatus)
    later = make.edited(down, status=dataclasses.replace(live, ready_replicas=0))
    reports = writes(make.changed(again, later))
    told = reports["Process web"].status if "Process web" in reports else again.processes[0].status
    ready = told.condition(conditions.READY)
    assert ready is not None
    assert ready.reason == "Unavailable"


def test_a_change_of_the_clock_is_told_up_to_the_last_of_the_runs_that_are_told() -> None:
    now = datetime(2026, 3, 5, 12, tzinfo=UTC)
    for days, is_told in ((0, True), (-1, False)):
        tick = make.process(
            key="tick", type="cron", schedule="30 2 * * *", time_zone="America/New_York"
        )
        seen = make.observed(
            make.served(make.observed(processes=[tick])), now=now + timedelta(days=days)
        )
        warnings = make.stored(tick, writes(seen)["Process tick"].status).get("warnings", [])
        assert bool(warnings) is is_told


@pytest.mark.parametrize(
    ("name", "told"), [("gce", "ProtocolNotSupported"), ("own", "UnknownIngressController")]
)
def test_a_class_that_cannot_speak_grpc_is_told(name: str, told: str) -> None:
    routed = make.application(routing={"ingressClassName": name})
    web = make.process(
        ingress={"hosts": [{"host": "shop.example.com"}], "protocol": "grpc"},
    )
    seen = make.served(make.observed(application=routed, processes=[web]))
    found = writes(seen)["Process web"].status.condition(conditions.ROUTE_PROGRAMMED)
    assert found is not None
    assert found.reason == told


def test_a_process_of_no_instances_is_not_available_and_says_why() -> None:
    none = {"type": "manual", "manual": {"instanceCount": 0}}
    seen = make.served(make.observed(processes=[make.process(scalingStrategy=none)]))
    found = writes(seen)["Process web"].status.condition(conditions.AVAILABLE)
    assert found is not None
    assert (found.reason, found.message) == ("ScaledToZero", "0 instances are wanted")


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        (make.HORIZONTAL, "Ready"),
        ({"type": "manual", "manual": {"instanceCount": 2}}, "Reconciling"),
    ],
    ids=["an autoscaler", "somebody"],
)
def test_instances_that_an_autoscaler_adds_keep_nobody_waiting(
    strategy: dict[str, Any], told: str
) -> None:
    seen = written(make.served(make.observed(processes=[make.process(scalingStrategy=strategy)])))
    live = make.child(seen, "Deployment")
    counts = records.status(live, DeploymentStatus)
    growing = dataclasses.replace(counts, replicas=2, updated_replicas=2, available_replicas=1)
    (process_plan,) = plan.plan(make.changed(seen, make.edited(live, status=growing))).processes
    assert process_plan.progress.reason == "InstancesStarting"
    found = report(make.changed(seen, make.edited(live, status=growing)))
    (said_of_web,) = (one.said for one in found.answers if one.of.name == "web")
    assert conditions.is_true(said_of_web, told)
