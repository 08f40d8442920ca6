"""Own objects as the pure part sees them, parsed when they are looked at.

Most are looked at rarely, and as bytes they cost a tenth of what they do parsed. So those that were
looked at last are kept, and the others are parsed anew. One that has not changed stays the same
object, and a spec does so while only the status beside it changes.
"""

from datetime import datetime
from typing import Any

import pydantic
from cachetools import LRUCache

from process_operator.controller.observe import own_objects
from process_operator.controller.observe.own_objects import Entry
from process_operator.controller.observe.records import AnyResource, CustomResource, InvalidObject

KEPT_BYTES = 16 * 1024 * 1024
"""What is kept, as it is estimated: the applications that are being worked on, not all."""
_OBJECT_BYTES = 4096
"""What an object takes beside its texts, which it holds about twice."""


class Parsed:
    """Parses own objects, and keeps those that were asked for last."""

    def __init__(self) -> None:
        # By uid, with what it was read from: versions are given anew by a server that was set back.
        self._objects: LRUCache[str, tuple[Entry, AnyResource | InvalidObject]] = LRUCache(
            KEPT_BYTES, getsizeof=lambda kept: _weight(kept[0].spec, kept[0].status)
        )
        self._specs: LRUCache[str, tuple[bytes, Any]] = LRUCache(
            KEPT_BYTES, getsizeof=lambda kept: _weight(kept[0])
        )

    def read(self, entry: Entry) -> AnyResource | InvalidObject:
        """Return an object as the pure part sees it; the same one while nothing of it changes."""
        of, found = self._objects.get(entry.uid, (None, None))
        if of is not entry or found is None:
            found = self._read(entry)
            self._objects[entry.uid] = (entry, found)
        return found

    def _read(self, entry: Entry) -> AnyResource | InvalidObject:
        common: dict[str, Any] = {
            "kind": entry.kind,
            "namespace": entry.namespace,
            "name": entry.name,
            "uid": entry.uid,
            "resource_version": str(entry.version),
            "generation": entry.generation,
            "created_at": datetime.fromisoformat(entry.created_at),
            "seen_at": entry.seen_at,
            "deleting": entry.deleting,
        }
        try:
            status = own_objects.status_of(entry.kind, entry.status)
        except pydantic.ValidationError as error:
            status = own_objects.known_part(entry.kind, entry.status)
            if entry.kind in own_objects.RECORDS:
                # Half of a record is another one: nothing is decided on it, or written.
                message = own_objects.readable(error, "status")
                return InvalidObject(**common, status=status, message=message)
        try:
            spec = self._spec(entry)
        except pydantic.ValidationError as error:
            message = own_objects.readable(error, "spec")
            return InvalidObject(**common, status=status, message=message)
        return CustomResource(
            **common,
            status=status,
            owner_uid=entry.owner_uid,
            is_owned=entry.is_owned,
            generated=entry.generated,
            maker=entry.maker,
            asked_at=entry.asked_at,
            taken_up=entry.taken_up,
            is_ours=entry.is_ours,
            spec=spec,
        )

    def _spec(self, entry: Entry) -> Any:
        of, spec = self._specs.get(entry.uid, (None, None))
        if of != entry.spec:
            spec = own_objects.SPECS[entry.kind].model_validate_json(entry.spec)
        self._specs[entry.uid] = (entry.spec, spec)
        return spec


def _weight(*texts: bytes) -> int:
    return _OBJECT_BYTES + 2 * sum(map(len, texts))
