"""A copy of all objects of one kind that concern us, kept by one list and one watch.

What is kept of an object is decided by a transform; what is not in it wakes nobody. The informer is
right about deletions too: after each list, what is no longer there is taken out.

Versions decide what is newer. The answer to a write of our own is put in at once, and the watch,
which brings it a moment later, changes nothing then; nothing older ever takes the place of
something newer. One thing stands above that: a list is right about everything that was seen up to
its own version, and about all if it is older than what we have already followed. What it has as it
was before is so because the server's own history went back (a restored backup).

Lost events are found by a list every few minutes, a silent stream by the deadline that every watch
has (see `Source.watch`). No failure ends the informer.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, fields
from typing import Any, Generic, Protocol, TypeVar

from process_operator import metrics
from process_operator.cluster import backoff
from process_operator.kube import errors, names
from process_operator.kube.manifest import Manifest

_log = logging.getLogger(__name__)

RecordT = TypeVar("RecordT")
ChangedT = TypeVar("ChangedT", contravariant=True)  # noqa: PLC0105

Key = tuple[str, str]
"""Namespace and name; a kind without namespaces has the namespace ""."""

_FIRST_SECONDS = 0.2
_CAP_SECONDS = 4.0
"""Retries go on for ever, and find a server that is back within five seconds."""
_ABSENT_SECONDS = 60.0
_RELIST_SECONDS = 300.0
"""What an event that the server never sent costs at most."""
_LEAST_WATCH_SECONDS = 1.0
"""A server that ends every watch at once is not asked more often than this."""
_HEALTHY_SECONDS = 30.0
_VERSIONS = frozenset({"resource_version", "generation"})
"""What changes with every change, whether or not anything is kept of it."""


class Source(Protocol):
    """Where objects come from."""

    def list(
        self,
        kind: str,
        *,
        label_selector: str | None,
        field_selector: str | None,
        metadata_only: bool,
    ) -> AsyncGenerator[tuple[list[Manifest], str], None]:
        """Yield the pages of a list, each with the version of the whole list."""

    def watch(
        self,
        kind: str,
        *,
        resource_version: str,
        label_selector: str | None,
        field_selector: str | None,
        metadata_only: bool,
    ) -> AsyncGenerator[tuple[str, Manifest], None]:
        """Yield events as (type, object); end, or fail, within seconds when nothing comes."""


class Sink(Protocol[ChangedT]):
    """Who wants to know."""

    def changed(self, old: ChangedT | None, new: ChangedT | None) -> None:
        """Take note that a record came, changed in more than its version, or went."""


@dataclass(slots=True)
class _Entry(Generic[RecordT]):
    uid: str
    version: int
    application: str
    record: RecordT


class Informer(Generic[RecordT]):
    """The informer of one kind."""

    def __init__(
        self,
        kind: str,
        transform: Callable[[Manifest], RecordT],
        *,
        source: Source,
        sink: Sink[RecordT],
        label_selector: str | None = names.SELECTOR,
        field_selector: str | None = None,
        metadata_only: bool = False,
        carry_over: Callable[[RecordT, RecordT], RecordT] | None = None,
    ) -> None:
        self.kind = kind
        self.complete = asyncio.Event()
        """Set when the first list has been taken in, or the server does not know the kind."""
        self.available = True
        """Whether the server knows the kind."""
        self._transform = transform
        self._carry_over = carry_over
        """Takes a record and the one that follows it, and returns the latter with what is told by
        both only."""
        self._source = source
        self._sink = sink
        self._asked: Mapping[str, Any] = {
            "label_selector": label_selector,
            "field_selector": field_selector,
            "metadata_only": metadata_only,
        }
        self._loop = asyncio.get_running_loop()
        self._entries: dict[Key, _Entry[RecordT]] = {}
        self._names: dict[Key, list[str]] = {}
        """By namespace and application: names of the objects."""
        self._compared: tuple[str, ...] | None = None
        self._position = ""
        """The version up to which everything has been taken in; "" asks for a list."""
        self._furthest = 0
        """The newest version that a list or the watch has reached."""
        self._listed_at = float("-inf")
        self._contact_at = self._loop.time()

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self._entries)

    def get(self, namespace: str, name: str) -> RecordT | None:
        """Return the record of one object."""
        entry = self._entries.get((namespace, name))
        return entry.record if entry else None

    def all(self) -> Iterator[RecordT]:
        """Yield every record."""
        return (entry.record for entry in self._entries.values())

    def of(self, namespace: str, application: str) -> Iterator[RecordT]:
        """Yield the records of one application."""
        for name in self._names.get((namespace, application), ()):
            yield self._entries[namespace, name].record

    @property
    def healthy(self) -> bool:
        """Whether the server has answered lately; it is asked less often for what it lacks."""
        return self.silence < _HEALTHY_SECONDS + (0 if self.available else _ABSENT_SECONDS)

    @property
    def silence(self) -> float:
        """Seconds since the server was last heard."""
        return self._loop.time() - self._contact_at

    def observe(self, answer: Manifest) -> RecordT | None:
        """Take in the answer to a write of our own; return the record as it is kept now.

        The sink is not told: whoever wrote knows.
        """
        metadata = answer["metadata"]
        namespace, name = metadata.get("namespace") or "", metadata["name"]
        # What the watch has passed and the informer does not have was deleted since.
        if (namespace, name) in self._entries or int(metadata["resourceVersion"]) > self._furthest:
            self._put(answer, tell=False)
        return self.get(namespace, name)

    def evict(self, namespace: str, name: str, uid: str) -> None:
        """Take out an object that we deleted and that the server said is gone."""
        entry = self._entries.get((namespace, name))
        if entry is not None and entry.uid == uid:
            self._remove((namespace, name), tell=False)

    async def run(self) -> None:
        """Keep the informer, until cancelled."""
        failures = 0
        while True:
            try:
                if not self._position or self._loop.time() - self._listed_at > _RELIST_SECONDS:
                    await self._list()
                await self._watch()
                failures = 0
                continue
            except errors.Expired:
                self._position = ""
                failures += 1
            except errors.NotFound:
                await self._miss()
                continue
            except errors.ApiError as error:
                failures += 1
                metrics.INFORMER_RESTARTS.labels(self.kind).inc()
                self._log(logging.WARNING, "lost the watch", error=str(error))
            await asyncio.sleep(backoff.delay(failures, first=_FIRST_SECONDS, cap=_CAP_SECONDS))

    async def _miss(self) -> None:
        """Wait for a kind that the server does not know, or does not know yet.

        What is known of its objects is kept: right after its start a server knows no custom kind.
        """
        if self.available:
            self._log(logging.INFO, "missed the kind", remedy="install its CRD to use it")
        self.available = False
        self._position = ""
        self._touch()
        self.complete.set()
        await asyncio.sleep(backoff.delay(1, first=_ABSENT_SECONDS, cap=_ABSENT_SECONDS))

    async def _list(self) -> None:
        # Spread a little, so that the kinds do not list all at the same time. And a list that
        # fails while the watch works must not be tried all the time.
        self._listed_at = self._loop.time() - backoff.chance() * _RELIST_SECONDS / 5
        seen: set[Key] = set()
        version = ""
        went_back = False
        pages = self._source.list(self.kind, **self._asked)
        async for items, version in pages:
            self._touch()
            if not seen and int(version) < self._furthest:
                went_back = True
                self._log(logging.WARNING, "found the server's history set back", version=version)
            for item in items:
                seen.add(
                    self._put(item, believe=went_back or self._is_set_back(item, int(version)))
                )
        self._drop_unlisted(seen, int(version), believe=went_back)
        self._position, self._furthest = version, int(version)
        metrics.INFORMER_LISTS.labels(self.kind).inc()
        self.available = True
        if not self.complete.is_set():
            self._log(logging.INFO, "listed all", count=len(self._entries))
            self.complete.set()

    def _is_set_back(self, item: Manifest, listed_at: int) -> bool:
        """Whether an item of a list is older than it was seen before the list was made."""
        about = item["metadata"]
        entry = self._entries.get((about.get("namespace") or "", about["name"]))
        return entry is not None and int(about["resourceVersion"]) < entry.version <= listed_at

    def _drop_unlisted(self, seen: set[Key], version: int, *, believe: bool) -> None:
        for key in [key for key in self._entries if key not in seen]:
            # What we wrote while the list was under way is newer than the list.
            if believe or self._entries[key].version <= version:
                self._remove(key)

    async def _watch(self) -> None:
        began = self._loop.time()
        stream = self._source.watch(self.kind, resource_version=self._position, **self._asked)
        async with aclosing(stream) as events:
            async for what, manifest in events:
                self._touch()
                self._take_in(what, manifest)
        self._touch()
        await asyncio.sleep(began + _LEAST_WATCH_SECONDS - self._loop.time())

    def _take_in(self, what: str, manifest: Manifest) -> None:
        version = manifest["metadata"]["resourceVersion"]
        match what:
            case "ADDED" | "MODIFIED":
                self._put(manifest)
            case "DELETED":
                self._take_out(manifest)
            case _:
                pass  # A bookmark has nothing but a version.
        self._position, self._furthest = version, int(version)

    def _put(self, manifest: Manifest, *, believe: bool = False, tell: bool = True) -> Key:
        metadata = manifest["metadata"]
        key = (metadata.get("namespace") or "", metadata["name"])
        version = int(metadata["resourceVersion"])
        before = self._entries.get(key)
        if before is not None and version <= before.version and not believe:
            return key
        record = self._transform(manifest)
        if before is not None and self._carry_over is not None:
            record = self._carry_over(before.record, record)
        application = (metadata.get("labels") or {}).get(names.APPLICATION) or ""
        if before is None or before.application != application:
            if before is not None:
                self._unindex(key, before.application)
            self._names.setdefault((key[0], application), []).append(key[1])
        self._entries[key] = _Entry(metadata["uid"], version, application, record)
        old = before.record if before is not None else None
        if tell and (old is None or self._differs(old, record)):
            self._sink.changed(old, record)
        return key

    def _take_out(self, manifest: Manifest) -> None:
        metadata = manifest["metadata"]
        key = (metadata.get("namespace") or "", metadata["name"])
        entry = self._entries.get(key)
        if entry is None:
            return
        # The deletion of a predecessor says nothing about a successor that we know already.
        if entry.uid == metadata["uid"] or entry.version < int(metadata["resourceVersion"]):
            self._remove(key)

    def _remove(self, key: Key, *, tell: bool = True) -> None:
        entry = self._entries.pop(key)
        self._unindex(key, entry.application)
        if tell:
            self._sink.changed(entry.record, None)

    def _unindex(self, key: Key, application: str) -> None:
        group = (key[0], application)
        left = self._names[group]
        left.remove(key[1])
        if not left:
            del self._names[group]

    def _differs(self, old: RecordT, new: RecordT) -> bool:
        """Whether two records differ in more than the version and the generation."""
        if self._compared is None:
            every = (field.name for field in fields(new))  # type: ignore[arg-type]
            self._compared = tuple(name for name in every if name not in _VERSIONS)
        return any(getattr(old, name) != getattr(new, name) for name in self._compared)

    def _touch(self) -> None:
        self._contact_at = self._loop.time()

    def _log(self, level: int, what: str, **extra: Any) -> None:
        _log.log(level, what, extra={"kind": self.kind} | extra)
