"""What the next release would do, told before anything is applied.

Manifests, and what a cluster holds where there is one, in; lines for people out. Nothing is
decided here: the manifests are laid over the objects that are there, as an apply would do it, and
then the operator's own plan is asked, again and again, with its answers put into an imagined world.
So it comes out what changes at once, what is staged, how a release starts and what it rolls out.
"""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from process_operator import (
    builders,
    conditions,
    diffs,
    documents,
    names,
    observed,
    plan,
    projections,
    release,
    staging,
    world,
)
from process_operator.documents import Document
from process_operator.models.application import ScalingPolicy
from process_operator.models.process import JobStartPolicy, ProcessSpec, ProcessType
from process_operator.models.release import ReleaseSpec, ReleaseState, ReleaseStep, ReleaseTrigger
from process_operator.models.snapshot import Snapshot, SnapshotProcess
from process_operator.observed import (
    ApplicationKey,
    Broken,
    Child,
    ChildKey,
    IngressClass,
    Manifest,
    Owned,
    World,
)
from process_operator.release import Release, Waiting
from process_operator.resolve import Settings

NOTHING = 0
ERROR = 1
CHANGES = 2

CATALOGUE = "deploy/resource-types.yaml"
_OWN = (
    names.APPLICATION_KIND,
    names.PROCESS_KIND,
    names.RELEASE_KIND,
    names.RESOURCE_TYPE_KIND,
)
"""The kinds that a release depends on."""
IN_NAMESPACES = _OWN[:3]
"""Those of them that a namespace holds."""
CHILDREN = tuple(sorted(builders.KINDS))
"""The kinds of objects that a release is rolled out to."""
_LONG_SETTLED = timedelta(hours=1)
_MAX_PASSES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What a cluster holds now, of the namespaces that the manifests are about."""

    own: tuple[Manifest, ...]
    """Objects of our own kinds."""
    children: tuple[Child, ...]
    ingress_classes: tuple[IngressClass, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What is printed, and the exit code that goes with it."""

    lines: tuple[str, ...]
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
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
            diffs.shown(side)["spec"].get("template") for side in (self.before, self.after)
        )
        return bool(one != other)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Started:
    """A release that has begun, in an imagined world."""

    world: World
    release: Release
    asked: bool
    """Whether anything asks for it, or somebody still has to."""


def namespaces(given: Iterable[Document], default: str) -> set[str]:
    """Return the namespaces that a cluster has to be looked at for these manifests."""
    ours = [_placed(one, default) for one in given if one.manifest.get("kind") in IN_NAMESPACES]
    about = [one.manifest.get("metadata") for one in ours]
    found = {str(one["namespace"]) for one in about if isinstance(one, dict)}
    return found or {default}


def preview(
    given: Sequence[Document],
    live: Live | None,
    *,
    namespace: str,
    now: datetime,
    allowed_annotations: tuple[str, ...],
) -> Preview:
    """Return what the next releases would do if the manifests were applied.

    Args:
        given: All the manifests; those of other kinds are left out.
        live: The cluster to compare with; None to take everything as new.
        namespace: Of the objects that name none.
        now: The time.
        allowed_annotations: Prefixes that annotations of routes may have.
    """
    there = live or Live(own=(), children=(), ingress_classes=())
    placed = [_placed(one, namespace) for one in given if one.is_ours]
    errors = list(_refused(placed, there))
    ours = [one for one in placed if one.manifest.get("kind") in _OWN]
    if not ours:
        sources = ", ".join(dict.fromkeys(one.source for one in given)) or "what was given"
        errors.append(
            f"there are no manifests of {names.GROUP} in {sources}; name files that hold some by -f"
        )
    if errors:
        return Preview(lines=tuple(errors), code=ERROR)
    bodies = _overlaid(ours, there.own, now)
    errors = list(_dangling(ours, bodies, is_live=live is not None))
    if errors:
        return Preview(lines=tuple(errors), code=ERROR)
    after = _store(bodies, there, now, allowed_annotations)
    before = _store(there.own, there, now, allowed_annotations)
    lines: list[str] = []
    changed = False
    for key in _touched(ours, after):
        told = _Application(
            before=before.gather(key), after=after.gather(key), given=ours, is_live=live is not None
        )
        errors += told.errors()
        if errors:
            continue
        found = list(told.lines())
        changed = changed or told.changed
        lines += [f"{key.namespace}/{key.name}", *(f"  {line}".rstrip() for line in found), ""]
    if errors:
        return Preview(lines=tuple(errors), code=ERROR)
    return Preview(lines=tuple(lines[:-1]), code=CHANGES if changed else NOTHING)


