"""Releases that end before they start, and those whose application is gone."""

from process_operator.controller.observe.records import (
    Application,
    CustomResource,
    ObservedState,
    Release,
)
from process_operator.controller.release import job_verdict, triggers
from process_operator.controller.release.decision import Decision
from process_operator.controller.release.history import ReleaseHistory, next_number
from process_operator.controller.release.record import cancel, end, state
from process_operator.controller.resolve.application import Resolved
from process_operator.kube import conditions
from process_operator.kube.reasons import Reason
from process_operator.models.release import ReleaseState, ReleaseStatus


def orphans(observed: ObservedState) -> Decision:
    """Return what ends the releases whose application is gone, and their Jobs.

    A Job is stopped whatever its release's record says: the end may have been recorded just
    before a crash. One that waits is ended only if it was cancelled: its application may come.
    """
    application = observed.application
    uid = application.uid if application is not None and not application.deleting else None
    alone = [
        one for one in observed.releases if isinstance(one, CustomResource) and not one.deleting
    ]
    strayed = [one for one in alone if one.status.application_uid not in {None, uid}]
    lost = [one for one in strayed if state(one) == ReleaseState.IN_PROGRESS]
    cancelled = [
        one
        for one in alone
        if uid is None and state(one) == ReleaseState.WAITING and one.spec.cancel
    ]
    said = conditions.stalled(
        Reason.APPLICATION_DELETED, "the application was deleted while the release was in progress"
    )
    uids = {one.uid for one in strayed}
    return Decision(
        records=(
            *((one, end(one, ReleaseState.CANCELLED, said, observed.now)) for one in lost),
            *((one, cancel(one, observed.now)) for one in cancelled),
        ),
        stop=tuple(
            child
            for child in observed.children.values()
            if child.owner_uid in uids and not child.deleting and not job_verdict.is_finished(child)
        ),
        note="cancelled the releases of an application that is gone" if lost or cancelled else "",
    )


def before_start(
    observed: ObservedState, application: Application, resolved: Resolved, history: ReleaseHistory
) -> Decision | None:
    """Return what ends the waiting releases that were cancelled, whatever they wait for."""
    cancelled = [one for one in history.waiting if one.spec.cancel]
    if not cancelled:
        return None
    records = [(one, cancel(one, observed.now)) for one in cancelled]
    if len(cancelled) == len(history.waiting):
        last, record = records[-1]
        records[-1] = (
            last,
            _with_what_asked(observed, application, resolved, history, release=last, record=record),
        )
    named = ", ".join(one.name for one in cancelled)
    return Decision(records=tuple(records), note=f"cancelled before it started: {named}")


def _with_what_asked(
    observed: ObservedState,
    application: Application,
    resolved: Resolved,
    history: ReleaseHistory,
    *,
    release: Release,
    record: ReleaseStatus,
) -> ReleaseStatus:
    """Return the record with what the last waiting release stood for when it was cancelled.

    It stood for all that asked for a release meanwhile, and without this record the same would
    ask for the next one at once.
    """
    asks = (
        release.owner_uid == application.uid
        or triggers.request(observed, application, resolved, history) is not None
    )
    if resolved.candidate is None or not asks:
        return record
    return record.changed(
        application_uid=application.uid,
        number=next_number(release, application, history),
        requested=triggers.requested(application, resolved.candidate),
    )
