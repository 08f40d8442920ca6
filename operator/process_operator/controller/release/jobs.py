"""One phase of a release's jobs: one after the other by key, the first failure stops.

Each job process becomes exactly one Job object. Its uid is recorded right after it was made and
its result before anything that follows from it, so that what is recorded is never asked again:
a Job whose uid is recorded and that is gone without a result has failed, whoever removed it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from process_operator.controller.observe.records import (
    Child,
    ChildKey,
    CustomResource,
    InvalidObject,
    ObservedState,
    Pod,
    Release,
)
from process_operator.controller.release import job_verdict
from process_operator.kube import names
from process_operator.kube.reasons import Reason
from process_operator.models.process import JobStartPolicy, ProcessSpec, ProcessType
from process_operator.models.release import JobRecord, ReleaseStatus, Result
from process_operator.models.release import Jobs as Mode
from process_operator.models.snapshot import Snapshot

Jobs = tuple[JobRecord, ...]
"""What `status.jobs` of a release holds: one record for each job process, by key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Where the jobs of one moment of a release stand, and what is to be done about them now."""

    jobs: Jobs
    """All of them, as they are to be recorded."""
    changed: bool = False
    """Whether they have to be written first; what follows a phase that is over writes them too."""
    start: str | None = None
    """Key of the job process whose Job is to be made now."""
    stop: Child | None = None
    """The Job to delete: its result is recorded, and it may still do something."""
    running: str | None = None
    """Key of the job that the phase waits for."""
    failed: JobRecord | None = None
    """The one that stopped the phase."""
    pod: Pod | None = None
    """The pod that tells why."""
    wake_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left to do or to wait for."""
        return self.start is None and self.stop is None and self.running is None


def entries(snapshot: Snapshot, mode: Mode, *, serves: bool) -> Jobs:
    """Return the jobs of a release that starts: one for each job process, by key.

    What serves comes last: it is tried with what the others have done.

    Args:
        snapshot: What the release froze.
        mode: Whether they run.
        serves: Whether an earlier release serves.
    """
    found = tuple(
        JobRecord(key=one.key, policy=one.job_start_policy, run_with=one.run_with)
        for one in sorted(snapshot.processes, key=lambda one: (one.run_with is not None, one.key))
        if one.type == ProcessType.JOB
    )
    if mode == Mode.RUN:
        return tuple(one if serves or one.run_with is None else _unserved(one) for one in found)
    why = (
        "the release was asked for with spec.jobs skip, goes back to an earlier one, or is the "
        "first of an application that was restored or copied; to run them, make a ProcessRelease "
        "with spec.jobs run"
    )
    return tuple(one.ended(Result.SKIPPED, Reason.JOBS_SKIPPED, why) for one in found)


def undoing(snapshot: Snapshot, number: int) -> Jobs:
    """Return the jobs that undo what a release has done, for one that goes back over it.

    Args:
        snapshot: What the release froze that is gone back over; they run with its image.
        number: Its number.
    """
    return tuple(
        JobRecord(key=one.key, policy=one.job_start_policy, undoes=number)
        for one in sorted(snapshot.processes, key=lambda one: one.key)
        if one.job_start_policy == JobStartPolicy.BEFORE_ROLLBACK
    )


def have_run(jobs: Jobs) -> bool:
    """Whether a job before the rollout, which jobs before a way back undo, has ended well."""
    return any(
        one.policy == JobStartPolicy.BEFORE_DEPLOYMENT
        and one.run_with is None
        and one.result == Result.SUCCESS
        for one in jobs
    )


def _unserved(job: JobRecord) -> JobRecord:
    why = "no earlier release serves, which it was to run with"
    return job.ended(Result.SKIPPED, Reason.NOT_NEEDED, why)


def are_left(jobs: Jobs, policy: JobStartPolicy) -> bool:
    """Return whether a phase has anything to do."""
    return any(one.policy == policy and one.is_left for one in jobs)


def closed(jobs: Jobs) -> Jobs:
    """Return the jobs of a release that ends: what has no result gets one."""
    return tuple(_closed(one) if one.is_left else one for one in jobs)


def _closed(job: JobRecord) -> JobRecord:
    if job.job_uid is not None:
        return job.ended(Result.CANCELLED, Reason.RELEASE_ENDED, "the release ended while it ran")
    return job.ended(Result.SKIPPED, Reason.NOT_NEEDED, "the release ended without it")


def phase(
    observed: ObservedState,
    release: Release,
    policy: JobStartPolicy,
    *,
    serves: bool,
    grace: timedelta,
) -> Phase:
    """Return what the jobs of one moment need now.

    Args:
        observed: All that is seen.
        release: The release in progress, with its record.
        policy: The moment.
        serves: Whether what serves is still known.
        grace: How long a Job may take until its container runs for the first time.
    """
    kept, changed = release.status.jobs, False
    for job in kept:
        if job.policy != policy or job.result in _PASSED:
            continue
        if not job.is_left:
            return _stopped(observed, release, job, kept)
        if not _is_begun(observed, release, job) and not _is_declared(observed, job.key):
            left_out = _without_process(observed, job)
            kept, changed = _with(kept, left_out), True
            if left_out.result == Result.FAILED:
                return Phase(jobs=kept, failed=left_out)
            continue
        needs_serving = job.run_with is not None or job.undoes is not None
        if needs_serving and not serves and not _is_begun(observed, release, job):
            lost = job.ended(Result.FAILED, Reason.SERVING_RELEASE_MISSING, _LOST, now=observed.now)
            return Phase(jobs=_with(kept, lost), failed=lost)
        if changed:
            return Phase(jobs=kept, changed=True, running=job.key)
        made = _attend(observed, release, job, grace)
        if not made.is_over or made.failed is not None:
            return made
        kept, changed = made.jobs, True
    return Phase(jobs=kept)


