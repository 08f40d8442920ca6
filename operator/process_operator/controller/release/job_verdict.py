"""What became of a Job, in one word and one sentence."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from process_operator.controller.observe import records
from process_operator.controller.observe.child_status import JobEnd, JobStatus
from process_operator.controller.observe.records import Child, ObservedState, Pod, PodProblem
from process_operator.kube.reasons import Reason
from process_operator.models.release import Result

KIND = "Job"


_INFORMER_LAG = timedelta(seconds=2)
"""How long the pod of a failed Job may be shown as running still: it comes by another watch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a Job."""

    result: Result | None = None
    """None while that is open."""
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    pod: Pod | None = None
    """Its newest pod."""
    wake_at: datetime | None = None


def verdict(
    observed: ObservedState, job: Child | None, *, name: str, started: datetime, grace: timedelta
) -> Verdict:
    """Judge a Job that was made at `started`, None if it is gone.

    A Job whose container has not run once within the patience has failed too: a pull that fails,
    or a pod that fits nowhere, would else hold up what waits for it until the Job's own deadline.
    """
    if job is None:
        return Verdict(
            result=Result.FAILED,
            reason=Reason.JOB_DELETED,
            message=f'Job "{name}" was deleted before it ended',
        )
    pods = sorted(
        (pod for pod in observed.pods if pod.owner_uid == job.uid),
        key=lambda pod: (pod.created_at, pod.name),
    )
    pod = pods[-1] if pods else None
    status = records.status(job, JobStatus)
    if status.end is JobEnd.COMPLETE:
        return Verdict(
            result=Result.SUCCESS,
            reason=Reason.SUCCEEDED,
            message="ended well",
            exit_code=0,
            pod=pod,
        )
    problem = pod.problem if pod is not None else _refusal(observed, job)
    if status.end is not None:
        return _failed(status, pod, problem, observed.now)
    until = started + grace
    if any(pod.started for pod in pods):
        return Verdict(pod=pod)
    if observed.now < until:
        return Verdict(pod=pod, wake_at=until)
    late = f"did not start within {grace.total_seconds():.0f} s"
    return Verdict(
        result=Result.FAILED,
        reason=problem.reason if problem else Reason.JOB_NOT_STARTED,
        message=f"{late}: {problem.message}" if problem else late,
        pod=pod,
    )


def _refusal(observed: ObservedState, job: Child) -> PodProblem | None:
    """Return why a Job has no pod, in the API server's words."""
    said = observed.job_refusals.get(job.uid)
    return records.refusal(said) if said is not None else None


def _failed(
    status: JobStatus, pod: Pod | None, problem: PodProblem | None, now: datetime
) -> Verdict:
    since = status.ended_at or now
    # Of a clock that is more than that behind the controller's nothing can be waited for.
    lag = now - since
    if pod is not None and problem is None and -_INFORMER_LAG < lag < _INFORMER_LAG:
        return Verdict(pod=pod, wake_at=since + _INFORMER_LAG)
    reason: str
    if status.end is JobEnd.TIMED_OUT and (pod is not None or problem is None):
        reason, message = Reason.JOB_TIMED_OUT, "ran longer than its time-out"
    elif problem is not None:
        reason, message = problem.reason, problem.message
    else:
        reason, message = Reason.JOB_FAILED, status.message or "its Job failed"
    return Verdict(
        result=Result.FAILED,
        reason=reason,
        message=message,
        exit_code=problem.exit_code if problem is not None else None,
        pod=pod,
    )


def is_finished(job: Child) -> bool:
    """Return whether a Job can do nothing any more."""
    return records.status(job, JobStatus).end is not None
