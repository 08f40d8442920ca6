"""Inputs in, a plan out: what to write, remove and record, in which order, when to look again.

Everything is compared here, before any write: an apply that changes nothing costs the API server
more than a create. A child is in place when it carries the hash of the same intent and `compare`
finds nothing otherwise, or only what somebody else keeps so (`contests`).

`replicas` is no part of the intent. It is ours until an autoscaler has changed it: an apply that
drops it while we are its only owner resets it to 1, and an autoscaler never leaves 0.
"""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from process_operator.controller.observe.memory import Memory
from process_operator.controller.observe.records import Application, CustomResource, ObservedState
from process_operator.controller.plan import jobs, order, showing
from process_operator.controller.plan.model import (
    ApplicationContext,
    Plan,
    ProcessPlan,
    Version,
)
from process_operator.controller.plan.process import plan_process
from process_operator.controller.release import cancel, decide, record
from process_operator.controller.release.history import (
    last_rollout_started_at,
    release_history,
    running_release,
)
from process_operator.controller.release.rollout import ProcessProgress
from process_operator.controller.resolve.application import resolve
from process_operator.models.process import ProcessType
from process_operator.models.snapshot import Snapshot, SnapshotProcess


def plan(observed: ObservedState, memory: Memory | None = None) -> Plan:
    """Return what to do so that this application becomes what it declares.

    Args:
        observed: All that is seen.
        memory: What was worked out at earlier looks.
    """
    remembered = memory if memory is not None else Memory()
    remembered.retain({process.uid for process in observed.processes})
    application = observed.application
    if not isinstance(application, CustomResource) or application.deleting:
        decision, runs = cancel.orphans(observed), jobs.runs(observed, None)
        return Plan(
            context=None,
            decision=decision,
            processes=tuple(ProcessPlan(process=one, target=None) for one in observed.processes),
            actions=order.of_application(observed, None, decision, runs),
            runs=runs,
        )
    context = _context(observed, application, remembered)
    processes = tuple(
        plan_process(observed, context, process, remembered) for process in observed.processes
    )
    rolling = [
        ProcessProgress(
            process_plan.target.entry.key, process_plan.target.entry.type, process_plan.progress
        )
        for process_plan in processes
        if process_plan.target is not None and process_plan.target.entry.type != ProcessType.JOB
    ]
    lost = cancel.orphans(observed)
    pods, to_show = showing.shows(observed, context, remembered)
    decision = (
        lost
        if lost.records or lost.stop
        else decide.decide(
            observed, application, context.resolved, context.history, rolling, pods=pods
        )
    )
    is_awaited = pods is not None and decision.waiting is pods
    runs = jobs.runs(observed, context)
    return Plan(
        context=context,
        decision=decision,
        processes=processes,
        actions=(
            *order.of_application(observed, context, decision, runs),
            *(to_show if is_awaited else ()),
        ),
        runs=runs,
    )


def _context(
    observed: ObservedState, application: Application, memory: Memory
) -> ApplicationContext:
    history = memory.same("history", release_history(observed, application))
    running = running_release(history)
    frozen = record.snapshot(running) if running is not None else None
    return ApplicationContext(
        application=application,
        resolved=resolve(observed, application, memory),
        history=history,
        running=running,
        snapshot=frozen,
        entries=memory.recall("", "entries", (frozen,), lambda: _entries(frozen)),
        version=memory.same(
            "version", Version(record.number(running), last_rollout_started_at(history))
        )
        if running is not None
        else None,
        children=_grouped(observed.children.values(), lambda child: child.owner_uid),
        pods=_grouped(observed.pods, lambda pod: pod.process),
    )


def _entries(frozen: Snapshot | None) -> dict[tuple[str, ProcessType], SnapshotProcess]:
    found = frozen.processes if frozen is not None else ()
    return {(entry.key, entry.type): entry for entry in reversed(found)}


_T = TypeVar("_T")
_GroupT = TypeVar("_GroupT", bound=Hashable)


def _grouped(records: Iterable[_T], by: Callable[[_T], _GroupT]) -> dict[_GroupT, tuple[_T, ...]]:
    groups: dict[_GroupT, list[_T]] = {}
    for one in records:
        groups.setdefault(by(one), []).append(one)
    return {group: tuple(found) for group, found in groups.items()}
