"""Imagined states: the operator's own plan is asked again and again, with its answers put in."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from process_operator.controller import build
from process_operator.controller.observe import child as observe_child
from process_operator.controller.observe import records
from process_operator.controller.observe.records import (
    Child,
    ChildKey,
    CustomResource,
    InvalidObject,
    ObservedState,
    Release,
)
from process_operator.controller.plan import model, plan
from process_operator.controller.release import record
from process_operator.kube import conditions, names
from process_operator.kube.manifest import Manifest
from process_operator.models.process import ProcessSpec
from process_operator.models.release import ReleaseSpec, ReleaseState, ReleaseStatus, ReleaseStep
from process_operator.preview import diff

LONG_SETTLED = timedelta(hours=1)
MAX_PASSES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One object that would be written or removed."""

    key: ChildKey
    process: str
    before: Mapping[str, Any] | None
    """The fields that are ours as they are; None where there is no object yet."""
    after: Mapping[str, Any] | None
    """None where the object would be removed."""

    @property
    def restarts(self) -> bool:
        """Whether pods that run are replaced."""
        if self.key.kind != "Deployment" or self.before is None or self.after is None:
            return False
        one, other = (
            diff.shown(side)["spec"].get("template") for side in (self.before, self.after)
        )
        return bool(one != other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A release that has begun, in an imagined state."""

    observed: ObservedState
    release: Release
    asked: bool
    """Whether anything asks for it, or somebody still has to."""


def could_release(context: model.ApplicationContext, *, is_wanted: bool) -> bool:
    """Whether a release that nobody has asked for would do anything."""
    resolved = context.resolved
    can_start = resolved.candidate is not None and bool(resolved.entries)
    return can_start and (is_wanted or context.running is None)


def key_of(process: CustomResource[Any, Any] | InvalidObject) -> str:
    """Return the key of a process, or the name of one that cannot be read."""
    if isinstance(process, CustomResource) and isinstance(process.spec, ProcessSpec):
        return process.spec.key
    return process.name


# --- imagined states ------------------------------------------------------------------------


def intents(before: ObservedState) -> dict[ChildKey, Manifest]:
    """Return what was last applied of the children that are as the operator wants them."""
    planned = plan.plan(before)
    unfinished = {apply.key for process_plan in planned.processes for apply in process_plan.applies}
    return {key: one for key, _, one in _rendered(planned) if key not in unfinished}


def wanted(planned: model.Plan) -> list[tuple[ChildKey, str]]:
    """Return every child that is rendered, with the key of its process."""
    return [(key, process) for key, process, _ in _rendered(planned)]


def _rendered(planned: model.Plan) -> Iterator[tuple[ChildKey, str, Manifest]]:
    for process_plan in planned.processes:
        if process_plan.target is None:
            continue
        for one in build.children(process_plan.target):
            about = one["metadata"]
            key = ChildKey(one["kind"], about["namespace"], about["name"])
            yield key, process_plan.target.entry.key, one


def made(manifest: Manifest, old: Child | None, now: datetime) -> Child:
    """Return a child as it is after a manifest was applied."""
    spec = dict(manifest["spec"])
    if old is not None and "replicas" not in spec and old.kind == "Deployment":
        spec["replicas"] = records.spec(old).get("replicas", 1)
    about = {
        "uid": "planned",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": conditions.timestamp(old.created_at if old is not None else now),
        **manifest["metadata"],
    }
    child = observe_child.child(manifest["kind"], {**manifest, "metadata": about, "spec": spec})
    return dataclasses.replace(child, others_own_replicas=bool(old and old.others_own_replicas))


def with_release(seen: ObservedState, name: str, owner_uid: str | None) -> ObservedState:
    """Return the state in which a release waits: the operator's own, or one made by hand."""
    made = CustomResource(
        kind=names.RELEASE_KIND,
        namespace=seen.key.namespace,
        name=name,
        uid=f"planned-{name}",
        resource_version="1",
        generation=1,
        created_at=seen.now,
        seen_at=seen.now,
        deleting=False,
        owner_uid=owner_uid,
        generated=False,
        spec=ReleaseSpec.model_validate({"applicationRef": {"name": seen.key.name}}),
        status=ReleaseStatus(),
    )
    return dataclasses.replace(seen, releases=(*seen.releases, made))


def with_releases(seen: ObservedState, actions: Iterable[model.Action]) -> ObservedState:
    """Return the state in which releases have been made and recorded; the same if none is."""
    for action in actions:
        match action:
            case model.CreateRelease(manifest=manifest):
                about = manifest["metadata"]
                seen = with_release(seen, about["name"], about["ownerReferences"][0]["uid"])
            case model.RecordStatus(of=CustomResource() as one, status=ReleaseStatus() as status):
                seen = recorded(seen, [(one, status)])
            case model.TakeUp(of=marked):
                seen = _marked(seen, marked.uid)
            case _:
                pass  # it is no write of a release
    return seen


def _marked(seen: ObservedState, uid: str) -> ObservedState:
    """Return the state in which one of our own objects bears its mark."""

    def marked(one: Any) -> Any:
        is_it = isinstance(one, CustomResource) and one.uid == uid
        return dataclasses.replace(one, taken_up=uid) if is_it else one

    return dataclasses.replace(
        seen,
        application=marked(seen.application),
        releases=tuple(marked(one) for one in seen.releases),
        runs=tuple(marked(one) for one in seen.runs),
    )


def recorded(
    seen: ObservedState, records: Iterable[tuple[Release, ReleaseStatus]]
) -> ObservedState:
    """Return the observed state in which these statuses have been written."""
    written = {one.uid: status for one, status in records}
    return dataclasses.replace(
        seen,
        releases=tuple(
            dataclasses.replace(one, status=written[one.uid])
            if isinstance(one, CustomResource) and one.uid in written
            else one
            for one in seen.releases
        ),
    )


def with_active_ended(seen: ObservedState) -> ObservedState:
    """Return the state in which the release in progress has succeeded: the next waits for it."""
    return recorded(
        seen,
        [
            (one, one.status.changed(state=ReleaseState.SUCCESS))
            for one in seen.releases
            if isinstance(one, CustomResource) and record.state(one) == ReleaseState.IN_PROGRESS
        ],
    )


def rolling(begun: Started) -> ObservedState:
    """Return the observed state in which the jobs before the rollout have succeeded."""
    status = begun.release.status.changed(
        step=ReleaseStep.ROLLOUT,
        rollout_started_at=conditions.whole_seconds(begun.observed.now),
    )
    return recorded(begun.observed, [(begun.release, status)])


def note(
    found: dict[ChildKey, Change],
    key: ChildKey,
    process: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    """Note a change, as one with an earlier change of the same object."""
    if key in found:
        before = found[key].before
    found[key] = Change(key=key, process=process, before=before, after=after)
