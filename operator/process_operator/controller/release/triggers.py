"""What asks for a release: a comparison with what the newest release requested."""

from process_operator.controller.observe.records import Application, ObservedState, Release
from process_operator.controller.release import record
from process_operator.controller.release.history import ReleaseHistory, running_release
from process_operator.controller.resolve.application import Resolved
from process_operator.models import configuration
from process_operator.models.application import InitialRelease, ReleasePolicy, ScalingPolicy
from process_operator.models.release import (
    ReleaseSpec,
    ReleaseState,
    ReleaseTrigger,
    RequestedInputs,
)
from process_operator.models.snapshot import Snapshot


def request(
    observed: ObservedState, application: Application, resolved: Resolved, history: ReleaseHistory
) -> ReleaseTrigger | None:
    """Return what asks for a release, None if nothing does."""
    if resolved.candidate is None:
        return None
    if history.newest is None and history.cancelled_before_start is None:
        if history.last_number or _ever_released(observed, application):
            return _difference_from_lost(application)
        wanted = (
            resolved.settings.initial == InitialRelease.AUTOMATIC
            and resolved.entries
            and not resolved.refusals
        )
        return ReleaseTrigger.INITIAL if wanted else None
    return _news(application, resolved, history)


def _news(
    application: Application, resolved: Resolved, history: ReleaseHistory
) -> ReleaseTrigger | None:
    """Compare with what was released last, with what was withdrawn since, and with what serves.

    Each of them is no news: who cancels a release, or sees it fail, and then takes back what asked
    for it is done. An older release than the lost one that served is not what is compared with: the
    same would be released again.
    """
    if history.missing is not None and not _outlives(history):
        return _difference_from_lost(application)
    known = [one for one in (history.newest, history.cancelled_before_start) if one is not None]
    differences = [_difference(application, resolved, one) for one in known]
    if None in differences or is_taken_back(application, resolved, history):
        return None
    return differences[0]


def is_taken_back(application: Application, resolved: Resolved, history: ReleaseHistory) -> bool:
    """Whether what the newest release was made for has been set back to what serves."""
    return (
        history.newest is not None
        and _difference(application, resolved, history.newest) is not None
        and not _asks_for_the_same(application, resolved, history.newest)
        and _is_served(application, resolved, history)
    )


def _is_served(application: Application, resolved: Resolved, history: ReleaseHistory) -> bool:
    """Whether exactly what is declared serves already, and will when a failure has been undone."""
    active, serving = history.active, history.serving
    if (
        serving is None
        or serving is not running_release(history)
        or (active is not None and active.status.failure is None)
        or resolved.candidate is None
    ):
        return False
    frozen, before = record.snapshot(serving), serving.status.requested
    return (
        frozen is not None
        and application.spec.revision == (before.revision if before is not None else None)
        and _same_inputs(application, resolved.candidate.inputs_hash, frozen.inputs_hash)
    )


def _outlives(history: ReleaseHistory) -> bool:
    """Whether a record is there of the last release that was given a number."""
    known = [
        record.number(one)
        for one in (history.newest, history.cancelled_before_start)
        if one is not None
    ]
    return max(known, default=0) >= history.last_number


def _difference_from_lost(application: Application) -> ReleaseTrigger | None:
    """Compare with what the application's status still knows of a release whose record is gone."""
    recorded, spec = application.status, application.spec
    if recorded.image is not None and recorded.image != spec.image:
        return ReleaseTrigger.IMAGE
    if recorded.image is not None and recorded.revision != spec.revision:
        return ReleaseTrigger.REVISION
    return None


