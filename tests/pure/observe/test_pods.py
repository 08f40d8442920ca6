"""What is kept of pods and of events: what is wrong with them, in their own words, and no more."""

from typing import Any

import pytest

from process_operator.controller.observe import pod as observe_pod
from process_operator.controller.observe.pod import job_refusal, probe_failure
from process_operator.controller.observe.records import Pod
from process_operator.kube import names
from process_operator.kube.manifest import Manifest
from told import found


def pod(status: Manifest | None = None, **container: Any) -> Pod:
    given = status or {"phase": "Running", "containerStatuses": [{"name": "app", **container}]}
    return observe_pod.pod(
        found(metadata={"labels": {names.APPLICATION: "shop", names.PROCESS: "web"}}, status=given)
    )


def waiting(reason: str, message: str = "", **more: Any) -> Manifest:
    return {"state": {"waiting": {"reason": reason, "message": message}}, **more}


def ended(code: int, **more: Any) -> Manifest:
    return {"terminated": {"exitCode": code, "reason": "Error"} | more}


def test_a_pod_that_serves_has_no_trouble() -> None:
    record = pod(
        {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {
                    "name": "app",
                    "restartCount": 2,
                    "state": {"running": {}},
                    "lastState": ended(1),
                }
            ],
        }
    )
    assert (record.ready, record.restarts, record.problem) == (True, 2, None)
    assert (record.application, record.process, record.phase) == ("shop", "web", "Running")
    assert record.created_at.isoformat() == "2026-01-02T03:04:05+00:00"


def test_a_pod_that_was_just_made_has_no_trouble() -> None:
    record = observe_pod.pod(found())
    assert (record.ready, record.restarts, record.problem, record.phase) == (False, 0, None, "")


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("ErrImagePull", "ImagePullFailed"),
        ("ImagePullBackOff", "ImagePullFailed"),
        ("InvalidImageName", "ImagePullFailed"),
        ("ErrImageNeverPull", "ImagePullFailed"),
        ("CreateContainerConfigError", "ContainerConfigInvalid"),
        ("CreateContainerError", "ContainerConfigInvalid"),
        ("RunContainerError", "ContainerConfigInvalid"),
        ("ContainerCreating", None),
        ("PodInitializing", None),
    ],
)
def test_a_container_that_waits_has_the_trouble_that_its_reason_tells(
    reason: str, expected: str | None
) -> None:
    problem = pod(**waiting(reason, 'secret "x" not found')).problem
    assert (problem.reason if problem else None) == expected
    if problem:
        assert problem.message == 'pod shop-web: container app: secret "x" not found'


def test_a_pull_that_fails_reads_the_same_while_it_is_tried_and_while_it_waits() -> None:
    said = 'failed to pull "x": not found'
    tried = pod(**waiting("ErrImagePull", said))
    waits = pod(**waiting("ImagePullBackOff", f'Back-off pulling image "x": ErrImagePull: {said}'))
    assert tried.problem == waits.problem


def test_a_crash_loop_reads_the_same_whatever_its_back_off() -> None:
    ten, long = (
        pod(
            **waiting(
                "CrashLoopBackOff",
                f"back-off {time} restarting failed container=app pod=shop-web_ns(u-1)",
            )
        ).problem
        for time in ("10s", "2m40s")
    )
    assert ten == long
    assert ten is not None
    assert "back-off restarting failed container=app" in ten.message


@pytest.mark.parametrize(
    ("container", "code", "words"),
    [
        (
            waiting("CrashLoopBackOff", restartCount=3, lastState=ended(3, message="no DB\n")),
            3,
            "container app exited with code 3: no DB",
        ),
        (
            {"state": ended(3), "restartCount": 1},
            3,
            "container app exited with code 3",
        ),
        (
            waiting("CrashLoopBackOff", lastState=ended(137, reason="OOMKilled")),
            137,
            "container app was killed for want of memory (OOMKilled)",
        ),
        (
            waiting("CrashLoopBackOff", restartCount=2, lastState=ended(0, reason="Completed")),
            0,
            "container app exited with code 0",
        ),
    ],
)
def test_a_crash_loop_tells_how_the_container_ended(
    container: Manifest, code: int, words: str
) -> None:
    problem = pod(**container).problem
    assert problem is not None
    assert (problem.reason, problem.exit_code) == ("CrashLoop", code)
    assert problem.message == f"pod shop-web: {words}"


