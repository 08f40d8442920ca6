"""How a waiting release starts: when it may, and what it freezes."""

import itertools
from collections.abc import Iterator, Mapping
from datetime import timedelta

from process_operator.controller.observe.records import (
    Application,
    ChildKey,
    InvalidObject,
    ObservedState,
    Release,
)
from process_operator.controller.release import jobs, repeated, triggers
from process_operator.controller.release.decision import Decision, Waiting
from process_operator.controller.release.history import ReleaseHistory, next_number
from process_operator.controller.release.record import (
    begin,
    configuration,
    end,
    skip,
    snapshot,
    state,
)
from process_operator.controller.release.record import number as number_of
from process_operator.controller.resolve.application import Resolved
from process_operator.kube import conditions, names
from process_operator.kube.manifest import Manifest, controller
from process_operator.kube.reasons import Reason
from process_operator.models import configuration as configurations
from process_operator.models import snapshot as snapshots
from process_operator.models.configuration import Versions
from process_operator.models.process import LASTING, JobStartPolicy, ProcessType
from process_operator.models.release import (
    MAX_CONFIGURATION,
    MAX_JOBS,
    MAX_SNAPSHOT,
    ConfigurationVersion,
    Failure,
    Jobs,
    ReleaseState,
    ReleaseStatus,
    ReleaseStep,
)
from process_operator.models.snapshot import Snapshot, SnapshotProcess

LONGEST_SETTLING = timedelta(seconds=60)
"""A release starts after this time even if its application keeps changing."""
GRACE = timedelta(seconds=60)
"""How long a release to go back to may be missing: objects arrive in any order."""


