"""Our own objects: their statuses, new releases, and the removal of old ones."""

import dataclasses
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from process_operator.cluster.client import Cluster
from process_operator.controller.execute import (
    evidence,
    log_fields,
    progress,
    refused_statuses,
    refused_writes,
)
from process_operator.controller.execute.outcome import Outcome
from process_operator.controller.execute.pruned_statuses import Pruned
from process_operator.controller.execute.refused_statuses import Refusals
from process_operator.controller.execute.traces import Traces
from process_operator.controller.observe import masking
from process_operator.controller.observe.records import (
    ApplicationKey,
    ChildKey,
    CustomResource,
    InvalidObject,
)
from process_operator.controller.observe.store import ObjectCache
from process_operator.controller.plan.model import CreateRelease, Prune, RecordStatus, TakeUp
from process_operator.controller.status.model import Write
from process_operator.kube import marks, names
from process_operator.kube.errors import AlreadyExists, Conflict, NotFound, Rejected
from process_operator.kube.manifest import Manifest, owner
from process_operator.kube.marks import Mark
from process_operator.models.release import ReleaseStatus
from process_operator.models.status import Status
from process_operator.schema import bounds

log = logging.getLogger(__name__)

_NUMBERS_TRIED = 99
"""How many names of releases may be somebody else's, one after the other."""


class OwnObjects:
    """Writes objects of our own kinds, and remembers the answers."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        store: ObjectCache,
        traces: Traces,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._traces = traces
        self._clock = clock
        self._refusals = Refusals(clock)
        self._pruned = Pruned()

    async def record(self, key: ApplicationKey, action: RecordStatus) -> Outcome:
        """Write a status that something depends on, with the evidence that belongs into it."""
        if self.is_held(action.of):
            return Outcome.HELD
        status = await evidence.added(self._cluster, action)
        if not await self.write_status(key, action.of, status):
            return Outcome.HELD
        if action.note:
            log.info(action.note, extra=log_fields.own_object_fields(action.of))
        return Outcome.TAKEN

    async def publish(self, key: ApplicationKey, write: Write) -> bool:
        """Write a status that a report tells; return whether it was taken."""
        one = write.of
        if self._pruned.has(one.uid, bounds.stored(one.kind, write.status)):
            return False
        try:
            return await self.write_status(key, one, write.status)
        except NotFound:
            self._store.evict(one.kind, one.namespace, one.name, one.uid)
            self._refusals.forget(one)
            return False

    def is_held(self, one: CustomResource[Any, Any] | InvalidObject) -> bool:
        """Whether the status of an object is not to be sent now, because it was refused."""
        return self._refusals.hold(one)

    def retry_at(self, key: ApplicationKey) -> datetime | None:
        """Return when a status of an application that was refused is to be tried again."""
        return self._refusals.retry_at(key)

    async def write_status(
        self,
        key: ApplicationKey,
        one: CustomResource[Any, Any] | InvalidObject,
        status: Status,
    ) -> bool:
        """Write a status at the version it was computed from; return whether it was taken."""
        if self.is_held(one):
            return False
        fitted = bounds.stored(one.kind, status)
        try:
            with self._store.writing(one.uid, fitted):
                body = await self._cluster.replace_status(
                    one.kind,
                    one.namespace,
                    one.name,
                    uid=one.uid,
                    resource_version=one.resource_version,
                    status=fitted,
                )
        except Rejected as error:
            said = refused_statuses.words(error)
            self._refusals.note(key, one, masking.told(self._store.gather(key), said))
            return False
        self._refusals.forget(one)
        self._pruned.note(one.kind, one.uid, fitted, body.get("status") or {})
        self._store.observe(body)
        self._tell(one, status)
        return True

    def _tell(self, one: CustomResource[Any, Any] | InvalidObject, status: Status) -> None:
        """Tell from outside what a record that was taken says anew."""
        if isinstance(one, InvalidObject) or not isinstance(status, ReleaseStatus):
            return
        if progress.note(one.status, status):
            self._traces.ended(dataclasses.replace(one, status=status))

    async def take_up(self, action: TakeUp) -> Outcome:
        """Mark one of our own objects with its uid."""
        one = action.of
        mark = Mark(one.uid, is_generated=one.generated)
        by = action.owner
        goes_with = owner(by.kind, by.name, by.uid) if by is not None else None
        manifest = marks.manifest(one.kind, one.namespace, one.name, mark, goes_with)
        self._store.observe(
            await self._cluster.apply(
                manifest, force=True, uid=one.uid, resource_version=one.resource_version
            )
        )
        return Outcome.TAKEN

    async def create(self, key: ApplicationKey, action: CreateRelease) -> Outcome:
        """Make a release; a name that somebody took is stepped over.

        Raises:
            AlreadyExists: Too many names in a row are taken.
        """
        first = action.last_number + 1
        asked = ChildKey(names.RELEASE_KIND, key.namespace, names.release(key.name, first))
        for number in range(first, first + _NUMBERS_TRIED):
            named = _named(action.manifest, names.release(key.name, number))
            try:
                self._store.observe(await self._cluster.create(named))
                break
            except AlreadyExists as error:
                last = error
                if await self._is_there(named):
                    break
            except Rejected as error:
                no = refused_writes.refused(error, asked, "", self._clock())
                self._store.refuse(key, asked, no)
                said = masking.told(self._store.gather(key), no.message)
                about = log_fields.application_fields(names.APPLICATION_KIND, key)
                log.warning("could not be released", extra=about | {"detail": said})
                return Outcome.REFUSED
        else:
            raise last
        self._store.accept(key, asked)
        log.info(action.note, extra=log_fields.application_fields(names.APPLICATION_KIND, key))
        return Outcome.TAKEN

    async def _is_there(self, manifest: Manifest) -> bool:
        """Whether a release is ours and waits: the watch had only not shown it yet."""
        metadata = manifest["metadata"]
        found = await self._cluster.get(manifest["kind"], metadata["namespace"], metadata["name"])
        self._store.observe(found)
        is_ours = refused_writes.owner_uid(found) == refused_writes.owner_uid(manifest)
        return is_ours and "state" not in (found.get("status") or {})

    async def prune(self, action: Prune) -> Outcome:
        """Remove one of our own objects that the history has no room for."""
        old = action.old
        with suppress(NotFound, Conflict):
            await self._cluster.delete(
                old.kind, old.namespace, old.name, uid=old.uid, propagation="Background"
            )
        self._store.evict(old.kind, old.namespace, old.name, old.uid)
        log.info("removed as too old", extra=log_fields.own_object_fields(old))
        return Outcome.TAKEN


def _named(manifest: Manifest, name: str) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "name": name}}