# --- the manifests --------------------------------------------------------------------------


def _placed(document: Document, namespace: str) -> Document:
    """Return a manifest in the namespace that it would be applied in."""
    about = document.manifest.get("metadata")
    namespaced = document.manifest.get("kind") != names.RESOURCE_TYPE_KIND
    if not isinstance(about, dict) or not namespaced or about.get("namespace"):
        return document
    manifest = {**document.manifest, "metadata": {**about, "namespace": namespace}}
    return dataclasses.replace(document, manifest=manifest)


Identity = tuple[str, str, str]


def _identity(manifest: Manifest) -> Identity:
    about = manifest["metadata"]
    name = about.get("name") or f"{about['generateName']}planned"
    return manifest["kind"], about.get("namespace", ""), name


def _refused(given: Sequence[Document], live: Live) -> Iterator[str]:
    """Yield what the API server would refuse, with its place."""
    known = {_identity(body): body for body in live.own}
    first: dict[Identity, Document] = {}
    for one in given:
        found = documents.problems(one.manifest)
        if not found and one.manifest["kind"] in _OWN:
            identity = _identity(one.manifest)
            found = documents.problems(one.manifest, known.get(identity))
            same = first.setdefault(identity, one)
            if same is not one:
                yield (
                    f"{one.place}: stands a second time, after {same.source}, document "
                    f"{same.number}; remove one of them"
                )
        yield from documents.told(one, found)


def _overlaid(
    ours: Sequence[Document], live: Sequence[Manifest], now: datetime
) -> tuple[Manifest, ...]:
    """Return the objects as they would be after an apply: its spec in the place of the old one."""
    bodies = {_identity(body): body for body in live}
    for number, one in enumerate(ours):
        identity = _identity(one.manifest)
        there = bodies.get(identity)
        spec = one.manifest["spec"]
        if there is None:
            about = {
                "uid": f"planned-{number:06}",
                "resourceVersion": "1",
                "generation": 1,
                "creationTimestamp": conditions.timestamp(now),
            }
            about |= {"name": identity[2]}
            bodies[identity] = {**one.manifest, "metadata": one.manifest["metadata"] | about}
            bodies[identity]["status"] = {}
        elif there.get("spec") != spec:
            about = {**there["metadata"], "generation": there["metadata"]["generation"] + 1}
            bodies[identity] = {**there, "metadata": about, "spec": spec}
    return tuple(bodies.values())


def _dangling(
    ours: Sequence[Document], bodies: Sequence[Manifest], *, is_live: bool
) -> Iterator[str]:
    """Yield the manifests that name an application, or a release, that is nowhere."""
    known = {_identity(body): body for body in bodies}
    elsewhere = "" if is_live else ", or compare with the cluster that has it by --live"
    for one in ours:
        spec, place = one.manifest["spec"], one.manifest["metadata"].get("namespace", "")
        application = (spec.get("applicationRef") or {}).get("name")
        if application and (names.APPLICATION_KIND, place, application) not in known:
            yield (
                f"{one.place}: spec.applicationRef.name: there is no ProcessApplication "
                f'"{application}" in namespace {place}; add its manifest{elsewhere}'
            )
        target = spec.get("rollbackTo")
        waits = "state" not in (known[_identity(one.manifest)].get("status") or {})
        if target and waits and (names.RELEASE_KIND, place, target) not in known:
            yield (
                f'{one.place}: spec.rollbackTo: there is no ProcessRelease "{target}" in namespace '
                f"{place}; see `kubectl get processreleases`{elsewhere}"
            )


def _touched(ours: Sequence[Document], store: world.Store) -> Sequence[ApplicationKey]:
    """Return the applications that the manifests are about; a size may be about any of them."""
    found: dict[ApplicationKey, None] = {}
    for one in ours:
        spec, about = one.manifest["spec"], one.manifest["metadata"]
        if one.manifest["kind"] == names.RESOURCE_TYPE_KIND:
            found |= dict.fromkeys(store.applications())
        elif one.manifest["kind"] == names.APPLICATION_KIND:
            found[ApplicationKey(about["namespace"], about["name"])] = None
        else:
            found[ApplicationKey(about["namespace"], spec["applicationRef"]["name"])] = None
    return sorted(found)


