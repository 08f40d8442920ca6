"""Inputs in, a plan out: what to write, what to remove, what to record, when to look again.

Everything is compared here, before any write: an apply that changes nothing costs the API server
more than a create. A child is in place when it carries the hash of the same intent and `compare`
finds nothing otherwise, or only what somebody else keeps so (`contests`).

`replicas` is no part of the intent. It is ours until an autoscaler has changed it: an apply that
drops it while we are its only owner resets it to 1, and an autoscaler never leaves 0.
"""

from process_operator.controller.observe.records import Owned, World
from process_operator.controller.plan import jobs
from process_operator.controller.plan.model import Plan, Subject, View
from process_operator.controller.plan.process import plan_process
from process_operator.controller.release import cancel, decide, record
from process_operator.controller.release.history import release_history, running_release
from process_operator.controller.resolve.application import resolve
from process_operator.models.application import ApplicationSpec
from process_operator.models.process import ProcessType


def plan(world: World) -> Plan:
    """Return what to do so that this application becomes what it declares."""
    application = world.application
    if not isinstance(application, Owned) or application.deleting:
        return Plan(
            subject=None,
            decision=cancel.orphans(world),
            views=tuple(View(process=one, target=None) for one in world.processes),
            runs=jobs.runs(world, None),
        )
    subject = _subject(world, application)
    views = tuple(plan_process(world, subject, process) for process in world.processes)
    rolling = [
        (view.target.entry.key, str(view.target.entry.type), view.progress)
        for view in views
        if view.target is not None and view.target.entry.type != ProcessType.JOB
    ]
    lost = cancel.orphans(world)
    decision = (
        lost
        if lost.records or lost.stop
        else decide.decide(world, application, subject.resolved, subject.course, rolling)
    )
    return Plan(
        subject=subject,
        decision=decision,
        views=views,
        job=jobs.job(world, subject, decision),
        runs=jobs.runs(world, subject),
    )


def _subject(world: World, application: Owned[ApplicationSpec]) -> Subject:
    resolved = resolve(world, application)
    course = release_history(world, application)
    running = running_release(course)
    return Subject(
        application=application,
        resolved=resolved,
        course=course,
        running=running,
        snapshot=record.snapshot(running) if running is not None else None,
    )
