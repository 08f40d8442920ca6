"""What is said of one process."""

import functools
from collections.abc import Sequence

from process_operator.controller.observe.memory import Memory
from process_operator.controller.observe.records import InvalidObject, ObservedState, Process
from process_operator.controller.plan.model import ApplicationContext, Plan, ProcessPlan
from process_operator.controller.release import record, rollout
from process_operator.controller.release.history import ReleaseHistory
from process_operator.controller.release.rollout import State
from process_operator.controller.release.runs import newest
from process_operator.controller.resolve.refusal import Refusal
from process_operator.controller.resolve.target import Target
from process_operator.controller.status import model, process_fields, routes, runs, schedule
from process_operator.controller.status.model import Answer
from process_operator.controller.status.pending import (
    are_dated,
    changes_wait,
    dated,
    of_configuration,
)
from process_operator.controller.status.schedule import Course
from process_operator.kube import conditions
from process_operator.kube.conditions import Condition
from process_operator.kube.reasons import Reason
from process_operator.models import staging
from process_operator.models.application import ScalingPolicy
from process_operator.models.configuration import sources
from process_operator.models.process import LASTING, ProcessStatus, ProcessType
from process_operator.models.snapshot import SnapshotProcess
from process_operator.models.status import ConditionStatus, PendingChange


def process(
    observed: ObservedState, plan: Plan, process_plan: ProcessPlan, memory: Memory
) -> Answer:
    """Return what is to be said of a process."""
    process = process_plan.process
    if isinstance(process, InvalidObject):
        return Answer(
            of=process,
            status=ProcessStatus(),
            said=conditions.stalled(Reason.INVALID_SPEC, process.message),
        )
    context = plan.context
    if context is None:
        return _without_application(observed, process)
    course = schedule.course(observed, context, process, process_plan, memory)
    pending = _pending(observed, context, process, process_plan, memory)
    refusal = context.resolved.refusals.get(process.uid)
    settling = plan.decision.waiting is not None and plan.decision.waiting.settling
    # A refusal, and a host that another one has, are told otherwise after a while.
    is_settled = refusal is None and process.uid not in observed.taken_hosts
    return memory.recall(
        process.uid,
        "answer",
        (
            *(process, process_plan, course, pending, refusal, settling, context.history),
            *(context.resolved.entries.get(process.uid), context.application.spec),
            *(newest(observed, process.name), observed.allowed_annotations),
        ),
        functools.partial(
            _answer,
            observed,
            context,
            process,
            process_plan,
            pending=pending,
            course=course,
            settling=settling,
        ),
        now=observed.now,
        until=lambda _: None if is_settled else observed.now,
    )


def _answer(
    observed: ObservedState,
    context: ApplicationContext,
    process: Process,
    process_plan: ProcessPlan,
    *,
    pending: tuple[PendingChange, ...],
    course: Course | None,
    settling: bool,
) -> Answer:
    status = process_fields.process_fields(
        observed, context, process, process_plan, course
    ).changed(pending=pending, pending_count=len(pending))
    refusal = context.resolved.refusals.get(process.uid)
    available = _availability(process_plan)
    if refusal is not None:
        said, wake_at = model.reconciling_then_stalled(process, refusal, observed.now)
        return Answer(of=process, status=status, said=[*said, available], wake_at=wake_at)
    if process_plan.target is None:
        return _awaiting(context, process, status, settling=settling)
    readiness = _readiness(context, process_plan, process_plan.target, pending)
    taken = routes.taken_hosts(observed, process)
    wake_at = process_plan.refused.retry_at if process_plan.refused is not None else None
    if taken is not None and conditions.is_true(readiness, conditions.READY):
        readiness, wake_at = model.reconciling_then_stalled(process, taken, observed.now)
    said = [*readiness, available, *routes.said(process_plan, process_plan.target, taken)]
    if pending:
        said.append(
            Condition(
                conditions.STAGED, "True", Reason.AWAITING_RELEASE, changes_wait(len(pending))
            )
        )
    return Answer(
        of=process,
        status=status,
        said=said,
        # What a job process tells changes with every step of a release: it can wait for the end.
        in_progress=conditions.is_true(said, conditions.RECONCILING)
        or (process.spec.type == ProcessType.JOB and context.history.active is not None),
        wake_at=wake_at,
    )