RecordT = TypeVar("RecordT", Child, IngressClass, observed.Pod)


class _Fixed(Generic[RecordT]):
    """A mirror that does not move."""

    def __init__(self, records: Iterable[RecordT]) -> None:
        self._records: tuple[RecordT, ...] = tuple(records)

    def of(self, namespace: str, application: str) -> Iterator[RecordT]:
        for one in self._records:
            if not isinstance(one, IngressClass) and (one.namespace, one.application) == (
                namespace,
                application,
            ):
                yield one

    def all(self) -> Iterator[RecordT]:
        yield from self._records


def _store(
    bodies: Iterable[Manifest], live: Live, now: datetime, allowed_annotations: tuple[str, ...]
) -> world.Store:
    no_pods: tuple[observed.Pod, ...] = ()
    made = world.Store(
        mirrors=world.Mirrors(
            children=(_Fixed(live.children),),
            pods=_Fixed(no_pods),
            ingress_classes=_Fixed(live.ingress_classes),
        ),
        clock=lambda: now,
        allowed_annotations=allowed_annotations,
    )
    for body in bodies:
        made.observe(body)
    return made


# --- one application ------------------------------------------------------------------------


class _Application:
    """What would become of one application."""

    def __init__(
        self, *, before: World, after: World, given: Sequence[Document], is_live: bool
    ) -> None:
        self._intents = _intents(before)
        # What the operator is about to write anyway is not what the manifests would change.
        _, finished = self._written(before)
        self._world = dataclasses.replace(
            after,
            children=finished.children,
            # Nobody who asks what a release would do wants to wait until everything has settled.
            changed_at=after.now - _LONG_SETTLED,
        )
        self._plan = plan.plan(self._world)
        self._given = given
        self._is_live = is_live
        self.changed = False

    def errors(self) -> Iterator[str]:
        """Yield what keeps every release of this application waiting."""
        subject = self._plan.subject
        for process in self._world.processes:
            refusal = subject and subject.resolved.refusals.get(process.uid)
            if not refusal:
                continue
            message = refusal.message
            if refusal.reason == "ResourceTypeNotFound" and not self._world.resource_types:
                message = (
                    "spec.resourceTypeRef.name: there is no ProcessResourceType among the "
                    f"manifests; add them, for example by -f {CATALOGUE}"
                )
                if not self._is_live:
                    message += ", or compare with the cluster that has them by --live"
            yield f"{self._place(process)}: {message}"

    def _place(self, one: Owned[Any] | Broken) -> str:
        identity = (one.kind, one.namespace, one.name)
        for document in self._given:
            if _identity(document.manifest) == identity:
                return document.place
        return f'{one.kind} "{one.name}" in namespace {one.namespace} of the cluster'

    def lines(self) -> Iterator[str]:
        """Yield what would happen, in order; `changed` is right when they have been read."""
        at_once, settled = self._written(self._world)
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

    def _nothing(self, settled: World) -> Iterator[str]:
        subject = self._plan.subject
        if subject is None or subject.resolved.candidate is None:
            yield "no release: spec.image of the application is not set; set it"
        elif not subject.resolved.entries:
            yield (
                "no release: no Process names this application in spec.applicationRef.name; "
                "create one"
            )
        elif self.changed:
            yield "no release: nothing is staged"
        else:
            yield "nothing to do"
        if subject is not None and subject.running is not None:
            total = len(_wanted(plan.plan(settled)))
            yield f"release {subject.running.name} runs; {total} objects stay"

    # What is staged.

    def _staged(self) -> Iterator[str]:
        subject = self._plan.subject
        if subject is None or subject.snapshot is None or subject.resolved.candidate is None:
            return
        running, saved = subject.snapshot, subject.resolved.candidate
        for one in staging.application_differences(running, saved):
            yield _difference(one)
        is_staged = subject.application.spec.scaling_policy != ScalingPolicy.IMMEDIATE
        for entry in saved.processes:
            serving = running.process(entry.key, entry.type)
            if serving is None:
                yield f"{entry.key}: a new {entry.type} process"
                continue
            for one in staging.process_differences(serving, entry, scaling_is_staged=is_staged):
                yield f"{entry.key}: {_difference(one)}"

    # What is written.

    def _written(self, seen: World) -> tuple[dict[ChildKey, _Change], World]:
        """Return what the operator would write now, and the world after it has."""
        found: dict[ChildKey, _Change] = {}
        for _ in range(_MAX_PASSES):
            children, processes = dict(seen.children), list(seen.processes)
            for index, view in enumerate(plan.plan(seen).views):
                name = _key_of(view.process)
                for child in view.deletes:
                    del children[child.key]
                    _note(found, child.key, name, self._declared(child, None), None)
                for apply in view.applies:
                    before = self._declared(apply.child, apply.manifest)
                    _note(found, apply.key, name, before, apply.manifest)
                    self._intents[apply.key] = apply.manifest
                    children[apply.key] = _made(apply.manifest, apply.child, seen.now)
                if view.remember is not None and isinstance(view.process, Owned):
                    status = {**view.process.status, "replicasBeforeSuspend": view.remember}
                    processes[index] = dataclasses.replace(view.process, status=status)
            after = dataclasses.replace(seen, children=children, processes=tuple(processes))
            if after == seen:
                break
            seen = after
        return found, seen

    def _declared(self, child: Child | None, wanted: Manifest | None) -> Mapping[str, Any] | None:
        """Return the fields of a child that are ours, as they are now."""
        if child is None:
            return None
        intent = self._intents.get(child.key)
        live = {"metadata": {}, "spec": observed.spec(child)}
        if intent is None or wanted is None:
            return (
                live if wanted is None else {"spec": diffs.projected(live["spec"], wanted["spec"])}
            )
        if "replicas" not in wanted["spec"] or child.kind != "Deployment":
            return intent
        replicas = live["spec"].get("replicas", 1)
        return {**intent, "spec": {**intent["spec"], "replicas": replicas}}

    # The release.

    def _begin(self, seen: World, *, is_wanted: bool) -> _Started | Waiting | None:
        """Return the next release as it starts, or why it does not; None if there is none to be."""
        asked = True
        seen = _with_active_ended(seen)
        for _ in range(_MAX_PASSES):
            planned = plan.plan(seen)
            decision, subject = planned.decision, planned.subject
            if decision.create is not None:
                about = decision.create["metadata"]
                seen = _with_release(seen, about["name"], about["ownerReferences"][0]["uid"])
            elif decision.records:
                seen = _recorded(seen, decision.records)
                for one in seen.releases:
                    if isinstance(one, Owned) and release.state(one) == ReleaseState.IN_PROGRESS:
                        return _Started(world=seen, release=one, asked=asked)
            elif decision.waiting is not None:
                return decision.waiting
            elif not asked or subject is None or not _could_release(subject, is_wanted=is_wanted):
                return None
            else:
                asked = False
                seen = _with_release(seen, f"{seen.key.name}-next", None)
        return None

    def _release(self, begun: _Started) -> Iterator[str]:
        record = begun.release.status
        number, frozen = release.number(begun.release), release.snapshot(begun.release)
        subject = self._plan.subject
        if frozen is None or subject is None:
            return
        before = subject.course.active or subject.course.serving
        if begun.asked:
            yield f"release {begun.release.name}, {_ASKED[ReleaseTrigger(record['trigger'])]}:"
        else:
            yield (
                f"release {number}, which nobody has asked for yet (change spec.image or "
                "spec.revision of the application, or create a ProcessRelease):"
            )
        if subject.course.active is not None:
            yield f"  starts when release {subject.course.active.name} has ended"
        entries: Sequence[Mapping[str, Any]] = record.get("jobs", ())
        skipped = [one["key"] for one in entries if "result" in one]
        if skipped:
            yield f"  jobs are skipped: {', '.join(skipped)}"
        steps = list(
            _jobs(entries, frozen, subject.resolved.settings, _BEFORE, "before the rollout")
        )
        changes, after = self._written(_rolling(begun))
        rollout = self._objects(changes, after, staying=True)
        steps.append(["rollout, all processes together:", *rollout])
        steps += _jobs(entries, frozen, subject.resolved.settings, _SUCCESS, "after success")
        for index, (head, *rest) in enumerate(steps, 1):
            yield f"  {index}. {head}"
            yield from _indented(rest, by=5)
        yield f"  if it fails: {_fallback(before, subject.resolved.settings, entries)}"
        yield ""
        yield _summary(changes, len(_wanted(plan.plan(after))))

    def _objects(
        self, changes: Mapping[ChildKey, _Change], seen: World, *, staying: bool
    ) -> Iterator[str]:
        wanted = dict(_wanted(plan.plan(seen)))
        for key in [*wanted, *(key for key in changes if key not in wanted)]:
            if key in changes:
                yield from _object(changes[key])
            elif staying:
                yield f"= {key.kind} {key.name} ({wanted[key]}) stays"
        for view in plan.plan(seen).views:
            if view.refused is not None:
                yield f"! {_key_of(view.process)}: {view.refused.message}"


