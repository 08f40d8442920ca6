"""What the next release of one application would do, in lines for people."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from process_operator.controller.observe import records
from process_operator.controller.observe.records import (
    Child,
    ChildKey,
    CustomResource,
    InvalidObject,
    ObservedState,
    Release,
)
from process_operator.controller.plan import plan
from process_operator.controller.plan.model import Apply, Delete, RecordStatus
from process_operator.controller.release import record as release_record
from process_operator.controller.release.decision import Waiting
from process_operator.controller.release.record import snapshot, state
from process_operator.kube import names
from process_operator.kube.manifest import Manifest
from process_operator.models import staging
from process_operator.models.application import ScalingPolicy
from process_operator.models.defaults import Settings
from process_operator.models.process import JobStartPolicy, ProcessType
from process_operator.models.release import JobRecord, ReleaseState, ReleaseTrigger
from process_operator.models.snapshot import Snapshot, SnapshotProcess
from process_operator.preview import diff, overlay, simulation
from process_operator.preview.simulation import Change, Started
from process_operator.schema.documents import Document

CATALOGUE = "deploy/resource-types.yaml"


# --- one application ------------------------------------------------------------------------


class Application:
    """What would become of one application."""

    def __init__(
        self,
        *,
        before: ObservedState,
        after: ObservedState,
        given: Sequence[Document],
        is_live: bool,
    ) -> None:
        self._intents = simulation.intents(before)
        # What the operator is about to write anyway is not what the manifests would change.
        _, finished = self._written(before)
        self._observed = dataclasses.replace(
            after,
            children=finished.children,
            # Nobody who asks what a release would do wants to wait until everything has settled.
            changed_at=after.now - simulation.LONG_SETTLED,
        )
        self._plan = plan.plan(self._observed)
        self._given = given
        self._is_live = is_live
        self.changed = False

    def errors(self) -> Iterator[str]:
        """Yield what keeps every release of this application waiting."""
        context = self._plan.context
        for process in self._observed.processes:
            refusal = context and context.resolved.refusals.get(process.uid)
            if not refusal:
                continue
            message = refusal.message
            missing = refusal.missing == names.RESOURCE_TYPE_KIND
            if missing and not self._observed.resource_types:
                message = (
                    "spec.resourceTypeRef.name: there is no ProcessResourceType among the "
                    f"manifests; add them, for example by -f {CATALOGUE}"
                )
                if not self._is_live:
                    message += ", or compare with the cluster that has them by --live"
            yield f"{self._place(process)}: {message}"

    def _place(self, one: CustomResource[Any, Any] | InvalidObject) -> str:
        identity = (one.kind, one.namespace, one.name)
        for document in self._given:
            if overlay.identity_of(document.manifest) == identity:
                return document.place
        return f'{one.kind} "{one.name}" in namespace {one.namespace} of the cluster'

    def lines(self) -> Iterator[str]:
        """Yield what would happen, in order; `changed` is right when they have been read."""
        at_once, settled = self._written(self._observed)
        if at_once:
            self.changed = True
            yield "at once, when the manifests are applied:"
            yield from _indented(self._objects(at_once, settled, staying=False))
            yield ""
        staged = list(self._staged())
        if staged:
            self.changed = True
            yield "staged until the next release:"
            yield from _indented(staged)
            yield ""
        begun = self._begin(settled, is_wanted=bool(staged))
        if isinstance(begun, Waiting):
            yield f"no release starts: {begun.message}"
        elif begun is None:
            yield from self._nothing(settled)
        else:
            self.changed = True
            yield from self._release(begun)

    def _nothing(self, settled: ObservedState) -> Iterator[str]:
        context = self._plan.context
        if context is None or context.resolved.candidate is None:
            yield "no release: spec.image of the application is not set; set it"
        elif not context.resolved.entries:
            yield (
                "no release: no Process names this application in spec.applicationRef.name; "
                "create one"
            )
        elif self.changed:
            yield "no release: nothing is staged"
        else:
            yield "nothing to do"
        if context is not None and context.running is not None:
            total = len(simulation.wanted(plan.plan(settled)))
            yield f"release {context.running.name} runs; {total} objects stay"

    # What is staged.

    def _staged(self) -> Iterator[str]:
        context = self._plan.context
        if context is None or context.snapshot is None or context.resolved.candidate is None:
            return
        running, saved = context.snapshot, context.resolved.candidate
        for one in staging.application_differences(running, saved):
            yield _difference(one)
        is_staged = context.application.spec.scaling_policy != ScalingPolicy.IMMEDIATE
        for entry in saved.processes:
            serving = running.process(entry.key, entry.type)
            if serving is None:
                yield f"{entry.key}: a new {entry.type} process"
                continue
            for one in staging.process_differences(serving, entry, scaling_is_staged=is_staged):
                yield f"{entry.key}: {_difference(one)}"

    # What is written.

    def _written(self, seen: ObservedState) -> tuple[dict[ChildKey, Change], ObservedState]:
        """Return what the operator would write now, and the observed state after it has."""
        found: dict[ChildKey, Change] = {}
        for _ in range(simulation.MAX_PASSES):
            children, processes = dict(seen.children), list(seen.processes)
            for index, process_plan in enumerate(plan.plan(seen).processes):
                name = simulation.key_of(process_plan.process)
                for action in process_plan.actions:
                    match action:
                        case Delete(child=child):
                            del children[child.key]
                            before = self._declared(child, None)
                            simulation.note(found, child.key, name, before, None)
                        case Apply(key=key, manifest=manifest, child=old):
                            before = self._declared(old, manifest)
                            simulation.note(found, key, name, before, manifest)
                            self._intents[key] = manifest
                            children[key] = simulation.made(manifest, old, seen.now)
                        case RecordStatus(of=one, status=status):
                            processes[index] = dataclasses.replace(one, status=status)
                        case _:
                            pass  # what others have made of a child is not what is declared
            after = dataclasses.replace(seen, children=children, processes=tuple(processes))
            if after == seen:
                break
            seen = after
        return found, seen

    def _declared(self, child: Child | None, wanted: Manifest | None) -> Mapping[str, Any] | None:
        """Return the fields of a child that are ours, as they are now."""
        if child is None:
            return None
        desired_hash = self._intents.get(child.key)
        live = {"metadata": {}, "spec": records.spec(child)}
        if desired_hash is None or wanted is None:
            return (
                live if wanted is None else {"spec": diff.projected(live["spec"], wanted["spec"])}
            )
        if "replicas" not in wanted["spec"] or child.kind != "Deployment":
            return desired_hash
        replicas = live["spec"].get("replicas", 1)
        return {**desired_hash, "spec": {**desired_hash["spec"], "replicas": replicas}}

    # The release.

    def _begin(self, seen: ObservedState, *, is_wanted: bool) -> Started | Waiting | None:
        """Return the next release as it starts, or why it does not; None if there is none to be."""
        asked = True
        seen = simulation.with_active_ended(seen)
        for _ in range(simulation.MAX_PASSES):
            planned = plan.plan(seen)
            decision, context = planned.decision, planned.context
            after = simulation.with_releases(seen, planned.actions)
            if after is not seen:
                seen = after
                for one in seen.releases:
                    if isinstance(one, CustomResource) and state(one) == ReleaseState.IN_PROGRESS:
                        return Started(observed=seen, release=one, asked=asked)
            elif decision.waiting is not None:
                return decision.waiting
            elif (
                not asked
                or context is None
                or not simulation.could_release(context, is_wanted=is_wanted)
            ):
                return None
            else:
                asked = False
                seen = simulation.with_release(seen, f"{seen.key.name}-next", None)
        return None

    def _release(self, begun: Started) -> Iterator[str]:
        record = begun.release.status
        number, frozen = release_record.number(begun.release), snapshot(begun.release)
        context = self._plan.context
        if frozen is None or context is None:
            return
        before = context.history.active or context.history.serving
        if begun.asked:
            asked = _ASKED[record.trigger or ReleaseTrigger.MANUAL]
            yield f"release {begun.release.name}, {asked}:"
        else:
            yield (
                f"release {number}, which nobody has asked for yet (change spec.image or "
                "spec.revision of the application, or create a ProcessRelease):"
            )
        if context.history.active is not None:
            yield f"  starts when release {context.history.active.name} has ended"
        entries = record.jobs
        skipped = [one.key for one in entries if not one.is_left]
        if skipped:
            yield f"  jobs are skipped: {', '.join(skipped)}"
        steps = list(
            _jobs(entries, frozen, context.resolved.settings, _BEFORE, "before the rollout")
        )
        changes, after = self._written(simulation.rolling(begun))
        rollout = self._objects(changes, after, staying=True)
        steps.append(["rollout, all processes together:", *rollout])
        steps += _jobs(entries, frozen, context.resolved.settings, _SUCCESS, "after success")
        for index, (head, *rest) in enumerate(steps, 1):
            yield f"  {index}. {head}"
            yield from _indented(rest, by=5)
        yield f"  if it fails: {_fallback(before, context.resolved.settings, entries)}"
        yield ""
        yield _summary(changes, len(simulation.wanted(plan.plan(after))))

    def _objects(
        self, changes: Mapping[ChildKey, Change], seen: ObservedState, *, staying: bool
    ) -> Iterator[str]:
        wanted = dict(simulation.wanted(plan.plan(seen)))
        for key in [*wanted, *(key for key in changes if key not in wanted)]:
            if key in changes:
                yield from _object(changes[key])
            elif staying:
                yield f"= {key.kind} {key.name} ({wanted[key]}) stays"
        for process_plan in plan.plan(seen).processes:
            if process_plan.refused is not None:
                yield f"! {simulation.key_of(process_plan.process)}: {process_plan.refused.message}"


_BEFORE = JobStartPolicy.BEFORE_DEPLOYMENT
_SUCCESS = JobStartPolicy.AFTER_SUCCESS_DEPLOYMENT
_UNDOING = JobStartPolicy.BEFORE_ROLLBACK
_FAILED = JobStartPolicy.AFTER_FAILED_DEPLOYMENT
_ASKED = {
    ReleaseTrigger.INITIAL: "the first one",
    ReleaseTrigger.IMAGE: "asked for by spec.image",
    ReleaseTrigger.REVISION: "asked for by spec.revision: it restarts every process",
    ReleaseTrigger.AUTOMATIC: "asked for by a staged change, because releasePolicy is automatic",
    ReleaseTrigger.MENDED: "asked for again by a staged change, because the last one failed",
    ReleaseTrigger.CONFIGURATION: "asked for by a changed ConfigMap or Secret, because "
    "release.onConfigChange is true",
    ReleaseTrigger.MANUAL: "asked for by hand",
    ReleaseTrigger.ROLLBACK: "asked for by hand: it goes back to an earlier release",
}


def _difference(one: staging.Difference) -> str:
    return f"{one.field}: {_or_unset(one.before)} -> {_or_unset(one.after)}"


def _or_unset(value: str | None) -> str:
    return "not set" if value is None else value


def _indented(lines: Iterable[str], by: int = 2) -> Iterator[str]:
    for line in lines:
        yield f"{' ' * by}{line}" if line else line


def _jobs(
    entries: Sequence[JobRecord],
    frozen: Snapshot,
    settings: Settings,
    policy: JobStartPolicy,
    moment: str,
) -> Iterator[list[str]]:
    for one in entries:
        entry = frozen.process(one.key, ProcessType.JOB)
        if one.policy == policy and one.is_left and entry is not None:
            whose = ", with the image that serves" if one.run_with else ""
            yield [f"job {one.key}, {moment}{whose}:", *_job(entry, settings)]


def _job(entry: SnapshotProcess, settings: Settings) -> Iterator[str]:
    limits = entry.run
    command = entry.entrypoint or " ".join(map(json.dumps, entry.command))
    yield f"runs {command or 'what the image itself runs'}"
    timeout = limits.timeout_seconds if limits is not None else None
    retries = limits.retries if limits is not None else 0
    yield (
        f"size {entry.resource_type.name}, {timeout or settings.job_timeout_seconds} s at most, "
        f"{retries or 'no'} retries"
    )


def _fallback(before: Release | None, settings: Settings, entries: Sequence[JobRecord]) -> str:
    if before is None:
        back = "there is no earlier release to go back to; what was made stays"
    elif settings.rollback:
        back = f"back to release {before.name}"
    else:
        back = "what was rolled out stays, because release.rollback is false"
    undoing = [one.key for one in entries if one.policy == _UNDOING and one.is_left]
    if undoing and before is not None and any(one.policy == _BEFORE for one in entries):
        back = "".join(f"job {key}, then " for key in undoing) + back
    left = [one.key for one in entries if one.policy == _FAILED and one.is_left]
    return back + "".join(f"; then job {key}" for key in left)


def _summary(changes: Mapping[ChildKey, Change], total: int) -> str:
    made = sum(one.before is None for one in changes.values())
    removed = sum(one.after is None for one in changes.values())
    restarted = sorted(one.process for one in changes.values() if one.restarts)
    changed = len(changes) - made - removed
    return (
        f"{made} objects are made, {changed} changed, {removed} removed, "
        f"{total - made - changed} stay; restarts: {', '.join(restarted) or 'none'}"
    )


def _object(change: Change) -> Iterator[str]:
    """Yield one object with its fields, as a diff."""
    if change.after is None:
        yield f"- {change.key.kind} {change.key.name} ({change.process}) is removed"
        return
    named = f"{change.key.kind} {change.key.name} ({change.process})"
    if change.before is None:
        yield f"+ {named} is made"
    else:
        yield f"~ {named} {'is changed and restarts' if change.restarts else 'is changed'}"
    before: Any = diff.NONE if change.before is None else diff.shown(change.before)
    yield from _indented(diff.fields(before, diff.shown(change.after)), by=4)
