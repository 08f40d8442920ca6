"""One phase of a release's jobs: one after the other by key, the first failure stops.

Each job process becomes exactly one Job object. Its uid is recorded right after it was made and
its result before anything that follows from it, so that what is recorded is never asked again:
a Job whose uid is recorded and that is gone without a result has failed, whoever removed it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from process_operator.controller.observe.records import (
    Child,
    ChildKey,
    CustomResource,
    InvalidObject,
    ObservedState,
    Pod,
)
from process_operator.controller.release import job_verdict
from process_operator.kube import conditions, names
from process_operator.models.process import JobStartPolicy, ProcessSpec, ProcessType
from process_operator.models.release import Jobs, ReleaseSpec, Result
from process_operator.models.snapshot import Snapshot

Entry = dict[str, Any]
"""One item of `status.jobs` of a release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Where the jobs of one moment of a release stand, and what is to be done about them now."""

    entries: Sequence[Entry]
    """All entries of the record, as they are to be."""
    changed: bool = False
    """Whether they have to be written before anything else."""
    start: str | None = None
    """Key of the job process whose Job is to be made now."""
    stop: Child | None = None
    """The Job to delete: its result is recorded, and it may still do something."""
    running: str | None = None
    """Key of the job that the phase waits for."""
    failed: Entry | None = None
    """The entry that stopped the phase."""
    pod: Pod | None = None
    """The pod that tells why."""
    wake_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left to do or to wait for."""
        return self.start is None and self.stop is None and self.running is None


def entries(snapshot: Snapshot, mode: Jobs) -> list[Entry]:
    """Return the entries of a release that starts: one for each job process, by key."""
    skipped = {
        "result": str(Result.SKIPPED),
        "reason": "JobsSkipped",
        "message": "the release was asked for with spec.jobs skip, or as a rollback",
    }
    return [
        {"key": one.key, "policy": str(one.job_start_policy)}
        | (skipped if mode == Jobs.SKIP else {})
        for one in sorted(snapshot.processes, key=lambda one: one.key)
        if one.type == ProcessType.JOB
    ]


def are_left(jobs: Sequence[Mapping[str, Any]], policy: JobStartPolicy) -> bool:
    """Return whether a phase has anything to do."""
    return any(one["policy"] == policy and "result" not in one for one in jobs)