_BEFORE = JobStartPolicy.BEFORE_DEPLOYMENT
_SUCCESS = JobStartPolicy.AFTER_SUCCESS_DEPLOYMENT
_FAILED = JobStartPolicy.AFTER_FAILED_DEPLOYMENT
_ASKED = {
    ReleaseTrigger.INITIAL: "the first one",
    ReleaseTrigger.IMAGE: "asked for by spec.image",
    ReleaseTrigger.REVISION: "asked for by spec.revision: it restarts every process",
    ReleaseTrigger.AUTOMATIC: "asked for by a staged change, because releasePolicy is automatic",
    ReleaseTrigger.MANUAL: "asked for by hand",
    ReleaseTrigger.ROLLBACK: "asked for by hand: it goes back to an earlier release",
}


def _could_release(subject: plan.Subject, *, is_wanted: bool) -> bool:
    """Whether a release that nobody has asked for would do anything."""
    resolved = subject.resolved
    can_start = resolved.candidate is not None and bool(resolved.entries)
    return can_start and (is_wanted or subject.running is None)


def _difference(one: staging.Difference) -> str:
    return f"{one.field}: {_or_unset(one.before)} -> {_or_unset(one.after)}"


def _or_unset(value: str | None) -> str:
    return "not set" if value is None else value


