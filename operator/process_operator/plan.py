"""Inputs in, a plan out: what to write, what to remove, what to record, when to look again.

Everything is compared here, before any write: an apply that changes nothing costs the API server
more than a create. A child is in place when it carries the hash of the same intent and `compare`
finds nothing otherwise, or only what somebody else keeps so (`contests`).

`replicas` is no part of the intent. It is ours until an autoscaler has changed it: an apply that
drops it while we are its only owner resets it to 1, and an autoscaler never leaves 0.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from process_operator import (
    builders,
    compare,
    contests,
    failure,
    jobs,
    names,
    observed,
    release,
    resolve,
    rollout,
    runs,
)
from process_operator.builders import job
from process_operator.compare import Wanted
from process_operator.models.application import ApplicationSpec
from process_operator.models.process import ProcessSpec, ProcessType
from process_operator.models.snapshot import Snapshot
from process_operator.observed import (
    Broken,
    Child,
    ChildKey,
    Contest,
    Manifest,
    Owned,
    RefusedWrite,
    Trouble,
    World,
)
from process_operator.release import Course, Decision, Release
from process_operator.resolve import Resolved, Target
from process_operator.rollout import Progress, State
from process_operator.runs import Attention, Run, Serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """One child to write."""

    process_uid: str
    manifest: Manifest
    """The whole intent, with its hash and, where we own it, its size."""
    wanted: Wanted
    child: Child | None
    """What it was compared with; None when nothing of this name is known."""
    is_repair: bool = False
    """Whether the same has been written before."""

    @property
    def intent(self) -> str:
        """Hash of the intent."""
        return self.wanted.intent

    @property
    def key(self) -> ChildKey:
        """What identifies the child on the server."""
        metadata = self.manifest["metadata"]
        return ChildKey(self.manifest["kind"], metadata["namespace"], metadata["name"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """Foreign items to take out of a child that is otherwise as wanted."""

    child: Child
    wanted: Wanted
    operations: tuple[dict[str, Any], ...]
    """A JSON patch that tests the resourceVersion first."""

    @property
    def key(self) -> ChildKey:
        """What identifies the child on the server."""
        return self.child.key

    @property
    def is_repair(self) -> bool:
        """It always is: the child has been applied before."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Concession:
    """A child that is left as somebody else has made it again and again."""

    child: Child
    wanted: Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStart:
    """The Job of a release to make, by a plain create."""

    release: Release
    process: str
    """Key of its process."""
    manifest: Manifest

    @property
    def key(self) -> ChildKey:
        """What identifies the Job on the server."""
        return _key(self.manifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStart:
    """The Job of a run by hand to make, by a plain create."""

    run: Run
    serving: Serving
    manifest: Manifest

    @property
    def key(self) -> ChildKey:
        """What identifies the Job on the server."""
        return _key(self.manifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What the runs by hand need now."""

    attended: tuple[Attention, ...] = ()
    starts: tuple[RunStart, ...] = ()
    forget: tuple[Run, ...] = ()
    """Old ones to remove."""
    wake_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One process as the plan sees it."""

    process: Owned[ProcessSpec] | Broken
    target: Target | None
    """What is rendered of it; None where the running release does not know it."""
    applies: tuple[Apply, ...] = ()
    cleans: tuple[Clean, ...] = ()
    concessions: tuple[Concession, ...] = ()
    contested: tuple[Contest, ...] = ()
    """Children that somebody else keeps otherwise than they are declared; that is told."""
    deletes: tuple[Child, ...] = ()
    refused: RefusedWrite | None = None
    """The write of a child that was answered with a no, if there is one."""
    blocked: RefusedWrite | None = None
    """The same of its Deployment or CronJob: without that nothing is rolled out."""
    workload: Child | None = None
    kept: Child | None = None
    """Its Deployment or CronJob where nothing is rendered: it goes on as it was made last."""
    route: Child | None = None
    size: int = 0
    """How many instances it is to have now."""
    remember: int | None = None
    """Size to write into the status before the application is suspended."""
    progress: Progress = rollout.NOT_MADE


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The application of a plan, there and readable, and what was found out about it."""

    application: Owned[ApplicationSpec]
    resolved: Resolved
    course: Course
    running: Release | None
    """The release whose snapshot is rendered."""
    snapshot: Snapshot | None
    """That snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do for one application, and what the decision rests on."""

    subject: Subject | None
    """None without an application: then nothing is rendered, and what runs is left alone."""
    decision: Decision
    views: tuple[View, ...]
    job: JobStart | None = None
    runs: Runs = Runs()

    @property
    def wake_at(self) -> datetime | None:
        """The next moment at which the answer could change by itself."""
        times = [view.refused.retry_at for view in self.views if view.refused is not None]
        times += [one.retry_at for view in self.views for one in view.contested]
        times += [at for at in (self.decision.wake_at, self.runs.wake_at) if at is not None]
        return min(times, default=None)


def discreet(world: World) -> World:
    """Return the world as it may be told: without the values of the releases' environments."""
    frozen = (release.snapshot(one) for one in world.releases if isinstance(one, Owned))
    return failure.without_secrets(world, frozen)


def plan(world: World) -> Plan:
    """Return what to do so that this application becomes what it declares."""
    application = world.application
    if not isinstance(application, Owned) or application.deleting:
        return Plan(
            subject=None,
            decision=release.orphans(world),
            views=tuple(View(process=one, target=None) for one in world.processes),
            runs=_runs(world, None),
        )
    subject = _subject(world, application)
    views = tuple(_planned(world, subject, process) for process in world.processes)
    rolling = [
        (view.target.entry.key, str(view.target.entry.type), view.progress)
        for view in views
        if view.target is not None and view.target.entry.type != ProcessType.JOB
    ]
    lost = release.orphans(world)
    decision = (
        lost
        if lost.records or lost.stop
        else release.decide(world, application, subject.resolved, subject.course, rolling)
    )
    return Plan(
        subject=subject,
        decision=decision,
        views=views,
        job=_job(world, subject, decision),
        runs=_runs(world, subject),
    )


def _runs(world: World, subject: Subject | None) -> Runs:
    """Return what the runs by hand need; without an application those that run are watched."""
    serving = _serving(subject) if subject is not None else None
    spec = subject.application.spec if subject is not None else ApplicationSpec()
    settings = resolve.settings(spec)
    attended = tuple(
        runs.attend(
            world,
            serving,
            one,
            suspended=bool(spec.suspend),
            patience=timedelta(seconds=settings.progress_deadline_seconds),
        )
        for one in world.runs
        if isinstance(one, Owned) and not one.deleting
    )
    kept = spec.runs
    limit = kept.history_limit if kept is not None else None
    age = kept.max_age_seconds if kept is not None else None
    old, expiry = runs.history(
        world.runs,
        limit=runs.DEFAULT_LIMIT if limit is None else limit,
        max_age=runs.DEFAULT_MAX_AGE if age is None else timedelta(seconds=age),
        now=world.now,
    )
    wakes = [at for at in (*(one.wake_at for one in attended), expiry) if at is not None]
    return Runs(
        attended=attended,
        starts=tuple(_run_starts(world, subject, serving, attended)),
        forget=old,
        wake_at=min(wakes, default=None),
    )


def _serving(subject: Subject) -> Serving | None:
    """Return what serves as a run takes it."""
    serving = subject.course.serving
    frozen = release.snapshot(serving) if serving is not None else None
    if serving is None or frozen is None:
        return None
    return Serving(name=serving.name, number=release.number(serving), snapshot=frozen)


def _run_starts(
    world: World,
    subject: Subject | None,
    serving: Serving | None,
    attended: Iterable[Attention],
) -> Iterator[RunStart]:
    for one in attended:
        if one.start is None or one.process is None or subject is None or serving is None:
            continue
        manifest = job.job(
            resolve.target(world, subject.application, one.process, serving.snapshot, one.start),
            name=runs.job_key(one.run, one.process).name,
            owner={"kind": names.RUN_KIND, "name": one.run.name, "uid": one.run.uid},
            timeout_seconds=subject.resolved.settings.job_timeout_seconds,
            environment={"PROCESS_OPERATOR_RUN": one.run.name},
        )
        yield RunStart(run=one.run, serving=serving, manifest=manifest)


def _job(world: World, subject: Subject, decision: Decision) -> JobStart | None:
    """Return the Job that the decision asks for."""
    if decision.start is None:
        return None
    asked, key = decision.start
    frozen = release.snapshot(asked)
    entry = frozen.process(key, ProcessType.JOB) if frozen is not None else None
    process = next(one for one in world.processes if isinstance(one, Owned) and one.spec.key == key)
    if frozen is None or entry is None:
        return None
    target = resolve.target(world, subject.application, process, frozen, entry)
    manifest = job.job(
        target,
        name=jobs.name(asked, key),
        owner={"kind": names.RELEASE_KIND, "name": asked.name, "uid": asked.uid},
        timeout_seconds=subject.resolved.settings.job_timeout_seconds,
        environment=release.environment(asked),
    )
    manifest["metadata"]["labels"][names.RELEASE] = str(release.number(asked))
    return JobStart(release=asked, process=key, manifest=manifest)


def _subject(world: World, application: Owned[ApplicationSpec]) -> Subject:
    resolved = resolve.resolve(world, application)
    course = release.course(world, application)
    running = release.running(course)
    return Subject(
        application=application,
        resolved=resolved,
        course=course,
        running=running,
        snapshot=release.snapshot(running) if running is not None else None,
    )


def _planned(world: World, subject: Subject, process: Owned[ProcessSpec] | Broken) -> View:
    target = _target(world, subject, process)
    if target is None or subject.running is None:
        deletes = tuple(_leftovers(world, subject, process))
        kept = _kept(world, process, deletes)
        return View(process=process, target=None, deletes=deletes, kept=kept)
    turned_at = release.turned_at(subject.course)
    return _view(world, process, target, subject.running, turned_at)


def _kept(
    world: World, process: Owned[ProcessSpec] | Broken, deletes: Sequence[Child]
) -> Child | None:
    return next(
        (
            child
            for child in world.children.values()
            if child.owner_uid == process.uid
            and child.kind in {"Deployment", "CronJob"}
            and not child.deleting
            and child not in deletes
        ),
        None,
    )


def _leftovers(
    world: World, subject: Subject, process: Owned[ProcessSpec] | Broken
) -> Iterator[Child]:
    """Yield what a release that was gone back from made of a process that it was the first of."""
    running, course = subject.running, subject.course
    if running is None or running is not course.serving or isinstance(process, Broken):
        return
    frozen = subject.snapshot
    if frozen is None or frozen.process(process.spec.key, process.spec.type) is not None:
        return
    for child in world.children.values():
        if (
            child.owner_uid == process.uid
            and child.release is not None
            and child.release > release.number(running)
            and not child.deleting
        ):
            yield child


def _target(world: World, subject: Subject, process: Owned[ProcessSpec] | Broken) -> Target | None:
    """Return what is rendered of a process, None where the running release does not know it."""
    frozen = subject.snapshot
    if frozen is None or isinstance(process, Broken) or process.deleting:
        return None
    refusal = subject.resolved.refusals.get(process.uid)
    if refusal is not None and refusal.reason in _UNRENDERABLE:
        return None
    entry = frozen.process(process.spec.key, process.spec.type)
    if entry is None:
        return None
    return resolve.target(world, subject.application, process, frozen, entry)


_UNRENDERABLE = {"KeyTaken", "InvalidSchedule"}
"""Refusals that also keep the immediate side from being rendered: what is there stays."""


def _view(
    world: World,
    process: Owned[ProcessSpec] | Broken,
    target: Target,
    running: Release,
    turned_at: datetime | None,
) -> View:
    wanted = {_key(manifest): manifest for manifest in builders.children(target)}
    found = {key.kind: world.children.get(key) for key in wanted}
    deployment = found.get("Deployment")
    declared = _replicas(target, process, deployment)
    judged = [
        _judge(
            world,
            target,
            manifest,
            number=release.number(running),
            replicas=declared if key.kind == "Deployment" else None,
        )
        for key, manifest in wanted.items()
    ]
    remember = _to_remember(target, process, deployment)
    applies = tuple(
        one
        for one in judged
        # The size goes into the status first: it could not be read back after the next write.
        if isinstance(one, Apply) and not (remember is not None and one.key.kind == "Deployment")
    )
    refused = {
        key.kind: one
        for key, one in zip(wanted, judged, strict=True)
        if isinstance(one, RefusedWrite)
    }
    blocked = refused.get("Deployment") or refused.get("CronJob")
    contested = tuple(one for one in judged if isinstance(one, Contest))
    # A size that somebody else keeps is the one to be ready at.
    ours = declared if all(one.key.kind != "Deployment" for one in contested) else None
    view = View(
        process=process,
        target=target,
        applies=applies,
        cleans=tuple(one for one in judged if isinstance(one, Clean)),
        concessions=tuple(one for one in judged if isinstance(one, Concession)),
        contested=contested,
        deletes=tuple(_unwanted(world, target, set(wanted))),
        refused=blocked or next(iter(refused.values()), None),
        blocked=blocked,
        workload=deployment or found.get("CronJob"),
        route=found.get("Ingress") or found.get("HTTPRoute"),
        size=ours if ours is not None else _live_size(deployment),
        remember=remember,
    )
    return replace(view, progress=_progress(world, target, view, turned_at))


_Applied = Apply | RefusedWrite
_Judgement = _Applied | Clean | Concession | Contest


def _judge(
    world: World, target: Target, manifest: Manifest, *, number: int, replicas: int | None
) -> _Judgement | None:
    """Return what one child needs, None if it is in place or on its way out."""
    key, wanted = _key(manifest), compare.wanted(manifest, replicas)
    child, known = world.children.get(key), world.contests.get(key)
    apply = functools.partial(_apply, world, target, manifest, wanted)
    if child is None:
        hidden = known is not None and _is_out_of_sight(known, wanted, world.now)
        return known if hidden else apply(number)
    if child.deleting:
        return None
    known = contests.about(known, child.uid, wanted.desired)
    is_orphan = child.owner_uid is None and known is not None
    if not is_orphan and not _ours(child, target, world):
        return _foreign(child, world.now)
    if child.intent != wanted.intent and known is None:
        return apply(number)
    # A repair is no change: the child keeps the number of the release that last changed it.
    again = functools.partial(apply, child.release or number, is_repair=True)
    return _repair(world, child, wanted, known, again)


def _repair(
    world: World, child: Child, wanted: Wanted, known: Contest | None, again: Callable[[], _Applied]
) -> _Judgement | None:
    """Return what a child needs that has been written before as it is wanted now."""
    found = compare.compared(child.kind, child.body, wanted)
    if not found.all:
        return contests.on_probation(known, world.now)
    todo = contests.unsettled(known, found, world.now)
    if not todo.all:
        return known
    if contests.is_fight(known, todo, world.now):
        return Concession(child=child, wanted=wanted)
    if not todo.changed:
        operations = compare.removal(child.resource_version, todo.added)
        return Clean(child=child, wanted=wanted, operations=operations)
    return again()


def _apply(
    world: World,
    target: Target,
    manifest: Manifest,
    wanted: Wanted,
    number: int,
    *,
    is_repair: bool = False,
) -> _Applied:
    """Return the write of a child, or why it is not the time for it."""
    key = _key(manifest)
    no = world.refused.get(key)
    if no is not None and no.intent == wanted.intent and world.now < no.retry_at:
        return no
    return Apply(
        process_uid=target.uid,
        manifest=_sealed(manifest, wanted, number),
        wanted=wanted,
        child=world.children.get(key),
        is_repair=is_repair,
    )


def _is_out_of_sight(known: Contest, wanted: Wanted, now: datetime) -> bool:
    """Whether a child is not seen because somebody takes away the labels by which it is."""
    return known.desired == wanted.desired and contests.hides(known) and now < known.retry_at


def _progress(world: World, target: Target, view: View, turned_at: datetime | None) -> Progress:
    if view.blocked is not None:
        said = Trouble(reason=view.blocked.reason, message=view.blocked.message)
        live = view.workload
        return Progress(
            state=State.MOVING,
            reason=said.reason,
            message=said.message,
            trouble=said,
            available=rollout.instances(live) if live and live.owner_uid == target.uid else 0,
            current=False,
        )
    if target.entry.type == ProcessType.JOB:
        return Progress(state=State.READY, reason="AwaitingRelease", message="")
    if view.workload is None or view.workload.deleting or view.applies:
        return rollout.NOT_MADE
    if target.entry.type == ProcessType.CRON:
        return rollout.of_cron_job(view.workload)
    label = names.key_label(target.entry.key)
    return rollout.of_deployment(
        view.workload,
        size=view.size,
        pods=[pod for pod in world.pods if pod.process == label],
        probe_failures=world.probe_failures,
        since=turned_at,
    )


def _key(manifest: Manifest) -> ChildKey:
    metadata = manifest["metadata"]
    return ChildKey(manifest["kind"], metadata["namespace"], metadata["name"])


def _sealed(manifest: Manifest, wanted: Wanted, number: int) -> Manifest:
    """Return the intent with its hash, its release and, where it is ours to say, its size."""
    metadata = manifest["metadata"]
    sealed = {
        **manifest,
        "metadata": {
            **metadata,
            "labels": {**metadata["labels"], names.RELEASE: str(number)},
            "annotations": {**metadata.get("annotations", {}), names.INTENT: wanted.intent},
        },
    }
    if wanted.replicas is not None:
        sealed["spec"] = {**manifest["spec"], "replicas": wanted.replicas}
    return sealed


def _ours(child: Child, target: Target, world: World) -> bool:
    """Whether a child is this process's, or may become it.

    One whose owner reference was taken away by hand still carries our intent; one whose owner
    is a predecessor of this process (same name, gone) is taken over before it is collected.
    """
    if child.owner_uid == target.uid:
        return True
    if child.owner_uid is None:
        return child.intent is not None
    alive = {process.uid for process in world.processes}
    return (
        child.owner_kind == f"{names.API_VERSION}/{names.PROCESS_KIND}"
        and child.owner_uid not in alive
    )


def _foreign(child: Child, now: datetime) -> RefusedWrite:
    owner = f", controlled by {child.owner_kind} {child.owner_name}" if child.owner_uid else ""
    return name_conflict(child.key, "", owner, now)


def name_conflict(key: ChildKey, intent: str, owner: str, now: datetime) -> RefusedWrite:
    """Return the refusal to touch an object that is not ours."""
    return RefusedWrite(
        intent=intent,
        reason="NameConflict",
        message=f'{key.kind} "{key.name}" exists and was not made for this Process{owner}; it is '
        "left alone. Rename or delete it, and the operator makes its own",
        retry_at=now + observed.RETRY_REFUSED,
    )


def _unwanted(world: World, target: Target, wanted: set[ChildKey]) -> Iterator[Child]:
    """Yield the children of a process that is rendered which are wanted no more."""
    for key, child in world.children.items():
        if (
            child.owner_uid == target.uid
            and key not in wanted
            and not child.deleting
            and key.kind in builders.KINDS
        ):
            yield child


def _live_size(child: Child | None) -> int:
    return rollout.replicas(child) if child is not None else 0


def _replicas(
    target: Target, process: Owned[ProcessSpec] | Broken, child: Child | None
) -> int | None:
    """Return the size that we declare; None where the autoscaler owns it."""
    if target.suspended:
        return 0
    horizontal = target.scaling.horizontal
    if horizontal is None:
        return target.scaling.instances
    least = max(1, horizontal.min_instances)
    if child is None:
        return least
    live = rollout.replicas(child)
    if live == 0:
        before = int(process.status.get("replicasBeforeSuspend") or 0)
        return min(max(before, least), max(horizontal.max_instances, least))
    if child.others_own_replicas:
        return None
    return max(live, least)


def _to_remember(
    target: Target, process: Owned[ProcessSpec] | Broken, child: Child | None
) -> int | None:
    """Return the size that an autoscaler had found, if it is about to be lost by suspending."""
    if not target.suspended or target.scaling.horizontal is None or child is None:
        return None
    live = rollout.replicas(child)
    if live == 0 or process.status.get("replicasBeforeSuspend") == live:
        return None
    return live
