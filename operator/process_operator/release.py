"""The release state machine: what is seen, and now, in; the next step, with its reason, out.

A release is an object that asks, and its status is the record of its course. Only one release of
an application is active; of several waiting ones the newest is taken and the others are skipped.

    waiting ──> beforeJobs ──> rollout ──> afterSuccessJobs ──> success
                    │             │
                    │             └──> rollback ──┐
                    └─────────────────────────────┴──> afterFailedJobs ──> failed

    spec.cancel, until the rollout has succeeded or failed:
                waiting, beforeJobs, rollout ──> (rollback) ──> cancelled
    a newer one starts:          waiting ──> skipped
    spec.rollbackTo names none:  waiting ──> failed
    spec.suspend of the application: nothing begins until it is false again

A step that has nothing to do is left out: no jobs, nothing that was rolled out, nothing to go
back to. The first release of an application has nothing to go back to and stays as it is.

What is rendered meanwhile: what served, until the rollout begins; the release's own snapshot in
`rollout` and `afterSuccessJobs`, and ever after; what served, from `rollback` on.

The record is a ratchet: state and step only move forward, and each move is written, with the
resourceVersion that it was decided on, before the first write that depends on it. What is not
recorded is derived from what is seen, so that a crash at any point changes nothing. A finished
rollout is never judged again.

What asks for a release is compared with what the newest release *requested*, whatever became of
it, and never with what serves: a version that failed must not be released again and again. One
that was cancelled before it started has requested too: it takes along all that it stood for.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from process_operator import conditions, failure, jobs, names
from process_operator.models import snapshot as snapshots
from process_operator.models.application import (
    ApplicationSpec,
    InitialRelease,
    ReleasePolicy,
    ScalingPolicy,
)
from process_operator.models.process import JobStartPolicy, ProcessType
from process_operator.models.release import (
    MAX_JOBS,
    Jobs,
    ReleaseSpec,
    ReleaseState,
    ReleaseStep,
    ReleaseTrigger,
)
from process_operator.models.snapshot import Snapshot
from process_operator.observed import Child, Manifest, Owned, Pod, World
from process_operator.resolve import Resolved, Settings
from process_operator.rollout import Progress, State

LONGEST_SETTLING = timedelta(seconds=60)
"""A release starts after this time even if its application keeps changing."""
PATIENCE = timedelta(seconds=60)
"""How long a release to go back to may be missing: objects arrive in any order."""
DEADLINE_SLACK = timedelta(seconds=30)
"""How much longer than a Deployment's own deadline a release waits for it to be reported."""

Release = Owned[ReleaseSpec]
Application = Owned[ApplicationSpec]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The releases of one application, sorted by what they are to it now."""

    serving: Release | None
    """The newest that succeeded."""
    active: Release | None
    waiting: tuple[Release, ...]
    """Oldest first."""
    newest: Release | None
    """The one with the highest number that started, whatever became of it."""
    withdrawn: Release | None
    """A newer one that was cancelled before it started, and took along what asked for it."""
    rolled: Release | None
    """The newest whose rollout began, whatever became of it."""
    last_number: int
    missing: str | None
    """Name of the serving release when its record is gone, by the application's status, or when
    its snapshot cannot be read."""
    ended: tuple[Release, ...]
    """Oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Why a release does not start yet."""

    reason: str
    message: str
    until: datetime | None = None
    settling: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the machine wants written, and what it waits for."""

    create: Manifest | None = None
    """A release to make."""
    records: tuple[tuple[Release, Mapping[str, Any]], ...] = ()
    """Statuses to write before anything that depends on them."""
    waiting: Waiting | None = None
    """Why the waiting release waits."""
    wake_at: datetime | None = None
    note: str = ""
    """What was decided, for the log."""
    forget: tuple[Release, ...] = ()
    """Old releases to remove."""
    start: tuple[Release, str] | None = None
    """A release and the key of the job process whose Job is to be made for it."""
    stop: tuple[Child, ...] = ()
    """Jobs to delete, with their pods."""
    witness: Pod | None = None
    """The pod whose last words belong into the failure that is recorded."""


