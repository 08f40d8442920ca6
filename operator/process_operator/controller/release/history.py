"""The releases of one application, sorted by what they are to it, and which are too old."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from process_operator.controller.observe.records import (
    Application,
    CustomResource,
    ObservedState,
    Release,
)
from process_operator.controller.release import record
from process_operator.models.release import ReleaseState, ReleaseStep
from process_operator.models.status import ServingRelease


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseHistory:
    """The releases of one application, sorted by what they are to it now."""

    serving: Release | None
    """The newest that succeeded."""
    active: Release | None
    waiting: tuple[Release, ...]
    """Oldest first."""
    restored: tuple[Release, ...]
    """Those that look as if they waited, and are copies of what has run."""
    newest: Release | None
    """The one with the highest number that started, whatever became of it."""
    cancelled_before_start: Release | None
    """A newer one that was cancelled before it started, and took along what asked for it."""
    last_rolled_out: Release | None
    """The newest whose rollout began, whatever became of it."""
    last_number: int
    missing: str | None
    """Name of the serving release when its record is gone, by the application's status, or when
    its snapshot cannot be read."""
    newer: str | None
    """Name of the release in progress, or else of the serving one, if this version of the operator
    cannot render it because a newer one started it."""
    ended: tuple[Release, ...]
    """Oldest first."""


def release_history(observed: ObservedState, application: Application) -> ReleaseHistory:
    """Sort the releases of this application's uid; records of a namesake do not count."""
    mine = [
        r for r in observed.releases if isinstance(r, CustomResource) and _belongs(r, application)
    ]
    numbered = sorted((r for r in mine if r.status.number is not None), key=record.number)
    started = [r for r in numbered if not _is_cancelled_before_start(r)]
    succeeded = [r for r in numbered if record.state(r) == ReleaseState.SUCCESS]
    active = [r for r in numbered if record.state(r) == ReleaseState.IN_PROGRESS]
    serving = succeeded[-1] if succeeded else None
    given = [application.status.last_release_number or 0, *map(record.number, numbered)]
    lost = _lost(serving, succeeded, application.status.serving_release)
    open_ones = sorted(
        (r for r in mine if record.state(r) == ReleaseState.WAITING and not r.deleting),
        key=lambda r: (r.created_at, r.asked_at, r.name),
    )
    return ReleaseHistory(
        serving=None if lost is not None else serving,
        active=active[-1] if active else None,
        waiting=tuple(r for r in open_ones if not _is_restored(r)),
        restored=tuple(r for r in open_ones if _is_restored(r)),
        newest=started[-1] if started else None,
        cancelled_before_start=numbered[-1]
        if numbered and _is_cancelled_before_start(numbered[-1])
        else None,
        last_rolled_out=next((r for r in reversed(numbered) if r.status.rollout_started_at), None),
        last_number=max(given),
        missing=lost,
        newer=next(
            (r.name for r in (*active[-1:], *succeeded[-1:]) if record.is_from_newer(r)),
            None,
        ),
        ended=tuple(
            sorted(
                (
                    r
                    for r in observed.releases
                    if isinstance(r, CustomResource)
                    and (r.is_ours or _belongs(r, application))
                    and record.state(r) in _ENDED
                    and not r.deleting
                ),
                key=lambda r: (r.created_at, r.status.number or 0, r.asked_at, r.name),
            )
        ),
    )


_ENDED = {
    ReleaseState.SUCCESS,
    ReleaseState.FAILED,
    ReleaseState.CANCELLED,
    ReleaseState.SKIPPED,
}


def _belongs(release: Release, application: Application) -> bool:
    recorded = release.status.application_uid
    if recorded is not None:
        return recorded == application.uid or _is_named(release, application)
    return release.owner_uid in {None, application.uid}


def _is_named(release: Release, application: Application) -> bool:
    """Whether the application's own status tells of it: both came back from a backup.

    It names the release that serves, and the number of the one that was asked for last, which must
    not be asked for again. What a namesake has left behind its status does not name.
    """
    told, number = application.status, release.status.number
    serving = told.serving_release
    if serving is not None and (serving.name, serving.number) == (release.name, number):
        return True
    return application.is_copy and number is not None and number == told.last_release_number


def _is_restored(release: Release) -> bool:
    """Whether a release without a record is a copy of one that has run.

    What the operator makes belongs to its application from the first moment on.
    """
    return release.is_copy or (release.is_ours and release.owner_uid is None)


def _is_cancelled_before_start(release: Release) -> bool:
    return record.state(release) == ReleaseState.CANCELLED and release.status.started_at is None


def _lost(
    serving: Release | None, succeeded: Sequence[Release], recorded: ServingRelease | None
) -> str | None:
    """Return the name of the serving release if nothing can be rendered from a record of it."""
    if serving is not None and record.snapshot(serving) is None:
        return serving.name
    if recorded is None or recorded.name in {r.name for r in succeeded}:
        return None
    is_newer = serving is not None and record.number(serving) > recorded.number
    return None if is_newer else recorded.name


def running_release(history: ReleaseHistory) -> Release | None:
    """Return the release whose snapshot is rendered now.

    That is the active one from its rollout on, unless it goes back; else the serving one. An
    application that never had one has nothing to go back to and keeps what was made last, and
    so does one whose last rollout failed under `rollback: false`. Which of the two it was, the
    record says: the setting may have changed since.
    """
    last = history.last_rolled_out
    if last is None or last is history.serving:
        return history.serving
    if last is history.active and record.step(last) in _FORWARD:
        return last
    if history.missing is not None:
        return None
    if history.serving is None:
        return last
    stays = (
        record.number(last) > record.number(history.serving)
        and last.status.rollback_started_at is None
    )
    return last if stays else history.serving


def last_rollout_started_at(history: ReleaseHistory) -> datetime | None:
    """Return when what is rendered last became another version; None before any rollout."""
    if history.last_rolled_out is None:
        return None
    status = history.last_rolled_out.status
    return status.rollback_started_at or status.rollout_started_at


_FORWARD = {
    ReleaseStep.ROLLOUT,
    ReleaseStep.AFTER_SUCCESS_JOBS,
    # Until they have ended well, the old version would meet what they are to undo.
    ReleaseStep.BEFORE_ROLLBACK_JOBS,
}


_A_NUMBER = re.compile("[0-9]{1,9}")
"""A larger one is none that the operator gave: the next would not fit into the record."""


def next_number(release: Release, application: Application, history: ReleaseHistory) -> int:
    """Return the newest number + 1, or the one that the operator already put into the name."""
    prefix, _, suffix = release.name.rpartition("-")
    if (
        release.owner_uid == application.uid
        and prefix == application.name
        and _A_NUMBER.fullmatch(suffix)
    ):
        return max(int(suffix), history.last_number + 1)
    return history.last_number + 1


def to_prune(application: Application, history: ReleaseHistory) -> tuple[Release, ...]:
    """Return the releases beyond the history limit that the operator, or a generateName, made."""
    given = application.spec.release
    limit = (given and given.history_limit) or 10
    beyond = history.ended[:-limit] if len(history.ended) > limit else ()
    # What was rolled out last may still run, and what was asked last must not ask again.
    needed = (
        history.serving,
        history.last_rolled_out,
        history.newest,
        history.cancelled_before_start,
    )
    kept = {one.uid for one in needed if one is not None}
    return tuple(r for r in beyond if r.uid not in kept and _removable(r, application))


def _removable(release: Release, application: Application) -> bool:
    """A release that somebody named by hand is theirs to remove."""
    return release.owner_uid == application.uid or release.is_ours or release.generated