@pytest.mark.parametrize(
    "container",
    [
        {"state": ended(0), "restartCount": 1},
        {"state": ended(1), "restartCount": 0},
        {"state": {"running": {}}, "restartCount": 4, "lastState": ended(1)},
    ],
)
def test_a_container_that_may_still_come_up_is_no_trouble(container: Manifest) -> None:
    assert pod(**container).problem is None


def test_the_trouble_of_an_init_container_comes_first() -> None:
    problem = pod(
        {
            "initContainerStatuses": [
                {"name": "init", **waiting("CrashLoopBackOff", lastState=ended(2))}
            ],
            "containerStatuses": [{"name": "app", **waiting("PodInitializing")}],
        }
    ).problem
    assert problem is not None
    assert "container init exited with code 2" in problem.message


def test_a_pod_that_no_node_takes_says_why() -> None:
    scheduled = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient memory.",
    }
    problem = pod({"phase": "Pending", "conditions": [scheduled]}).problem
    assert problem is not None
    assert problem.reason == "Unschedulable"
    assert problem.message.endswith("1 Insufficient memory.")


def test_a_pod_that_its_node_ended_says_why() -> None:
    problem = pod({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}).problem
    assert problem is not None
    assert (problem.reason, problem.message) == ("Evicted", "pod shop-web: low on memory")


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("ssword\nTraceback\n" + "x" * 2031, ": Traceback\\nx"),
        ("x" * 4096, ""),
        ("password\n", ": password"),
    ],
)
def test_of_last_words_that_were_cut_at_their_beginning_whole_lines_are_told(
    message: str, told: str
) -> None:
    problem = pod(**waiting("CrashLoopBackOff", lastState=ended(3, message=message))).problem
    assert problem is not None
    assert (
        problem.message.rstrip("x")
        == f"pod shop-web: container app exited with code 3{told.rstrip('x')}"
    )


def test_the_words_of_a_pod_are_bounded_and_harmless() -> None:
    problem = pod(**waiting("ErrImagePull", "\x1b[31mred\n" + "x" * 5000)).problem
    assert problem is not None
    assert len(problem.message) == 500
    assert problem.message.isprintable()
    assert "\\x1b[31mred\\n" in problem.message


def test_why_a_job_has_no_pod_is_kept_bounded_and_harmless() -> None:
    event = {"regarding": {"kind": "Job", "uid": "j-1"}, "note": "no: \x1b[31m" + "x" * 5000}
    record = job_refusal(found(**event))
    assert (record.namespace, record.job_uid) == ("ns", "j-1")
    assert record.message.startswith("no: \\x1b[31mx")
    assert len(record.message) == 500


def test_a_probe_may_answer_with_anything() -> None:
    record = probe_failure(
        found(regarding={"uid": "p-1"}, note="Readiness probe failed: \x1b[2J\nno")
    )
    assert record.message == "Readiness probe failed: \\x1b[2J\\nno"


@pytest.mark.parametrize(
    ("state", "started"),
    [
        ({"state": {"running": {"startedAt": "2026-01-05T12:00:00Z"}}}, True),
        ({"state": {"waiting": {}}, "lastState": ended(1)}, True),
        ({"state": {"waiting": {}}, "lastState": {}}, False),
    ],
)
def test_a_pod_has_started_when_a_container_runs_or_has_run(
    state: Manifest, *, started: bool
) -> None:
    assert pod({"containerStatuses": [{"name": "app", **state}]}).started is started
