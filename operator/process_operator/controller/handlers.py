"""Kopf, the shell: it watches our own kinds, and nothing here does more than record and enqueue.

There is no handler that makes Kopf write (create, update, delete, field, daemon, timer), no
finalizer, no annotation and no index: state that Kopf kept on objects would be a second truth,
and its indexes start in more than quadratic time. Kopf passes every event on, in order and one
by one, so a handler that did any work would fall behind; the queue is ours.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import kopf

from process_operator.cluster import backoff
from process_operator.cluster.client import Cluster
from process_operator.controller.contact import Contact
from process_operator.controller.echoes import Echoes
from process_operator.controller.observe.records import RESOURCE_TYPES, ApplicationKey
from process_operator.controller.observe.store import ObjectCache
from process_operator.controller.workqueue import Priority
from process_operator.kube import names
from process_operator.kube.kinds import KINDS

Enqueue = Callable[[Iterable[ApplicationKey], Priority], None]


_WATCH_SECONDS = 8
"""As for the informers: a quiet stream and a dead one look the same, so the server is asked to end
it soon. Kopf goes on from the last version it has seen, and the server sends a bookmark shortly
before the end: that costs one request and no list. An int, because Kopf sends it as it prints."""
_WATCH_GRACE_SECONDS = 3
"""A stream that has not ended by then is dead. By itself Kopf would wait for 70 seconds."""


class _NoDiffBase(kopf.DiffBaseStorage):
    """Remembers nothing: no handler asks for a difference."""

    def build(self, *, body: kopf.Body, extra_fields: Any = None) -> kopf.BodyEssence:
        del body, extra_fields
        return kopf.BodyEssence({})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        del body
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Store nothing."""


class _NoProgress(kopf.ProgressStorage):
    """Remembers nothing: no handler makes progress."""

    def fetch(self, *, key: Any, body: kopf.Body) -> Any:
        del key, body

    def store(self, *, key: Any, record: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        """Store nothing."""

    def purge(self, *, key: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        """Purge nothing."""

    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: str | None) -> None:
        """Touch nothing."""

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence


def _priority(event: kopf.RawEvent, key: ApplicationKey) -> Priority:
    if event["type"] is None:
        # What is listed at the start, or again, is not known to have changed.
        return Priority.RESYNC
    if event["object"].get("kind") == names.RESOURCE_TYPE_KIND and key != RESOURCE_TYPES:
        # One edit by one person, and nothing that runs changes with it.
        return Priority.RESYNC
    return Priority.USER


class _Endless(Collection[float]):
    """Back-offs without an end: an operator that exits because the server was away helps nobody."""

    def __len__(self) -> int:
        return 1

    def __contains__(self, item: object) -> bool:
        return isinstance(item, float)

    def __iter__(self) -> Iterator[float]:
        failures = 0
        while True:
            failures += 1
            yield backoff.delay(failures, first=0.5, cap=5.0)


def settings() -> kopf.OperatorSettings:
    """Return Kopf's settings for a process that only watches."""
    made = kopf.OperatorSettings()
    made.persistence.diffbase_storage = _NoDiffBase()
    made.persistence.progress_storage = _NoProgress()
    made.queueing.idle_timeout = 0.2
    made.watching.chunk_size = 500
    made.watching.server_timeout = _WATCH_SECONDS
    made.watching.client_timeout = _WATCH_SECONDS + _WATCH_GRACE_SECONDS
    made.networking.request_timeout = 30
    made.networking.connect_timeout = 5
    made.networking.error_backoffs = _Endless()
    made.scanning.disabled = True
    made.posting.enabled = False
    made.peering.standalone = True
    # It would kill this process minutes later, whatever has begun anew in it.
    made.process.ultimate_exiting_timeout = None
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    return made


def registry(
    store: ObjectCache, enqueue: Enqueue, api: Cluster, contact: Contact
) -> kopf.OperatorRegistry:
    """Return the handlers: one that records, for each of our own kinds."""
    made = kopf.OperatorRegistry()
    echoes = Echoes(store)

    @kopf.on.login(registry=made)
    async def login(**_: Any) -> kopf.AiohttpSession:
        # A new one each time: Kopf closes what it was given.
        session = api.session(contact.middleware, echoes.middleware)
        return kopf.AiohttpSession(server=api.server, aiohttp_session=session)

    async def seen(event: kopf.RawEvent, **_: Any) -> None:
        body: Any = event["object"]
        if event["type"] == "DELETED":
            about = body["metadata"]
            keys = store.evict(
                body["kind"], about.get("namespace", ""), about["name"], about["uid"]
            )
        else:
            keys = store.observe(body)
        for key in keys:
            enqueue((key,), _priority(event, key))

    for kind in names.OWN_KINDS:
        resource = KINDS[kind]
        kopf.on.event(names.GROUP, names.VERSION, resource.plural, registry=made, id=kind)(seen)
    return made
