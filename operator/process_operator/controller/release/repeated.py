"""Requests that are made again: deleted, and applied anew under the same name, as tools do.

Whoever keeps a ProcessRun in Git means one run. Its record goes with it when it is deleted, so the
application's status remembers the last of those that somebody named. One with a `generateName` is
another request each time.
"""

import hashlib
from collections.abc import Iterator

from process_operator.controller.observe.records import (
    CustomResource,
    ObservedState,
    Release,
    Run,
)
from process_operator.kube import conditions
from process_operator.models import snapshot
from process_operator.models.application import (
    MAX_PAST_REQUESTS,
    ApplicationStatus,
    PastRequest,
)
from process_operator.models.release import ReleaseSpec
from process_operator.models.run import RunSpec


def has_run(observed: ObservedState, one: Release | Run, inputs_hash: str) -> str:
    """Return why a release or a run is not to run again; "" if it is to run.

    Args:
        observed: All that is seen.
        one: The release or the run, which has not started.
        inputs_hash: Hash of the staged inputs that it would run with.
    """
    application = observed.application
    if not isinstance(application, CustomResource) or _is_anonymous(one):
        return ""
    inputs = _inputs(one.spec, inputs_hash)
    for past in application.status.past_requests:
        if (past.kind, past.name, past.inputs) == (one.kind, one.name, inputs) and (
            past.uid != one.uid
        ):
            return (
                f"one of this name has run with the same inputs at "
                f"{conditions.timestamp(past.started_at)}, and does not run again; give it another "
                "name to run it once more"
            )
    return ""


def remembered(observed: ObservedState, status: ApplicationStatus) -> tuple[PastRequest, ...]:
    """Return what the application remembers: what it did, and what has started meanwhile."""
    found = {(one.kind, one.name): one for one in status.past_requests}
    for one in (*_releases(observed), *_runs(observed)):
        if found.get((one.kind, one.name)) != one:
            found.pop((one.kind, one.name), None)  # it is the newest now
            found[one.kind, one.name] = one
    return tuple(found.values())[-MAX_PAST_REQUESTS:]


def _releases(observed: ObservedState) -> Iterator[PastRequest]:
    for one in observed.releases:
        if not isinstance(one, CustomResource) or _is_anonymous(one):
            continue
        requested, started_at = one.status.requested, one.status.started_at
        if requested is not None and started_at is not None:
            yield PastRequest(
                kind=one.kind,
                name=one.name,
                uid=one.uid,
                inputs=_inputs(one.spec, requested.hash),
                started_at=started_at,
            )


def _runs(observed: ObservedState) -> Iterator[PastRequest]:
    for one in observed.runs:
        if not isinstance(one, CustomResource) or _is_anonymous(one):
            continue
        started_at, inputs_hash = one.status.started_at, _ran_with(observed, one)
        if started_at is not None and inputs_hash:
            yield PastRequest(
                kind=one.kind,
                name=one.name,
                uid=one.uid,
                inputs=_inputs(one.spec, inputs_hash),
                started_at=started_at,
            )


def _ran_with(observed: ObservedState, run: Run) -> str:
    """Return the hash of the inputs of the release that a run ran with; "" if that is gone."""
    named = run.status.release.name if run.status.release is not None else ""
    for one in observed.releases:
        if isinstance(one, CustomResource) and one.name == named:
            frozen = snapshot.readable(one.status.snapshot)
            return frozen.inputs_hash if frozen is not None else ""
    return ""


def _is_anonymous(one: Release | Run) -> bool:
    """Whether nobody has chosen its name."""
    return one.generated or one.is_ours or one.owner_uid is not None


def _inputs(spec: ReleaseSpec | RunSpec, inputs_hash: str) -> str:
    """Return what tells two requests apart: what they ask for, and with which inputs.

    How many instances run is no input of either.
    """
    asked = spec.model_dump_json(by_alias=True, exclude_none=True, exclude={"cancel"})
    text = f"{asked} {inputs_hash.partition('.')[0]}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
