"""One process as the plan sees it: what is rendered of it, and how each child is to change."""

import functools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from process_operator.controller import build
from process_operator.controller.observe import contest
from process_operator.controller.observe.records import (
    Broken,
    Child,
    Contest,
    Owned,
    RefusedWrite,
    Trouble,
    World,
)
from process_operator.controller.plan import compare, contests, model, ownership, size
from process_operator.controller.plan.compare import Wanted
from process_operator.controller.plan.model import Apply, Clean, Concession, Subject, View
from process_operator.controller.release import record, rollout
from process_operator.controller.release.history import last_rollout_started_at
from process_operator.controller.release.record import Release
from process_operator.controller.release.rollout import Progress, State
from process_operator.controller.resolve import target
from process_operator.controller.resolve.target import Target
from process_operator.kube import names
from process_operator.kube.manifest import Manifest
from process_operator.models.process import ProcessSpec, ProcessType


def plan_process(world: World, subject: Subject, process: Owned[ProcessSpec] | Broken) -> View:
    """Return one process with what its children need."""
    target = _target(world, subject, process)
    if target is None or subject.running is None:
        deletes = tuple(ownership.leftovers(world, subject, process))
        kept = ownership.kept_workload(world, process, deletes)
        return View(process=process, target=None, deletes=deletes, kept=kept)
    turned_at = last_rollout_started_at(subject.course)
    return _view(world, process, target, subject.running, turned_at)


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
    return target.target(world, subject.application, process, frozen, entry)


_UNRENDERABLE = {"KeyTaken", "InvalidSchedule"}
"""Refusals that also keep the immediate side from being rendered: what is there stays."""


def _view(
    world: World,
    process: Owned[ProcessSpec] | Broken,
    target: Target,
    running: Release,
    turned_at: datetime | None,
) -> View:
    wanted = {model.child_key(manifest): manifest for manifest in build.children(target)}
    found = {key.kind: world.children.get(key) for key in wanted}
    deployment = found.get("Deployment")
    declared = size.replicas(target, process, deployment)
    judged = [
        _judge(
            world,
            target,
            manifest,
            number=record.number(running),
            replicas=declared if key.kind == "Deployment" else None,
        )
        for key, manifest in wanted.items()
    ]
    remember = size.to_remember(target, process, deployment)
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
        deletes=tuple(ownership.unwanted(world, target, set(wanted))),
        refused=blocked or next(iter(refused.values()), None),
        blocked=blocked,
        workload=deployment or found.get("CronJob"),
        route=found.get("Ingress") or found.get("HTTPRoute"),
        size=ours if ours is not None else size.live_size(deployment),
        remember=remember,
    )
    return replace(view, progress=_progress(world, target, view, turned_at))


_Applied = Apply | RefusedWrite
_Judgement = _Applied | Clean | Concession | Contest


def _judge(
    world: World, target: Target, manifest: Manifest, *, number: int, replicas: int | None
) -> _Judgement | None:
    """Return what one child needs, None if it is in place or on its way out."""
    key, wanted = model.child_key(manifest), compare.wanted(manifest, replicas)
    child, known = world.children.get(key), world.contests.get(key)
    apply = functools.partial(_apply, world, target, manifest, wanted)
    if child is None:
        hidden = known is not None and _is_out_of_sight(known, wanted, world.now)
        return known if hidden else apply(number)
    if child.deleting:
        return None
    known = contests.about(known, child.uid, wanted.desired)
    is_orphan = child.owner_uid is None and known is not None
    if not is_orphan and not ownership.ours(child, target, world):
        return ownership.foreign_object(child, world.now)
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
    key = model.child_key(manifest)
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
    return known.desired == wanted.desired and contest.hides(known) and now < known.retry_at


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