def _without_application(observed: ObservedState, process: Process) -> Answer:
    wanted = process.spec.application_ref.name
    refusal = Refusal(
        reason=Reason.APPLICATION_NOT_FOUND,
        message=f'spec.applicationRef.name: there is no ProcessApplication "{wanted}" in this '
        "namespace; create it. What runs is left as it is",
        transient=True,
    )
    said, wake_at = model.reconciling_then_stalled(process, refusal, observed.now)
    return Answer(
        of=process,
        status=process.status,
        said=said,
        in_progress=wake_at is not None,
        wake_at=wake_at,
    )


def _awaiting(
    context: ApplicationContext, process: Process, status: ProcessStatus, *, settling: bool
) -> Answer:
    """Answer for a process that the running release does not know."""
    history = context.history
    unavailable = Condition(
        conditions.AVAILABLE, "False", Reason.AWAITING_RELEASE, "nothing of this process runs yet"
    )
    if history.newer is not None:
        message = f'release "{history.newer}" was started by a newer version of the operator; what '
        said = conditions.ready(Reason.NEWER_OPERATOR, message + "runs is left as it is")
        return Answer(of=process, status=status, said=[*said, unavailable])
    if history.missing is not None:
        message = (
            f'the record of the serving release "{history.missing}" is gone or cannot be read; '
            "what runs is left as it is until a new release is asked for and succeeds"
        )
        said = conditions.ready(Reason.SERVING_RELEASE_MISSING, message)
        return Answer(of=process, status=status, said=[*said, unavailable])
    if process.spec.type == ProcessType.JOB:
        said = runs.job_readiness(history, process.spec.key, process.spec.job_start_policy)
    elif history.active is not None:
        message = f'runs with release "{history.active.name}": {record.doing(history.active)[1]}'
        said = conditions.ready(Reason.AWAITING_RELEASE, message)
    else:
        message = "runs with the next release; set spec.image or spec.revision of the application, "
        said = conditions.ready(Reason.AWAITING_RELEASE, message + "or create a ProcessRelease")
    said = [*said, unavailable]
    return Answer(of=process, status=status, said=said, in_progress=True, deferred=settling)


def _readiness(
    context: ApplicationContext,
    process_plan: ProcessPlan,
    target: Target,
    pending: Sequence[PendingChange],
) -> list[Condition]:
    progress = process_plan.progress
    if process_plan.refused is not None:
        return conditions.stalled(process_plan.refused.reason, process_plan.refused.message)
    history = context.history
    if target.entry.type == ProcessType.JOB:
        return runs.job_readiness(history, target.entry.key, target.entry.job_start_policy)
    releasing = history.active is not None and context.running is history.active
    if progress.state is State.FAILED:
        return conditions.stalled(progress.reason, progress.message)
    if progress.state is State.READY or _only_scaling(process_plan, releasing=releasing):
        if target.suspended:
            return conditions.ready(Reason.SUSPENDED, "the application is suspended; nothing runs")
        message = progress.message + _scheduled(target) + _blamed(history, target.entry.key)
        if pending:
            return conditions.ready(Reason.STAGED, f"{changes_wait(len(pending))}; {message}")
        return conditions.ready(progress.reason, message)
    if progress.current and not releasing and progress.available == 0 and _served(process_plan):
        # It was up to date before and serves no more: nothing that was asked for is under way.
        return [
            Condition(conditions.READY, "False", Reason.UNAVAILABLE, progress.message),
            Condition(conditions.RECONCILING, "True", Reason.UNAVAILABLE, progress.message),
        ]
    return conditions.reconciling(progress.reason, progress.message)


def _scheduled(target: Target) -> str:
    """Return which schedule bounds the size: without it nobody would see why it is another."""
    holds = target.scaled.in_force
    if holds is None or not holds.schedule.bounds:
        return ""
    return f' under scaling schedule "{holds.schedule.name}"'


