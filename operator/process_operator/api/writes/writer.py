"""Writes of our objects: what differs and nothing else, at the version that was judged.

A change is asked for as a function from the spec as it is to the spec as it shall be, so that it
can be asked again when somebody else was faster. What is sent is a merge patch of the fields that
differ, with our own field manager: an apply of a part would remove what was set here before.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from weakref import WeakValueDictionary

import orjson

from process_operator.api import field_names, problems
from process_operator.api.reads import cache, ownership
from process_operator.api.reads.cache import Cache, Record
from process_operator.api.reads.ownership import FieldConflict
from process_operator.cluster.client import Cluster
from process_operator.kube import errors, manifest, names
from process_operator.kube.manifest import Manifest

_log = logging.getLogger(__name__)

_TRIES = 6

Change = Callable[[Record], Mapping[str, Any]]
"""From an object to the spec that it shall have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """How a caller wants a write to be done."""

    caller: str
    """Id of the key."""
    asker: str
    """Name of the key, for the record."""
    force: bool = False
    dry_run: bool = False
    if_match: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An object after a write, and what was taken from others by it."""

    record: Record
    taken: tuple[FieldConflict, ...] = ()


def etag(record: Record) -> str:
    """Return the version of what is saved of an object; its status does not move it."""
    return f'"{record.uid}-{record.generation}"'


class Writer:
    """The one way from a request to the API server."""

    def __init__(self, cluster: Cluster, known: Cache) -> None:
        self._cluster = cluster
        self._cache = known
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def _lock(self, record: Record) -> asyncio.Lock:
        """Return what lets one change of an object happen at a time: callers do not race here."""
        lock = self._locks.get(record.uid)
        if lock is None:
            lock = self._locks[record.uid] = asyncio.Lock()
        return lock

    async def change(
        self,
        record: Record,
        change: Change,
        options: WriteOptions,
        *,
        marks: Mapping[str, str | None] | None = None,
    ) -> Written:
        """Bring the spec of an object to what a function says; write only what differs.

        Args:
            record: The object as it is known.
            change: What its spec shall be, asked again after a conflict.
            options: How the caller wants it.
            marks: Annotations to set, or with None to remove, in the same write.
        """
        async with self._lock(record):
            # While this waited, the one before may have changed the object.
            record = self._cache.get(record.kind, record.uid) or record
            return await self._change(record, change, options, marks or {})

    async def _change(
        self, record: Record, change: Change, options: WriteOptions, marks: Mapping[str, str | None]
    ) -> Written:
        for _ in range(_TRIES):
            self.match(record, options)
            spec = record.spec
            wanted = change(record)
            conflicts = self.admit(record, wanted, options)
            patch: dict[str, Any] = {}
            if spec != wanted:
                patch["spec"] = ownership.merge_patch(spec, wanted)
            about = {
                name: value for name, value in marks.items() if record.marks.get(name) != value
            }
            if not patch and not about:
                return Written(record=record)
            patch["metadata"] = {
                "uid": record.uid,
                "resourceVersion": record.resource_version,
                "annotations": {**about, names.CHANGED_AT: _now()},
            }
            try:
                answer = await self._cluster.merge_patch(
                    record.kind, record.namespace, record.name, patch, dry_run=options.dry_run
                )
            except errors.Conflict:
                record = await self._again(record)
                continue
            except errors.NotFound:
                self._cache.forget(record)
                raise
            return Written(record=self._take_in(answer, options, "changed"), taken=conflicts)
        raise problems.refused("the object is being changed by others all the time; try again")

    def match(self, record: Record, options: WriteOptions) -> None:
        """Refuse a write that is meant for another version."""
        if options.if_match is not None and options.if_match not in ("*", etag(record)):
            raise problems.stale()

    def admit(
        self, record: Record, wanted: Mapping[str, Any], options: WriteOptions
    ) -> tuple[FieldConflict, ...]:
        """Return what a change would take from others; refuse it unless that is wanted."""
        conflicts = ownership.conflicts(orjson.loads(record.appliers), record.spec, wanted)
        if conflicts and not options.force:
            raise claimed(conflicts)
        return conflicts

    async def create(self, manifest: Manifest, options: WriteOptions) -> Record:
        """Create an object that must not be there yet."""
        marks = {names.REQUESTED_BY: options.asker, names.CHANGED_AT: _now()}
        manifest["metadata"].setdefault("annotations", {}).update(marks)
        answer = await self._cluster.create(manifest, dry_run=options.dry_run)
        return self._take_in(answer, options, "created")

    async def delete(self, record: Record, options: WriteOptions) -> None:
        """Delete an object; one that is gone is as good as deleted."""
        self.match(record, options)
        if options.dry_run:
            return
        # One that is gone is deleted; if another object has its name, that one stays.
        with contextlib.suppress(errors.NotFound, errors.Conflict):
            await self._cluster.delete(
                record.kind,
                record.namespace,
                record.name,
                uid=record.uid,
                propagation="Background",
            )
        self._cache.forget(record)
        self._tell("deleted", record, options)

    async def read(self, kind: str, namespace: str, name: str) -> Record | None:
        """Return an object as it is now, past the cache; None if it is gone."""
        try:
            return self._cache.observe(await self._cluster.get(kind, namespace, name))
        except errors.NotFound:
            return None

    async def _again(self, record: Record) -> Record:
        """Return an object as it is now, after a conflict."""
        found = await self._cluster.get(record.kind, record.namespace or None, record.name)
        now = self._cache.observe(found)
        if now.uid != record.uid:
            raise problems.missing("the object")
        return now

    def _take_in(self, answer: Manifest, options: WriteOptions, done: str) -> Record:
        if options.dry_run:
            return cache.record(answer["kind"], answer)
        record = self._cache.observe(answer)
        self._tell(done, record, options)
        return record

    def _tell(self, done: str, record: Record, options: WriteOptions) -> None:
        _log.info(
            "%s for an API key",
            done,
            extra={
                "kind": record.kind,
                "namespace": record.namespace,
                "object": record.name,
                "key": options.asker,
            },
        )


def claimed(conflicts: tuple[FieldConflict, ...]) -> problems.Problem:
    """Return the answer to a change of what others declare."""
    managers = ", ".join(sorted({one.manager for one in conflicts}))
    fields = ", ".join(sorted({_both_names(one.path) for one in conflicts}))
    return problems.refused(
        f"{fields} is declared by {managers}, which would set it back: change it in the manifest "
        f"that {managers} applies, or repeat the request with ?force=true to take the field over"
    )


def _both_names(path: str) -> str:
    """Return a field as it was sent, and as it stands in the manifest that declares it."""
    sent = field_names.sent(path)
    return f"{sent} ({path})" if sent != path else path


def ticket(options: WriteOptions, place: str, body: bytes) -> str | None:
    """Return the mark of a request with an Idempotency-Key: who asks, where, and for what.

    The first half says which request it is, the second what it asked for.
    """
    if options.idempotency_key is None:
        return None
    request = f"{options.caller} {place} {options.idempotency_key}".encode()
    return f"{_digest(request)}-{_digest(body)}"


def asked_of(owner: Record, mark: str | None) -> dict[str, Any]:
    """Return the metadata of a release or a run that is asked for, which goes with its owner.

    The owner is not its controller: that is how the operator marks its own releases, which count
    as asked for by an image or a revision. With a mark the name says which request it is, so that
    two at the same time make one object. The moment orders what is made in the same second.
    """
    prefix = owner.name[:200]
    about: dict[str, Any] = {
        "namespace": owner.namespace,
        "generateName": f"{prefix}-",
        "annotations": {
            names.REQUESTED_AT: _now(),
        },
        "ownerReferences": [manifest.owner(owner.kind, owner.name, owner.uid)],
    }
    if mark is not None:
        about["annotations"][cache.IDEMPOTENCY] = mark
        about["name"] = f"{prefix}-{mark.partition('-')[0]}"
    return about


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _digest(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=10).hexdigest()


def repeated(mark: str | None, candidates: Sequence[Record]) -> Record | None:
    """Return what an earlier request with the same Idempotency-Key has made."""
    return next((one for one in candidates if made(mark, one.marks.get(cache.IDEMPOTENCY))), None)


def made(mark: str | None, before: str | None) -> bool:
    """Whether the request with a mark is the one that has left another mark.

    Raises:
        Problem: It has the same Idempotency-Key, and asks for something else.
    """
    if mark is None or before is None:
        return False
    request, _, asked = mark.partition("-")
    known, _, asked_before = before.partition("-")
    if known != request:
        return False
    if asked_before != asked:
        raise problems.refused(
            "Idempotency-Key was used for another request; use a new one for each request"
        )
    return True