_LOST = "the record of the release that serves is gone, and it was to run with that"
_PASSED = {Result.SUCCESS, Result.SKIPPED}


def _with(jobs: Jobs, changed: JobRecord) -> Jobs:
    return tuple(changed if one.key == changed.key else one for one in jobs)


def _without_process(observed: ObservedState, job: JobRecord) -> JobRecord:
    """Return what becomes of a job whose Process is not declared."""
    unread = _unread(observed)
    if unread is None:
        why = "its Process was deleted before"
        return job.ended(Result.SKIPPED, Reason.PROCESS_DELETED, why, now=observed.now)
    # It may be this one: a migration must not be left out unseen.
    why = f'Process "{unread.name}" cannot be read: {unread.message}'
    return job.ended(Result.FAILED, Reason.INVALID_SPEC, why, now=observed.now)


def stop(observed: ObservedState, release: Release, reason: str, message: str) -> Phase:
    """Return what it takes to end whatever job runs: its result first, then the Job itself."""
    kept = release.status.jobs
    for job in kept:
        if job.is_left and _is_begun(observed, release, job):
            ended = job.ended(Result.CANCELLED, reason, message, now=observed.now)
            return Phase(jobs=_with(kept, ended), changed=True, running=job.key)
        if job.result in {Result.CANCELLED, Result.FAILED}:
            waiting = _stopped(observed, release, job, kept)
            if not waiting.is_over:
                return waiting
    return Phase(jobs=kept)


def with_job(release: Release, key: str, *, name: str, uid: str, now: datetime) -> ReleaseStatus:
    """Return the record of a release in which the Job of one of its jobs is known."""
    status = release.status
    made = (
        one.begun(name=name, uid=uid, now=now) if one.key == key else one for one in status.jobs
    )
    return status.changed(jobs=tuple(made))


def name(release: Release, key: str) -> str:
    """Return the name of the Job that a release makes of a job process."""
    return names.job(release.spec.application_ref.name, key, release.uid)


def job_key(release: Release, key: str) -> ChildKey:
    """Return what identifies that Job on the server."""
    return ChildKey(job_verdict.KIND, release.namespace, name(release, key))


def _stopped(observed: ObservedState, release: Release, job: JobRecord, kept: Jobs) -> Phase:
    """Wait until a Job whose result is recorded can do nothing any more."""
    made = _made(observed, release, job)
    if made is not None and not job_verdict.is_finished(made):
        return Phase(jobs=kept, stop=None if made.deleting else made, running=job.key)
    return Phase(jobs=kept, failed=job)


def _attend(observed: ObservedState, release: Release, job: JobRecord, grace: timedelta) -> Phase:
    """Return what the job whose turn it is needs."""
    made, kept = _made(observed, release, job), release.status.jobs
    if job.job_uid is None and made is not None:
        # Made before a crash that came before the record.
        begun = job.begun(name=made.name, uid=made.uid, now=observed.now)
        return Phase(jobs=_with(kept, begun), changed=True, running=job.key)
    if job.job_uid is None:
        return _to_start(observed, release, job)
    # The patience of a Job that was there before a suspension begins anew.
    times = (job.started_at, release.status.resumed_at)
    found = job_verdict.verdict(
        observed,
        made,
        name=job.job_name or "",
        started=max((at for at in times if at is not None), default=observed.now),
        grace=grace,
    )
    if found.result is None:
        return Phase(jobs=kept, running=job.key, wake_at=found.wake_at)
    ended = job.ended(
        found.result, found.reason, found.message, now=observed.now, exit_code=found.exit_code
    )
    after = _with(kept, ended)
    if found.result == Result.SUCCESS:
        return Phase(jobs=after)
    if made is not None and not job_verdict.is_finished(made):
        # It must not start after all: first its result, then its end, then what follows.
        return Phase(jobs=after, changed=True, running=job.key, pod=found.pod)
    return Phase(jobs=after, failed=ended, pod=found.pod)


def _to_start(observed: ObservedState, release: Release, job: JobRecord) -> Phase:
    refused = observed.refused.get(job_key(release, job.key))
    if refused is None:
        return Phase(jobs=release.status.jobs, start=job.key)
    ended = job.ended(Result.FAILED, refused.reason, refused.message, now=observed.now)
    return Phase(jobs=_with(release.status.jobs, ended), failed=ended)


def _made(observed: ObservedState, release: Release, job: JobRecord) -> Child | None:
    """Return the Job of a record; another one of its name does not count."""
    found = observed.children.get(job_key(release, job.key))
    if found is None or found.owner_uid != release.uid:
        return None
    return found if job.job_uid in {None, found.uid} else None


def _is_begun(observed: ObservedState, release: Release, job: JobRecord) -> bool:
    """Whether its Job was made: then it is followed to its end, even without its Process.

    The Job belongs to the release, and a migration that is cut off is worse than one too many.
    """
    return job.job_uid is not None or _made(observed, release, job) is not None


def _is_declared(observed: ObservedState, key: str) -> bool:
    return any(
        isinstance(process, CustomResource)
        and isinstance(process.spec, ProcessSpec)
        and process.spec.key == key
        and process.spec.type == ProcessType.JOB
        and not process.deleting
        for process in observed.processes
    )


def _unread(observed: ObservedState) -> InvalidObject | None:
    """Return a process whose key nobody knows, because its spec cannot be read."""
    broken = (one for one in observed.processes if isinstance(one, InvalidObject))
    return next((one for one in broken if not one.deleting), None)
