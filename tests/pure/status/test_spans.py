from datetime import timedelta
from typing import Any

import make
from process_operator.controller.observe.records import Release
from process_operator.controller.status import spans

UID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def at(seconds: float) -> str:
    return (make.NOW + timedelta(seconds=seconds)).isoformat()


def job(key: str, policy: str, start: float, end: float, result: str = "success") -> Any:
    about = {"key": key, "policy": policy, "jobName": f"shop-{key}", "result": result}
    why = {"reason": "NonZeroExit"} if result == "failed" else {}
    return {**about, **why, "startedAt": at(start), "finishedAt": at(end)}


def release(**recorded: Any) -> Release:
    return make.request(uid=UID, status={"number": 7, "startedAt": at(0), **recorded})


def told(release: Release) -> list[str]:
    """Return a line for each span: whose part it is, from when to when, and why it failed."""
    found = list(spans.course(release))
    by_id = {one.span_id: one.name for one in found}
    assert len(by_id) == len(found)
    assert {one.trace_id for one in found} <= {UID.replace("-", "")}

    def seconds(moment: Any) -> str:
        return f"{(moment - make.NOW).total_seconds():g}"

    return [
        f"{by_id[one.parent_id] if one.parent_id else '-'} > {one.name} "
        f"{seconds(one.start)}..{seconds(one.end)}" + (f" {one.error}" if one.error else "")
        for one in found
    ]


def test_a_release_that_went_well_is_told_step_by_step_with_its_jobs() -> None:
    assert told(
        release(
            state="success",
            rolloutStartedAt=at(10),
            finishedAt=at(40),
            jobs=[
                job("migrate", "beforeDeployment", 1, 9),
                job("announce", "afterSuccessDeployment", 30, 38),
            ],
        )
    ) == [
        "- > release 0..40",
        "release > beforeJobs 1..10",
        "release > rollout 10..30",
        "release > afterSuccessJobs 30..40",
        "beforeJobs > job migrate 1..9",
        "afterSuccessJobs > job announce 30..38",
    ]


def test_a_release_that_failed_says_in_which_step_and_how_it_went_back() -> None:
    assert told(
        release(
            state="failed",
            rolloutStartedAt=at(10),
            rollbackStartedAt=at(20),
            finishedAt=at(50),
            failure={"step": "rollout", "reason": "ImagePullFailed", "sentence": "no such image"},
            jobs=[job("alarm", "afterFailedDeployment", 30, 49, "failed")],
        )
    ) == [
        "- > release 0..50 no such image",
        "release > rollout 10..20 ImagePullFailed",
        "release > rollback 20..30",
        "release > afterFailedJobs 30..50",
        "afterFailedJobs > job alarm 30..49 NonZeroExit",
    ]


def test_a_job_that_has_not_begun_is_no_part_of_the_course() -> None:
    skipped = {"key": "announce", "policy": "afterSuccessDeployment", "result": "skipped"}
    ended = release(state="cancelled", rolloutStartedAt=at(1), finishedAt=at(5), jobs=[skipped])
    assert told(ended) == ["- > release 0..5", "release > rollout 1..5"]


def test_a_release_under_way_has_no_course_yet() -> None:
    assert told(release(state="inProgress")) == []


def test_the_trace_of_a_release_is_found_by_its_uid() -> None:
    assert spans.trace_id(release()) == "0f8fad5bd9cb469fa16570867728950e"
    odd = spans.trace_id(make.request(uid="of-another-form"))
    assert len(odd) == 32
    assert int(odd, 16)