def course(world: World, application: Application) -> Course:
    """Sort the releases of this application's uid; records of a namesake do not count."""
    mine = [r for r in world.releases if isinstance(r, Owned) and _belongs(r, application)]
    numbered = sorted((r for r in mine if "number" in r.status), key=number)
    started = [r for r in numbered if not _is_withdrawn(r)]
    succeeded = [r for r in numbered if state(r) == ReleaseState.SUCCESS]
    active = [r for r in numbered if state(r) == ReleaseState.IN_PROGRESS]
    serving = succeeded[-1] if succeeded else None
    given = [int(application.status.get("lastReleaseNumber") or 0), *map(number, numbered)]
    lost = _lost(serving, succeeded, application.status.get("servingRelease") or {})
    return Course(
        serving=None if lost is not None else serving,
        active=active[-1] if active else None,
        waiting=tuple(
            sorted(
                (r for r in mine if state(r) == ReleaseState.WAITING and not r.deleting),
                key=lambda r: (r.created_at, r.name),
            )
        ),
        newest=started[-1] if started else None,
        withdrawn=numbered[-1] if numbered and _is_withdrawn(numbered[-1]) else None,
        rolled=next((r for r in reversed(numbered) if "rolloutStartedAt" in r.status), None),
        last_number=max(given),
        missing=lost,
        ended=tuple(
            sorted(
                (r for r in mine if state(r) in _ENDED and not r.deleting),
                key=lambda r: (r.created_at, r.name),
            )
        ),
    )


_ENDED = {
    ReleaseState.SUCCESS,
    ReleaseState.FAILED,
    ReleaseState.CANCELLED,
    ReleaseState.SKIPPED,
}


def _belongs(release: Release, application: Application) -> bool:
    recorded = release.status.get("applicationUID")
    if recorded is not None:
        return bool(recorded == application.uid)
    return release.owner_uid in {None, application.uid}


def _is_withdrawn(release: Release) -> bool:
    return state(release) == ReleaseState.CANCELLED and "startedAt" not in release.status


def _lost(
    serving: Release | None, succeeded: Sequence[Release], recorded: Mapping[str, Any]
) -> str | None:
    """Return the name of the serving release if nothing can be rendered from a record of it."""
    if serving is not None and snapshot(serving) is None:
        return serving.name
    if not recorded or recorded["name"] in {r.name for r in succeeded}:
        return None
    is_newer = serving is not None and number(serving) > int(recorded["number"])
    return None if is_newer else str(recorded["name"])


def number(release: Release) -> int:
    """Return a release's number, 0 before it starts."""
    return int(release.status.get("number") or 0)


def state(release: Release) -> ReleaseState:
    """Return a release's state; one without a record waits."""
    return ReleaseState(release.status.get("state") or ReleaseState.WAITING)


def snapshot(release: Release) -> Snapshot | None:
    """Return what a release froze; None before it starts, and if that cannot be read."""
    frozen = release.status.get("snapshot")
    with suppress(snapshots.Unreadable):
        return snapshots.read(frozen) if frozen else None
    return None


def _fault(release: Release) -> str:
    """Return why a started release cannot be rendered, "" if it can."""
    try:
        snapshots.read(release.status.get("snapshot") or {})
    except snapshots.Unreadable as error:
        return str(error)
    return ""


def running(course: Course) -> Release | None:
    """Return the release whose snapshot is rendered now.

    That is the active one from its rollout on, unless it goes back; else the serving one. An
    application that never had one has nothing to go back to and keeps what was made last, and
    so does one whose last rollout failed under `rollback: false`. Which of the two it was, the
    record says: the setting may have changed since.
    """
    last = course.rolled
    if last is None or last is course.serving:
        return course.serving
    if last is course.active and step(last) in _FORWARD:
        return last
    if course.missing is not None:
        return None
    if course.serving is None:
        return last
    stays = number(last) > number(course.serving) and "rollbackStartedAt" not in last.status
    return last if stays else course.serving


def turned_at(course: Course) -> datetime | None:
    """Return when what is rendered last became another version; None before any rollout."""
    if course.rolled is None:
        return None
    status = course.rolled.status
    return conditions.parse_time(status.get("rollbackStartedAt") or status["rolloutStartedAt"])


_FORWARD = {ReleaseStep.ROLLOUT, ReleaseStep.AFTER_SUCCESS_JOBS}


def step(release: Release) -> ReleaseStep:
    """Return what a release in progress is doing."""
    return ReleaseStep(release.status.get("step") or ReleaseStep.ROLLOUT)


