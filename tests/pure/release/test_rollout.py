"""How far a workload is: as `kubectl rollout status` judges, and with the pods' own words."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

import make
from process_operator.controller.observe import records
from process_operator.controller.observe.child_status import DeploymentStatus
from process_operator.controller.observe.records import Child, PodProblem
from process_operator.controller.release import rollout
from process_operator.controller.release.rollout import Progress, State
from process_operator.controller.resolve import target

AVAILABLE = {
    "observedGeneration": 3,
    "replicas": 2,
    "updatedReplicas": 2,
    "readyReplicas": 2,
    "availableReplicas": 2,
}
TOO_LATE = [
    {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "message": 'ReplicaSet "shop-web-1" has timed out progressing.',
    }
]


def deployment(**status: Any) -> Child:
    manifest = make.manifests(make.released(make.observed()))["Deployment"]
    child = make.child_of(manifest, **(AVAILABLE | status))
    return make.edited(child, generation=3, spec_generation=3)


def judged(child: Child, *, size: int = 2, **pods: Any) -> Progress:
    return rollout.of_deployment(
        child,
        size=size,
        pods=pods.get("pods", ()),
        probe_failures=pods.get("probe_failures", {}),
        since=pods.get("since"),
    )


def test_up_to_date_and_available_at_its_size_is_ready() -> None:
    progress = judged(deployment())
    assert progress.state is State.READY
    assert (progress.reason, progress.message) == ("Available", "2 of 2 instances are available")


def test_nothing_wanted_and_nothing_there_is_ready() -> None:
    gone = deployment(replicas=0, updatedReplicas=0, readyReplicas=0, availableReplicas=0)
    assert judged(gone, size=0).state is State.READY


@pytest.mark.parametrize(
    "behind",
    [
        {"observedGeneration": 2},
        {"updatedReplicas": 1},
        {"replicas": 3},
        {"availableReplicas": 1},
        {"availableReplicas": None, "readyReplicas": None},
    ],
)
def test_whatever_is_behind_keeps_it_moving(behind: dict[str, Any]) -> None:
    assert judged(deployment(**behind)).state is State.MOVING


def test_another_size_than_is_live_keeps_it_moving() -> None:
    assert judged(deployment(), size=3).state is State.MOVING


def test_the_progress_deadline_makes_it_fail() -> None:
    progress = judged(deployment(updatedReplicas=1, conditions=TOO_LATE))
    assert progress.state is State.FAILED
    assert progress.reason == "ProgressDeadlineExceeded"


def test_a_generation_with_the_spec_of_the_one_before_moves_nothing() -> None:
    annotated = make.edited(deployment(observedGeneration=3), generation=4)
    assert judged(annotated).state is State.READY


def test_the_verdict_of_an_earlier_generation_does_not_count() -> None:
    late = deployment(updatedReplicas=1, observedGeneration=2, conditions=TOO_LATE)
    assert judged(late).state is State.MOVING


@pytest.mark.parametrize(
    ("said", "state"), [(0, State.MOVING), (-60, State.MOVING), (1, State.FAILED)]
)
def test_the_verdict_of_an_earlier_rollout_does_not_count(said: int, state: State) -> None:
    # On the way back to a ReplicaSet that is still there the controller leaves it as it is.
    at = (make.NOW + timedelta(seconds=said)).isoformat().replace("+00:00", "Z")
    late = deployment(updatedReplicas=1, conditions=[TOO_LATE[0] | {"lastUpdateTime": at}])
    assert judged(late, since=make.NOW).state is state


@pytest.mark.parametrize(
    ("first_said_of", "state"), [(2, State.MOVING), (3, State.FAILED), (4, State.FAILED)]
)
@pytest.mark.parametrize("clock", [timedelta(hours=-1), timedelta(hours=1)])
def test_the_generation_that_a_verdict_was_first_said_of_tells_more_than_clocks(
    first_said_of: int, state: State, clock: timedelta
) -> None:
    late = deployment(updatedReplicas=1, observedGeneration=3, conditions=TOO_LATE)
    found = records.status(late, DeploymentStatus)
    status = dataclasses.replace(found, late_at=first_said_of, late_since=make.NOW)
    assert judged(make.edited(late, status=status), since=make.NOW + clock).state is state


def test_an_old_verdict_does_not_count_once_all_are_available() -> None:
    assert judged(deployment(conditions=TOO_LATE)).state is State.READY


def test_the_reason_is_the_newest_troubled_pods_own() -> None:
    pull = PodProblem(reason="ImagePullFailed", message="pod new: not found")
    pods = [
        make.pod(name="old", created_at=make.NOW - timedelta(minutes=1)),
        make.pod(name="new", problem=pull),
    ]
    progress = judged(deployment(updatedReplicas=1), pods=pods)
    assert progress.reason == "ImagePullFailed"
    assert progress.message == "2 of 2 instances are available: pod new: not found"
    assert progress.pod is pods[1]


@pytest.mark.parametrize("past", [{"ready": True}, {"deleting": True}])
def test_a_pod_that_is_ready_or_going_troubles_nobody(past: dict[str, Any]) -> None:
    progress = judged(deployment(updatedReplicas=1), pods=[make.pod(**past)])
    assert progress.problem is None
    assert progress.reason == "RolloutInProgress"


def test_a_failing_probe_is_told_in_the_kubelets_words() -> None:
    pod = make.pod(problem=None)
    progress = judged(
        deployment(availableReplicas=0),
        pods=[pod],
        probe_failures={pod.uid: "Readiness probe failed: HTTP 500"},
    )
    assert progress.reason == "ProbeFailing"
    assert "pod shop-web-1: Readiness probe failed: HTTP 500" in progress.message


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            'pods "shop-web-1" is forbidden: exceeded quota: small, requested: cpu=1',
            "QuotaExceeded",
        ),
        (
            'pods "shop-web-1" is forbidden: violates PodSecurity "restricted:latest": runAs',
            "PodSecurityRefused",
        ),
        ('pods "shop-web-1" is forbidden: no PriorityClass', "PodsRefused"),
    ],
)
def test_why_there_are_no_pods_is_told_in_the_servers_words(message: str, reason: str) -> None:
    refused = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}
    progress = judged(deployment(updatedReplicas=0, conditions=[refused | {"message": message}]))
    assert progress.reason == reason
    assert message in progress.message


def test_instances_that_are_new_and_not_up_yet_are_starting() -> None:
    progress = judged(deployment(availableReplicas=1))
    assert (progress.reason, progress.current) == ("InstancesStarting", True)


def test_old_and_new_instances_beside_each_other_are_not_current() -> None:
    assert not judged(deployment(updatedReplicas=1)).current


@pytest.mark.parametrize(
    ("schedule", "suspend", "active", "reason", "message"),
    [
        ("0 6 * * *", False, 0, "Scheduled", "waits for its next run"),
        ("0 6 * * *", False, 1, "Scheduled", "1 run is active; waits for its next run"),
        ("0 6 * * *", False, 2, "Scheduled", "2 runs are active; waits for its next run"),
        ("0 6 * * *", True, 0, "Suspended", "runs by its schedule when spec.suspend is false"),
        (None, False, 0, "Scheduled", "has no schedule, and runs when it is asked to"),
    ],
)
def test_a_cron_job_is_rolled_out_as_soon_as_it_is_written(
    schedule: str | None, suspend: bool, active: int, reason: str, message: str
) -> None:
    cron = make.process(key="tidy", type="cron", schedule=schedule, suspend=suspend)
    seen = make.released(make.observed(processes=[cron]))
    child = make.child_of(make.manifests(seen, "tidy")["CronJob"], active=[{}] * active)
    timetable = target.timetable(cron.spec)
    assert timetable is not None
    progress = rollout.of_cron_job(child, timetable)
    assert (progress.state, progress.reason) == (State.READY, reason)
    assert progress.message == message


def test_the_size_is_the_live_one() -> None:
    assert rollout.replicas(deployment()) == 1
