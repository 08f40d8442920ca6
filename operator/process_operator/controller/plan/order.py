"""In which order things are written, and what waits for what.

Whatever depends on a record comes after it, so that a crash between any two writes loses nothing:
first the records of releases, then the Job that one of them tells of, then the runs by hand, then
what is stopped, made anew and removed. After that each process by itself: the size that would be
lost is remembered, what would fight the new desired state goes (an autoscaler before a fixed
size), what is wanted is applied, and what is wanted no more goes last, if all else was taken.
"""

from collections.abc import Iterator, Sequence

from process_operator.controller.observe.records import Child, ObservedState
from process_operator.controller.plan import jobs
from process_operator.controller.plan.model import (
    Action,
    ApplicationContext,
    Apply,
    CleanForeignItems,
    Concede,
    CreateRelease,
    Delete,
    FailureEvidence,
    LastLines,
    Prune,
    RecordStatus,
    Runs,
    Stages,
    TakeUp,
)
from process_operator.controller.release import restored
from process_operator.controller.release.decision import Decision
from process_operator.models.release import ReleaseState

AUTOSCALER = "HorizontalPodAutoscaler"


def of_application(
    observed: ObservedState, context: ApplicationContext | None, decision: Decision, runs: Runs
) -> tuple[Action, ...]:
    """Return what is to be done for an application as a whole, in order.

    A mark makes another version of its object: what is written at the one before comes with the
    next look.
    """
    return tuple(_marks(context, decision, runs)) or (
        *_records_of_releases(decision),
        *jobs.jobs_of_releases(observed, context, decision),
        *_records_of_runs(runs),
        *jobs.jobs_of_runs(observed, context, runs.decisions),
        *(Prune(old=run) for run in runs.prune),
        *(Delete(child=job, waits_for_pods=True) for job in decision.stop),
        *_new_releases(context, decision),
        *(Prune(old=release) for release in decision.prune),
    )


def of_process(
    *,
    remember: RecordStatus | None = None,
    writes: Sequence[Apply | CleanForeignItems | Concede] = (),
    deletes: Sequence[Child] = (),
    is_complete: bool = True,
) -> Stages:
    """Return what is to be done for a process, in order.

    Args:
        remember: The record of the size that the next write takes away.
        writes: What its children need.
        deletes: Its children that are wanted no more.
        is_complete: Whether `writes` is all that they need: none waits because it was refused.
    """
    fighting = [child for child in deletes if child.kind == AUTOSCALER]
    last = [child for child in deletes if child.kind != AUTOSCALER] if is_complete else []
    stages: Stages = (
        () if remember is None else (remember,),
        (*(Delete(child=child) for child in fighting), *sorted(writes, key=_place)),
        tuple(Delete(child=child) for child in last),
    )
    return tuple(stage for stage in stages if stage)


def _place(write: Apply | CleanForeignItems | Concede) -> int:
    return (Apply, CleanForeignItems, Concede).index(type(write))


def _marks(context: ApplicationContext | None, decision: Decision, runs: Runs) -> Iterator[TakeUp]:
    application = context.application if context is not None else None
    if context is not None and context.is_to_be_marked:
        yield TakeUp(of=context.application)
    for release, status in decision.records:
        starts = release.status.number is None and status.state == ReleaseState.IN_PROGRESS
        if starts and restored.is_to_be_marked(release):
            yield TakeUp(of=release, owner=None if release.is_owned else application)
    for one in runs.decisions:
        if one.start is not None and one.run.taken_up != one.run.uid:
            yield TakeUp(of=one.run, owner=None if one.run.is_owned else application)


def _records_of_releases(decision: Decision) -> Iterator[RecordStatus]:
    for position, (release, status) in enumerate(decision.records, start=1):
        pod = decision.failed_pod if status.failure is not None else None
        yield RecordStatus(
            of=release,
            status=status,
            evidence=FailureEvidence(pod=pod) if pod is not None else None,
            # The last is the one that the decision is about.
            note=decision.note if position == len(decision.records) else "",
        )


def _records_of_runs(runs: Runs) -> Iterator[RecordStatus]:
    for one in runs.decisions:
        if one.record is not None:
            last_lines = (
                LastLines(pod=one.ended, secrets=one.secrets) if one.ended is not None else None
            )
            yield RecordStatus(
                of=one.run,
                status=one.record,
                evidence=last_lines,
                note=f"ended: {one.record.outcome}",
            )


def _new_releases(
    context: ApplicationContext | None, decision: Decision
) -> Iterator[CreateRelease]:
    if decision.create is not None and context is not None:
        yield CreateRelease(
            manifest=decision.create,
            last_number=context.history.last_number,
            note=decision.note,
        )
