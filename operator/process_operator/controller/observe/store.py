"""What is known now: our own objects (from the handlers) beside the informers of children.

Own objects are kept as the bytes of their spec and status, and parsed when they are gathered:
most are looked at rarely, and bytes cost a tenth of what parsed objects do. An older
resourceVersion never replaces a newer one, and everything is keyed by uid, so that a late
deletion cannot remove a successor. Answers to our own writes come in here at once: what is
gathered is never behind what was written.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

import orjson

from process_operator.controller.observe import hosts, own_objects
from process_operator.controller.observe.configuration import Configuration, Objects
from process_operator.controller.observe.contest import hides, is_over
from process_operator.controller.observe.hosts import HostClaims
from process_operator.controller.observe.in_progress import InProgress
from process_operator.controller.observe.memory import Memories
from process_operator.controller.observe.own_objects import Entry
from process_operator.controller.observe.parsed import Parsed
from process_operator.controller.observe.records import (
    RESOURCE_TYPES,
    AnyResource,
    ApplicationKey,
    Child,
    ChildKey,
    ConfigurationObject,
    Contest,
    IngressClass,
    InvalidObject,
    JobRefusal,
    ObservedState,
    Pod,
    ProbeFailure,
    RefusedWrite,
    ResourceTypeObject,
    Shown,
)
from process_operator.controller.observe.trouble import Troubles
from process_operator.kube import names

_OWNER = f"{names.API_VERSION}/{names.PROCESS_KIND}"


RecordT = TypeVar("RecordT", covariant=True)  # noqa: PLC0105


class Records(Protocol[RecordT]):
    """An informer, as the observed state reads it."""

    def of(self, namespace: str, application: str) -> Iterator[RecordT]:
        """Yield the records of one application."""

    def all(self) -> Iterator[RecordT]:
        """Yield every record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Informers:
    """The informers that the observed state reads."""

    children: tuple[Records[Child], ...]
    pods: Records[Pod]
    ingress_classes: Records[IngressClass]
    configuration: Mapping[str, Objects] = field(default_factory=dict)
    """Of ConfigMaps, and of Secrets where that was granted, by kind."""


