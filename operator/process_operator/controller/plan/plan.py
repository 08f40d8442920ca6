"""Inputs in, a plan out: what to write, remove and record, in which order, when to look again.

Everything is compared here, before any write: an apply that changes nothing costs the API server
more than a create. A child is in place when it carries the hash of the same intent and `compare`
finds nothing otherwise, or only what somebody else keeps so (`contests`).

`replicas` is no part of the intent. It is ours until an autoscaler has changed it: an apply that
drops it while we are its only owner resets it to 1, and an autoscaler never leaves 0.
"""

from process_operator.controller.observe.records import Application, CustomResource, ObservedState
from process_operator.controller.plan import jobs, order
from process_operator.controller.plan.model import ApplicationContext, Plan, ProcessPlan
from process_operator.controller.plan.process import plan_process
from process_operator.controller.release import cancel, decide, record
from process_operator.controller.release.history import release_history, running_release
from process_operator.controller.release.rollout import ProcessProgress
from process_operator.controller.resolve.application import resolve
from process_operator.models.process import ProcessType


def plan(observed: ObservedState) -> Plan:
    """Return what to do so that this application becomes what it declares."""
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
    context = _context(observed, application)
    processes = tuple(plan_process(observed, context, process) for process in observed.processes)
    rolling = [
        ProcessProgress(
            process_plan.target.entry.key, process_plan.target.entry.type, process_plan.progress
        )
        for process_plan in processes
        if process_plan.target is not None and process_plan.target.entry.type != ProcessType.JOB
    ]
    lost = cancel.orphans(observed)
    decision = (
        lost
        if lost.records or lost.stop
        else decide.decide(observed, application, context.resolved, context.history, rolling)
    )
    runs = jobs.runs(observed, context)
    return Plan(
        context=context,
        decision=decision,
        processes=processes,
        actions=order.of_application(observed, context, decision, runs),
        runs=runs,
    )


def _context(observed: ObservedState, application: Application) -> ApplicationContext:
    resolved = resolve(observed, application)
    history = release_history(observed, application)
    running = running_release(history)
    return ApplicationContext(
        application=application,
        resolved=resolved,
        history=history,
        running=running,
        snapshot=record.snapshot(running) if running is not None else None,
    )
