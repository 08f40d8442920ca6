"""What is said of the application: of its releases, and the worst of its processes."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from process_operator.controller.observe.memory import Memory
from process_operator.controller.observe.records import CustomResource, ObservedState, Release
from process_operator.controller.plan.model import ApplicationContext
from process_operator.controller.release import failure, record, repeated, triggers
from process_operator.controller.release.decision import Decision
from process_operator.controller.release.history import ReleaseHistory
from process_operator.controller.resolve.refusal import Refusal
from process_operator.controller.status import model
from process_operator.controller.status.model import Answer
from process_operator.controller.status.pending import changes_wait, dated, of_configuration
from process_operator.kube import conditions
from process_operator.kube.conditions import Condition
from process_operator.kube.reasons import Reason
from process_operator.models import staging
from process_operator.models.application import ActiveRelease, ApplicationStatus
from process_operator.models.configuration import sources
from process_operator.models.process import (
    JobStartPolicy,
    ProcessSpec,
    ProcessStatus,
    ProcessType,
)
from process_operator.models.release import ReleaseState, Result
from process_operator.models.status import PendingChange, ServingRelease


def application(
    observed: ObservedState,
    context: ApplicationContext,
    decision: Decision,
    processes: Sequence[Answer],
    memory: Memory,
) -> Answer:
    """Return what is to be said of the application."""
    starts = decision.create is not None or bool(decision.records)
    settling = decision.waiting is not None and decision.waiting.settling
    status = _application_fields(observed, context, processes, memory)
    waiting = changes_wait(status.pending_count) if status.pending_count else ""
    said, wake_at = _application_readiness(observed, context, decision, processes, waiting)
    said = [*said, _serving(context)]
    if status.pending:
        waits = changes_wait(len(status.pending))
        said.append(Condition(conditions.STAGED, "True", Reason.AWAITING_RELEASE, waits))
    return Answer(
        of=context.application,
        status=status,
        said=said,
        # An application comes before its processes: what it lacks may be about to arrive.
        in_progress=starts
        or settling
        or context.running is None
        or conditions.is_true(said, conditions.RECONCILING)
        or any(_moves(one) for one in processes),
        deferred=settling,
        wake_at=wake_at,
    )


def _moves(answer: Answer) -> bool:
    """Whether a process is on its way, and what is counted of the application with it.

    Not one of a job: that is so for as long as its job runs.
    """
    spec = answer.of.spec if isinstance(answer.of, CustomResource) else None
    return (
        isinstance(spec, ProcessSpec)
        and spec.type != ProcessType.JOB
        and conditions.is_true(answer.said, conditions.RECONCILING)
    )


def _serving(context: ApplicationContext) -> Condition:
    serving = context.history.serving
    if serving is None:
        message = "no release has succeeded yet"
        return Condition(conditions.AVAILABLE, "False", Reason.AWAITING_RELEASE, message)
    if context.application.spec.suspend:
        return Condition(conditions.AVAILABLE, "False", Reason.SUSPENDED, "nothing runs")
    return Condition(
        conditions.AVAILABLE, "True", Reason.SERVING, f'release "{serving.name}" serves'
    )


def _application_readiness(
    observed: ObservedState,
    context: ApplicationContext,
    decision: Decision,
    processes: Sequence[Answer],
    waiting: str,
) -> tuple[list[Condition], datetime | None]:
    application, history = context.application, context.history
    if history.newer is not None:
        message = (
            f'release "{history.newer}" was started by a newer version of the operator, and all of '
            "the application is left as it is; upgrade the operator"
        )
        return conditions.stalled(Reason.NEWER_OPERATOR, message), None
    if history.active is not None and not application.spec.suspend:
        return _of_active(context, decision, history.active), None
    if application.spec.suspend:
        return conditions.ready(Reason.SUSPENDED, "nothing runs until spec.suspend is false"), None
    if decision.waiting is not None:
        why = decision.waiting
        message = why.message
        if history.waiting:
            message = f'release "{history.waiting[-1].name}" waits: {message}'
        refusal = Refusal(reason=why.reason, message=message, transient=True)
        return model.reconciling_then_stalled(application, refusal, observed.now)
    if history.missing is not None:
        message = (
            f'the record of the serving release "{history.missing}" is gone or cannot be read; '
            "what runs is left as it is. Ask for a new release, by spec.revision or a "
            "ProcessRelease"
        )
        return conditions.stalled(Reason.SERVING_RELEASE_MISSING, message), None
    last = history.newest
    has_failed = last is not None and record.state(last) == ReleaseState.FAILED
    if last is not None and has_failed and not _is_taken_back(context):
        return conditions.stalled(Reason.RELEASE_FAILED, _failure(observed, context, last)), None
    cancelled = history.cancelled_before_start or last
    if history.serving is None and cancelled is not None and _is_cancelled(cancelled):
        message = f'release "{cancelled.name}" was cancelled, {_no_way_back(context)}. {_TRY_AGAIN}'
        said = conditions.ready(Reason.AWAITING_RELEASE, message)
        return _summary(processes, said, first=f"{message}. "), None
    if context.running is None:
        return _unreleased(observed, context)
    runs = f'release "{context.running.name}" runs'
    said = conditions.ready(Reason.RELEASED, f"{runs}; {waiting}" if waiting else runs)
    return _summary(processes, said), None


def _of_active(context: ApplicationContext, decision: Decision, active: Release) -> list[Condition]:
    """Say what a release does, and at once if it has failed and nothing else is on its way."""
    reason, message = record.doing(active)
    why = active.status.failure
    is_followed = context.history.waiting or decision.create is not None or decision.waiting
    if why is None or is_followed or _is_taken_back(context):
        return conditions.reconciling(reason, f'release "{active.name}": {message}')
    told = f'release "{active.name}" failed, and for now {message}. {why.sentence or ""}'
    return conditions.stalled(Reason.RELEASE_FAILED, f"{told}. {_MEND_IT}")


def _is_taken_back(context: ApplicationContext) -> bool:
    return triggers.is_taken_back(context.application, context.resolved, context.history)


def _is_cancelled(one: Release) -> bool:
    return record.state(one) == ReleaseState.CANCELLED


def _no_way_back(context: ApplicationContext) -> str:
    """Say what is left where no release has succeeded yet."""
    nothing = "there is no earlier release to go back to"
    if context.running is None:
        return f"{nothing}, and nothing runs yet"
    return f'{nothing}, and what release "{context.running.name}" made stays'


_TRY_AGAIN = "To try again, change spec.image or spec.revision, or create a ProcessRelease"
_MEND_IT = (
    "To try again, correct what was wrong, change spec.image or spec.revision, or create a "
    "ProcessRelease"
)


def _failure(observed: ObservedState, context: ApplicationContext, failed: Release) -> str:
    why = failed.status.failure
    sentence = (why.sentence if why is not None else None) or ""
    return (
        f'release "{failed.name}" failed, {_what_runs(observed, context, failed)}. {sentence}. '
        f"{_MEND_IT}"
    )


def _what_runs(observed: ObservedState, context: ApplicationContext, failed: Release) -> str:
    """Say what a failure has left running, and which processes could not go back."""
    running, serving = context.running, context.history.serving
    if serving is None or running is None:
        return _no_way_back(context)
    if running is failed:
        is_stuck = any(
            one.policy == JobStartPolicy.BEFORE_ROLLBACK and one.result == Result.FAILED
            for one in failed.status.jobs
        )
        why = "a job before going back failed" if is_stuck else "spec.release.rollback was false"
        return (
            f"and its instances stay, because {why}; the last release that succeeded is "
            f'"{serving.name}"'
        )
    if failed.status.rollout_started_at is None:
        return f'release "{running.name}" still {"serves" if running is serving else "runs"}'
    return f'release "{running.name}" serves again{_without_deleted(observed, context)}'


def _without_deleted(observed: ObservedState, context: ApplicationContext) -> str:
    """Name what the snapshot that was gone back to knows and that is not declared any more."""
    readable = [one for one in observed.processes if isinstance(one, CustomResource)]
    if context.snapshot is None or len(readable) < len(observed.processes):
        return ""
    declared = {(one.spec.key, one.spec.type) for one in readable if not one.deleting}
    gone = [one.key for one in context.snapshot.processes if (one.key, one.type) not in declared]
    named = ", ".join(f'"{key}"' for key in sorted(gone))
    return f", without the deleted {named}" if gone else ""


def _unreleased(
    observed: ObservedState, context: ApplicationContext
) -> tuple[list[Condition], datetime | None]:
    """Say why nothing has asked for the first release."""
    if context.application.spec.image is None:
        message = "spec.image is not set; set it to release"
        return conditions.ready(Reason.AWAITING_RELEASE, message), None
    for process in observed.processes:
        refusal = context.resolved.refusals.get(process.uid)
        if refusal is not None:
            named = Refusal(
                reason=refusal.reason,
                message=f'Process "{process.name}": {refusal.message}',
                transient=refusal.transient,
            )
            return model.reconciling_then_stalled(context.application, named, observed.now)
    if not context.resolved.entries:
        message = "no Process names this application in spec.applicationRef.name; create one"
        return conditions.ready(Reason.AWAITING_RELEASE, message), None
    message = "spec.release.initial is manual; create a ProcessRelease to release it"
    return conditions.ready(Reason.AWAITING_RELEASE, message), None


def _summary(
    processes: Sequence[Answer], otherwise: list[Condition], *, first: str = ""
) -> list[Condition]:
    """Say of the application what the worst of its processes says."""
    for kind, say in (
        (conditions.STALLED, conditions.stalled),
        (conditions.RECONCILING, conditions.reconciling),
    ):
        for answer in processes:
            found = next((c for c in answer.said if c.type == kind), None)
            if found is not None:
                message = f'{first}Process "{answer.of.name}": {found.message}'
                return say(found.reason, message)
    return otherwise


def _application_fields(
    observed: ObservedState,
    context: ApplicationContext,
    processes: Sequence[Answer],
    memory: Memory,
) -> ApplicationStatus:
    application, history, frozen = context.application, context.history, context.snapshot
    pending: tuple[PendingChange, ...] = ()
    candidate = context.resolved.candidate
    if frozen is not None and candidate is not None:
        found = memory.recall(
            "",
            "differences",
            (frozen, candidate, context.running, context.resolved.configuration),
            lambda: (
                *staging.application_differences(frozen, candidate),
                *of_configuration(context, sources(candidate)),
            ),
        )
        pending = dated(found, application.status.pending, observed.now)
    ready = sum(conditions.is_true(answer.said, conditions.READY) for answer in processes)
    image, revision = _last_released(context)
    return ApplicationStatus(
        pending=pending,
        pending_count=len(pending) + sum(_pending_count(answer) for answer in processes),
        warnings=tuple(_release_warnings(history)),
        image=image,
        revision=revision,
        serving_release=_serving_release(context),
        last_release_number=history.last_number or None,
        active_release=_active_release(history),
        past_requests=repeated.remembered(observed, application.status),
        processes_ready=f"{ready}/{len(processes)}",
    )


def _pending_count(answer: Answer) -> int:
    status = answer.status
    return (status.pending_count or 0) if isinstance(status, ProcessStatus) else 0


def _serving_release(context: ApplicationContext) -> ServingRelease | None:
    serving = context.history.serving
    if serving is not None:
        return ServingRelease(name=serving.name, number=record.number(serving))
    return context.application.status.serving_release if context.history.missing else None


def _active_release(history: ReleaseHistory) -> ActiveRelease | None:
    active = history.active
    if active is None:
        return None
    return ActiveRelease(
        name=active.name,
        number=record.number(active),
        state=record.state(active),
        step=active.status.step,
    )


def _last_released(context: ApplicationContext) -> tuple[str | None, str | None]:
    """Return image and revision of what runs; kept where its record is gone, to compare with."""
    running, frozen = context.running, context.snapshot
    if running is None or frozen is None:
        before = context.application.status
        return before.image, before.revision
    requested = running.status.requested
    return frozen.image, requested.revision if requested is not None else None


def _release_warnings(history: ReleaseHistory) -> Iterable[str]:
    """Yield what went wrong with the serving release without undoing it."""
    serving = history.serving
    if serving is None:
        return
    for job in serving.status.jobs:
        if job.policy == JobStartPolicy.AFTER_SUCCESS_DEPLOYMENT and job.result == Result.FAILED:
            yield f'release "{serving.name}": {failure.after_success(job)}'