def closed(jobs: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """Return the entries of a release that ends: what has no result gets one."""
    stopped = {
        "result": str(Result.CANCELLED),
        "reason": "ReleaseEnded",
        "message": "the release ended while it ran",
    }
    rest = {
        "result": str(Result.SKIPPED),
        "reason": "NotNeeded",
        "message": "the release ended without it",
    }
    return [
        dict(one) if "result" in one else {**one, **(stopped if "jobUID" in one else rest)}
        for one in jobs
    ]


def phase(
    observed: ObservedState,
    release: CustomResource[ReleaseSpec],
    policy: JobStartPolicy,
    *,
    grace: timedelta,
) -> Phase:
    """Return what the jobs of one moment need now.

    Args:
        observed: All that is seen.
        release: The release in progress, with its record.
        policy: The moment.
        grace: How long a Job may take until its container runs for the first time.
    """
    kept = [dict(one) for one in release.status.get("jobs", ())]
    changed = False
    for entry in kept:
        if entry["policy"] != policy or entry.get("result") in _PASSED:
            continue
        if "result" in entry:
            return _stopped(observed, release, entry, kept)
        if not _is_begun(observed, release, entry) and not _is_declared(observed, entry["key"]):
            if (unread := _unread(observed)) is not None:
                # It may be this one: a migration must not be left out unseen.
                why = f'Process "{unread.name}" cannot be read: {unread.message}'
                entry.update(_result(Result.FAILED, "InvalidSpec", why, observed.now))
                return Phase(entries=kept, changed=True, failed=entry)
            why = "its Process was deleted before"
            entry.update(_result(Result.SKIPPED, "ProcessDeleted", why, observed.now))
            changed = True
            continue
        if changed:
            return Phase(entries=kept, changed=True, running=entry["key"])
        made = _attend(observed, release, entry, kept, grace)
        if not made.is_over or made.failed is not None:
            return made
        changed = True
    return Phase(entries=kept, changed=changed)


_PASSED = {Result.SUCCESS, Result.SKIPPED}


def stop(
    observed: ObservedState, release: CustomResource[ReleaseSpec], reason: str, message: str
) -> Phase:
    """Return what it takes to end whatever job runs: its result first, then the Job itself."""
    kept = [dict(one) for one in release.status.get("jobs", ())]
    for entry in kept:
        if "result" not in entry and _is_begun(observed, release, entry):
            entry.update(_result(Result.CANCELLED, reason, message, observed.now))
            return Phase(entries=kept, changed=True, running=entry["key"])
        if entry.get("result") in {Result.CANCELLED, Result.FAILED}:
            waiting = _stopped(observed, release, entry, kept)
            if not waiting.is_over:
                return waiting
    return Phase(entries=kept)


def with_job(
    release: CustomResource[ReleaseSpec], key: str, *, name: str, uid: str, now: datetime
) -> dict[str, Any]:
    """Return the record of a release in which the Job of one of its jobs is known."""
    made = {"jobName": name, "jobUID": uid, "startedAt": conditions.timestamp(now)}
    return {
        **release.status,
        "jobs": [{**one, **made} if one["key"] == key else one for one in release.status["jobs"]],
    }


def name(release: CustomResource[ReleaseSpec], key: str) -> str:
    """Return the name of the Job that a release makes of a job process."""
    return names.job(release.spec.application_ref.name, key, release.uid)


def job_key(release: CustomResource[ReleaseSpec], key: str) -> ChildKey:
    """Return what identifies that Job on the server."""
    return ChildKey(job_verdict.KIND, release.namespace, name(release, key))


def _stopped(
    observed: ObservedState,
    release: CustomResource[ReleaseSpec],
    entry: Entry,
    kept: Sequence[Entry],
) -> Phase:
    """Wait until a Job whose result is recorded can do nothing any more."""
    job = _made(observed, release, entry)
    if job is not None and not job_verdict.is_finished(job):
        return Phase(entries=kept, stop=None if job.deleting else job, running=entry["key"])
    return Phase(entries=kept, failed=entry)


def _attend(
    observed: ObservedState,
    release: CustomResource[ReleaseSpec],
    entry: Entry,
    kept: Sequence[Entry],
    grace: timedelta,
) -> Phase:
    """Return what the job whose turn it is needs."""
    job = _made(observed, release, entry)
    if "jobUID" not in entry:
        refused = observed.refused.get(job_key(release, entry["key"]))
        if job is not None:
            # Made before a crash that came before the record.
            entry |= {
                "jobName": job.name,
                "jobUID": job.uid,
                "startedAt": conditions.timestamp(observed.now),
            }
            return Phase(entries=kept, changed=True, running=entry["key"])
        if refused is not None:
            entry |= _result(Result.FAILED, refused.reason, refused.message, observed.now)
            return Phase(entries=kept, changed=True, failed=entry)
        return Phase(entries=kept, start=entry["key"])
    # The patience of a Job that was there before a suspension begins anew.
    started = max(
        conditions.parse_time(at)
        for at in (entry["startedAt"], release.status.get("resumedAt"))
        if at is not None
    )
    found = job_verdict.verdict(observed, job, name=entry["jobName"], started=started, grace=grace)
    if found.result is None:
        return Phase(entries=kept, running=entry["key"], wake_at=found.wake_at)
    entry |= _result(found.result, found.reason, found.message, observed.now)
    if found.exit_code is not None:
        entry["exitCode"] = found.exit_code
    if found.result == Result.SUCCESS:
        return Phase(entries=kept, changed=True)
    if job is not None and not job_verdict.is_finished(job):
        # It must not start after all: first its result, then its end, then what follows.
        return Phase(entries=kept, changed=True, running=entry["key"], pod=found.pod)
    return Phase(entries=kept, changed=True, failed=entry, pod=found.pod)


def _made(
    observed: ObservedState, release: CustomResource[ReleaseSpec], entry: Mapping[str, Any]
) -> Child | None:
    """Return the Job of an entry; another one of its name does not count."""
    job = observed.children.get(job_key(release, entry["key"]))
    if job is None or job.owner_uid != release.uid:
        return None
    return job if entry.get("jobUID") in {None, job.uid} else None


def _is_begun(
    observed: ObservedState, release: CustomResource[ReleaseSpec], entry: Mapping[str, Any]
) -> bool:
    """Whether its Job was made: then it is followed to its end, even without its Process.

    The Job belongs to the release, and a migration that is cut off is worse than one too many.
    """
    return "jobUID" in entry or _made(observed, release, entry) is not None


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


def _result(result: Result, reason: str, message: str, now: datetime) -> Entry:
    return {
        "result": str(result),
        "reason": reason,
        "message": message,
        "finishedAt": conditions.timestamp(now),
    }
