"""One process as the plan sees it: what is rendered of it, and how each child is to change."""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

import orjson

from process_operator.controller import build
from process_operator.controller.observe import contest
from process_operator.controller.observe.memory import Memory
from process_operator.controller.observe.records import (
    Child,
    ChildKey,
    Contest,
    InvalidObject,
    ObservedState,
    PodProblem,
    Process,
    RefusedWrite,
)
from process_operator.controller.plan import compare, contests, model, order, ownership, size
from process_operator.controller.plan.compare import Comparison, Wanted
from process_operator.controller.plan.model import (
    ApplicationContext,
    Apply,
    CleanForeignItems,
    Concede,
    ProcessPlan,
    RecordStatus,
    Version,
)
from process_operator.controller.release import rollout
from process_operator.controller.release.rollout import Progress, State
from process_operator.controller.resolve import target
from process_operator.controller.resolve.target import Target
from process_operator.kube import names
from process_operator.kube.manifest import Manifest
from process_operator.kube.reasons import Reason
from process_operator.models.process import ProcessType


def plan_process(
    observed: ObservedState,
    context: ApplicationContext,
    process: Process | InvalidObject,
    memory: Memory,
) -> ProcessPlan:
    """Return one process with what its children need."""
    target = _target(observed, context, process, memory)
    version = context.version
    if target is None or version is None or isinstance(process, InvalidObject):
        return _unrendered(context, process)
    children = memory.recall(
        process.uid, "children", (target,), functools.partial(_children, target), weight=_length
    )
    found = tuple(observed.children.get(key) for key in children)
    troubles = (*map(observed.refused.get, children), *map(observed.contests.get, children))
    # What was refused, is contested or somebody else's is looked at again as time passes.
    is_calm = not any(troubles) and all(
        child is None or child.owner_uid == process.uid for child in found
    )
    seen = (*context.children.get(process.uid, ()), *_pods(observed, context, target))
    return memory.recall(
        process.uid,
        "plan",
        (process, target, children, version, *found, *troubles, *seen),
        functools.partial(
            _rendered, observed, context, process, target, children, version=version, memory=memory
        ),
        now=observed.now,
        until=lambda _: None if is_calm else observed.now,
    )


def _pods(observed: ObservedState, context: ApplicationContext, target: Target) -> Iterator[object]:
    """Yield the pods of a process, each with what the kubelet says of its probes."""
    for pod in context.pods.get(names.key_label(target.entry.key), ()):
        yield from (pod, observed.probe_failures.get(pod.uid))


def _unrendered(context: ApplicationContext, process: Process | InvalidObject) -> ProcessPlan:
    owned = context.children.get(process.uid, ())
    deletes = tuple(ownership.leftovers(context, process, owned))
    kept = ownership.kept_workload(owned, deletes)
    return ProcessPlan(
        process=process, target=None, stages=order.of_process(deletes=deletes), kept=kept
    )


def _children(target: Target) -> Mapping[ChildKey, Wanted]:
    made = build.children(target)
    return {model.child_key(manifest): compare.wanted(manifest) for manifest in made}


def _length(children: Mapping[ChildKey, Wanted]) -> int:
    return sum(len(wanted.text) for wanted in children.values())


def _target(
    observed: ObservedState,
    context: ApplicationContext,
    process: Process | InvalidObject,
    memory: Memory,
) -> Target | None:
    """Return what is rendered of a process, None where the running release does not know it."""
    frozen = context.snapshot
    if frozen is None or isinstance(process, InvalidObject) or process.deleting:
        return None
    refusal = context.resolved.refusals.get(process.uid)
    if refusal is not None and not refusal.renderable:
        return None
    entry = context.entries.get((process.spec.key, process.spec.type))
    if entry is None:
        return None
    spec = context.application.spec
    return memory.recall(
        process.uid,
        "target",
        (process.spec, spec, frozen, entry, *target.inputs(observed, process)),
        functools.partial(target.target, observed, context.application, process, frozen, entry),
        now=observed.now,
        until=lambda found: found.until,
    )


def _rendered(
    observed: ObservedState,
    context: ApplicationContext,
    process: Process,
    target: Target,
    children: Mapping[ChildKey, Wanted],
    *,
    version: Version,
    memory: Memory,
) -> ProcessPlan:
    found = {key.kind: observed.children.get(key) for key in children}
    deployment = found.get("Deployment")
    declared = size.replicas(target, process, deployment)
    wanted = {
        key: one._replace(replicas=declared) if key.kind == "Deployment" else one
        for key, one in children.items()
    }
    judged = [
        _judge(observed, target, key, one, number=version.number, memory=memory)
        for key, one in wanted.items()
    ]
    remember = _remembered(target, process, deployment)
    refused = {
        key.kind: one
        for key, one in zip(wanted, judged, strict=True)
        if isinstance(one, RefusedWrite)
    }
    blocked = refused.get("Deployment") or refused.get("CronJob")
    contested = tuple(one for one in judged if isinstance(one, Contest))
    # A size that somebody else keeps is the one to be ready at.
    ours = declared if all(one.key.kind != "Deployment" for one in contested) else None
    process_plan = ProcessPlan(
        process=process,
        target=target,
        stages=order.of_process(
            remember=remember,
            writes=[
                one
                for one in judged
                if isinstance(one, Apply | CleanForeignItems | Concede)
                and not (remember is not None and _takes_size(one))
            ],
            deletes=tuple(ownership.unwanted(context.children.get(target.uid, ()), wanted)),
            is_complete=not refused,
        ),
        contested=contested,
        refused=blocked or next(iter(refused.values()), None),
        blocked=blocked,
        workload=deployment or found.get("CronJob"),
        route=found.get("Ingress") or found.get("HTTPRoute"),
        size=ours if ours is not None else size.live_size(deployment),
    )
    return replace(
        process_plan, progress=_progress(observed, context, target, process_plan, version.since)
    )


