"""Whatever is observed, each status and event that comes of it is one that the server takes.

States are drawn at random, from names and words that lie at the bounds and beyond. No two runs
draw others.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import checked
import make
from process_operator.controller.execute import events
from process_operator.controller.observe import masking
from process_operator.controller.observe import records as observe_records
from process_operator.controller.observe.child_status import DeploymentStatus
from process_operator.controller.observe.records import (
    Child,
    ChildKey,
    CustomResource,
    InvalidObject,
    ObservedState,
    Pod,
    PodProblem,
    RefusedWrite,
)
from process_operator.controller.plan import plan
from process_operator.controller.plan.model import RecordStatus
from process_operator.controller.release import failure, jobs
from process_operator.controller.status import model, report
from process_operator.kube import names
from process_operator.models import snapshot
from process_operator.models.release import JobRecord, Jobs, ReleaseStatus, ReleaseStep
from process_operator.models.run import RunSpec, RunStatus
from process_operator.models.status import Status

A_LOT = settings(
    derandomize=True,
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TIMES = st.sampled_from([1, 2, 60, 250, 1100, 5000, 40_000])
WORDS = st.builds(
    lambda piece, times: f"{piece * times}!",
    st.sampled_from(["a", "ü", "🦄", "x-", "\0", "\n", "\u2028", "日", '"', "e\u0301", "\ufeff"]),
    TIMES,
)
REASONS = st.sampled_from(["OutOfephemeral-storage", "", "5xx", "a b", "ü", "x" * 2000, "Evicted"])
CODES = st.sampled_from([None, -(2**31), -1, 0, 3, 137, 255, 256, 70_000, 2**31, 2**40])
VARIABLES = st.lists(
    st.sampled_from(["A", "B" * 247, "B" * 248, "C" * 249, "D" * 255, "_" * 100 + "E" * 155]),
    unique=True,
)
TYPES = st.sampled_from(["web", "worker", "cron", "job"])
KEYS = st.sampled_from(["web", "W" * 64, "a-" * 31 + "b", "tick", "migrate", "m" * 64])
POLICIES = (
    "beforeDeployment",
    "afterSuccessDeployment",
    "afterFailedDeployment",
    "beforeRollback",
)

Draw = Any


def env(draw: Draw) -> list[dict[str, str]]:
    return [{"name": name, "value": draw(WORDS)[:300]} for name in draw(VARIABLES)]


def spec_of(draw: Draw, key: str, process_type: str) -> dict[str, Any]:
    made: dict[str, Any] = {"key": key, "type": process_type, "env": env(draw)}
    made["displayName"] = draw(WORDS)[:255]
    if process_type == "web":
        count = draw(st.integers(0, 32))
        annotations = {f"{'p' * 250}.example.com/{'n' * 50}-{one}": "" for one in range(count)}
        hosts = [{"host": "a" * 63 + ".example.com"}]
        made["ingress"] = {"hosts": hosts, "annotations": annotations}
    if process_type == "cron":
        made |= {"schedule": "0 4 * * *", "timeZone": "Europe/Berlin"}
    if process_type == "job":
        made["jobStartPolicy"] = draw(st.sampled_from(POLICIES))
    return made


@st.composite
def states(draw: Draw) -> ObservedState:
    """Draw the observed state of one application at some point of its life."""
    kinds = {key: draw(TYPES) for key in draw(st.lists(KEYS, unique=True, max_size=4))}
    seen = make.observed(
        application=make.application(env=env(draw), revision=draw(WORDS)[:253]),
        processes=[make.process(**spec_of(draw, *one)) for one in kinds.items()],
    )
    if draw(st.booleans()):
        seen = make.served(seen)
        # What is declared has changed since.
        changed = [make.process(**spec_of(draw, *one), status={}) for one in kinds.items()]
        seen = make.observed(seen, processes=changed)
    if draw(st.booleans()):
        seen = releasing(draw, seen)
    if draw(st.booleans()):
        seen = running(draw, seen)
    seen = troubled(draw, seen)
    match draw(st.sampled_from(["", "", "", "gone", "broken", "suspended"])):
        case "gone":
            return make.observed(seen, application=None)
        case "broken":
            broken = [make.broken(one, draw(WORDS)) for one in seen.processes]
            return make.observed(seen, processes=broken)
        case "suspended":
            return make.observed(seen, application=make.application(suspend=True))
        case _:
            return seen


def releasing(draw: Draw, seen: ObservedState) -> ObservedState:
    """Add a release that is in the middle of something, or waits."""
    if draw(st.booleans()):
        return make.observed(seen, releases=[*seen.releases, make.request(rollbackTo="n" * 253)])
    candidate = make.candidate(seen)
    step = draw(st.sampled_from([*ReleaseStep][:3]))
    record: dict[str, Any] = {"step": step}
    one = make.started(len(seen.releases) + 1, candidate, state="inProgress")
    found = [of_job(draw, one, job) for job in jobs.entries(candidate, Jobs.RUN, serves=True)]
    record["jobs"] = tuple(job for job, _, _ in found)
    if draw(st.booleans()):
        record["resumed_at"] = make.NOW
    active = dataclasses.replace(one, status=one.status.changed(**record))
    children = {child.key: child for _, child, _ in found}
    return make.observed(
        seen,
        releases=[*seen.releases, active],
        children={**seen.children, **children},
        pods=[*seen.pods, *(pod for _, _, pod in found)],
    )


def of_job(
    draw: Draw, one: CustomResource[Any, Any], job: JobRecord
) -> tuple[JobRecord, Child, Pod]:
    """Return the record of a job, its Job that has failed, and its pod."""
    key = jobs.job_key(one, job.key)
    made = failed_job(draw, key, one)
    begun = job.begun(name=key.name, uid=made.uid, now=make.NOW)
    return (
        begun,
        made,
        odd_pod(draw, owner_uid=made.uid, name=f"{key.name}-x", uid=f"pod-{made.uid}"),
    )


def failed_job(draw: Draw, key: ChildKey, owner: CustomResource[Any, Any]) -> Child:
    told = {
        "type": "Failed",
        "status": "True",
        "reason": draw(REASONS),
        "message": draw(WORDS),
        "lastTransitionTime": "2026-01-05T11:00:00Z",
    }
    made = make.child_of(
        {"kind": "Job", "metadata": {"namespace": key.namespace, "name": key.name}, "spec": {}},
        conditions=[told],
        startTime="2026-01-05T11:00:00Z",
    )
    return make.edited(made, owner_uid=owner.uid)


def odd_pod(draw: Draw, **about: Any) -> Pod:
    problem = PodProblem(
        reason=draw(REASONS),
        message=draw(WORDS),
        exit_code=draw(CODES),
        state=draw(WORDS),
    )
    return make.pod(problem=draw(st.sampled_from([problem, problem, None])), **about)


def running(draw: Draw, seen: ObservedState) -> ObservedState:
    """Add runs by hand: of something, of nothing, and one that has failed."""
    target = draw(st.sampled_from(["n" * 253, *(one.name for one in seen.processes)]))
    about: dict[str, Any] = {
        "kind": names.RUN_KIND,
        "namespace": make.NAMESPACE,
        "uid": "uid-of-run",
        "resource_version": "1",
        "generation": 1,
        "created_at": make.LONG_AGO,
        "seen_at": make.NOW,
        "deleting": False,
        "owner_uid": None,
        "generated": True,
        "spec": RunSpec.model_validate({"processRef": {"name": target}}),
    }
    waits = CustomResource(**about, name="waits", status=RunStatus())
    if (
        not seen.releases
        or make.stored(first := seen.releases[0], first.status).get("snapshot") is None
    ):
        return make.observed(seen, runs=(waits,))
    job = failed_job(draw, ChildKey("Job", make.NAMESPACE, "run-job"), waits)
    record = {
        "release": {"name": seen.releases[0].name, "number": 1},
        "jobName": "run-job",
        "jobUID": job.uid,
        "startedAt": "2026-01-05T11:59:00Z",
        "outcome": "inProgress",
    }
    status = make.status(names.RUN_KIND, record)
    runs = (waits, CustomResource(**(about | {"uid": "uid-of-fails"}), name="fails", status=status))
    pod = odd_pod(draw, owner_uid=job.uid, name="run-pod", uid="uid-of-run-pod")
    children = {**seen.children, job.key: job}
    return make.observed(seen, runs=runs, children=children, pods=[*seen.pods, pod])


def troubled(draw: Draw, seen: ObservedState) -> ObservedState:
    """Let children be refused, and pods be in odd trouble."""
    refused = {
        ChildKey(kind, make.NAMESPACE, draw(st.sampled_from(["shop-web", "shop-tick"]))): no(draw)
        for kind in draw(st.lists(st.sampled_from(["Deployment", "Service", "CronJob"])))
    }
    labels = [names.key_label(key) for key in ("web", "W" * 64)]
    pods = [
        odd_pod(draw, process=label, uid=f"uid-of-{label}", name=f"shop-{index}")
        for index, label in enumerate(draw(st.lists(st.sampled_from(labels), unique=True)))
    ]
    for one in [*seen.children.values()]:
        if not draw(st.booleans()):
            continue
        refused[one.key] = no(draw)
        if one.kind == "Deployment":
            live = observe_records.status(one, DeploymentStatus)
            late = dataclasses.replace(live, available_replicas=0, is_late=True)
            seen = make.changed(seen, make.edited(one, status=late))
    return make.observed(
        seen,
        refused=refused,
        pods=[*seen.pods, *pods],
        probe_failures={pod.uid: draw(WORDS) for pod in pods},
        job_refusals={"uid-of-Job-run-job": draw(WORDS)},
    )


def no(draw: Draw) -> RefusedWrite:
    return RefusedWrite(
        desired_hash="",
        reason=draw(REASONS),
        message=draw(WORDS),
        retry_at=make.NOW + timedelta(hours=1),
    )


def reported(seen: ObservedState) -> model.Report:
    own = [seen.application, *seen.processes, *seen.releases, *seen.runs]
    waited = {one.uid: make.LONG_AGO for one in own if one is not None}
    seen = make.observed(seen, in_progress_since=waited)
    return report.report(seen, plan.plan(seen))


def records(
    seen: ObservedState, log: str
) -> Iterator[tuple[CustomResource[Any, Any] | InvalidObject, Status]]:
    """Yield the records that the plan wants, with what can only be fetched."""
    for action in plan.plan(seen).actions:
        if not isinstance(action, RecordStatus):
            continue
        record = action.status
        if isinstance(record, ReleaseStatus):
            record = explained(record, log)
        elif isinstance(record, RunStatus):
            record = record.changed(log=failure.tail(log, frozenset()))
        yield action.of, record


def explained(record: ReleaseStatus, log: str) -> ReleaseStatus:
    if record.failure is None or record.snapshot is None:
        return record
    frozen = snapshot.read(record.snapshot)
    why = record.failure.changed(process=record.failure.process or "web")
    found = failure.with_evidence(why, log=log, events=[log] * 20, snapshot=frozen)
    return record.changed(failure=found)


@A_LOT
@given(states(), WORDS)
def test_every_status_and_event_is_one_that_the_server_takes(seen: ObservedState, log: str) -> None:
    seen = masking.redact(seen)
    for write in reported(seen).writes:
        assert checked.refused(write.of.kind, make.stored(write.of, write.status)) == []
        for event in write.events:
            assert checked.refused_event(events.manifest(event, make.NOW)) == []
    for one, record in records(seen, log):
        fitted = make.stored(one, record)
        assert checked.refused(one.kind, fitted) == []
        # What the course of a release depends on is never what is cut.
        again = make.status(one.kind, fitted)
        for kept in ("state", "step", "number", "requested", "snapshot", "outcome"):
            assert getattr(again, kept, None) == getattr(record, kept, None)
        results = [[job.result for job in getattr(each, "jobs", ())] for each in (again, record)]
        assert results[0] == results[1]


@A_LOT
@given(states())
def test_what_was_written_is_not_written_again(seen: ObservedState) -> None:
    seen = masking.redact(seen)
    for _ in range(4):
        writes = reported(seen).writes
        if not writes:
            return
        seen = stored(seen, {write.of.uid: write.status for write in writes})
    raise AssertionError(f"it is written for ever: {[write.of for write in writes]}")


def stored(seen: ObservedState, found: Mapping[str, Status]) -> ObservedState:
    """Return the observed state after these statuses went over the wire, and came back."""

    def now(one: Any) -> Any:
        if one is None or one.uid not in found:
            return one
        answered = make.status(one.kind, make.stored(one, found[one.uid]))
        return dataclasses.replace(one, status=answered)

    return make.observed(
        seen,
        application=now(seen.application),
        processes=[now(one) for one in seen.processes],
        releases=[now(one) for one in seen.releases],
        runs=tuple(now(one) for one in seen.runs),
    )