def _indented(lines: Iterable[str], by: int = 2) -> Iterator[str]:
    for line in lines:
        yield f"{' ' * by}{line}" if line else line


def _key_of(process: Owned[Any] | Broken) -> str:
    if isinstance(process, Owned) and isinstance(process.spec, ProcessSpec):
        return process.spec.key
    return process.name


def _jobs(
    entries: Sequence[Mapping[str, Any]],
    frozen: Snapshot,
    settings: Settings,
    policy: JobStartPolicy,
    moment: str,
) -> Iterator[list[str]]:
    for one in entries:
        entry = frozen.process(one["key"], ProcessType.JOB)
        if one["policy"] == policy and "result" not in one and entry is not None:
            yield [f"job {one['key']}, {moment}:", *_job(entry, settings)]


def _job(entry: SnapshotProcess, settings: Settings) -> Iterator[str]:
    limits = entry.run
    command = entry.entrypoint or " ".join(map(json.dumps, entry.command))
    yield f"runs {command or 'what the image itself runs'}"
    timeout = limits.timeout_seconds if limits is not None else None
    retries = limits.retries if limits is not None else 0
    yield (
        f"size {entry.size.name}, {timeout or settings.job_timeout_seconds} s at most, "
        f"{retries or 'no'} retries"
    )


def _fallback(
    before: Release | None, settings: Settings, entries: Sequence[Mapping[str, Any]]
) -> str:
    if before is None:
        back = "there is no earlier release to go back to; what was made stays"
    elif settings.rollback:
        back = f"back to release {before.name}"
    else:
        back = "what was rolled out stays, because release.rollback is false"
    left = [one["key"] for one in entries if one["policy"] == _FAILED and "result" not in one]
    return back + "".join(f"; then job {key}" for key in left)


def _summary(changes: Mapping[ChildKey, _Change], total: int) -> str:
    made = sum(one.before is None for one in changes.values())
    removed = sum(one.after is None for one in changes.values())
    restarted = sorted(one.process for one in changes.values() if one.restarts)
    changed = len(changes) - made - removed
    return (
        f"{made} objects are made, {changed} changed, {removed} removed, "
        f"{total - made - changed} stay; restarts: {', '.join(restarted) or 'none'}"
    )


