"""The Jobs of releases and of runs: each is made once, and recorded at once.

All other writes carry a version, and are refused if anybody was faster. Nothing refuses a Job that
has been made, has ended and was removed meanwhile. So it is made only while this replica is sure to
lead, and its request is given no more time than that.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from process_operator.cluster.client import Cluster
from process_operator.controller.execute import log_fields, refused_writes
from process_operator.controller.execute.children import ChildInformer
from process_operator.controller.execute.outcome import Outcome
from process_operator.controller.execute.own_objects import OwnObjects
from process_operator.controller.observe.records import ObservedState
from process_operator.controller.observe.store import ObjectCache
from process_operator.controller.plan import ownership
from process_operator.controller.plan.model import CreateJob
from process_operator.kube.errors import AlreadyExists, Rejected, Unavailable
from process_operator.kube.manifest import Manifest

log = logging.getLogger(__name__)


class Jobs:
    """Makes Jobs, and records their uids."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        store: ObjectCache,
        informers: Mapping[str, ChildInformer],
        own_objects: OwnObjects,
        lead: Callable[[], float | None],
    ) -> None:
        """Make what makes Jobs; `lead` says for how many seconds it may, None for ever."""
        self._cluster = cluster
        self._store = store
        self._informers = informers
        self._own_objects = own_objects
        self._lead = lead

    async def create(self, observed: ObservedState, action: CreateJob) -> Outcome:
        """Make a Job and record its uid, unless the record could not be written."""
        owner = action.record.owner
        if self._own_objects.is_held(owner):
            return Outcome.HELD
        uid = await self._made(observed, action)
        if uid is None:
            return Outcome.REFUSED
        status = action.record.with_job(name=action.key.name, uid=uid, now=observed.now)
        # One that is refused now is sent again: the Job itself is there to be seen.
        await self._own_objects.write_status(observed.key, owner, status)
        return Outcome.TAKEN

    async def _made(self, observed: ObservedState, action: CreateJob) -> str | None:
        """Make a Job, or find that it is made; return its uid, None after a no.

        Raises:
            Unavailable: Another replica may lead by now, or may before this has an answer.
        """
        key, owner = action.key, action.record.owner
        try:
            body = await self._create(action.manifest)
        except AlreadyExists:
            body = await self._cluster.get(key.kind, key.namespace, key.name)
            if refused_writes.owner_uid(body) != owner.uid:
                if "deletionTimestamp" in body["metadata"]:
                    raise
                conflict = ownership.name_conflict(key, owner.uid, "", observed.now)
                self._store.refuse(observed.key, key, conflict)
                return None
        except Rejected as error:
            refused = refused_writes.refused(error, key, owner.uid, observed.now)
            self._store.refuse(observed.key, key, refused)
            return None
        self._informers[key.kind].observe(body)
        log.info("started", extra=log_fields.child_fields(key))
        uid: str = body["metadata"]["uid"]
        return uid

    async def _create(self, manifest: Manifest) -> Manifest:
        seconds = self._lead()
        if seconds is not None and seconds <= 0:
            raise Unavailable(
                "the lead was lost: whether the Job is to be made is not for us to say"
            )
        try:
            async with asyncio.timeout(seconds):
                return await self._cluster.create(manifest)
        except TimeoutError:
            raise Unavailable("no answer to a Job's creation while the lead was good") from None