def _blamed(history: ReleaseHistory, key: str) -> str:
    """Return in short why the last rollout failed, to each process that went back with it.

    A release that failed before its rollout has not touched what runs.
    """
    last = history.last_rolled_out
    why = last.status.failure if last is not None else None
    if last is None or why is None:
        return ""
    if why.process == key:
        return f'; release "{last.name}" failed here: {why.message}'
    return f'; release "{last.name}" failed: {why.sentence}'


def _only_scaling(process_plan: ProcessPlan, *, releasing: bool) -> bool:
    """An autoscaler that adds instances is no change that anybody waits for."""
    return (
        not releasing
        and process_plan.target is not None
        and process_plan.target.scaling.by_others
        and process_plan.progress.available > 0
        and process_plan.progress.state is State.MOVING
        and process_plan.progress.problem is None
        and process_plan.progress.current
    )


def _served(process_plan: ProcessPlan) -> bool:
    before = process_plan.process.status.condition(conditions.AVAILABLE)
    was_ready = process_plan.process.status.condition(conditions.READY)
    return (before is not None and before.status == ConditionStatus.TRUE) or (
        was_ready is not None and was_ready.reason == Reason.UNAVAILABLE
    )


def _availability(process_plan: ProcessPlan) -> Condition:
    progress = process_plan.progress
    if process_plan.target is None:
        kept = process_plan.kept
        if kept is not None and (kept.kind == "CronJob" or rollout.instances(kept) > 0):
            return Condition(
                conditions.AVAILABLE, "True", Reason.AVAILABLE, "what was made last goes on"
            )
        return Condition(
            conditions.AVAILABLE,
            "False",
            Reason.AWAITING_RELEASE,
            "nothing of this process runs yet",
        )
    if process_plan.target.entry.type == ProcessType.JOB:
        return Condition(
            conditions.AVAILABLE, "False", Reason.AWAITING_RELEASE, "it runs only with a release"
        )
    if process_plan.target.suspended:
        return Condition(
            conditions.AVAILABLE, "False", Reason.SUSPENDED, "the application is suspended"
        )
    if progress.available > 0:
        return Condition(conditions.AVAILABLE, "True", Reason.AVAILABLE, "it serves")
    if (
        process_plan.size == 0
        and process_plan.workload is not None
        and process_plan.target.timetable is None
    ):
        return Condition(
            conditions.AVAILABLE,
            "False",
            Reason.SCALED_TO_ZERO,
            f"0 instances are wanted{_scheduled(process_plan.target)}",
        )
    return Condition(conditions.AVAILABLE, "False", progress.reason, progress.message)


def _of_configuration(
    context: ApplicationContext, saved: SnapshotProcess
) -> tuple[staging.Difference, ...]:
    """Return what of its own configuration has changed; the application tells of its own."""
    if saved.type not in LASTING:
        return ()
    of_all = context.resolved.candidate or context.application.spec
    return of_configuration(context, sources(saved) - sources(of_all))


def _pending(
    observed: ObservedState,
    context: ApplicationContext,
    process: Process,
    process_plan: ProcessPlan,
    memory: Memory,
) -> tuple[PendingChange, ...]:
    """Return the staged differences between what is saved and what runs, oldest `since` kept."""
    if process_plan.target is None:
        return ()
    running, before = process_plan.target.entry, process.status.pending
    saved = context.resolved.entries.get(process.uid)
    if saved is None:
        return before
    staged = context.application.spec.scaling_policy != ScalingPolicy.IMMEDIATE
    found = memory.recall(
        process.uid,
        "differences",
        (running, saved, staged, context.running, context.resolved.configuration),
        lambda: (
            *staging.process_differences(running, saved, scaling_is_staged=staged),
            *_of_configuration(context, saved),
        ),
    )
    return memory.recall(
        process.uid,
        "pending",
        (found, process.status),
        lambda: dated(found, before, observed.now),
        now=observed.now,
        until=lambda _: None if are_dated(found, before) else observed.now,
    )
