"""Copies of what has run: restored from a backup, moved, or applied as `kubectl get` printed them.

What they stand for has happened, and must not happen again: a migration, a payment, a mail.
"""

from datetime import datetime, timedelta

from process_operator.controller.observe.records import Application, ObservedState, Release
from process_operator.controller.release.decision import Decision, Waiting
from process_operator.controller.release.history import ReleaseHistory
from process_operator.controller.release.record import end
from process_operator.kube import conditions
from process_operator.kube.reasons import Reason
from process_operator.models.release import ReleaseState

STATUS_COMES_WITHIN = timedelta(seconds=10)
"""How long after an object its status may come back: tools make the one and then the other."""
ALL_COMES_WITHIN = timedelta(seconds=60)
"""How long after an application, at most, more of it is waited for."""
HAS_RUN = (
    "this is a copy of one that has run, restored or applied again, and does nothing; to run it "
    "once more, make a new one"
)


def releases(observed: ObservedState, history: ReleaseHistory) -> Decision | None:
    """Return what turns the copies of releases into history; None if there are none to turn."""
    copies = [one for one in history.restored if observed.now >= one.seen_at + STATUS_COMES_WITHIN]
    if not copies:
        return None
    said = conditions.ready(Reason.RESTORED, HAS_RUN)
    return Decision(
        records=tuple((one, end(one, ReleaseState.SKIPPED, said, observed.now)) for one in copies),
        note="took a copy of a release that has run for history",
    )


def incomplete(observed: ObservedState, application: Application) -> Waiting | None:
    """Return what a copy of an application waits for before anything is released of it.

    Its processes and what has run come one by one, and what is missing would be asked for anew.
    """
    until = min(observed.changed_at + STATUS_COMES_WITHIN, application.seen_at + ALL_COMES_WITHIN)
    if not application.is_copy or observed.now >= until:
        return None
    return Waiting(
        reason=Reason.SETTLING,
        message="the application was restored or copied; it is released when no more of it has "
        f"come for {STATUS_COMES_WITHIN.total_seconds():.0f} s",
        until=until,
        settling=True,
    )


def due(history: ReleaseHistory) -> datetime | None:
    """Return when the next copy of a release is turned into history."""
    return min((one.seen_at + STATUS_COMES_WITHIN for one in history.restored), default=None)


def is_to_be_marked(release: Release) -> bool:
    """Whether a release that starts bears nothing yet by which a copy of it would be known."""
    return not release.is_ours and release.taken_up != release.uid
