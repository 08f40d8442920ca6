"""What is said of releases that wait."""

from collections.abc import Iterable

from process_operator.controller.observe.records import CustomResource, ObservedState
from process_operator.controller.plan.model import ApplicationContext
from process_operator.controller.release import record, triggers
from process_operator.controller.release.decision import Decision, Waiting
from process_operator.controller.resolve.refusal import Refusal
from process_operator.controller.status import model
from process_operator.controller.status.model import Answer
from process_operator.kube import conditions
from process_operator.kube.reasons import Reason
from process_operator.models.release import ReleaseState


def releases_without_application(observed: ObservedState) -> Iterable[Answer]:
    """Tell waiting releases that the application they name is not there."""
    refusal = Refusal(
        reason=Reason.APPLICATION_NOT_FOUND,
        message=f'spec.applicationRef.name: there is no ProcessApplication "{observed.key.name}" '
        "in this namespace; create it",
        transient=True,
    )
    for one in observed.releases:
        if not isinstance(one, CustomResource) or one.deleting:
            continue
        if record.state(one) == ReleaseState.WAITING:
            said, wake_at = model.reconciling_then_stalled(one, refusal, observed.now)
            yield Answer(
                of=one,
                status=one.status.changed(state=ReleaseState.WAITING),
                said=said,
                in_progress=wake_at is not None,
                wake_at=wake_at,
            )


def waiting_releases(context: ApplicationContext, decision: Decision) -> Iterable[Answer]:
    """Tell waiting releases why they wait, if they do so for more than settling."""
    history = context.history
    if history.active is not None:
        active = f'release "{history.active.name}" is in progress'
        why = Waiting(reason=Reason.ANOTHER_RELEASE_ACTIVE, message=active)
    elif decision.waiting is not None:
        why = decision.waiting
    else:
        return
    for one in history.waiting:
        newest = history.waiting[-1]
        said = conditions.reconciling(why.reason, why.message)
        if one is not newest:
            message = f'release "{newest.name}" is newer; when it starts, this one is skipped'
            said = conditions.reconciling(Reason.NEWER_RELEASE_WAITING, message)
        yield Answer(
            of=one,
            status=one.status.changed(
                state=ReleaseState.WAITING,
                # What asked for it may be taken back while it waits: it is told once.
                trigger=one.status.trigger
                or triggers.trigger(context.application, context.resolved, history, one),
            ),
            said=said,
            in_progress=True,
            deferred=why.settling,
        )
