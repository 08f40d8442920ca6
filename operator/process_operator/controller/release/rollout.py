"""How far the workload of one process is, in one word and one sentence.

What is wrong below is told above: a pod's own words, the quota's, Pod Security's, a probe's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from process_operator.controller.observe import records
from process_operator.controller.observe.child_status import (
    TOO_LATE,
    CronJobStatus,
    DeploymentStatus,
)
from process_operator.controller.observe.records import Child, Pod, PodProblem
from process_operator.controller.resolve.target import Timetable
from process_operator.kube.reasons import Reason
from process_operator.models.process import ProcessType


class State(Enum):
    """What can be expected of a workload."""

    READY = auto()
    """It is up to date and available at its size."""
    MOVING = auto()
    """It is on its way, and may still arrive."""
    FAILED = auto()
    """Its progress deadline has passed: it will not arrive by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a workload is, and why it is not further."""

    state: State
    reason: str
    message: str
    problem: PodProblem | None = None
    pod: Pod | None = None
    available: int = 0
    current: bool = True
    """Whether every instance runs what is wanted: False while old and new ones are mixed."""


@dataclass(frozen=True, slots=True)
class ProcessProgress:
    """How far one process is that a release rolls out."""

    key: str
    type: ProcessType
    progress: Progress


NOT_MADE = Progress(
    state=State.MOVING,
    reason=Reason.ROLLOUT_IN_PROGRESS,
    message="the children are being made",
    current=False,
)


def of_deployment(
    child: Child,
    *,
    size: int,
    pods: Iterable[Pod],
    probe_failures: Mapping[str, str],
    since: datetime | None = None,
) -> Progress:
    """Judge a Deployment as `kubectl rollout status` does, and add what the pods say.

    Args:
        child: The Deployment as it is live.
        size: How many instances it is to have.
        pods: The pods of the process.
        probe_failures: What the kubelet last said of failing probes, by pod uid.
        since: When the rollout that is judged began; None if that is not known.
    """
    status = records.status(child, DeploymentStatus)
    available, updated = status.available_replicas, status.updated_replicas
    seen = status.observed_generation >= child.spec_generation
    current = seen and updated == size and status.replicas == updated
    count = f"{available} of {size} instances are available"
    if current and available >= size:
        return Progress(
            state=State.READY, reason=Reason.AVAILABLE, message=count, available=available
        )
    pod, problem = _problem(pods, status.message, probe_failures)
    # Until the controller has seen this spec its verdict is about the one before.
    failed = seen and _is_too_late(status, child.spec_generation, since)
    reason = problem.reason if problem else Reason.ROLLOUT_IN_PROGRESS
    if failed:
        reason = problem.reason if problem else TOO_LATE
    elif current and not problem:
        reason = Reason.INSTANCES_STARTING
    text = f"{count}: {problem.message}" if problem else f"{count}, {updated} up to date"
    return Progress(
        state=State.FAILED if failed else State.MOVING,
        reason=reason,
        message=text,
        problem=problem,
        pod=pod,
        available=available,
        current=current,
    )


def _is_too_late(status: DeploymentStatus, generation: int, since: datetime | None) -> bool:
    """Tell a verdict about this rollout from one that an earlier rollout has left there.

    The controller takes its verdict back only when a count moves, which on the way back to an
    older ReplicaSet is when the last bad pod has gone. Of which generation it was first said is
    known but to a replica that came later; that goes by the clocks. Times have whole seconds, and
    no rollout is late in its first.
    """
    if not status.is_late:
        return False
    if status.late_at is not None:
        return status.late_at >= generation
    at = status.late_since
    return since is None or at is None or at > since


def of_cron_job(child: Child, timetable: Timetable) -> Progress:
    """A CronJob is rolled out as soon as it is written."""
    active = records.status(child, CronJobStatus).active
    reason, message = Reason.SCHEDULED, "waits for its next run"
    if timetable.suspend:
        reason, message = Reason.SUSPENDED, "runs by its schedule when spec.suspend is false"
    elif timetable.schedule is None:
        message = "has no schedule, and runs when it is asked to"
    if active:
        count = f"{active} runs are" if active != 1 else "1 run is"
        message = f"{count} active; {message}"
    return Progress(state=State.READY, reason=reason, message=message, available=1)


def _problem(
    pods: Iterable[Pod], refusal: str, probe_failures: Mapping[str, str]
) -> tuple[Pod | None, PodProblem | None]:
    """Return the newest pod's trouble, or why there are no pods."""
    for pod in sorted(pods, key=lambda one: (one.created_at, one.name), reverse=True):
        if pod.deleting or pod.ready:
            continue
        if pod.problem is not None:
            return pod, pod.problem
        if pod.uid in probe_failures:
            said = probe_failures[pod.uid]
            return pod, PodProblem(reason=Reason.PROBE_FAILING, message=f"pod {pod.name}: {said}")
    return None, records.refusal(refusal) if refusal else None


def instances(child: Child) -> int:
    """Return how many instances of a live Deployment are available."""
    return records.status(child, DeploymentStatus).available_replicas


def replicas(child: Child) -> int:
    """Return the size that a live Deployment is to have."""
    return int(records.spec(child).get("replicas", 1))
