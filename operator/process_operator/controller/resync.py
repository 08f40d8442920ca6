"""Makes sure that all of our own objects are known, as they are, and none that are gone.

Kopf does not say when its first list has been delivered, and after a re-list it does not tell
what vanished meanwhile; an event that the server never sent is not missed by anybody. A snapshot
taken with half of the processes unseen would be wrong for ever, and one that is gone would have its
children made again for ever. So the identities of all own objects are listed (metadata only):
before the first key is worked on until they agree with what is known, and once in a while
afterwards. What is unseen or newer then is read, and what is gone is evicted. In between, the owner
of a child that vanished is read before anything is made again, and the processes of an application
that has just come are listed before anything is released of it: they come by another watch.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Protocol

from process_operator.cluster import backoff
from process_operator.controller.observe.records import ApplicationKey
from process_operator.controller.observe.store import ObjectCache
from process_operator.kube import names
from process_operator.kube.errors import ApiError, Expired, NotFound
from process_operator.kube.manifest import Manifest

log = logging.getLogger(__name__)

_RETRY_SECONDS = 0.2
_FAILED_SECONDS = 4.0
_ON_THEIR_WAY_SECONDS = 2.0
"""What happened right before a list is told by the watch within this time."""
_READS = 4
"""How many objects are read at the same time."""


class SetBack(Exception):  # noqa: N818 - not an error of ours: so it is told upwards
    """Something is there as it was before: the server's history was set back."""


_Place = tuple[str, str]
"""Namespace and name."""
_Identity = tuple[str, int]
"""Uid and version."""


class Lists(Protocol):
    """Where the identities come from."""

    def list(
        self,
        kind: str,
        *,
        metadata_only: bool,
        namespace: str | None = None,
        field_selector: str | None = None,
    ) -> AsyncIterator[tuple[list[Manifest], str]]:
        """Yield the pages of a list with its resourceVersion."""


class Owners(Protocol):
    """Where one object comes from."""

    async def get(self, kind: str, namespace: str | None, name: str) -> Manifest:
        """Return an object.

        Raises:
            NotFound: There is none.
        """


class Reads(Lists, Owners, Protocol):
    """Where the objects themselves come from, too."""


async def agree(lists: Lists, store: ObjectCache) -> None:
    """Return when everything that the server has is known."""
    for kind in names.OWN_KINDS:
        failures = 0
        while True:
            try:
                there, _ = await _identities(lists, kind)
                if not _behind(store, kind, there):
                    break
                failures = 0
            except ApiError as error:
                log.warning("could not be listed", extra={"kind": kind, "detail": str(error)})
                failures += 1
            wait = backoff.delay(failures + 1, first=_RETRY_SECONDS, cap=_FAILED_SECONDS)
            await asyncio.sleep(wait)


async def sweep(reads: Reads, store: ObjectCache) -> AsyncIterator[tuple[ApplicationKey, ...]]:
    """Take in what was not told, forget what is gone; yield the keys to be looked at again.

    A list is right about everything that was seen before it was made.

    Raises:
        ApiError: Not all could be listed or read.
        SetBack: Something is older than it was seen before the list.
    """
    for kind in names.OWN_KINDS:
        there, version = await _identities(reads, kind)
        _see_no_older(store, kind, there, version)
        for keys in _forget(store, kind, there, version):
            yield keys
        if _behind(store, kind, there):
            await asyncio.sleep(_ON_THEIR_WAY_SECONDS)
            async for keys in _take_in(reads, store, kind, _behind(store, kind, there)):
                yield keys


async def verify_owners(owners: Owners, store: ObjectCache, key: ApplicationKey) -> None:
    """Read the Process of a child that vanished: it may be gone too, its deletion unseen.

    Raises:
        ApiError: The server did not answer; the next look verifies it again.
    """
    while (unverified := store.take_unverified(key)) is not None:
        namespace, name, uid = unverified
        try:
            body = await owners.get(names.PROCESS_KIND, namespace, name)
        except NotFound:
            store.evict(names.PROCESS_KIND, namespace, name, uid)
            continue
        except ApiError:
            store.note_unverified(key, namespace, name)
            raise
        if body["metadata"]["uid"] != uid:
            store.evict(names.PROCESS_KIND, namespace, name, uid)
        store.observe(body)


async def find_processes(reads: Reads, store: ObjectCache, key: ApplicationKey) -> None:
    """List the processes that were there before their application, and read what is not known.

    Raises:
        ApiError: The server did not answer; the next look asks again.
    """
    if not store.take_arrived(key):
        return
    try:
        there, _ = await _identities(
            reads,
            names.PROCESS_KIND,
            namespace=key.namespace,
            field_selector=f"spec.applicationRef.name={key.name}",
        )
        unknown = [
            place
            for place, identity in there.items()
            if not store.has(names.PROCESS_KIND, *place, *identity)
        ]
        async for _ in _take_in(reads, store, names.PROCESS_KIND, unknown):
            pass  # It is this application that is being looked at.
    except ApiError:
        store.note_arrived(key)
        raise


def _see_no_older(
    store: ObjectCache, kind: str, there: Mapping[_Place, _Identity], version: int
) -> None:
    for namespace, name, uid, seen_at in store.identities(kind):
        found = there.get((namespace, name))
        if found is not None and found[0] == uid and found[1] < seen_at <= version:
            raise SetBack


def _forget(
    store: ObjectCache, kind: str, there: Mapping[_Place, _Identity], version: int
) -> Iterator[tuple[ApplicationKey, ...]]:
    for namespace, name, uid, seen_at in tuple(store.identities(kind)):
        # What was seen after the list was made may be there though the list lacks it.
        if seen_at <= version and there.get((namespace, name), ("", 0))[0] != uid:
            log.info("was gone", extra={"kind": kind, "namespace": namespace, "object": name})
            yield store.evict(kind, namespace, name, uid)


async def _take_in(
    reads: Reads, store: ObjectCache, kind: str, places: Sequence[_Place]
) -> AsyncIterator[tuple[ApplicationKey, ...]]:
    for start in range(0, len(places), _READS):
        some = places[start : start + _READS]
        for body in await asyncio.gather(*(_read(reads, kind, place) for place in some)):
            if body is not None:
                yield store.observe(body)


async def _read(reads: Reads, kind: str, place: _Place) -> Manifest | None:
    namespace, name = place
    try:
        body = await reads.get(kind, namespace or None, name)
    except NotFound:
        return None
    about = {"kind": kind, "namespace": namespace, "object": name}
    log.info("was not told by the watch", extra=about)
    return body


def _behind(store: ObjectCache, kind: str, there: Mapping[_Place, _Identity]) -> tuple[_Place, ...]:
    """Return what is there and not known, or known as it was before."""
    known = {
        (namespace, name): (uid, version)
        for namespace, name, uid, version in store.identities(kind)
    }
    return tuple(
        place
        for place, (uid, version) in there.items()
        if known.get(place, ("", 0))[0] != uid or known[place][1] < version
    )


async def _identities(
    lists: Lists, kind: str, **selected: str
) -> tuple[dict[_Place, _Identity], int]:
    """Return uid and version of all objects of a kind, and the version of the list."""
    while True:
        there: dict[_Place, _Identity] = {}
        version = 0
        try:
            async for items, listed_at in lists.list(kind, metadata_only=True, **selected):
                version = int(listed_at)
                for item in items:
                    about = item["metadata"]
                    there[(about.get("namespace", ""), about["name"])] = (
                        about["uid"],
                        int(about["resourceVersion"]),
                    )
        except Expired:
            continue
        return there, version
