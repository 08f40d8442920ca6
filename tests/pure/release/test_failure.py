"""Failure reports: what others have written is bounded, harmless, and tells no secrets."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

import make
from process_operator.controller.observe import masking, records
from process_operator.controller.observe.child_status import DeploymentStatus
from process_operator.controller.observe.records import (
    ChildKey,
    ObservedState,
    Pod,
    PodProblem,
    RefusedWrite,
)
from process_operator.controller.release import failure
from process_operator.controller.release.rollout import ProcessProgress, Progress, State
from process_operator.models.process import ProcessType
from process_operator.models.release import Failure
from process_operator.models.snapshot import Snapshot

SECRET = "tr0ub4dor"  # noqa: S105 - made up
KEY = {"name": "KEY", "value": SECRET}
NOTHING: frozenset[str] = frozenset()


def snapshot(*env: dict[str, str], **process: Any) -> Snapshot:
    seen = make.observed(
        application=make.application(env=list(env)),
        processes=[
            make.process(**process),
            make.process(key="mail", type="worker", env=[{"name": "A", "value": "of-mail"}]),
        ],
    )
    return make.candidate(seen)


def seen(pod: Pod, **difference: Any) -> ObservedState:
    """Return the state of a release with a secret, in which something says what it knows."""
    return make.observed(
        make.released(make.observed(application=make.application(env=[KEY]))),
        pods=[pod],
        **difference,
    )


def moving(reason: str, problem: PodProblem | None = None) -> Progress:
    return Progress(state=State.MOVING, reason=reason, message="as it is", problem=problem)


def of_rollout(progress: Progress, probe_failures: Mapping[str, str] | None = None) -> Failure:
    web = ProcessProgress("web", ProcessType.WEB, progress)
    return failure.of_rollout(web, probe_failures or {})


# Which reason a failed rollout has.


@pytest.mark.parametrize("late", ["RolloutInProgress", "InstancesStarting"])
def test_what_is_only_late_has_exceeded_its_deadline(late: str) -> None:
    assert of_rollout(moving(late)).reason == "ProgressDeadlineExceeded"


@pytest.mark.parametrize("reason", ["NameConflict", "Rejected", "QuotaExceeded", "CrashLoop"])
def test_what_held_a_rollout_up_is_its_reason(reason: str) -> None:
    progress = moving(reason, PodProblem(reason=reason, message="no"))
    assert of_rollout(progress).reason == reason


@pytest.mark.parametrize(
    ("code", "signal"), [(3, None), (128, None), (137, 9), (143, 15), (1000, None)]
)
def test_an_exit_code_above_128_is_a_signal(code: int, signal: int | None) -> None:
    problem = PodProblem(
        reason="CrashLoop", message="exited", exit_code=code, state="Terminated: X"
    )
    progress = dataclasses.replace(
        moving("CrashLoop", problem), pod=make.pod(name="shop-web-1", problem=problem)
    )
    found = of_rollout(progress)
    assert (found.pod, found.exit_code, found.signal) == ("shop-web-1", code, signal)
    assert found.container_state == "Terminated: X"


def test_a_failing_probe_is_quoted() -> None:
    pod = make.pod(problem=None)
    progress = dataclasses.replace(moving("ProbeFailing"), pod=pod)
    found = of_rollout(progress, {pod.uid: "probe failed:\x1b[2J" + "x" * 900})
    assert found.probe is not None
    assert found.probe.startswith("probe failed:\\x1b[2Jx")
    assert len(found.probe) == failure.MAX_LINE


# What is fetched.


def test_the_last_lines_are_kept() -> None:
    log = "".join(f"line {number}\n" for number in range(100))
    lines = failure.tail(log, NOTHING).splitlines()
    assert lines == [f"line {number}" for number in range(80, 100)]


def test_a_long_line_keeps_both_ends() -> None:
    line = failure.tail("begin" + "x" * 5000 + "end", NOTHING)
    assert len(line) <= failure.MAX_LINE
    assert line.startswith("beginx")
    assert line.endswith("xend")


def test_a_log_drives_no_terminal() -> None:
    assert failure.tail("\x1b[31mred\x07\tü\n", NOTHING) == "\\x1b[31mred\\x07\tü"


def test_all_of_a_log_together_fits_into_its_field() -> None:
    log = "\n".join("\x00" * 1000 for _ in range(50))
    assert len(failure.tail(log, NOTHING)) <= 16_384


def test_evidence_is_masked_and_bounded() -> None:
    found = failure.with_evidence(
        Failure(process="web"),
        log=f"login with {SECRET}\n",
        events=[f"{number}: {SECRET} " + "x" * 900 for number in range(20)],
        snapshot=snapshot(KEY),
    )
    assert found.log == "login with ***"
    assert len(found.events) == failure.MAX_EVENTS
    assert found.events[-1].startswith("19: *** x")
    assert all(len(one) <= failure.MAX_EVENT for one in found.events)


def test_what_is_not_there_is_not_told() -> None:
    found = failure.with_evidence(Failure(process="web"), log="", events=[], snapshot=None)
    assert found == Failure(process="web")


def test_warnings_are_told_once_oldest_first() -> None:
    def event(second: int, note: str, kind: str = "Warning") -> dict[str, Any]:
        about = {"creationTimestamp": f"2026-01-05T12:00:0{second}Z"}
        return {"type": kind, "reason": "Failed", "note": note, "metadata": about}

    events = [event(3, "b"), event(1, "a"), event(2, "b"), event(0, "all is well", "Normal")]
    assert failure.events_told(events) == ["Failed: a", "Failed: b"]


# Which values are secrets.


def test_the_longest_value_goes_first_for_one_may_hold_another() -> None:
    found = masking.secret_values([snapshot(KEY, {"name": "URL", "value": f"db://{SECRET}@db"})])
    assert failure.tail(f"db://{SECRET}@db", found) == "***"


def test_short_values_stay() -> None:
    found = masking.secret_values([snapshot({"name": "A", "value": "abc"})])
    assert failure.tail("abc", found) == "abc"


def test_each_line_of_a_value_is_a_secret() -> None:
    found = masking.secret_values([snapshot({"name": "A", "value": "line one\nline two\n"})])
    assert failure.tail("so: line two\nthen", found) == "so: ***\nthen"


def test_a_value_is_found_with_its_controls_escaped() -> None:
    found = masking.secret_values([snapshot({"name": "A", "value": "col\tumn\x07"})])
    assert failure.tail(r"so: col\tumn\x07", found) == "so: ***"


def test_the_values_of_other_processes_are_none() -> None:
    frozen = snapshot(KEY, env=[{"name": "B", "value": "of-web"}])
    assert set(masking.secret_values([frozen], "web")) == {SECRET, "of-web"}
    assert set(masking.secret_values([frozen])) == {SECRET, "of-web", "of-mail"}


def test_the_values_of_every_release_are_secrets() -> None:
    older, newer = snapshot(KEY), snapshot({"name": "KEY", "value": "another"})
    assert set(masking.secret_values([older, None, newer], "web")) == {SECRET, "another"}


# Where others' words come in.


def test_a_pods_last_words_are_masked_wherever_they_are_told() -> None:
    pod = make.pod(problem=PodProblem(reason="CrashLoop", message=f"exited: bad {SECRET}"))
    told = masking.redact(seen(pod))
    (masked,) = told.pods
    assert masked.problem == PodProblem(reason="CrashLoop", message="exited: bad ***")


def test_a_value_that_was_cut_at_the_end_is_masked_too() -> None:
    pod = make.pod(problem=PodProblem(reason="CrashLoop", message=f"exited: bad {SECRET[:6]}"))
    (masked,) = masking.redact(seen(pod)).pods
    assert masked.problem is not None
    assert masked.problem.message == "exited: bad ***"


def test_a_probes_output_is_masked() -> None:
    pod = make.pod(problem=None)
    told = masking.redact(seen(pod, probe_failures={pod.uid: f"probe: {SECRET}"}))
    assert told.probe_failures == {pod.uid: "probe: ***"}


def test_the_api_servers_refusals_are_masked() -> None:
    key = ChildKey("Deployment", make.NAMESPACE, "shop-web")
    no = RefusedWrite(
        desired_hash="", reason="Rejected", message=f"no {SECRET} here", retry_at=make.NOW
    )
    told = masking.redact(
        seen(make.pod(problem=None), refused={key: no}, job_refusals={"j-1": f"no {SECRET}"})
    )
    assert told.refused[key].message == "no *** here"
    assert told.job_refusals == {"j-1": "no ***"}


def test_a_controllers_words_are_masked() -> None:
    refused = {"type": "ReplicaFailure", "status": "True", "message": f"denied: {SECRET}"}
    manifest = make.manifests(make.released(make.observed()))["Deployment"]
    child = make.child_of(manifest, conditions=[refused])
    told = masking.redact(seen(make.pod(problem=None), children=[child]))
    said = records.status(told.children[child.key], DeploymentStatus)
    assert said.message == "denied: ***"


def test_a_world_in_which_nobody_says_anything_is_taken_as_it_is() -> None:
    quiet = seen(make.pod(problem=None))
    assert masking.redact(quiet) is quiet


def test_a_message_is_bounded_before_it_is_masked() -> None:
    room = masking.MAX_TOLD - 4
    no = RefusedWrite(
        desired_hash="", reason="Rejected", message="x" * room + SECRET, retry_at=make.NOW
    )
    key = ChildKey("Deployment", make.NAMESPACE, "shop-web")
    told = masking.redact(seen(make.pod(problem=None), refused={key: no}))
    assert told.refused[key].message == "x" * room + "***"


# What was cut of a log.


@pytest.mark.parametrize("length", [4, len(SECRET) - 1])
def test_a_value_that_was_cut_at_an_end_of_a_log_is_masked(length: int) -> None:
    values = frozenset([SECRET])
    assert failure.tail(f"{SECRET[-length:]} is wrong", values) == "*** is wrong"
    assert failure.tail(f"first\nwrong: {SECRET[:length]}", values) == "first\nwrong: ***"


def test_a_value_that_was_cut_where_a_line_is_shortened_is_masked() -> None:
    values = frozenset([SECRET])
    for room in range(len(SECRET) + 1):
        line = "x" * (failure.MAX_LINE // 2 - room) + SECRET + "y" * 2000
        for one in (line, line[::-1].replace(SECRET[::-1], SECRET)):
            told = failure.tail(f"{one}\nlast", values)
            assert not any(SECRET[at : at + 4] in told for at in range(len(SECRET) - 3))


def test_an_event_is_bounded_before_it_is_masked() -> None:
    note = "x" * (failure.MAX_EVENT - 5) + SECRET
    why = Failure(process="web")
    found = failure.with_evidence(why, log="", events=[note], snapshot=snapshot(KEY))
    assert found.events == ("x" * (failure.MAX_EVENT - 5) + "***",)


def test_the_environment_of_the_process_that_failed_is_masked_too() -> None:
    web = make.process(env=[{"name": "PASSWORD", "value": SECRET}])
    frozen = make.candidate(make.observed(processes=[web]))
    told = failure.with_evidence(
        Failure(process="web"), log=f"login with {SECRET}", events=[SECRET], snapshot=frozen
    )
    assert SECRET not in f"{told.log} {told.events}"