def manifest(application: Application, number: int) -> Manifest:
    """Return a release to be made by a plain create."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.RELEASE_KIND,
        "metadata": {
            "name": names.release(application.name, number),
            "namespace": application.namespace,
            "labels": {names.MANAGED_BY: names.OPERATOR, names.APPLICATION: application.name},
            "ownerReferences": [
                controller(names.APPLICATION_KIND, application.name, application.uid)
            ],
        },
        "spec": {"applicationRef": {"name": application.name}},
    }


def refused(
    observed: ObservedState, application: Application, history: ReleaseHistory
) -> Waiting | None:
    """Return why the next release could not be made, while it is not the time to try again."""
    name = names.release(application.name, history.last_number + 1)
    no = observed.refused.get(ChildKey(names.RELEASE_KIND, application.namespace, name))
    if no is None or observed.now >= no.retry_at:
        return None
    return Waiting(reason=no.reason, message=no.message, until=no.retry_at)


def start(
    observed: ObservedState,
    application: Application,
    resolved: Resolved,
    history: ReleaseHistory,
    pods: Waiting | None,
) -> Decision:
    """Return what it takes that the newest of the waiting releases starts.

    What `pods` says is of the candidate: who goes back has its pods from then.
    """
    *older, release = history.waiting
    ready = _ready(observed, application, resolved, release)
    if isinstance(ready, Waiting):
        return Decision(waiting=ready, wake_at=ready.until)
    if triggers.is_moot(application, resolved, history, release):
        said = conditions.ready(
            Reason.NOTHING_ASKED, "skipped: what it was made for was taken back"
        )
        return Decision(
            records=((release, end(release, ReleaseState.SKIPPED, said, observed.now)),),
            note=f"skipped release {release.name}",
        )
    again = repeated.has_run(observed, release, ready.inputs_hash)
    if again:
        said = conditions.ready(Reason.ALREADY_RUN, again)
        return Decision(
            records=((release, end(release, ReleaseState.SKIPPED, said, observed.now)),),
            note=f"skipped release {release.name}, which has run",
        )
    if pods is not None and release.spec.rollback_to is None:
        return Decision(waiting=pods, wake_at=pods.until)
    record = _started(observed, application, resolved, history, release=release, candidate=ready)
    if isinstance(record, Waiting) and release.spec.rollback_to is None:
        return Decision(waiting=record, wake_at=record.until)
    if isinstance(record, Waiting):
        return _without_target(observed, release, record)
    return Decision(
        # The others first: after a crash in between, none of them may be taken for the next.
        records=(*((one, skip(one, release, observed.now)) for one in older), (release, record)),
        note=f"started release {release.name}, asked for by {record.trigger}",
    )


def _without_target(observed: ObservedState, release: Release, why: Waiting) -> Decision:
    """Wait for the release to go back to, and then give up: it would hold up all others."""
    if why.until is not None and observed.now < why.until:
        return Decision(waiting=why, wake_at=why.until)
    said = conditions.stalled(why.reason, why.message)
    told = Failure(reason=why.reason, message=why.message, sentence=why.message)
    ended = end(release, ReleaseState.FAILED, said, observed.now, failure=told)
    return Decision(
        records=((release, ended),), note=f"release {release.name} failed: {why.reason}"
    )


def _ready(
    observed: ObservedState, application: Application, resolved: Resolved, release: Release
) -> Waiting | Snapshot:
    """Return what the release may freeze now, or why it has to wait."""
    if application.spec.suspend:
        return Waiting(
            reason=Reason.SUSPENDED,
            message="the application is suspended; set spec.suspend to false to release it",
        )
    if resolved.candidate is None:
        return Waiting(
            reason=Reason.IMAGE_MISSING, message="spec.image of the application is not set; set it"
        )
    for process in observed.processes:
        refusal = resolved.refusals.get(process.uid)
        if refusal is not None:
            return Waiting(
                reason=refusal.reason, message=f'Process "{process.name}": {refusal.message}'
            )
    if not resolved.entries:
        return Waiting(
            reason=Reason.NO_PROCESSES,
            message="no Process names this application in spec.applicationRef.name; create one",
        )
    if sum(entry.type == ProcessType.JOB for entry in resolved.candidate.processes) > MAX_JOBS:
        # One that the record has no room for would be left out unseen.
        return Waiting(
            reason=Reason.TOO_MANY_JOBS,
            message=f"an application can have {MAX_JOBS} processes of type job; delete some",
        )
    revisions = _revisions(observed) if release.spec.rollback_to is None else {}
    awaited = _awaited_revision(application, revisions)
    if awaited is not None:
        return awaited
    settled_at = observed.changed_at + timedelta(seconds=resolved.settings.settle_seconds)
    if not revisions:
        # Where they are awaited, what is still on its way may come long after the release.
        settled_at = min(settled_at, release.seen_at + LONGEST_SETTLING)
    if observed.now < settled_at:
        return Waiting(
            reason=Reason.SETTLING,
            message=f"starts when nothing of the application has changed for "
            f"{resolved.settings.settle_seconds} s",
            until=settled_at,
            settling=True,
        )
    return resolved.candidate


def _revisions(observed: ObservedState) -> Mapping[str, str]:
    """Return what revision of the application each process comes with, of those that say so."""
    readable = (one for one in observed.processes if not isinstance(one, InvalidObject))
    return {
        one.name: one.spec.revision
        for one in readable
        if one.spec.revision is not None and not one.deleting
    }


def _awaited_revision(application: Application, revisions: Mapping[str, str]) -> Waiting | None:
    """Return why a release waits for the rest of what came with its application, or went before.

    A tool may apply one commit in several steps, and each of them is a state that nobody meant.
    """
    wanted = application.spec.revision
    others = ((name, given) for name, given in revisions.items() if given != wanted)
    name, given = next(others, (None, None))
    if name is None:
        return None
    of = f'"{wanted}"' if wanted is not None else "not set"
    return Waiting(
        reason=Reason.AWAITING_REVISION,
        message=f'spec.revision of Process "{name}" is "{given}", and the application\'s is {of}; '
        "apply what is missing, so that both are the same",
    )


def _started(
    observed: ObservedState,
    application: Application,
    resolved: Resolved,
    history: ReleaseHistory,
    *,
    release: Release,
    candidate: Snapshot,
) -> ReleaseStatus | Waiting:
    """Return the record of a release that starts: its number, and all that it froze."""
    trigger = triggers.trigger(application, resolved, history, release)
    number = next_number(release, application, history)
    frozen = _frozen(candidate, history, release)
    if isinstance(frozen, Waiting):
        return frozen
    restarts = triggers.restarts(application, history, release, trigger)
    restart = number if restarts else _line(history, release, frozen).restart
    # The first release of a copy of an application finds what the jobs before it have made.
    has_run = application.is_copy and history.newest is None
    mode = release.spec.jobs or (Jobs.SKIP if release.spec.rollback_to or has_run else Jobs.RUN)
    versions = _versions(application, resolved, history, release)
    processes = _restarted(application, frozen, history, release, now=versions, number=number)
    text = snapshots.text(frozen.model_copy(update={"restart": restart, "processes": processes}))
    if (size := len(text.encode())) > MAX_SNAPSHOT:
        return Waiting(
            reason=Reason.SNAPSHOT_TOO_LARGE,
            message=f"what the release has to record has {size} bytes, and may have "
            f"{MAX_SNAPSHOT}; move long values of env into a ConfigMap, or split the application",
        )
    started = release.status.changed(
        application_uid=application.uid,
        number=number,
        trigger=trigger,
        requested=triggers.requested(application, candidate),
        snapshot=text,
        configuration=tuple(
            ConfigurationVersion(kind=one.kind, name=one.name, resource_version=version or None)
            for one, version in itertools.islice(versions.items(), MAX_CONFIGURATION)
        ),
        started_at=conditions.whole_seconds(observed.now),
        jobs=_jobs(frozen, mode, history, release),
    )
    first = ReleaseStep.ROLLOUT
    if jobs.are_left(started.jobs, JobStartPolicy.BEFORE_DEPLOYMENT):
        first = ReleaseStep.BEFORE_JOBS
    if release.spec.rollback_to and jobs.are_left(started.jobs, JobStartPolicy.BEFORE_ROLLBACK):
        first = ReleaseStep.BEFORE_ROLLBACK_JOBS
    return begin(release, first, observed.now, started)


def _jobs(frozen: Snapshot, mode: Jobs, history: ReleaseHistory, release: Release) -> jobs.Jobs:
    """Return the jobs of a release that starts.

    One that goes back has those jobs of what serves that undo what has been done since its target,
    and none of the target's, which know nothing of it.
    """
    found = jobs.entries(frozen, mode, serves=history.serving is not None)
    if release.spec.rollback_to is None:
        return found
    undoing = _undoing(history, release)
    others = (one for one in found if one.policy != JobStartPolicy.BEFORE_ROLLBACK)
    keys = {one.key for one in undoing}
    return (*undoing, *(one for one in others if one.key not in keys))


def _undoing(history: ReleaseHistory, release: Release) -> jobs.Jobs:
    """Return the jobs that undo what has been done since the target, unless they have run."""
    serving, before = history.serving, _served(history)
    target = next((one for one in history.ended if one.name == release.spec.rollback_to), None)
    if serving is None or before is None or target is None or release.spec.jobs == Jobs.SKIP:
        return ()
    undone = set(_undone(history))
    has_done = any(
        jobs.have_run(one.status.jobs)
        and number_of(target) < number_of(one) <= number_of(serving)
        and number_of(one) not in undone
        for one in history.ended
        if state(one) == ReleaseState.SUCCESS
    )
    return jobs.undoing(before, number_of(serving)) if has_done else ()


def _undone(history: ReleaseHistory) -> Iterator[int]:
    """Yield the numbers of the releases that somebody has gone back over, jobs and all.

    That is so as soon as a job has begun, whatever became of it: none runs twice.
    """
    numbers = {one.name: number_of(one) for one in history.ended}
    for one in history.ended:
        target = numbers.get(one.spec.rollback_to or "", 0)
        for job in one.status.jobs:
            if job.undoes is not None and job.job_uid is not None:
                yield from range(target + 1, job.undoes + 1)


def _versions(
    application: Application, resolved: Resolved, history: ReleaseHistory, release: Release
) -> Versions:
    """Return what configures the application from this release on.

    Of what goes back and is not restarted nobody knows more than before.
    """
    if release.spec.rollback_to is None or history.serving is None:
        return resolved.configuration
    return configuration(history.serving, application, resolved.configuration)


def _restarted(
    application: Application,
    frozen: Snapshot,
    history: ReleaseHistory,
    release: Release,
    *,
    now: Versions,
    number: int,
) -> tuple[SnapshotProcess, ...]:
    """Return the processes, those restarted whose ConfigMaps or Secrets have changed.

    The others, and those that go back, stay as they were started last.
    """
    serving, before = history.serving, _served(history)
    if serving is None or before is None or release.spec.rollback_to is not None:
        return frozen.processes
    changed = configurations.changed(configuration(serving, application, now), now)
    concerns_all = bool(changed & configurations.sources(frozen))

    def restart(one: SnapshotProcess) -> int:
        old = before.process(one.key, one.type)
        if old is None:
            return 0
        uses = concerns_all or changed & configurations.sources(one)
        is_concerned = uses and one.type in LASTING
        return number if is_concerned else old.restart

    return tuple(one.model_copy(update={"restart": restart(one)}) for one in frozen.processes)


def _served(history: ReleaseHistory) -> Snapshot | None:
    """Return what the serving release froze."""
    return snapshot(history.serving) if history.serving is not None else None


def _line(history: ReleaseHistory, release: Release, frozen: Snapshot) -> Snapshot:
    """Return what a release goes on from: what serves, or the target that it goes back to.

    With the target's own restart its ReplicaSets are found again.
    """
    serving = _served(history)
    return frozen if release.spec.rollback_to is not None or serving is None else serving


def _frozen(candidate: Snapshot, history: ReleaseHistory, release: Release) -> Snapshot | Waiting:
    """Return what a release freezes: the application as it stands, or the target of a rollback."""
    if release.spec.rollback_to is None:
        return candidate
    found = [r for r in history.ended if r.name == release.spec.rollback_to]
    target = snapshot(found[0]) if found else None
    if target is None:
        return Waiting(
            reason=Reason.RELEASE_NOT_FOUND,
            message=f'spec.rollbackTo: there is no release "{release.spec.rollback_to}" of this '
            "application that has a snapshot; see `kubectl get processreleases`, and make a new "
            "ProcessRelease",
            until=release.seen_at + GRACE,
        )
    serving = _served(history)
    return _rolled_back(candidate, target, serving)


def _rolled_back(candidate: Snapshot, target: Snapshot, serving: Snapshot | None) -> Snapshot:
    """Take everything from the target but the scaling, and unknown processes, of what serves."""
    entries = []
    for now in candidate.processes:
        current = serving.process(now.key, now.type) if serving is not None else None
        old = target.process(now.key, now.type)
        if old is not None:
            scaling = (current or old).scaling
            entries.append(old.model_copy(update={"scaling": scaling}))
        else:
            entries.append(current or now)
    return target.model_copy(update={"processes": tuple(entries)})
