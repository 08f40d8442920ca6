"""The jobs of a release: why one that did not run did not, and what may never be left out."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

import make
from process_operator.controller.observe.records import (
    ApplicationKey,
    Child,
    JobRefusal,
    ObservedState,
)
from process_operator.controller.observe.store import Informers, ObjectCache
from process_operator.controller.release import job_verdict, jobs
from process_operator.models.process import JobStartPolicy
from process_operator.models.release import Result

GRACE = timedelta(minutes=10)
QUOTA = 'Error creating: pods "shop-migrate-x" is forbidden: exceeded quota: small'
SECURITY = 'Error creating: pods "shop-migrate-x" is forbidden: violates PodSecurity "restricted"'
LONG_AGO = make.NOW - GRACE
MIGRATE = make.process(key="migrate", type="job", jobStartPolicy="beforeDeployment")


def job(**status: Any) -> Child:
    return make.child_of(
        {"kind": "Job", "metadata": {"namespace": make.NAMESPACE, "name": "m"}, "spec": {}},
        **status,
    )


def judged(child: Child, **difference: Any) -> job_verdict.Verdict:
    seen = make.observed(children=[child], **difference)
    return job_verdict.verdict(seen, child, name="m", started=LONG_AGO, grace=GRACE)


@pytest.mark.parametrize(
    ("said", "reason"),
    [(QUOTA, "QuotaExceeded"), (SECURITY, "PodSecurityRefused"), ("denied", "PodsRefused")],
)
def test_a_job_without_pods_fails_for_what_the_server_said(said: str, reason: str) -> None:
    found = judged(job(), job_refusals={job().uid: said})
    assert (found.result, found.reason) == (Result.FAILED, reason)
    assert found.message == f"did not start within 600 s: {said}"


def test_a_job_without_pods_of_which_nobody_says_anything_did_not_start() -> None:
    assert judged(job()).reason == "JobNotStarted"


def test_what_was_refused_for_another_job_does_not_count() -> None:
    assert judged(job(), job_refusals={"another": QUOTA}).reason == "JobNotStarted"


def test_a_pod_that_came_after_all_tells_more_than_an_earlier_refusal() -> None:
    late = make.pod(owner_uid=job().uid, started=False)
    assert judged(job(), pods=[late], job_refusals={job().uid: QUOTA}).reason == "CrashLoop"


def test_a_job_that_never_had_a_pod_has_not_run_too_long() -> None:
    ended = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}
    late = job(conditions=[ended])
    assert judged(late, job_refusals={late.uid: QUOTA}).reason == "QuotaExceeded"
    assert judged(late).reason == "JobTimedOut"


class _Found:
    """An informer that always shows the same."""

    def __init__(self, *found: Any) -> None:
        self._found = found

    def of(self, _namespace: str, _application: str) -> Iterator[Any]:
        return iter(self._found)

    def all(self) -> Iterator[Any]:
        return iter(self._found)


def refusal(version: str, message: str, namespace: str = make.NAMESPACE) -> JobRefusal:
    return JobRefusal(
        namespace=namespace, job_uid=job().uid, resource_version=version, message=message
    )


def test_the_newest_refusal_is_known_as_long_as_its_event() -> None:
    store = ObjectCache(
        informers=Informers(children=(_Found(job()),), pods=_Found(), ingress_classes=_Found()),
        clock=lambda: make.NOW,
        allowed_annotations=(),
    )
    older, newer = refusal("1", "older"), refusal("2", "newer")
    forged = refusal("3", "newer", namespace="theirs")
    expected: list[tuple[JobRefusal | None, JobRefusal | None, dict[str, str]]] = [
        (None, older, {job().uid: "older"}),
        (None, newer, {job().uid: "newer"}),
        (older, None, {job().uid: "newer"}),
        (None, forged, {job().uid: "newer"}),
        (forged, None, {job().uid: "newer"}),
        (newer, None, {}),
    ]
    for old, new, known in expected:
        store.job_refused(old, new)
        assert store.gather(ApplicationKey(make.NAMESPACE, "shop")).job_refusals == known


def phase(seen: ObservedState) -> jobs.Phase:
    record = {"jobs": [{"key": "migrate", "policy": "beforeDeployment"}]}
    release = make.started(1, make.candidate(seen), state="inProgress", status=record)
    gone = make.observed(seen, processes=[one for one in seen.processes if one.name != "migrate"])
    return jobs.phase(gone, release, JobStartPolicy.BEFORE_DEPLOYMENT, serves=True, grace=GRACE)


def test_a_job_whose_process_was_deleted_is_skipped() -> None:
    found = phase(make.observed(processes=[make.process(), MIGRATE]))
    assert (found.failed, found.jobs[0].reason) == (None, "ProcessDeleted")


def test_a_job_is_not_left_out_because_its_process_cannot_be_read() -> None:
    unread = make.broken(make.process(key="unread"))
    found = phase(make.observed(processes=[make.process(), MIGRATE, unread]))
    assert found.failed is not None
    assert found.failed.reason == "InvalidSpec"
    assert 'Process "unread" cannot be read' in (found.failed.message or "")
