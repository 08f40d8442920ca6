"""What is said of releases that wait."""

from collections.abc import Iterable

from process_operator.controller.observe.records import Owned, World
from process_operator.controller.plan.model import Subject
from process_operator.controller.release import record
from process_operator.controller.release.decision import Decision, Waiting
from process_operator.controller.resolve.refusal import Refusal
from process_operator.controller.status import model
from process_operator.controller.status.model import Answer
from process_operator.kube import conditions
from process_operator.models.release import ReleaseState


def releases_without_application(world: World) -> Iterable[Answer]:
    """Tell waiting releases that the application they name is not there."""
    refusal = Refusal(
        reason="ApplicationNotFound",
        message=f'spec.applicationRef.name: there is no ProcessApplication "{world.key.name}" in '
        "this namespace; create it",
        patient=True,
    )
    for one in world.releases:
        if not isinstance(one, Owned) or one.deleting:
            continue
        if record.state(one) == ReleaseState.WAITING:
            said, wake_at = model.impatient(one, refusal, world.now)
            yield Answer(
                of=one,
                fields={"state": str(ReleaseState.WAITING)},
                said=said,
                open=wake_at is not None,
                wake_at=wake_at,
            )


def waiting_releases(subject: Subject, decision: Decision) -> Iterable[Answer]:
    """Tell waiting releases why they wait, if they do so for more than settling."""
    course = subject.course
    if course.active is not None:
        active = f'release "{course.active.name}" is in progress'
        why = Waiting(reason="AnotherReleaseActive", message=active)
    elif decision.waiting is not None:
        why = decision.waiting
    else:
        return
    for one in course.waiting:
        newest = course.waiting[-1]
        said = conditions.reconciling(why.reason, why.message)
        if one is not newest:
            message = f'release "{newest.name}" is newer; when it starts, this one is skipped'
            said = conditions.reconciling("NewerReleaseWaiting", message)
        yield Answer(
            of=one,
            fields={"state": str(ReleaseState.WAITING)},
            said=said,
            open=True,
            hushed=why.settling,
        )
