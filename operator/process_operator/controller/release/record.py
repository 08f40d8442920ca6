"""The record of one release: how it is read, and each step that it moves forward.

It is a ratchet: state and step only move forward, and each move is written before the first write
that depends on it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from process_operator.controller.observe.records import CustomResource
from process_operator.controller.release import jobs
from process_operator.controller.release.rollout import Progress, State
from process_operator.kube import conditions
from process_operator.models.release import ReleaseSpec, ReleaseState, ReleaseStep
from process_operator.models.snapshot import Snapshot, Unreadable, read, readable

Release = CustomResource[ReleaseSpec]


def number(release: Release) -> int:
    """Return a release's number, 0 before it starts."""
    return int(release.status.get("number") or 0)


def state(release: Release) -> ReleaseState:
    """Return a release's state; one without a record waits."""
    return ReleaseState(release.status.get("state") or ReleaseState.WAITING)


def snapshot(release: Release) -> Snapshot | None:
    """Return what a release froze; None before it starts, and if that cannot be read."""
    return readable(release.status.get("snapshot"))


def fault(release: Release) -> str:
    """Return why a started release cannot be rendered, "" if it can."""
    try:
        read(release.status.get("snapshot"))
    except Unreadable as error:
        return str(error)
    return ""


def step(release: Release) -> ReleaseStep:
    """Return what a release in progress is doing."""
    return ReleaseStep(release.status.get("step") or ReleaseStep.ROLLOUT)


def environment(release: Release) -> dict[str, str]:
    """Return the variables that tell a job which release it runs for, and why that failed."""
    told = {"PROCESS_OPERATOR_RELEASE": release.name}
    why = release.status.get("failure")
    if why is not None:
        told |= {
            "PROCESS_OPERATOR_FAILED_STEP": why["step"],
            "PROCESS_OPERATOR_FAILED_PROCESS": why["process"],
            "PROCESS_OPERATOR_FAILED_REASON": why["reason"],
        }
    return told


_DOING = {
    ReleaseStep.BEFORE_JOBS: ("BeforeJobsRunning", "the jobs before the rollout run"),
    ReleaseStep.ROLLOUT: ("RolloutInProgress", "the processes are being rolled out"),
    ReleaseStep.AFTER_SUCCESS_JOBS: ("AfterSuccessJobsRunning", "the jobs after success run"),
    ReleaseStep.ROLLBACK: ("RollingBack", "the processes go back to what served before"),
    ReleaseStep.AFTER_FAILED_JOBS: ("AfterFailedJobsRunning", "the jobs after failure run"),
}
_STARTS = {
    ReleaseStep.ROLLOUT: "rolloutStartedAt",
    ReleaseStep.ROLLBACK: "rollbackStartedAt",
}


def doing(release: Release) -> tuple[str, str]:
    """Return in one word, and in words, what a release in progress is doing."""
    return _DOING[step(release)]


def step_begun(release: Release, step: ReleaseStep, now: datetime) -> dict[str, Any]:
    """Return the part of the record that says that a step begins."""
    reason, message = _DOING[step]
    started = {_STARTS[step]: conditions.timestamp(now)} if step in _STARTS else {}
    return {
        **started,
        "observedGeneration": release.generation,
        "state": str(ReleaseState.IN_PROGRESS),
        "step": str(step),
        "conditions": conditions.merge(
            release.status,
            conditions.reconciling(reason, message),
            generation=release.generation,
            now=now,
        ),
    }


def cancel(release: Release, now: datetime) -> dict[str, Any]:
    """Return the record of a release that was cancelled."""
    message = "the release was cancelled by spec.cancel"
    if "rolloutStartedAt" in release.status and "rollbackStartedAt" not in release.status:
        message += "; there was no earlier release to go back to, so what it made stays"
    said = conditions.stalled("Cancelled", message)
    return end(release, ReleaseState.CANCELLED, said, now)


def skip(release: Release, newer: Release, now: datetime) -> dict[str, Any]:
    """Return the record of a release in whose place a newer one was taken."""
    said = conditions.ready("Superseded", f'skipped: the newer release "{newer.name}" was taken')
    return end(release, ReleaseState.SKIPPED, said, now)


def end(
    release: Release,
    state: ReleaseState,
    said: Sequence[conditions.Condition],
    now: datetime,
    **more: Any,
) -> dict[str, Any]:
    """Return the record of a release that ends now, with nothing in it that passes."""
    ended = {
        **release.status,
        **more,
        "observedGeneration": release.generation,
        "state": str(state),
        "finishedAt": conditions.timestamp(now),
        "conditions": conditions.merge(
            release.status, said, generation=release.generation, now=now
        ),
    }
    for passing in ("step", "pausedAt"):
        ended.pop(passing, None)
    if "jobs" in ended:
        ended["jobs"] = jobs.closed(ended["jobs"])
    return ended


_RESULTS = {State.READY: "success", State.MOVING: "inProgress", State.FAILED: "failed"}


def rollout_entries(rollout: Sequence[tuple[str, str, Progress]]) -> list[dict[str, Any]]:
    """Return the entries of `status.rollouts`, by key."""
    return [
        {
            "key": key,
            "type": process_type,
            "result": _RESULTS[progress.state],
            "reason": progress.reason,
            "message": progress.message,
        }
        for key, process_type, progress in sorted(rollout, key=lambda one: one[0])
    ]