class ObjectCache:
    """All that is known, by application."""

    def __init__(
        self,
        *,
        informers: Informers,
        clock: Callable[[], datetime],
        allowed_annotations: tuple[str, ...],
    ) -> None:
        self._clock = clock
        self._allowed_annotations = allowed_annotations
        self._own: dict[str, dict[tuple[str, str], Entry]] = {
            kind: {} for kind in own_objects.SPECS
        }
        self._members: dict[ApplicationKey, dict[tuple[str, str], Entry]] = {}
        self._informers = informers
        self._hosts = HostClaims(self._routes)
        self._configuration = Configuration(informers.configuration)
        self._troubles = Troubles(informers.pods.all)
        # As of a failing probe, what is said of a Job counts in its own namespace only.
        self._job_refusals: dict[tuple[str, str], str] = {}
        self._changed_at: dict[ApplicationKey, datetime] = {}
        self._in_progress = InProgress()
        self._refused: dict[ApplicationKey, dict[ChildKey, RefusedWrite]] = {}
        self._shown: dict[ApplicationKey, dict[ChildKey, Shown]] = {}
        self._contests: dict[ApplicationKey, dict[ChildKey, Contest]] = {}
        self._unverified: dict[ApplicationKey, set[tuple[str, str]]] = {}
        self._arrived: set[ApplicationKey] = set()
        self._leaving: set[str] = set()
        self.memories = Memories()
        """What was worked out at earlier looks."""
        self._being_written: dict[str, Mapping[str, Any]] = {}
        self._parsed = Parsed()

    # What comes in.

    def observe(self, body: Mapping[str, Any]) -> tuple[ApplicationKey, ...]:
        """Take in one of our own objects; return the keys that have to be looked at again.

        Nothing is returned for what is older than what is known, and for changes that no
        decision reads, such as a foreign label.
        """
        entry = own_objects.entry_of(body, self._clock())
        place = (entry.namespace, entry.name)
        known = self._own[entry.kind].get(place)
        if entry.kind == names.RUN_KIND:
            entry.application = self._application_of(body, known)
        if known is not None and known.uid == entry.uid:
            if entry.version <= known.version:
                return ()
            entry.seen_at = known.seen_at
            same = (
                known.generation == entry.generation
                and known.deleting == entry.deleting
                and known.owner_uid == entry.owner_uid
                and (known.status == entry.status or self._is_being_written(entry))
            )
            self._keep(entry)
            others = self._claim_hosts(entry, body)
            if same:
                return ()
            moved = known.generation != entry.generation or known.deleting != entry.deleting
            return (*self._touched(entry, known, moved=moved), *others)
        if known is not None and entry.version < known.version:
            return ()
        # Its deletion may never be told, and the successor may belong to another application.
        left = self._remove(known) if known is not None else ()
        self._keep(entry)
        # Nothing can be made in a namespace that is being deleted: this one is another.
        self._leaving.discard(entry.namespace)
        if entry.kind == names.PROCESS_KIND:
            self._bring_home(entry)
        if entry.kind == names.APPLICATION_KIND and b'"lastReleaseNumber"' not in entry.status:
            self.note_arrived(ApplicationKey(entry.namespace, entry.name))
        now = (*self._touched(entry, None, moved=True), *self._claim_hosts(entry, body))
        return tuple(dict.fromkeys((*left, *now)))

    def evict(self, kind: str, namespace: str, name: str, uid: str) -> tuple[ApplicationKey, ...]:
        """Take out one of our own objects, unless it has a successor of the same name."""
        entry = self._own[kind].get((namespace, name))
        return self._remove(entry) if entry is not None and entry.uid == uid else ()

    def child_changed(self, old: Child | None, new: Child | None) -> tuple[ApplicationKey, ...]:
        """Return whom a change of a child concerns."""
        if new is None and old is not None:
            self._bury(old)
        if new is None and old is not None and old.owner_kind == _OWNER:
            # The Process may be gone too, its deletion unseen: look before making it again.
            self._note_unverified(old)
        return _applications(old, new)

    def pod_changed(self, old: Pod | None, new: Pod | None) -> tuple[ApplicationKey, ...]:
        """Return whom a change of a pod concerns."""
        return _applications(old, new) if self._troubles.pod_changed(old, new) else ()

    def probe_failed(self, new: ProbeFailure | None) -> tuple[ApplicationKey, ...]:
        """Take in what the kubelet says of a failing probe; other people's pods do not count."""
        return _applications(None, self._troubles.probe_failed(new) if new is not None else None)

    def configuration_changed(self, one: ConfigurationObject) -> tuple[ApplicationKey, ...]:
        """Return whom a change of a ConfigMap or Secret concerns: those that name it."""
        concerned = self._configuration.users(one)
        for key in concerned:
            self._changed_at[key] = self._clock()
        return concerned

    def job_refused(self, old: JobRefusal | None, new: JobRefusal | None) -> None:
        """Take in why a Job has no pod; it is read when the Job is late, so nobody is woken."""
        if new is not None:
            self._job_refusals[new.namespace, new.job_uid] = new.message
        elif old is not None:
            place = (old.namespace, old.job_uid)
            if self._job_refusals.get(place) == old.message:
                del self._job_refusals[place]

    # What the writers remember.

    def refuse(self, key: ApplicationKey, child: ChildKey, refused: RefusedWrite) -> None:
        """Remember that a write was answered with a no."""
        self._refused.setdefault(key, {})[child] = refused

    def note_shown(self, key: ApplicationKey, child: ChildKey, shown: Shown) -> None:
        """Remember what the API server said of a child that it was shown."""
        self._shown.setdefault(key, {})[child] = shown

    @contextmanager
    def writing(self, uid: str, status: Mapping[str, Any]) -> Iterator[None]:
        """Say that a status is being written: the watch may bring it before the answer comes."""
        self._being_written[uid] = status
        try:
            yield
        finally:
            del self._being_written[uid]

    def accept(self, key: ApplicationKey, child: ChildKey) -> None:
        """Forget a no: the write went through."""
        self._refused.get(key, {}).pop(child, None)

    def contest(self, key: ApplicationKey, child: ChildKey, contest: Contest | None) -> None:
        """Remember, or with None forget, what became of our writes of a child."""
        if contest is not None:
            self._contests.setdefault(key, {})[child] = contest
        else:
            self._contests.get(key, {}).pop(child, None)

    def note_in_progress(
        self,
        key: ApplicationKey,
        in_progress: frozenset[str],
        told: frozenset[str],
        now: datetime,
    ) -> None:
        """Remember since when the objects of an application have been open, or were told to be."""
        uids = [entry.uid for entry in self._members.get(key, {}).values()]
        self._in_progress.note(uids, in_progress, told, now)

    def note_unverified(self, key: ApplicationKey, namespace: str, name: str) -> None:
        """Remember to look whether a process is still there."""
        self._unverified.setdefault(key, set()).add((namespace, name))

    def take_unverified(self, key: ApplicationKey) -> tuple[str, str, str] | None:
        """Return namespace, name and uid of a process to look at before the next write."""
        unverified = self._unverified.get(key)
        while unverified:
            namespace, name = place = unverified.pop()
            if place in self._own[names.PROCESS_KIND]:
                return namespace, name, self._own[names.PROCESS_KIND][place].uid
        self._unverified.pop(key, None)
        return None

    def note_leaving(self, namespace: str) -> None:
        """Remember that a namespace is being deleted, until something is made in it again."""
        self._leaving.add(namespace)

    def is_leaving(self, namespace: str) -> bool:
        """Whether a namespace is being deleted, as far as a write there has told."""
        return namespace in self._leaving

    def note_arrived(self, key: ApplicationKey) -> None:
        """Remember that an application has come of which nothing was released yet."""
        self._arrived.add(key)

    def take_arrived(self, key: ApplicationKey) -> bool:
        """Return whether an application has come since this was asked last."""
        arrived = key in self._arrived
        self._arrived.discard(key)
        return arrived

    # What is asked.

    def applications(self) -> tuple[ApplicationKey, ...]:
        """Return every key that anything of ours belongs to."""
        return tuple(self._members)

    def identities(self, kind: str) -> Iterator[tuple[str, str, str, int]]:
        """Yield namespace, name, uid and version of all objects of one of our own kinds."""
        for entry in self._own[kind].values():
            yield entry.namespace, entry.name, entry.uid, entry.version

    def has(self, kind: str, namespace: str, name: str, uid: str, version: int) -> bool:
        """Return whether one of our own objects is known as it was at a version, or later."""
        known = self._own[kind].get((namespace, name))
        return known is not None and known.uid == uid and version <= known.version

    def resource_types(self) -> dict[str, ResourceTypeObject | InvalidObject]:
        """Return all resource types by name."""
        return {
            entry.name: self._parsed.read(entry)
            for entry in self._own[names.RESOURCE_TYPE_KIND].values()
        }

    def gather(self, key: ApplicationKey, *, waiting: int = 0) -> ObservedState:
        """Return all that one reconcile of an application may depend on.

        Of the other applications that is how many of them wait for their turn, and what moves.
        """
        members = self._members.get(key, {}).values()
        application = self._own[names.APPLICATION_KIND].get(key)
        now = self._clock()
        read = self._parsed.read(application) if application is not None else None
        processes = tuple(self._in_order(members, names.PROCESS_KIND))
        pods = tuple(self._informers.pods.of(*key))
        children = {
            child.key: child for informer in self._informers.children for child in informer.of(*key)
        }
        return ObservedState(
            key=key,
            now=now,
            application=read,
            processes=processes,
            releases=tuple(self._in_order(members, names.RELEASE_KIND)),
            runs=tuple(self._in_order(members, names.RUN_KIND)),
            resource_types=self.resource_types(),
            ingress_classes=tuple(self._informers.ingress_classes.all()),
            children=children,
            pods=pods,
            probe_failures=self._troubles.said(pods),
            job_refusals={
                child.uid: said
                for child in children.values()
                if (said := self._job_refusals.get((child.namespace, child.uid))) is not None
            },
            changed_at=self._changed_at.get(key, now),
            backlog=waiting + self._in_progress.moving(now),
            in_progress_since=self._in_progress.since(entry.uid for entry in members),
            refused=dict(self._refused.get(key, {})),
            shown=dict(self._shown.get(key, {})),
            contests=self._current_contests(key, now),
            configuration=self._configuration.gather(key, read, processes),
            allowed_annotations=self._allowed_annotations,
            taken_hosts={
                entry.uid: taken
                for entry in members
                if entry.kind == names.PROCESS_KIND and (taken := self._hosts.taken(entry.uid))
            },
        )

    # How it is kept.

    def _claim_hosts(self, entry: Entry, body: Mapping[str, Any]) -> tuple[ApplicationKey, ...]:
        if entry.kind != names.PROCESS_KIND:
            return ()
        key = ApplicationKey(entry.namespace, entry.application)
        return self._hosts.put(entry.uid, hosts.claim(key, body))

    def _routes(self, namespace: str, application: str) -> Iterator[Child]:
        for informer in self._informers.children:
            for child in informer.of(namespace, application):
                if child.kind in {"Ingress", "HTTPRoute"}:
                    yield child

    def _keep(self, entry: Entry) -> None:
        self._own[entry.kind][(entry.namespace, entry.name)] = entry
        if entry.kind != names.RESOURCE_TYPE_KIND:
            key = ApplicationKey(entry.namespace, entry.application)
            self._members.setdefault(key, {})[(entry.kind, entry.name)] = entry

    def _remove(self, entry: Entry) -> tuple[ApplicationKey, ...]:
        del self._own[entry.kind][(entry.namespace, entry.name)]
        key = ApplicationKey(entry.namespace, entry.application)
        members = self._members.get(key, {})
        members.pop((entry.kind, entry.name), None)
        if not members:
            self._members.pop(key, None)
        self._in_progress.evict(entry.uid)
        return (*self._touched(entry, None, moved=True), *self._hosts.put(entry.uid, None))

    def _application_of(self, body: Mapping[str, Any], known: Entry | None) -> str:
        """Return the application of a run's process; "" while the process is not known.

        A run that has been given to an application stays there, whatever becomes of its process.
        """
        about = body["metadata"]
        if known is not None and known.uid == about["uid"] and known.application:
            return known.application
        process = (body["spec"].get("processRef") or {}).get("name", "")
        found = self._own[names.PROCESS_KIND].get((about["namespace"], process))
        return found.application if found is not None else ""

    def _bring_home(self, process: Entry) -> None:
        """Give the runs that came before their process to the application that it names."""
        homeless = ApplicationKey(process.namespace, "")
        for place, entry in tuple(self._members.get(homeless, {}).items()):
            wanted = (orjson.loads(entry.spec).get("processRef") or {}).get("name")
            if entry.kind == names.RUN_KIND and wanted == process.name:
                del self._members[homeless][place]
                entry.application = process.application
                self._keep(entry)
        if not self._members.get(homeless, True):
            del self._members[homeless]

    def _touched(
        self, entry: Entry, before: Entry | None, *, moved: bool
    ) -> tuple[ApplicationKey, ...]:
        if entry.kind == names.RESOURCE_TYPE_KIND:
            states = (entry,) if before is None else (entry, before)
            return (RESOURCE_TYPES, *(own_objects.users_of(states, self._members) if moved else ()))
        key = ApplicationKey(entry.namespace, entry.application)
        if moved and entry.kind != names.RUN_KIND:
            self._changed_at[key] = self._clock()
        if key not in self._members:
            for kept in (
                self._changed_at,
                self._refused,
                self._shown,
                self._contests,
                self._unverified,
            ):
                kept.pop(key, None)
            self._arrived.discard(key)
            self.memories.forget(key)
            self._configuration.forget(key)
            if key.namespace in self._leaving and not any(
                one.namespace == key.namespace for one in self._members
            ):
                self._leaving.discard(key.namespace)
        return (key,)

    def _is_being_written(self, entry: Entry) -> bool:
        status = self._being_written.get(entry.uid)
        return status is not None and orjson.loads(entry.status) == status

    def _current_contests(self, key: ApplicationKey, now: datetime) -> dict[ChildKey, Contest]:
        """Return the contests of an application; those that are over are forgotten."""
        found = self._contests.pop(key, {})
        kept = {child: one for child, one in found.items() if not is_over(one, now)}
        if kept:
            self._contests[key] = kept
        return dict(kept)

    def _bury(self, child: Child) -> None:
        """Forget what is known of a child that is gone, and not just out of sight."""
        found = self._contests.get(ApplicationKey(child.namespace, child.application), {})
        contest = found.get(child.key)
        if contest is not None and not hides(contest):
            del found[child.key]

    def _note_unverified(self, child: Child) -> None:
        key = ApplicationKey(child.namespace, child.application)
        if child.owner_name is not None and key in self._members:
            self.note_unverified(key, child.namespace, child.owner_name)

    def _in_order(
        self, members: Iterable[Entry], kind: str
    ) -> Iterator[AnyResource | InvalidObject]:
        mine = (entry for entry in members if entry.kind == kind)
        for entry in sorted(mine, key=lambda one: (one.created_at, one.uid)):
            yield self._parsed.read(entry)


def _applications(old: Child | Pod | None, new: Child | Pod | None) -> tuple[ApplicationKey, ...]:
    """Return the keys of the applications that a record named before, or names now."""
    there = (one for one in (old, new) if one is not None)
    return tuple({ApplicationKey(one.namespace, one.application): None for one in there})