def decide(
    world: World,
    application: Application,
    resolved: Resolved,
    course: Course,
    rollout: Sequence[tuple[str, str, Progress]],
) -> Decision:
    """Return the next step of this application's releases.

    Args:
        world: All that is seen.
        application: The application, there and readable.
        resolved: It and its processes as they stand now.
        course: Its releases.
        rollout: Key, type and progress of each process that the running release renders.
    """
    withdrawn = _withdrawals(world, application, resolved, course)
    if withdrawn is not None:
        return withdrawn
    if not course.waiting and not application.spec.suspend:
        # Also while another one is active: who asks for a release sees it wait.
        trigger = _request(world, application, resolved, course)
        if trigger is not None:
            manifest = _manifest(application, course.last_number + 1)
            named = manifest["metadata"]["name"]
            return Decision(create=manifest, note=f"{trigger} asks for release {named}")
    if course.active is not None:
        active = _Active(world, application, course.active, course, resolved.settings, rollout)
        return active.advance()
    if course.waiting:
        return _start(world, application, resolved, course)
    return Decision(forget=_history(application, course))


def orphans(world: World) -> Decision:
    """Return what ends the releases whose application is gone, and their Jobs.

    A Job is stopped whatever its release's record says: the end may have been recorded just
    before a crash. One that waits is ended only if it was cancelled: its application may come.
    """
    application = world.application
    uid = application.uid if application is not None and not application.deleting else None
    alone = [one for one in world.releases if isinstance(one, Owned) and not one.deleting]
    strayed = [one for one in alone if one.status.get("applicationUID") not in {None, uid}]
    lost = [one for one in strayed if state(one) == ReleaseState.IN_PROGRESS]
    cancelled = [
        one
        for one in alone
        if uid is None and state(one) == ReleaseState.WAITING and one.spec.cancel
    ]
    said = conditions.stalled(
        "ApplicationDeleted", "the application was deleted while the release was in progress"
    )
    uids = {one.uid for one in strayed}
    return Decision(
        records=(
            *((one, _ended(one, ReleaseState.CANCELLED, said, world.now)) for one in lost),
            *((one, _cancelled(one, world.now)) for one in cancelled),
        ),
        stop=tuple(
            child
            for child in world.children.values()
            if child.owner_uid in uids and not child.deleting and not jobs.is_finished(child)
        ),
        note="cancelled the releases of an application that is gone" if lost or cancelled else "",
    )


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


def _request(
    world: World, application: Application, resolved: Resolved, course: Course
) -> ReleaseTrigger | None:
    """Return what asks for a release, None if nothing does."""
    if resolved.candidate is None:
        return None
    if course.newest is None and course.withdrawn is None:
        if course.last_number or _ever_released(world, application):
            return _difference_from_lost(application)
        wanted = (
            resolved.settings.initial == InitialRelease.AUTOMATIC
            and resolved.entries
            and not resolved.refusals
        )
        return ReleaseTrigger.INITIAL if wanted else None
    return _news(application, resolved, course)


def _news(application: Application, resolved: Resolved, course: Course) -> ReleaseTrigger | None:
    """Compare with what was released last, and with what was withdrawn since.

    Either is no news: who cancels a release and then takes back what asked for it is done. An
    older release than the lost one that served is not what is compared with: the same would be
    released again.
    """
    if course.missing is not None and not _outlives(course):
        return _difference_from_lost(application)
    known = [one for one in (course.newest, course.withdrawn) if one is not None]
    differences = [_difference(application, resolved, one) for one in known]
    return None if None in differences else differences[0]


def _outlives(course: Course) -> bool:
    """Whether a record is there of the last release that was given a number."""
    known = [number(one) for one in (course.newest, course.withdrawn) if one is not None]
    return max(known, default=0) >= course.last_number


def _difference_from_lost(application: Application) -> ReleaseTrigger | None:
    """Compare with what the application's status still knows of a release whose record is gone."""
    recorded, spec = application.status, application.spec
    if "image" in recorded and recorded["image"] != spec.image:
        return ReleaseTrigger.IMAGE
    if "image" in recorded and recorded.get("revision") != spec.revision:
        return ReleaseTrigger.REVISION
    return None


