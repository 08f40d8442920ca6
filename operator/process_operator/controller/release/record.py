"""The record of one release: how it is read, and each step that it moves forward.

It is a ratchet: state and step only move forward, and each move is written before the first write
that depends on it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from process_operator.controller.observe.records import Application, Release
from process_operator.controller.release import jobs
from process_operator.controller.release.rollout import ProcessProgress, State
from process_operator.kube import conditions
from process_operator.kube.reasons import Reason
from process_operator.models.configuration import Source, Versions
from process_operator.models.release import (
    ReleaseState,
    ReleaseStatus,
    ReleaseStep,
    Result,
    RolloutRecord,
)
from process_operator.models.snapshot import FromNewer, Snapshot, Unreadable, read, readable
from process_operator.models.status import Conditions


def number(release: Release) -> int:
    """Return a release's number, 0 before it starts."""
    return release.status.number or 0


def state(release: Release) -> ReleaseState:
    """Return a release's state; one without a record waits."""
    return release.status.state or ReleaseState.WAITING


def snapshot(release: Release) -> Snapshot | None:
    """Return what a release froze; None before it starts, and if that cannot be read."""
    return readable(release.status.snapshot)


def configuration(release: Release, application: Application, now: Versions) -> Versions:
    """Return what configured an application when a release started, as far as it was watched.

    What was restored from a backup has other versions than were recorded, whatever it says: there
    all that has not gone counts as unchanged.
    """
    recorded = {
        Source(one.kind, one.name): one.resource_version or ""
        for one in release.status.configuration
    }
    if release.status.application_uid == application.uid:
        return recorded
    return {one: now.get(one) or version for one, version in recorded.items()}


def is_from_newer(release: Release) -> bool:
    """Whether a newer version of the operator started a release, and this one cannot render it."""
    try:
        read(release.status.snapshot)
    except FromNewer:
        return True
    except Unreadable:
        return False
    return False


def fault(release: Release) -> str:
    """Return why a started release cannot be rendered, "" if it can."""
    try:
        read(release.status.snapshot)
    except Unreadable as error:
        return str(error)
    return ""


def step(release: Release) -> ReleaseStep:
    """Return what a release in progress is doing."""
    return release.status.step or ReleaseStep.ROLLOUT


def environment(release: Release) -> dict[str, str]:
    """Return the variables that tell a job which release it runs for, and why that failed."""
    told = {"PROCESS_OPERATOR_RELEASE": release.name}
    why = release.status.failure
    if why is not None:
        told |= {
            "PROCESS_OPERATOR_FAILED_STEP": str(why.step or ""),
            "PROCESS_OPERATOR_FAILED_PROCESS": why.process or "",
            "PROCESS_OPERATOR_FAILED_REASON": why.reason or "",
        }
    return told


_DOING = {
    ReleaseStep.BEFORE_JOBS: (Reason.BEFORE_JOBS_RUNNING, "the jobs before the rollout run"),
    ReleaseStep.ROLLOUT: (Reason.ROLLOUT_IN_PROGRESS, "the processes are being rolled out"),
    ReleaseStep.AFTER_SUCCESS_JOBS: (
        Reason.AFTER_SUCCESS_JOBS_RUNNING,
        "the jobs after success run",
    ),
    ReleaseStep.BEFORE_ROLLBACK_JOBS: (
        Reason.BEFORE_ROLLBACK_JOBS_RUNNING,
        "the jobs before going back run",
    ),
    ReleaseStep.ROLLBACK: (Reason.ROLLING_BACK, "the processes go back to what served before"),
    ReleaseStep.AFTER_FAILED_JOBS: (Reason.AFTER_FAILED_JOBS_RUNNING, "the jobs after failure run"),
}
_STARTS = {
    ReleaseStep.ROLLOUT: "rollout_started_at",
    ReleaseStep.ROLLBACK: "rollback_started_at",
}


def doing(release: Release) -> tuple[str, str]:
    """Return in one word, and in words, what a release in progress is doing."""
    return _DOING[step(release)]


def begin(
    release: Release, step: ReleaseStep, now: datetime, record: ReleaseStatus | None = None
) -> ReleaseStatus:
    """Return the record in which a step begins, made of the release's own or of the one given."""
    started = {_STARTS[step]: conditions.whole_seconds(now)} if step in _STARTS else {}
    record = record or release.status
    said, why = conditions.reconciling(*_DOING[step]), record.failure
    if why is not None:
        # It is decided: who waits for the release need not wait for what follows.
        told = f"{why.sentence or ''}. For now {_DOING[step][1]}"
        said = conditions.stalled(why.reason or Reason.RELEASE_FAILED, told)
    return record.changed(
        **started,
        observed_generation=release.generation,
        state=ReleaseState.IN_PROGRESS,
        step=step,
        conditions=_said(release, said, now),
    )


def pause(release: Release, now: datetime) -> ReleaseStatus:
    """Return the record of a release that is held while its application is suspended."""
    said = conditions.reconciling(
        Reason.SUSPENDED, "goes on when spec.suspend of the application is false"
    )
    return release.status.changed(
        paused_at=conditions.whole_seconds(now), conditions=_said(release, said, now)
    )


def resume(release: Release, now: datetime) -> ReleaseStatus:
    """Return the record of a release that goes on with its step, whose deadlines begin anew."""
    return begin(release, step(release), now).changed(
        paused_at=None, resumed_at=conditions.whole_seconds(now)
    )


def cancel(release: Release, now: datetime) -> ReleaseStatus:
    """Return the record of a release that was cancelled."""
    message = "the release was cancelled by spec.cancel"
    if release.status.rollout_started_at and not release.status.rollback_started_at:
        message += "; there was no earlier release to go back to, so what it made stays"
    said = conditions.stalled(Reason.CANCELLED, message)
    return end(release, ReleaseState.CANCELLED, said, now)


def skip(release: Release, newer: Release, now: datetime) -> ReleaseStatus:
    """Return the record of a release in whose place a newer one was taken."""
    said = conditions.ready(
        Reason.SUPERSEDED, f'skipped: the newer release "{newer.name}" was taken'
    )
    return end(release, ReleaseState.SKIPPED, said, now)


def end(
    release: Release,
    state: ReleaseState,
    said: Sequence[conditions.Condition],
    now: datetime,
    **more: Any,
) -> ReleaseStatus:
    """Return the record of a release that ends now, with nothing in it that passes."""
    record = release.status.changed(**more)
    return record.changed(
        observed_generation=release.generation,
        state=state,
        step=None,
        paused_at=None,
        finished_at=conditions.whole_seconds(now),
        conditions=_said(release, said, now),
        jobs=jobs.closed(record.jobs),
    )


def _said(release: Release, said: Sequence[conditions.Condition], now: datetime) -> Conditions:
    return release.status.saying(said, generation=release.generation, now=now)


_RESULTS = {
    State.READY: Result.SUCCESS,
    State.MOVING: Result.IN_PROGRESS,
    State.FAILED: Result.FAILED,
}


def rollouts(progress: Sequence[ProcessProgress]) -> tuple[RolloutRecord, ...]:
    """Return how far each process is, by key."""
    return tuple(
        RolloutRecord(
            key=one.key,
            type=one.type,
            result=_RESULTS[one.progress.state],
            reason=one.progress.reason,
            message=one.progress.message,
        )
        for one in sorted(progress, key=lambda one: one.key)
    )