def _remembered(target: Target, process: Process, deployment: Child | None) -> RecordStatus | None:
    """Return the record of the size that suspending is about to take."""
    live = size.to_remember(target, process, deployment)
    if live is None:
        return None
    status = process.status.changed(replicas_before_suspend=live)
    return RecordStatus(of=process, status=status)


def _takes_size(write: Apply | CleanForeignItems | Concede) -> bool:
    """Whether a write waits for the next look at a size that is to be remembered first."""
    return isinstance(write, Apply) and write.key.kind == "Deployment"


_Applied = Apply | RefusedWrite
_Judgement = _Applied | CleanForeignItems | Concede | Contest


def _judge(
    observed: ObservedState,
    target: Target,
    key: ChildKey,
    wanted: Wanted,
    *,
    number: int,
    memory: Memory,
) -> _Judgement | None:
    """Return what one child needs, None if it is in place or on its way out."""
    child, known = observed.children.get(key), observed.contests.get(key)
    apply = functools.partial(_apply, observed, target, key, wanted)
    if child is None:
        hidden = known is not None and _is_out_of_sight(known, wanted, observed.now)
        return known if hidden else apply(number)
    if child.deleting:
        return None
    known = contests.about(known, child.uid, wanted.desired)
    is_orphan = child.owner_uid is None and known is not None
    if not is_orphan and not ownership.ours(child, target, observed):
        return ownership.foreign_object(child, observed.now)
    if child.desired_hash != wanted.desired_hash and known is None:
        return apply(number)
    # A repair is no change: the child keeps the number of the release that last changed it.
    again = functools.partial(apply, child.release or number, is_repair=True)
    found = memory.recall(
        target.uid,
        key,
        (child.body, wanted.text, wanted.replicas),
        functools.partial(compare.compared, child, wanted),
    )
    return _repair(observed, child, wanted, found, known=known, again=again)


def _repair(
    observed: ObservedState,
    child: Child,
    wanted: Wanted,
    found: Comparison,
    *,
    known: Contest | None,
    again: Callable[[], _Applied],
) -> _Judgement | None:
    """Return what a child needs that has been written before as it is wanted now."""
    if not found.all:
        return contests.on_probation(known, observed.now)
    todo = contests.unsettled(known, found, observed.now)
    if not todo.all:
        return known
    if contests.is_fight(known, todo, observed.now):
        return Concede(child=child, wanted=wanted)
    if not todo.changed:
        operations = compare.removal(child.resource_version, todo.added)
        return CleanForeignItems(child=child, wanted=wanted, operations=operations)
    return again()


def _apply(
    observed: ObservedState,
    target: Target,
    key: ChildKey,
    wanted: Wanted,
    number: int,
    *,
    is_repair: bool = False,
) -> _Applied:
    """Return the write of a child, or why it is not the time for it."""
    no = observed.refused.get(key)
    if no is not None and no.desired_hash == wanted.desired_hash and observed.now < no.retry_at:
        return no
    return Apply(
        process_uid=target.uid,
        manifest=_sealed(wanted, number),
        wanted=wanted,
        child=observed.children.get(key),
        is_repair=is_repair,
    )


def _is_out_of_sight(known: Contest, wanted: Wanted, now: datetime) -> bool:
    """Whether a child is not seen because somebody takes away the labels by which it is."""
    return known.desired == wanted.desired and contest.hides(known) and now < known.retry_at


def _progress(
    observed: ObservedState,
    context: ApplicationContext,
    target: Target,
    process_plan: ProcessPlan,
    rollout_started_at: datetime | None,
) -> Progress:
    if process_plan.blocked is not None:
        said = PodProblem(reason=process_plan.blocked.reason, message=process_plan.blocked.message)
        live = process_plan.workload
        return Progress(
            state=State.MOVING,
            reason=said.reason,
            message=said.message,
            problem=said,
            available=rollout.instances(live) if live and live.owner_uid == target.uid else 0,
            current=False,
        )
    if target.entry.type == ProcessType.JOB:
        return Progress(state=State.READY, reason=Reason.AWAITING_RELEASE, message="")
    if process_plan.workload is None or process_plan.workload.deleting or process_plan.applies:
        return rollout.NOT_MADE
    if target.timetable is not None:
        return rollout.of_cron_job(process_plan.workload, target.timetable)
    return rollout.of_deployment(
        process_plan.workload,
        size=process_plan.size,
        pods=context.pods.get(names.key_label(target.entry.key), ()),
        probe_failures=observed.probe_failures,
        since=rollout_started_at,
    )


def _sealed(wanted: Wanted, number: int) -> Manifest:
    """Return the intent with its hash, its release and, where it is ours to say, its size."""
    manifest = orjson.loads(wanted.text)
    metadata = manifest["metadata"]
    sealed = {
        **manifest,
        "metadata": {
            **metadata,
            "labels": {**metadata["labels"], names.RELEASE: str(number)},
            "annotations": {
                **metadata.get("annotations", {}),
                names.DESIRED_HASH: wanted.desired_hash,
            },
        },
    }
    if wanted.replicas is not None:
        sealed["spec"] = {**manifest["spec"], "replicas": wanted.replicas}
    return sealed