def _difference(
    application: Application, resolved: Resolved, before: Release
) -> ReleaseTrigger | None:
    requested = before.status.get("requested") or {}
    spec = application.spec
    if spec.image != requested.get("image"):
        return ReleaseTrigger.IMAGE
    if spec.revision != requested.get("revision"):
        return ReleaseTrigger.REVISION
    if (
        resolved.settings.policy == ReleasePolicy.AUTOMATIC
        and resolved.candidate is not None
        and not resolved.refusals
        and not _same_inputs(application, inputs_hash(resolved.candidate), requested["hash"])
    ):
        return ReleaseTrigger.AUTOMATIC
    return None


def _ever_released(world: World, application: Application) -> bool:
    """A child with a release number says that records were lost, not that there were none.

    Children from before the application are of a namesake that was deleted: their processes kept
    them, and this one starts with a first release.
    """
    mine = {process.uid for process in world.processes}
    return any(
        child.release is not None
        and child.owner_uid in mine
        and child.created_at >= application.created_at
        for child in world.children.values()
    )


def inputs_hash(candidate: Snapshot) -> str:
    """Hash all staged inputs, but of a resource type only its name; the scaling stands apart.

    An edit of a resource type alone must never roll every application of a cluster.
    """
    inputs = candidate.model_dump(by_alias=True, exclude_none=True, mode="json")
    del inputs["profile"], inputs["restart"]
    scaling = []
    for entry in inputs["processes"]:
        entry["size"] = entry["size"]["name"]
        scaling.append([entry["key"], entry.pop("scaling")])
    return f"{_hash(inputs)}.{_hash(scaling)}"


def _hash(value: Any) -> str:
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _same_inputs(application: Application, now: str, before: str) -> bool:
    """Compare the staged inputs; the scaling is none of them where it is applied at once."""
    if application.spec.scaling_policy == ScalingPolicy.IMMEDIATE:
        return now.partition(".")[0] == before.partition(".")[0]
    return now == before