def _difference(
    application: Application, resolved: Resolved, before: Release
) -> ReleaseTrigger | None:
    requested, spec = before.status.requested or RequestedInputs(hash=""), application.spec
    if spec.image != requested.image:
        return ReleaseTrigger.IMAGE
    if spec.revision != requested.revision:
        return ReleaseTrigger.REVISION
    is_automatic = resolved.settings.policy == ReleasePolicy.AUTOMATIC
    # What a failed release was asked for still is: who changes something means to mend it.
    has_failed = record.state(before) == ReleaseState.FAILED and before.spec.rollback_to is None
    by_any_change, by_configuration = is_automatic or has_failed, resolved.settings.on_config_change
    if not (by_any_change or by_configuration) or resolved.candidate is None or resolved.refusals:
        return None
    is_configured_anew = configuration.is_another(
        record.configuration(before, application, resolved.configuration), resolved.configuration
    )
    if by_any_change and (
        is_configured_anew
        or not _same_inputs(application, resolved.candidate.inputs_hash, requested.hash)
    ):
        return ReleaseTrigger.AUTOMATIC if is_automatic else ReleaseTrigger.MENDED
    return ReleaseTrigger.CONFIGURATION if by_configuration and is_configured_anew else None


def _asks_for_the_same(application: Application, resolved: Resolved, before: Release) -> bool:
    """Whether only what lies outside of the objects has changed since a release: what configures.

    Then what serves says nothing of whether the release is still wanted: it was asked for the same.
    """
    requested = before.status.requested
    return (
        requested is not None
        and resolved.candidate is not None
        and (requested.image, requested.revision)
        == (application.spec.image, application.spec.revision)
        and _same_inputs(application, resolved.candidate.inputs_hash, requested.hash)
    )


def _ever_released(observed: ObservedState, application: Application) -> bool:
    """A child with a release number says that records were lost, not that there were none.

    Children from before the application are of a namesake that was deleted: their processes kept
    them, and this one starts with a first release.
    """
    mine = {process.uid for process in observed.processes}
    return any(
        child.release is not None
        and child.owner_uid in mine
        and child.created_at >= application.created_at
        for child in observed.children.values()
    )


def _same_inputs(application: Application, now: str, before: str) -> bool:
    """Compare the staged inputs; the scaling is none of them where it is applied at once."""
    if application.spec.scaling_policy == ScalingPolicy.IMMEDIATE:
        return now.partition(".")[0] == before.partition(".")[0]
    return now == before


def is_moot(
    application: Application, resolved: Resolved, history: ReleaseHistory, release: Release
) -> bool:
    """Whether a release that the operator made has lost its reason while it waited."""
    return (
        release.owner_uid == application.uid
        and (history.newest is not None or history.cancelled_before_start is not None)
        and release.spec == ReleaseSpec(application_ref=release.spec.application_ref)
        and _news(application, resolved, history) is None
    )


def requested(application: Application, candidate: Snapshot) -> RequestedInputs:
    """Return what a release that starts now is recorded to have requested."""
    return RequestedInputs(
        image=application.spec.image,
        revision=application.spec.revision,
        hash=candidate.inputs_hash,
    )


def trigger(
    application: Application, resolved: Resolved, history: ReleaseHistory, release: Release
) -> ReleaseTrigger:
    """Return what asked for a release."""
    if release.spec.rollback_to is not None:
        return ReleaseTrigger.ROLLBACK
    if release.owner_uid != application.uid:
        return ReleaseTrigger.MANUAL
    if history.newest is None:
        return ReleaseTrigger.IMAGE if history.last_number else ReleaseTrigger.INITIAL
    return _difference(application, resolved, history.newest) or ReleaseTrigger.MANUAL


def restarts(
    application: Application, history: ReleaseHistory, release: Release, asked_by: ReleaseTrigger
) -> bool:
    """Whether a release restarts every process: asked to, or in the place of one that was."""
    if release.spec.restart or asked_by == ReleaseTrigger.REVISION:
        return True
    before = history.serving.status.requested if history.serving is not None else None
    return (
        asked_by == ReleaseTrigger.MENDED
        and before is not None
        and before.revision != application.spec.revision
    )
