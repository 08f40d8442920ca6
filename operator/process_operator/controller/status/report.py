"""Inputs and outcome in; new statuses, and the events of their transitions, out.

Statuses follow kstatus: observedGeneration and `Ready` always, `Reconciling` or `Stalled` only
while true. An object is *open* while its answer will change by itself; progress of an open
object is written only after two seconds, so that a change that settles at once costs one write,
and after more while there is a backlog. What is final is written at once.
"""

from collections.abc import Sequence
from datetime import timedelta

from process_operator.controller.observe.memory import Memory
from process_operator.controller.observe.records import ObservedState
from process_operator.controller.plan.model import Plan
from process_operator.controller.status import application, events, model, process, releases, runs
from process_operator.controller.status.model import Answer, Report, Write
from process_operator.kube import conditions


def report(observed: ObservedState, plan: Plan, memory: Memory | None = None) -> Report:
    """Return what is to be written of an application, its processes and its waiting release.

    Args:
        observed: All that is seen.
        plan: What is to be done; nothing of it is left to do when this is told.
        memory: What was worked out at earlier looks.
    """
    remembered = memory if memory is not None else Memory()
    answers = [
        process.process(observed, plan, process_plan, remembered)
        for process_plan in plan.processes
        if not process_plan.process.deleting
    ]
    answers += (
        runs.waiting_run(observed, one) for one in plan.runs.decisions if one.waits or one.refused
    )
    if plan.context is None:
        answers += releases.releases_without_application(observed)
    else:
        answers.append(
            application.application(observed, plan.context, plan.decision, answers, remembered)
        )
        answers += releases.waiting_releases(plan.context, plan.decision)
    return _report(observed, answers, remembered)


def _report(observed: ObservedState, answers: Sequence[Answer], memory: Memory) -> Report:
    writes: list[Write] = []
    in_progress: set[str] = set()
    told: set[str] = set()
    longer = model.progress_after(observed.backlog)
    wakes = [answer.wake_at for answer in answers if answer.wake_at is not None]
    for answer in answers:
        if answer.in_progress and not answer.deferred:
            in_progress.add(answer.of.uid)
        if answer.deferred:
            continue
        patience = timedelta(0)
        if answer.in_progress:
            # What waits for its user will not be overtaken, however much else is on its way.
            moves = conditions.is_true(answer.said, conditions.RECONCILING)
            patience = longer if moves else model.PROGRESS_AFTER
            since = observed.in_progress_since.get(answer.of.uid, observed.now)
            if observed.now < since + patience:
                # Not asked whether it is news: most of it is overtaken before its time comes.
                wakes.append(since + patience)
                continue
        write = _news(observed, answer, memory)
        if write is None:
            continue
        if patience > model.PROGRESS_AFTER:
            told.add(answer.of.uid)
        writes.append(write)
    return Report(
        writes=tuple(writes),
        in_progress=frozenset(in_progress),
        told=frozenset(told),
        wake_at=min(wakes, default=None),
        answers=answers,
    )


def _news(observed: ObservedState, answer: Answer, memory: Memory) -> Write | None:
    """Return the write of an answer; None where its object says so already, whatever the time."""
    return memory.recall(
        answer.of.uid,
        "news",
        (answer,),
        lambda: events.write(answer.of, model.complete(answer, observed.now)),
        now=observed.now,
        until=lambda write: observed.now if write is not None else None,
    )
