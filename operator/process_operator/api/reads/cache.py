"""What the API knows of our objects: an informer of each kind, found by id and by application.

Reads are answered from here and cost the API server nothing. The answer to each write of this
process is put in at once, so that nobody's reads are behind their own writes.
"""

import asyncio
import contextlib
import functools
import itertools
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from process_operator.api.access.keys import BoundNamespace
from process_operator.api.reads import ownership, variable_ids
from process_operator.cluster.client import Cluster
from process_operator.cluster.informer import Informer
from process_operator.kube import names
from process_operator.kube.manifest import Manifest
from process_operator.models.release import ReleaseState

NAMESPACE_KIND = "Namespace"
_GONE = 10_000
"""How many deleted ids are remembered; the watch needs a moment, not a day."""
_CLOCKS_DIFFER = timedelta(seconds=2)
_LISTS = 100
"""How many lists of applications are kept, one for all keys of the same namespaces."""

PROJECT = f"{names.GROUP}/project"
"""Annotation on applications: the id of the project that its creator named."""
DISPLAY_NAME = f"{names.GROUP}/display-name"
"""Annotation on namespaces: the name of the project for people."""
IDEMPOTENCY = f"{names.GROUP}/idempotency"
"""Annotation on what a request with an Idempotency-Key has made: who asked, and for what."""
DEFAULT_PROCESS = f"{names.GROUP}/default-process"
"""Annotation on the web process that comes with a new application, until somebody creates it."""
IMAGE = f"{names.GROUP}/requested-image"
"""Annotation on releases: the image that was asked for, told of one that has not started."""
HOOK = f"{names.GROUP}/deployment-hook"
"""Annotation on applications that have a deployment hook: what of its token is no secret."""
_MARKS = frozenset(
    {
        PROJECT,
        DISPLAY_NAME,
        IDEMPOTENCY,
        DEFAULT_PROCESS,
        variable_ids.MARK,
        IMAGE,
        HOOK,
        names.REQUESTED_AT,
        names.REQUESTED_BY,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One object, as compact as it can be kept: parsed when it is asked for."""

    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    created_at: str
    updated_at: str
    """When something other than the status was last written."""
    deleting: bool
    application: str
    """Name of the application it belongs to, "" for none."""
    state: str
    """How far a release is; "" for every other kind, and before the operator has seen it."""
    number: int
    """The number of a release within its application; 0 where there is none."""
    owner: str
    """The uid of the application that a release is of; "" where the operator has not told it."""
    marks: Mapping[str, str]
    """Those of its annotations that mean something here."""
    appliers: bytes
    """JSON of the fields that others own by apply, see `ownership`."""
    spec_json: bytes
    status_json: bytes

    @property
    def made_at(self) -> tuple[str, str]:
        """When it was made, and asked for, in what sorts."""
        return self.created_at, self.marks.get(names.REQUESTED_AT, "")

    @property
    def spec(self) -> dict[str, Any]:
        """The spec, parsed anew."""
        parsed: dict[str, Any] = orjson.loads(self.spec_json)
        return parsed

    @property
    def status(self) -> dict[str, Any]:
        """The status, parsed anew."""
        parsed: dict[str, Any] = orjson.loads(self.status_json)
        return parsed


def record(kind: str, found: Manifest) -> Record:
    """Return the record of an object."""
    about, spec = found["metadata"], found.get("spec") or {}
    status = found.get("status") or {} if kind != NAMESPACE_KIND else {}
    managers = about.get("managedFields") or ()
    times = [one["time"] for one in managers if "time" in one and "subresource" not in one]
    annotations = about.get("annotations") or {}
    return Record(
        kind=kind,
        namespace=about.get("namespace") or "",
        name=about["name"],
        uid=about["uid"],
        # What a dry run has made has none.
        resource_version=about.get("resourceVersion", "0"),
        generation=int(about.get("generation") or 0),
        created_at=about["creationTimestamp"],
        updated_at=_updated_at(
            max((about["creationTimestamp"], *times)), annotations.get(names.CHANGED_AT)
        ),
        deleting="deletionTimestamp" in about,
        application=_application(kind, about["name"], spec),
        state=str(status.get("state") or ""),
        number=int(status.get("number") or 0),
        owner=str(status.get("applicationUID") or ""),
        marks={name: annotations[name] for name in annotations.keys() & _MARKS},
        appliers=_bytes(ownership.appliers(managers)),
        spec_json=_bytes(spec if kind != NAMESPACE_KIND else {}),
        status_json=_bytes(_status(kind, status)),
    )


def _updated_at(written: str, told: str | None) -> str:
    """Return when an object was last written, more exactly where that was through this API.

    Args:
        written: The second, by the API server.
        told: What the annotation says, which anybody may have written, by any clock.
    """
    with contextlib.suppress(ValueError, TypeError):
        later = datetime.fromisoformat(told or "") - datetime.fromisoformat(written)
        if timedelta() <= later <= _CLOCKS_DIFFER:
            return str(told)
    return written


def _application(kind: str, name: str, spec: Mapping[str, Any]) -> str:
    if kind == names.APPLICATION_KIND:
        return name
    if kind == names.RUN_KIND:
        # A run names its process, and processes are found by their names.
        return str((spec.get("processRef") or {}).get("name", ""))
    return str((spec.get("applicationRef") or {}).get("name", ""))


def _status(kind: str, status: Mapping[str, Any]) -> Mapping[str, Any]:
    if kind == names.RELEASE_KIND and status.get("state") != ReleaseState.SUCCESS:
        # Only what serves is compared with what is saved.
        return {name: value for name, value in status.items() if name != "snapshot"}
    return status


def _bytes(value: Any) -> bytes:
    """Return JSON in as many bytes as it has: a copy, because orjson keeps a larger buffer."""
    return bytes(memoryview(orjson.dumps(value)))


def oldest_first(records: Iterable[Record]) -> list[Record]:
    """Return records with the oldest first, always in the same order."""
    return sorted(records, key=lambda one: (one.made_at, one.name, one.uid))


_Group = tuple[str, str, str]
"""Kind, namespace and application; a plain tuple, since a list makes one for each of its items."""


class Cache:
    """All records, by id and by application."""

    def __init__(self, cluster: Cluster) -> None:
        self._mirrors: dict[str, Informer[Record]] = {
            kind: Informer(
                kind,
                functools.partial(record, kind),
                source=cluster,
                sink=self,
                label_selector=None,
            )
            for kind in (*names.OWN_KINDS, NAMESPACE_KIND)
        }
        self._places: dict[str, tuple[str, str, str]] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        """Ids of what was deleted here: an event from before may still be under way."""
        self._groups: dict[_Group, dict[str, None]] = {}
        self._versions: dict[_Group, int] = {}
        self._counter = itertools.count(1)
        self.on_release: Callable[[Record], None] | None = None
        """Is told of each release that is new or has changed."""
        self._applications: dict[tuple[str, ...], Sequence[Record]] = {}
        """By namespaces, what `applications` has found since the last change."""

    def tasks(self) -> list[Coroutine[Any, Any, None]]:
        """Return what keeps the cache, to be run for as long as it is read."""
        return [mirror.run() for mirror in self._mirrors.values()]

    @property
    def ready(self) -> bool:
        """Whether everything is known, and the API server has answered lately."""
        return all(mirror.complete.is_set() and mirror.healthy for mirror in self._mirrors.values())

    async def complete(self) -> None:
        """Return as soon as everything has been listed once."""
        await asyncio.gather(*(mirror.complete.wait() for mirror in self._mirrors.values()))

    def get(self, kind: str, uid: str) -> Record | None:
        """Return the object of an id."""
        place = self._places.get(uid)
        if place is None or place[0] != kind:
            return None
        return self.named(kind, place[1], place[2])

    def named(self, kind: str, namespace: str, name: str) -> Record | None:
        """Return the object of a name; of a kind without namespaces that of the namespace ""."""
        found = self._mirrors[kind].get(namespace, name)
        return found if found is None or found.uid not in self._gone else None

    def of(self, kind: str, namespace: str, application: str) -> Iterator[Record]:
        """Yield the objects of an application, or the runs of a process."""
        for uid in tuple(self._groups.get((kind, namespace, application), ())):
            found = self.get(kind, uid)
            if found is not None:
                yield found

    def version(self, kind: str, namespace: str, application: str) -> int:
        """Return a number that is another one after each change of what `of` yields."""
        return self._versions.get((kind, namespace, application), 0)

    def all(self, kind: str) -> Iterator[Record]:
        """Yield every object of a kind."""
        return (one for one in self._mirrors[kind].all() if one.uid not in self._gone)

    def has_host(self, host: str, *, besides: str) -> bool:
        """Whether a process asks for a host, but for the one with that uid."""
        written = orjson.dumps({"host": host})[1:-1]
        return any(
            any(one["host"] == host for one in (found.spec.get("ingress") or {}).get("hosts") or ())
            for found in self.all(names.PROCESS_KIND)
            # Most need not be parsed to be known not to.
            if written in found.spec_json and found.uid != besides and not found.deleting
        )

    def namespaces(self, bound: Iterable[BoundNamespace]) -> tuple[str, ...]:
        """Return the names of those namespaces that are still the same ones."""
        return tuple(one.name for one in bound if self._is_same(one))

    def _is_same(self, bound: BoundNamespace) -> bool:
        found = self.named(NAMESPACE_KIND, "", bound.name)
        return found is not None and found.uid == bound.uid

    def applications(self, namespaces: tuple[str, ...]) -> Sequence[Record]:
        """Return the applications of namespaces that are not being deleted, the oldest first.

        They are looked for only after a change: callers page through them, and ask again.
        """
        found = self._applications.get(namespaces)
        if found is None:
            every = self.all(names.APPLICATION_KIND)
            mine = (one for one in every if one.namespace in namespaces and not one.deleting)
            if len(self._applications) == _LISTS:
                self._applications.clear()
            found = self._applications[namespaces] = oldest_first(mine)
        return found

    def observe(self, answer: Manifest) -> Record:
        """Take in what the API server answered to a write; return it."""
        kind = answer["kind"]
        about = answer["metadata"]
        before = self._mirrors[kind].get(about.get("namespace") or "", about["name"])
        after = self._mirrors[kind].observe(answer)
        self.changed(before, after)
        if after is not None and after.resource_version == about["resourceVersion"]:
            return after
        return record(kind, answer)

    def forget(self, gone: Record) -> None:
        """Take out what the API server said is deleted."""
        self._gone[gone.uid] = None
        if len(self._gone) > _GONE:
            self._gone.popitem(last=False)
        self._mirrors[gone.kind].evict(gone.namespace, gone.name, gone.uid)
        self.changed(gone, None)

    def changed(self, old: Record | None, new: Record | None) -> None:
        """Keep the ways to find a record."""
        for one in (old, new):
            if one is not None:
                self._versions[_group(one)] = next(self._counter)
                if one.kind == names.APPLICATION_KIND:
                    self._applications.clear()
        if old is not None and (new is None or new.uid != old.uid):
            self._places.pop(old.uid, None)
            group = _group(old)
            members = self._groups.get(group, {})
            members.pop(old.uid, None)
            if not members:
                self._groups.pop(group, None)
                self._versions.pop(group, None)
        if new is not None and (old is None or new.uid != old.uid):
            self._places[new.uid] = (new.kind, new.namespace, new.name)
            self._groups.setdefault(_group(new), {})[new.uid] = None
        if new is not None and new.kind == names.RELEASE_KIND and self.on_release is not None:
            self.on_release(new)


def _group(one: Record) -> _Group:
    return one.kind, one.namespace, one.application