def _manifest(application: Application, number: int) -> Manifest:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.RELEASE_KIND,
        "metadata": {
            "name": names.release(application.name, number),
            "namespace": application.namespace,
            "labels": {names.MANAGED_BY: names.OPERATOR, names.APPLICATION: application.name},
            "ownerReferences": [
                {
                    "apiVersion": names.API_VERSION,
                    "kind": names.APPLICATION_KIND,
                    "name": application.name,
                    "uid": application.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {"applicationRef": {"name": application.name}},
    }


def _withdrawals(
    world: World, application: Application, resolved: Resolved, course: Course
) -> Decision | None:
    """Return what ends the waiting releases that were cancelled, whatever they wait for."""
    cancelled = [one for one in course.waiting if one.spec.cancel]
    if not cancelled:
        return None
    records = [(one, _cancelled(one, world.now)) for one in cancelled]
    if len(cancelled) == len(course.waiting):
        last, record = records[-1]
        records[-1] = (last, record | _taken_along(world, application, resolved, course, last))
    named = ", ".join(one.name for one in cancelled)
    return Decision(records=tuple(records), note=f"cancelled before it started: {named}")


def _taken_along(
    world: World,
    application: Application,
    resolved: Resolved,
    course: Course,
    release: Release,
) -> dict[str, Any]:
    """Return the record of what the last waiting release stood for when it was cancelled.

    It stood for all that asked for a release meanwhile, and without this record the same would
    ask for the next one at once.
    """
    asks = (
        release.owner_uid == application.uid
        or _request(world, application, resolved, course) is not None
    )
    if resolved.candidate is None or not asks:
        return {}
    return {
        "applicationUID": application.uid,
        "number": _next_number(release, application, course),
        "requested": _requested(application, resolved.candidate),
    }


def _start(world: World, application: Application, resolved: Resolved, course: Course) -> Decision:
    *older, release = course.waiting
    ready = _ready(world, application, resolved, release)
    if isinstance(ready, Waiting):
        return Decision(waiting=ready, wake_at=ready.until)
    if _is_moot(application, resolved, course, release):
        said = conditions.ready("NothingAsked", "skipped: what it was made for was taken back")
        return Decision(
            records=((release, _ended(release, ReleaseState.SKIPPED, said, world.now)),),
            note=f"skipped release {release.name}",
        )
    record = _started(world, application, resolved, course, release=release, candidate=ready)
    if isinstance(record, Waiting):
        return _without_target(world, release, record)
    return Decision(
        # The others first: after a crash in between, none of them may be taken for the next.
        records=(*((one, _skipped(one, release, world.now)) for one in older), (release, record)),
        note=f"started release {release.name}, asked for by {record['trigger']}",
    )


def _without_target(world: World, release: Release, why: Waiting) -> Decision:
    """Wait for the release to go back to, and then give up: it would hold up all others."""
    if why.until is not None and world.now < why.until:
        return Decision(waiting=why, wake_at=why.until)
    said = conditions.stalled(why.reason, why.message)
    told = {"reason": why.reason, "message": why.message, "sentence": why.message}
    ended = _ended(release, ReleaseState.FAILED, said, world.now, failure=told)
    return Decision(
        records=((release, ended),), note=f"release {release.name} failed: {why.reason}"
    )


def _ready(
    world: World, application: Application, resolved: Resolved, release: Release
) -> Waiting | Snapshot:
    """Return what the release may freeze now, or why it has to wait."""
    if application.spec.suspend:
        return Waiting(
            reason="Suspended",
            message="the application is suspended; set spec.suspend to false to release it",
        )
    if resolved.candidate is None:
        return Waiting(
            reason="ImageMissing", message="spec.image of the application is not set; set it"
        )
    for process in world.processes:
        refusal = resolved.refusals.get(process.uid)
        if refusal is not None:
            return Waiting(
                reason=refusal.reason, message=f'Process "{process.name}": {refusal.message}'
            )
    if not resolved.entries:
        return Waiting(
            reason="NoProcesses",
            message="no Process names this application in spec.applicationRef.name; create one",
        )
    if sum(entry.type == ProcessType.JOB for entry in resolved.candidate.processes) > MAX_JOBS:
        # One that the record has no room for would be left out unseen.
        return Waiting(
            reason="TooManyJobs",
            message=f"an application can have {MAX_JOBS} processes of type job; delete some",
        )
    quiet_at = world.changed_at + timedelta(seconds=resolved.settings.settle_seconds)
    settled_at = min(quiet_at, release.created_at + LONGEST_SETTLING)
    if world.now < settled_at:
        return Waiting(
            reason="Settling",
            message=f"starts when nothing of the application has changed for "
            f"{resolved.settings.settle_seconds} s",
            until=settled_at,
            settling=True,
        )
    return resolved.candidate


def _is_moot(
    application: Application, resolved: Resolved, course: Course, release: Release
) -> bool:
    """Whether a release that the operator made has lost its reason while it waited."""
    return (
        release.owner_uid == application.uid
        and (course.newest is not None or course.withdrawn is not None)
        and release.spec == ReleaseSpec(application_ref=release.spec.application_ref)
        and _news(application, resolved, course) is None
    )


def _started(
    world: World,
    application: Application,
    resolved: Resolved,
    course: Course,
    *,
    release: Release,
    candidate: Snapshot,
) -> dict[str, Any] | Waiting:
    """Return the record of a release that starts: its number, and all that it froze."""
    trigger = _trigger(application, resolved, course, release)
    number = _next_number(release, application, course)
    frozen = _frozen(candidate, course, release)
    if isinstance(frozen, Waiting):
        return frozen
    restarts = trigger == ReleaseTrigger.REVISION or release.spec.restart
    restart = number if restarts else _line(course, release, frozen).restart
    mode = release.spec.jobs or (Jobs.SKIP if release.spec.rollback_to else Jobs.RUN)
    entries = jobs.entries(frozen, mode)
    return {
        "observedGeneration": release.generation,
        "applicationUID": application.uid,
        "number": number,
        "trigger": str(trigger),
        "requested": _requested(application, candidate),
        "snapshot": frozen.model_copy(update={"restart": restart}).model_dump(
            by_alias=True, exclude_defaults=True, exclude_none=True, mode="json"
        )
        | {"profile": frozen.profile},
        "startedAt": conditions.timestamp(world.now),
        **({"jobs": entries} if entries else {}),
        **_begun(release, entries, world.now),
    }


def _requested(application: Application, candidate: Snapshot) -> dict[str, Any]:
    revision = application.spec.revision
    return {
        "image": application.spec.image,
        **({} if revision is None else {"revision": revision}),
        "hash": inputs_hash(candidate),
    }


def _line(course: Course, release: Release, frozen: Snapshot) -> Snapshot:
    """Return what a release goes on from: what serves, or the target that it goes back to.

    With the target's own restart its ReplicaSets are found again.
    """
    serving = snapshot(course.serving) if course.serving is not None else None
    return frozen if release.spec.rollback_to is not None or serving is None else serving


def _begun(release: Release, entries: Sequence[jobs.Entry], now: datetime) -> dict[str, Any]:
    """Return the part of the record that says with what a release begins."""
    if jobs.are_left(entries, JobStartPolicy.BEFORE_DEPLOYMENT):
        return _in(release, ReleaseStep.BEFORE_JOBS, now)
    return _in(release, ReleaseStep.ROLLOUT, now)


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


def _in(release: Release, step: ReleaseStep, now: datetime) -> dict[str, Any]:
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


def _trigger(
    application: Application, resolved: Resolved, course: Course, release: Release
) -> ReleaseTrigger:
    if release.spec.rollback_to is not None:
        return ReleaseTrigger.ROLLBACK
    if release.owner_uid != application.uid:
        return ReleaseTrigger.MANUAL
    if course.newest is None:
        return ReleaseTrigger.IMAGE if course.last_number else ReleaseTrigger.INITIAL
    return _difference(application, resolved, course.newest) or ReleaseTrigger.MANUAL


_A_NUMBER = re.compile("[0-9]{1,9}")
"""A larger one is none that the operator gave: the next would not fit into the record."""


def _next_number(release: Release, application: Application, course: Course) -> int:
    """Return the newest number + 1, or the one that the operator already put into the name."""
    prefix, _, suffix = release.name.rpartition("-")
    if (
        release.owner_uid == application.uid
        and prefix == application.name
        and _A_NUMBER.fullmatch(suffix)
    ):
        return max(int(suffix), course.last_number + 1)
    return course.last_number + 1


def _frozen(candidate: Snapshot, course: Course, release: Release) -> Snapshot | Waiting:
    """Return what a release freezes: the application as it stands, or the target of a rollback."""
    if release.spec.rollback_to is None:
        return candidate
    found = [r for r in course.ended if r.name == release.spec.rollback_to]
    target = snapshot(found[0]) if found else None
    if target is None:
        return Waiting(
            reason="ReleaseNotFound",
            message=f'spec.rollbackTo: there is no release "{release.spec.rollback_to}" of this '
            "application that has a snapshot; see `kubectl get processreleases`, and make a new "
            "ProcessRelease",
            until=release.created_at + PATIENCE,
        )
    serving = snapshot(course.serving) if course.serving is not None else None
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


@dataclass(frozen=True, slots=True)
class _Active:
    """The release in progress, and all that its next step depends on."""

    world: World
    application: Application
    release: Release
    course: Course
    settings: Settings
    rollout: Sequence[tuple[str, str, Progress]]
    """Key, type and progress of each process that is rendered now."""

    def advance(self) -> Decision:
        """Return the next step, or what the present one waits for."""
        now = step(self.release)
        if fault := _fault(self.release):
            return self._give_up(now, fault)
        if self.release.spec.cancel and now in {ReleaseStep.BEFORE_JOBS, ReleaseStep.ROLLOUT}:
            return self._cancel(now)
        if paused := self._pause():
            return paused
        match now:
            case ReleaseStep.BEFORE_JOBS:
                return self._before_jobs()
            case ReleaseStep.ROLLOUT:
                return self._roll_out()
            case ReleaseStep.AFTER_SUCCESS_JOBS:
                return self._after_success_jobs()
            case ReleaseStep.ROLLBACK:
                return self._roll_back()
            case ReleaseStep.AFTER_FAILED_JOBS:
                return self._after_failed_jobs()

    # What every step shares.

    def _record(self, changes: Mapping[str, Any], note: str, **more: Any) -> Decision:
        record = {**self.release.status, **changes}
        return Decision(records=((self.release, record),), note=note, **more)

    def _next(self, step: ReleaseStep, **changes: Any) -> Decision:
        begun = _in(self.release, step, self.world.now)
        if "pausedAt" in self.release.status:
            # Cancelled while it is held: it will go back, and goes on to say so until then.
            del begun["conditions"]
        return self._record(changes | begun, f"release {self.release.name} went on to {step}")

    def _end(
        self, state: ReleaseState, said: Sequence[conditions.Condition], **changes: Any
    ) -> Decision:
        ended = _ended(self.release, state, said, self.world.now, **changes)
        return Decision(
            records=((self.release, ended),), note=f"release {self.release.name} ended: {state}"
        )

    def _pause(self) -> Decision | None:
        """Hold everything while the application is suspended; its deadlines do not run then."""
        record, now = self.release.status, conditions.timestamp(self.world.now)
        if self.application.spec.suspend:
            if "pausedAt" in record:
                return Decision()
            message = "goes on when spec.suspend of the application is false"
            said = conditions.merge(
                record,
                conditions.reconciling("Suspended", message),
                generation=self.release.generation,
                now=self.world.now,
            )
            return self._record(
                {"pausedAt": now, "conditions": said}, f"release {self.release.name} was paused"
            )
        if "pausedAt" not in record:
            return None
        begun = _in(self.release, step(self.release), self.world.now)
        resumed = {**record, **begun, "resumedAt": now}
        del resumed["pausedAt"]
        return Decision(
            records=((self.release, resumed),), note=f"release {self.release.name} goes on"
        )

    def _deadline(self, field: str) -> datetime:
        started = conditions.parse_time(self.release.status[field])
        return started + timedelta(seconds=self.settings.progress_deadline_seconds) + DEADLINE_SLACK

    @property
    def _can_go_back(self) -> bool:
        return self.course.serving is not None and "rolloutStartedAt" in self.release.status

    # The steps.

    def _jobs(self, policy: JobStartPolicy) -> jobs.Phase:
        patience = timedelta(seconds=self.settings.progress_deadline_seconds)
        return jobs.phase(self.world, self.release, policy, patience=patience)

    def _attend(self, phase: jobs.Phase) -> Decision | None:
        """Return what a phase that is not over needs."""
        if phase.is_over:
            return None
        if phase.changed:
            note = f"release {self.release.name} recorded its job {phase.running}"
            return self._record({"jobs": phase.entries}, note)
        return Decision(
            start=(self.release, phase.start) if phase.start is not None else None,
            stop=(phase.stop,) if phase.stop is not None else (),
            wake_at=phase.wake_at,
        )

    def _before_jobs(self) -> Decision:
        phase = self._jobs(JobStartPolicy.BEFORE_DEPLOYMENT)
        if unfinished := self._attend(phase):
            return unfinished
        if phase.failed is None:
            return self._next(ReleaseStep.ROLLOUT, jobs=phase.entries)
        why = failure.of_job(phase.failed, phase.pod)
        return self._fail(why, phase.pod, jobs=phase.entries)

    def _roll_out(self) -> Decision:
        failed = [one for one in self.rollout if one[2].state is State.FAILED]
        moving = [one for one in self.rollout if one[2].state is State.MOVING]
        deadline = self._deadline("rolloutStartedAt")
        if any(one[2].trouble is not None for one in moving):
            # A crash loop is ready for a moment each time, so that its Deployment is never late.
            deadline -= DEADLINE_SLACK
        if failed or (moving and self.world.now >= deadline):
            culprits = failed or [one for one in moving if one[2].trouble is not None] or moving
            key, _, progress = culprits[0]
            why = failure.of_rollout(key, progress, self.world.probe_failures)
            return self._fail(why, progress.pod, rollouts=_entries(self.rollout))
        if moving:
            return Decision(wake_at=deadline)
        if self._is_left(JobStartPolicy.AFTER_SUCCESS_DEPLOYMENT):
            return self._next(ReleaseStep.AFTER_SUCCESS_JOBS, rollouts=_entries(self.rollout))
        return self._succeed(rollouts=_entries(self.rollout))

    def _after_success_jobs(self) -> Decision:
        phase = self._jobs(JobStartPolicy.AFTER_SUCCESS_DEPLOYMENT)
        if unfinished := self._attend(phase):
            return unfinished
        return self._succeed(phase.failed, jobs=phase.entries)

    def _roll_back(self) -> Decision:
        deadline = self._deadline("rollbackStartedAt")
        moving = [one for one in self.rollout if one[2].state is State.MOVING]
        if moving and self.world.now < deadline:
            return Decision(wake_at=deadline)
        return self._went_back()

    def _after_failed_jobs(self) -> Decision:
        phase = self._jobs(JobStartPolicy.AFTER_FAILED_DEPLOYMENT)
        return self._attend(phase) or self._failed(jobs=phase.entries)

    # The ends.

    def _is_left(self, policy: JobStartPolicy) -> bool:
        return jobs.are_left(self.release.status.get("jobs", ()), policy)

    def _succeed(self, failed_job: jobs.Entry | None = None, **changes: Any) -> Decision:
        rolled = changes.get("rollouts", self.release.status.get("rollouts", ()))
        message = f"{len(rolled)} processes run this release"
        if failed_job is not None:
            message += f"; {failure.after_success(failed_job)}"
        said = conditions.ready("Succeeded", message)
        return self._end(ReleaseState.SUCCESS, said, **changes)

    def _fail(self, why: Mapping[str, Any], pod: Pod | None, **changes: Any) -> Decision:
        """Record the failure, with the step that follows it."""
        record = {**changes, "failure": dict(why)}
        if self._can_go_back and self.settings.rollback:
            following = self._next(ReleaseStep.ROLLBACK, **record)
        elif self._is_left(JobStartPolicy.AFTER_FAILED_DEPLOYMENT):
            following = self._next(ReleaseStep.AFTER_FAILED_JOBS, **record)
        else:
            following = self._failed(**record)
        note = f"release {self.release.name} failed: {why['reason']}"
        return replace(following, witness=pod, note=note)

    def _give_up(self, now: ReleaseStep, fault: str) -> Decision:
        """End a release of which nothing can be rendered; what served before is rendered again."""
        sentence = (
            f"The release ended because its record cannot be read ({fault}); correct what it was "
            "made of and release again"
        )
        why = {
            "step": str(now),
            "reason": "SnapshotUnreadable",
            "message": fault,
            "sentence": sentence,
        }
        begun = {"rollbackStartedAt": conditions.timestamp(self.world.now)}
        return self._failed(failure=why, **(begun if self._can_go_back else {}))

    def _went_back(self) -> Decision:
        if "failure" not in self.release.status:
            return self._cancelled()
        if self._is_left(JobStartPolicy.AFTER_FAILED_DEPLOYMENT):
            return self._next(ReleaseStep.AFTER_FAILED_JOBS)
        return self._failed()

    def _failed(self, **changes: Any) -> Decision:
        why = changes.get("failure") or self.release.status["failure"]
        told = why["sentence"]
        if self.course.serving is None:
            told += ". There is no earlier release to go back to"
        said = conditions.stalled(why["reason"], told)
        return self._end(ReleaseState.FAILED, said, **changes)

    def _cancel(self, now: ReleaseStep) -> Decision:
        message = "the release was cancelled by spec.cancel"
        phase = jobs.stop(self.world, self.release, "Cancelled", message)
        if unfinished := self._attend(phase):
            return unfinished
        if now == ReleaseStep.ROLLOUT and self._can_go_back:
            return self._next(ReleaseStep.ROLLBACK, rollouts=_entries(self.rollout))
        return self._cancelled()

    def _cancelled(self) -> Decision:
        return Decision(
            records=((self.release, _cancelled(self.release, self.world.now)),),
            note=f"cancelled release {self.release.name}",
        )


def _cancelled(release: Release, now: datetime) -> dict[str, Any]:
    message = "the release was cancelled by spec.cancel"
    if "rolloutStartedAt" in release.status and "rollbackStartedAt" not in release.status:
        message += "; there was no earlier release to go back to, so what it made stays"
    said = conditions.stalled("Cancelled", message)
    return _ended(release, ReleaseState.CANCELLED, said, now)


def _skipped(release: Release, newer: Release, now: datetime) -> dict[str, Any]:
    said = conditions.ready("Superseded", f'skipped: the newer release "{newer.name}" was taken')
    return _ended(release, ReleaseState.SKIPPED, said, now)


def _ended(
    release: Release,
    state: ReleaseState,
    said: Sequence[conditions.Condition],
    now: datetime,
    **more: Any,
) -> dict[str, Any]:
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


def _entries(rollout: Sequence[tuple[str, str, Progress]]) -> list[dict[str, Any]]:
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


def _history(application: Application, course: Course) -> tuple[Release, ...]:
    """Return the releases beyond the history limit that the operator, or a generateName, made."""
    given = application.spec.release
    limit = (given and given.history_limit) or 10
    beyond = course.ended[:-limit] if len(course.ended) > limit else ()
    # What was rolled out last may still run, and what was asked last must not ask again.
    needed = (course.serving, course.rolled, course.newest, course.withdrawn)
    kept = {one.uid for one in needed if one is not None}
    return tuple(r for r in beyond if r.uid not in kept and _removable(r, application))


def _removable(release: Release, application: Application) -> bool:
    """A release that somebody named by hand is theirs to remove."""
    return release.owner_uid == application.uid or release.generated
