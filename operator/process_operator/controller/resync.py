"""Makes sure that all of our own objects are known, and none that are gone.

Kopf does not say when its first list has been delivered, and after a re-list it does not tell
what vanished meanwhile. A snapshot taken with half of the processes unseen would be wrong for
ever, and one that is gone would have its children made again for ever. So the identities of all
own objects are listed (metadata only): before the first key is worked on until they agree with
what is known, and once in a while afterwards. In between, the owner of a child that vanished is
read before anything is made again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
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


class Lists(Protocol):
    """Where the identities come from."""

    def list(self, kind: str, *, metadata_only: bool) -> AsyncIterator[tuple[list[Manifest], str]]:
        """Yield the pages of a list with its resourceVersion."""


class Reads(Protocol):
    """Where one object comes from."""

    async def get(self, kind: str, namespace: str | None, name: str) -> Manifest:
        """Return an object.

        Raises:
            NotFound: There is none.
        """


async def agree(lists: Lists, store: ObjectCache) -> None:
    """Return when everything that the server has is known."""
    for kind in names.OWN_KINDS:
        failures = 0
        while True:
            try:
                if not await _unseen(lists, store, kind):
                    break
                failures = 0
            except ApiError as error:
                log.warning("could not be listed", extra={"kind": kind, "detail": str(error)})
                failures += 1
            wait = backoff.delay(failures + 1, first=_RETRY_SECONDS, cap=_FAILED_SECONDS)
            await asyncio.sleep(wait)


async def sweep(lists: Lists, store: ObjectCache) -> tuple[ApplicationKey, ...]:
    """Forget what the server has no more; return the keys that have to be looked at again."""
    keys: list[ApplicationKey] = []
    for kind in names.OWN_KINDS:
        there, version = await _identities(lists, kind)
        known = list(store.identities(kind))
        for namespace, name, uid, seen_at in known:
            # What was seen after the list was made may be there though the list lacks it.
            if seen_at <= version and there.get((namespace, name), ("", 0))[0] != uid:
                log.info("was gone", extra={"kind": kind, "namespace": namespace, "object": name})
                keys.extend(store.evict(kind, namespace, name, uid))
    return tuple(dict.fromkeys(keys))


async def verify_owners(reads: Reads, store: ObjectCache, key: ApplicationKey) -> None:
    """Read the Process of a child that vanished: it may be gone too, its deletion unseen.

    Raises:
        ApiError: The server did not answer; the next look verifies it again.
    """
    while (unverified := store.take_unverified(key)) is not None:
        namespace, name, uid = unverified
        try:
            body = await reads.get(names.PROCESS_KIND, namespace, name)
        except NotFound:
            store.evict(names.PROCESS_KIND, namespace, name, uid)
            continue
        except ApiError:
            store.note_unverified(key, namespace, name)
            raise
        if body["metadata"]["uid"] != uid:
            store.evict(names.PROCESS_KIND, namespace, name, uid)
        store.observe(body)


async def _unseen(lists: Lists, store: ObjectCache, kind: str) -> int:
    there, _ = await _identities(lists, kind)
    known = {
        (namespace, name): (uid, version)
        for namespace, name, uid, version in store.identities(kind)
    }
    return sum(
        known.get(place, ("", 0))[0] != uid or known[place][1] < version
        for place, (uid, version) in there.items()
    )


async def _identities(
    lists: Lists, kind: str
) -> tuple[dict[tuple[str, str], tuple[str, int]], int]:
    """Return uid and version of all objects of a kind, and the version of the list."""
    while True:
        there: dict[tuple[str, str], tuple[str, int]] = {}
        version = 0
        try:
            async for items, listed_at in lists.list(kind, metadata_only=True):
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
