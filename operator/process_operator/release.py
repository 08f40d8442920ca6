"""The release state machine: what is seen, and now, in; the next step, with its reason, out.

A release is an object that asks, and its status is the record of its course. Only one release of
an application is active; of several waiting ones the newest is taken and the others are skipped.

    waiting ──────> rollout ──────> success          what runs afterwards: its own snapshot
       │               │
       │               ├──────────> failed           back on what served before; the first
       │               │                             release of an application stays as it is
       └───────────────┴──────────> cancelled        by spec.cancel

The record is a ratchet: state and step only move forward, and each move is written, with the
resourceVersion that it was decided on, before the first write that depends on it. What is not
recorded is derived from what is seen, so that a crash at any point changes nothing. A finished
rollout is never judged again.

What asks for a release is compared with what the newest release *requested*, whatever became of
it, and never with what serves: a version that failed must not be released again and again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from process_operator import conditions, names
from process_operator.models.application import ApplicationSpec, InitialRelease, ReleasePolicy
from process_operator.models.release import ReleaseSpec, ReleaseState, ReleaseStep, ReleaseTrigger
from process_operator.models.snapshot import Snapshot
from process_operator.observed import Manifest, Owned, World
from process_operator.resolve import Resolved, Settings
from process_operator.rollout import Progress, State

LONGEST_SETTLING = timedelta(seconds=60)
"""A release starts after this time even if its application keeps changing."""
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
    """The one with the highest number, whatever became of it."""
    last_number: int
    missing: str | None
    """Name of the serving release by the application's status, when its record is gone."""
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


