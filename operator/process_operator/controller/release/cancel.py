"""Releases that end before they start, and those whose application is gone."""

from typing import Any

from process_operator.controller.observe.records import Owned, World
from process_operator.controller.release import job_verdict, triggers
from process_operator.controller.release.decision import Decision
from process_operator.controller.release.history import Application, Course, next_number
from process_operator.controller.release.record import Release, cancel, end, state
from process_operator.controller.resolve.application import Resolved
from process_operator.kube import conditions
from process_operator.models.release import ReleaseState


def orphans(world: World) -> Decision:
    """Return what ends the releases whose application is gone, and their Jobs.

    A Job is stopped whatever its release's record says: the end may have been recorded just
    before a crash. One that waits is ended only if it was cancelled: its application may come.
    """
    application = world.application
    uid = application.uid if application is not None and not application.deleting else None
    alone = [one for one in world.releases if isinstance(one, Owned) and not one.deleting]
    strayed = [one for one in alone if one.status.get("applicationUID") not in {None, uid}]
    lost = [one for one in strayed if state(one) == ReleaseState.IN_PROGRESS]
    cancelled = [
        one
        for one in alone
        if uid is None and state(one) == ReleaseState.WAITING and one.spec.cancel
    ]
    said = conditions.stalled(
        "ApplicationDeleted", "the application was deleted while the release was in progress"
    )
    uids = {one.uid for one in strayed}
    return Decision(
        records=(
            *((one, end(one, ReleaseState.CANCELLED, said, world.now)) for one in lost),
            *((one, cancel(one, world.now)) for one in cancelled),
        ),
        stop=tuple(
            child
            for child in world.children.values()
            if child.owner_uid in uids and not child.deleting and not job_verdict.is_finished(child)
        ),
        note="cancelled the releases of an application that is gone" if lost or cancelled else "",
    )


def withdrawals(
    world: World, application: Application, resolved: Resolved, course: Course
) -> Decision | None:
    """Return what ends the waiting releases that were cancelled, whatever they wait for."""
    cancelled = [one for one in course.waiting if one.spec.cancel]
    if not cancelled:
        return None
    records = [(one, cancel(one, world.now)) for one in cancelled]
    if len(cancelled) == len(course.waiting):
        last, record = records[-1]
        records[-1] = (last, record | _taken_along(world, application, resolved, course, last))
    named = ", ".join(one.name for one in cancelled)
    return Decision(records=tuple(records), note=f"cancelled before it started: {named}")


def _taken_along(
    world: World,
    application: Application,
    resolved: Resolved,
    course: Course,
    release: Release,
) -> dict[str, Any]:
    """Return the record of what the last waiting release stood for when it was cancelled.

    It stood for all that asked for a release meanwhile, and without this record the same would
    ask for the next one at once.
    """
    asks = (
        release.owner_uid == application.uid
        or triggers.request(world, application, resolved, course) is not None
    )
    if resolved.candidate is None or not asks:
        return {}
    return {
        "applicationUID": application.uid,
        "number": next_number(release, application, course),
        "requested": triggers.requested(application, resolved.candidate),
    }