def _object(change: _Change) -> Iterator[str]:
    """Yield one object with its fields, as a diff."""
    if change.after is None:
        yield f"- {change.key.kind} {change.key.name} ({change.process}) is removed"
        return
    named = f"{change.key.kind} {change.key.name} ({change.process})"
    if change.before is None:
        yield f"+ {named} is made"
    else:
        yield f"~ {named} {'is changed and restarts' if change.restarts else 'is changed'}"
    before: Any = diffs.NONE if change.before is None else diffs.shown(change.before)
    yield from _indented(diffs.fields(before, diffs.shown(change.after)), by=4)


# --- imagined worlds ------------------------------------------------------------------------


def _intents(before: World) -> dict[ChildKey, Manifest]:
    """Return what was last applied of the children that are as the operator wants them."""
    planned = plan.plan(before)
    unfinished = {apply.key for view in planned.views for apply in view.applies}
    return {key: one for key, _, one in _rendered(planned) if key not in unfinished}


def _wanted(planned: plan.Plan) -> list[tuple[ChildKey, str]]:
    """Return every child that is rendered, with the key of its process."""
    return [(key, process) for key, process, _ in _rendered(planned)]


def _rendered(planned: plan.Plan) -> Iterator[tuple[ChildKey, str, Manifest]]:
    for view in planned.views:
        if view.target is None:
            continue
        for one in builders.children(view.target):
            about = one["metadata"]
            key = ChildKey(one["kind"], about["namespace"], about["name"])
            yield key, view.target.entry.key, one


def _made(manifest: Manifest, old: Child | None, now: datetime) -> Child:
    """Return a child as it is after a manifest was applied."""
    spec = dict(manifest["spec"])
    if old is not None and "replicas" not in spec and old.kind == "Deployment":
        spec["replicas"] = observed.spec(old).get("replicas", 1)
    about = {
        "uid": "planned",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": conditions.timestamp(old.created_at if old is not None else now),
        **manifest["metadata"],
    }
    child = projections.child(manifest["kind"], {**manifest, "metadata": about, "spec": spec})
    return dataclasses.replace(child, others_own_replicas=bool(old and old.others_own_replicas))


def _with_release(seen: World, name: str, owner_uid: str | None) -> World:
    """Return the world in which a release waits: the operator's own, or one made by hand."""
    made = Owned(
        kind=names.RELEASE_KIND,
        namespace=seen.key.namespace,
        name=name,
        uid=f"planned-{name}",
        resource_version="1",
        generation=1,
        created_at=seen.now,
        deleting=False,
        owner_uid=owner_uid,
        generated=False,
        spec=ReleaseSpec.model_validate({"applicationRef": {"name": seen.key.name}}),
        status={},
    )
    return dataclasses.replace(seen, releases=(*seen.releases, made))


def _recorded(seen: World, records: Iterable[tuple[Release, Mapping[str, Any]]]) -> World:
    """Return the world in which these statuses have been written."""
    written = {one.uid: status for one, status in records}
    return dataclasses.replace(
        seen,
        releases=tuple(
            dataclasses.replace(one, status=written[one.uid]) if one.uid in written else one
            for one in seen.releases
        ),
    )


def _with_active_ended(seen: World) -> World:
    """Return the world in which the release in progress has succeeded: the next waits for it."""
    return _recorded(
        seen,
        [
            (one, {**one.status, "state": str(ReleaseState.SUCCESS)})
            for one in seen.releases
            if isinstance(one, Owned) and release.state(one) == ReleaseState.IN_PROGRESS
        ],
    )


def _rolling(begun: _Started) -> World:
    """Return the world in which the jobs before the rollout have succeeded."""
    status = {
        **begun.release.status,
        "step": str(ReleaseStep.ROLLOUT),
        "rolloutStartedAt": conditions.timestamp(begun.world.now),
    }
    return _recorded(begun.world, [(begun.release, status)])


def _note(
    found: dict[ChildKey, _Change],
    key: ChildKey,
    process: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    """Note a change, as one with an earlier change of the same object."""
    if key in found:
        before = found[key].before
    found[key] = _Change(key=key, process=process, before=before, after=after)