def course(world: World, application: Application) -> Course:
    """Sort the releases of this application's uid; records of a namesake do not count."""
    mine = [r for r in world.releases if isinstance(r, Owned) and _belongs(r, application)]
    numbered = sorted((r for r in mine if "number" in r.status), key=number)
    succeeded = [r for r in numbered if state(r) == ReleaseState.SUCCESS]
    active = [r for r in numbered if state(r) == ReleaseState.IN_PROGRESS]
    serving = succeeded[-1] if succeeded else None
    recorded = application.status.get("servingRelease") or {}
    known = {r.name for r in succeeded}
    given = [int(application.status.get("lastReleaseNumber") or 0), *map(number, numbered)]
    lost = bool(recorded) and recorded["name"] not in known and not _newer(serving, recorded)
    return Course(
        serving=None if lost else serving,
        active=active[-1] if active else None,
        waiting=tuple(
            sorted(
                (r for r in mine if state(r) == ReleaseState.WAITING and not r.deleting),
                key=lambda r: (r.created_at, r.name),
            )
        ),
        newest=numbered[-1] if numbered else None,
        last_number=max(given),
        missing=recorded["name"] if lost else None,
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


def _newer(serving: Release | None, recorded: Mapping[str, Any]) -> bool:
    return serving is not None and number(serving) > int(recorded["number"])


def number(release: Release) -> int:
    """Return a release's number, 0 before it starts."""
    return int(release.status.get("number") or 0)


def state(release: Release) -> ReleaseState:
    """Return a release's state; one without a record waits."""
    return ReleaseState(release.status.get("state") or ReleaseState.WAITING)


def snapshot(release: Release) -> Snapshot | None:
    """Return what a release froze, None before it starts."""
    frozen = release.status.get("snapshot")
    return Snapshot.model_validate(frozen) if frozen else None


def running(course: Course, settings: Settings) -> Release | None:
    """Return the release whose snapshot is rendered now.

    That is the active one, else the serving one. An application whose first release failed has
    nothing to go back to and keeps what that release made, and so does one with rollback: false.
    """
    if course.active is not None:
        return course.active
    last = course.newest
    if last is not None and state(last) == ReleaseState.FAILED:
        if course.serving is None and course.missing is None:
            return last
        if not settings.rollback:
            return last
    return course.serving


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
    if course.active is not None:
        return _advance(world, course.active, resolved.settings, rollout)
    if course.waiting:
        return _start(world, application, resolved, course)
    trigger = _request(world, application, resolved, course)
    if trigger is not None:
        manifest = _manifest(application, course.last_number + 1)
        return Decision(
            create=manifest, note=f"{trigger} asks for release {manifest['metadata']['name']}"
        )
    return Decision(forget=_history(application, course))


def _request(
    world: World, application: Application, resolved: Resolved, course: Course
) -> ReleaseTrigger | None:
    """Return what asks for a release, None if nothing does."""
    spec = application.spec
    if resolved.candidate is None or spec.suspend:
        return None
    if course.newest is None:
        if course.last_number or _ever_released(world):
            recorded = application.status.get("image")
            return ReleaseTrigger.IMAGE if recorded and recorded != spec.image else None
        wanted = (
            resolved.settings.initial == InitialRelease.AUTOMATIC
            and resolved.entries
            and not resolved.refusals
        )
        return ReleaseTrigger.INITIAL if wanted else None
    return _difference(application, resolved, course.newest)


def _difference(
    application: Application, resolved: Resolved, newest: Release
) -> ReleaseTrigger | None:
    requested = newest.status.get("requested") or {}
    spec = application.spec
    if spec.image != requested.get("image"):
        return ReleaseTrigger.IMAGE
    if spec.revision != requested.get("revision"):
        return ReleaseTrigger.REVISION
    if (
        resolved.settings.policy == ReleasePolicy.AUTOMATIC
        and resolved.candidate is not None
        and not resolved.refusals
        and inputs_hash(resolved.candidate) != requested.get("hash")
    ):
        return ReleaseTrigger.AUTOMATIC
    return None


def _ever_released(world: World) -> bool:
    """A child with a release number says that records were lost, not that there were none."""
    mine = {process.uid for process in world.processes}
    return any(
        child.release is not None and child.owner_uid in mine for child in world.children.values()
    )


def inputs_hash(candidate: Snapshot) -> str:
    """Hash all staged inputs, but of a resource type only its name.

    An edit of a resource type alone must never roll every application of a cluster.
    """
    inputs = candidate.model_dump(by_alias=True, exclude_none=True, mode="json")
    del inputs["profile"], inputs["restart"]
    for entry in inputs["processes"]:
        entry["size"] = entry["size"]["name"]
    text = orjson.dumps(inputs, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=16).hexdigest()


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


def _start(world: World, application: Application, resolved: Resolved, course: Course) -> Decision:
    *older, release = course.waiting
    ends = [(one, _skipped(one, release, world.now)) for one in older]
    if release.spec.cancel:
        return Decision(
            records=((release, _cancelled(release, world.now)), *ends),
            note=f"cancelled release {release.name} before it started",
        )
    ready = _ready(world, application, resolved, release)
    if isinstance(ready, Waiting):
        return Decision(records=tuple(ends), waiting=ready, wake_at=ready.until)
    record = _started(world, application, resolved, course, release=release, candidate=ready)
    if isinstance(record, Waiting):
        return Decision(records=tuple(ends), waiting=record, wake_at=record.until)
    return Decision(
        records=((release, record), *ends),
        note=f"started release {release.name}, asked for by {record['trigger']}",
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
    before = snapshot(course.serving) if course.serving is not None else None
    restarts = trigger == ReleaseTrigger.REVISION or release.spec.restart
    restart = number if restarts else (before.restart if before is not None else 0)
    return {
        "observedGeneration": release.generation,
        "applicationUID": application.uid,
        "number": number,
        "trigger": str(trigger),
        "requested": {
            "image": application.spec.image,
            **(
                {} if application.spec.revision is None else {"revision": application.spec.revision}
            ),
            "hash": inputs_hash(candidate),
        },
        "snapshot": frozen.model_copy(update={"restart": restart}).model_dump(
            by_alias=True, exclude_defaults=True, exclude_none=True, mode="json"
        )
        | {"profile": frozen.profile},
        "state": str(ReleaseState.IN_PROGRESS),
        "step": str(ReleaseStep.ROLLOUT),
        "startedAt": conditions.timestamp(world.now),
        "rolloutStartedAt": conditions.timestamp(world.now),
        "conditions": conditions.merge(
            release.status,
            conditions.reconciling("RolloutInProgress", "the processes are being rolled out"),
            generation=release.generation,
            now=world.now,
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


def _next_number(release: Release, application: Application, course: Course) -> int:
    """Return the newest number + 1, or the one that the operator already put into the name."""
    prefix, _, suffix = release.name.rpartition("-")
    if release.owner_uid == application.uid and prefix == application.name and suffix.isdigit():
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
            "application that has a snapshot; see `kubectl get processreleases`",
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


def _advance(
    world: World,
    release: Release,
    settings: Settings,
    rollout: Sequence[tuple[str, str, Progress]],
) -> Decision:
    if release.spec.cancel:
        return Decision(
            records=((release, _cancelled(release, world.now)),),
            note=f"cancelled release {release.name}",
        )
    failed = [one for one in rollout if one[2].state is State.FAILED]
    moving = [one for one in rollout if one[2].state is State.MOVING]
    started = conditions.parse_time(release.status["rolloutStartedAt"])
    deadline = started + timedelta(seconds=settings.progress_deadline_seconds) + DEADLINE_SLACK
    if failed or (moving and world.now >= deadline):
        return Decision(
            records=((release, _failed(release, failed or moving, rollout, world.now)),),
            note=f"release {release.name} failed",
        )
    if moving:
        return Decision(wake_at=deadline)
    return Decision(
        records=((release, _succeeded(release, rollout, world.now)),),
        note=f"release {release.name} succeeded",
    )


def _succeeded(
    release: Release, rollout: Sequence[tuple[str, str, Progress]], now: datetime
) -> dict[str, Any]:
    return _ended(
        release,
        ReleaseState.SUCCESS,
        conditions.ready("Succeeded", f"{len(rollout)} processes run this release"),
        now,
        rollouts=_entries(rollout),
    )


def _failed(
    release: Release,
    culprits: Sequence[tuple[str, str, Progress]],
    rollout: Sequence[tuple[str, str, Progress]],
    now: datetime,
) -> dict[str, Any]:
    key, _, progress = culprits[0]
    trouble = progress.trouble
    reason = trouble.reason if trouble else "ProgressDeadlineExceeded"
    sentence = (
        f'The rollout failed because process "{key}" did not become ready in time: '
        f"{progress.message}"
    )
    failure: dict[str, Any] = {
        "step": str(ReleaseStep.ROLLOUT),
        "process": key,
        "reason": reason,
        "message": trouble.message if trouble else progress.message,
        "sentence": sentence,
    }
    if progress.pod is not None:
        failure["pod"] = progress.pod.name
    if trouble is not None and trouble.exit_code is not None:
        failure["exitCode"] = trouble.exit_code
    return _ended(
        release,
        ReleaseState.FAILED,
        conditions.stalled(reason, sentence),
        now,
        rollouts=_entries(rollout),
        failure=failure,
    )


def _cancelled(release: Release, now: datetime) -> dict[str, Any]:
    said = conditions.stalled("Cancelled", "the release was cancelled by spec.cancel")
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
    ended.pop("step", None)
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
    kept = {one.uid for one in (course.serving, course.newest) if one is not None}
    return tuple(r for r in beyond if r.uid not in kept and _removable(r, application))


def _removable(release: Release, application: Application) -> bool:
    """A release that somebody named by hand is theirs to remove."""
    return release.owner_uid == application.uid or release.generated
