"""Inputs and outcome in; new statuses, and the events of their transitions, out.

Statuses follow kstatus: observedGeneration and `Ready` always, `Reconciling` or `Stalled` only
while true. An object is *open* while its answer will change by itself; progress of an open
object is written only after two seconds, so that a change that settles at once costs one write.
"""

from collections.abc import Sequence

from process_operator.controller.observe.records import World
from process_operator.controller.plan.model import Plan
from process_operator.controller.status import application, events, model, process, releases, runs
from process_operator.controller.status.model import Answer, Report, Write


def report(world: World, plan: Plan) -> Report:
    """Return what is to be written of an application, its processes and its waiting release."""
    answers = [
        process.process(world, plan, view) for view in plan.views if not view.process.deleting
    ]
    answers += (
        runs.waiting_run(world, one) for one in plan.runs.attended if one.waits or one.refused
    )
    if plan.subject is None:
        answers += releases.releases_without_application(world)
    else:
        answers.append(application.application(world, plan.subject, plan.decision, answers))
        answers += releases.waiting_releases(plan.subject, plan.decision)
    return _report(world, answers)


def _report(world: World, answers: Sequence[Answer]) -> Report:
    writes: list[Write] = []
    open_now: set[str] = set()
    wakes = [answer.wake_at for answer in answers if answer.wake_at is not None]
    for answer in answers:
        if answer.open and not answer.hushed:
            open_now.add(answer.of.uid)
        write = events.write(
            answer.of, model.complete(answer.of, answer.fields, answer.said, world.now)
        )
        if write is None:
            continue
        if answer.hushed:
            continue
        if answer.open:
            since = world.open_since.get(answer.of.uid, world.now)
            if world.now < since + model.PROGRESS_AFTER:
                wakes.append(since + model.PROGRESS_AFTER)
                continue
        writes.append(write)
    return Report(writes=tuple(writes), open=frozenset(open_now), wake_at=min(wakes, default=None))
