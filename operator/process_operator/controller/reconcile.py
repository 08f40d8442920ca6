"""One key in, one result out: bring one application to what it declares, say when to look again.

    gather (state, now) -> plan (pure) -> execute (writes) -> status (pure) -> publish

A pass that has written something ends there and asks for another look: the answers are in the
cache already, so what is then reported is what the server said.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from process_operator.cluster.client import Cluster
from process_operator.controller import resync
from process_operator.controller.execute.executor import Executor
from process_operator.controller.observe import masking
from process_operator.controller.observe.records import RESOURCE_TYPES, ApplicationKey
from process_operator.controller.observe.store import ObjectCache
from process_operator.controller.plan import plan
from process_operator.controller.status import report as status_report
from process_operator.controller.status import resource_types
from process_operator.controller.tallies import Tallies
from process_operator.kube import errors

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """When to look at a key again."""

    again: bool = False
    """At once: something was written."""
    at: datetime | None = None


class Reconciler:
    """Brings applications to what they declare, one look at a time."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        store: ObjectCache,
        executor: Executor,
        tallies: Tallies,
        waiting: Callable[[], int],
        clock: Callable[[], datetime],
        is_scoped: bool = False,
    ) -> None:
        """Make a reconciler.

        Args:
            cluster: What is written to.
            store: What is known.
            executor: Whoever writes.
            tallies: Whoever counts what is said.
            waiting: Says how many applications wait for their turn.
            clock: Says what time it is.
            is_scoped: Whether there is no right to write what is no namespace's.
        """
        self._cluster = cluster
        self._store = store
        self._executor = executor
        self._tallies = tallies
        self._waiting = waiting
        self._clock = clock
        self._is_scoped = is_scoped

    async def reconcile(self, key: ApplicationKey) -> Result:
        """Look at one application once.

        Raises:
            ApiError: Something that another look, or time, will put right.
        """
        if key == RESOURCE_TYPES:
            return await self._resource_types()
        if self._store.is_leaving(key.namespace):
            return Result()
        try:
            return await self._look_at(key)
        except errors.NamespaceTerminating:
            # What is deleted there would be made again, child by child, and told of, to the end.
            self._store.note_leaving(key.namespace)
            fields = {"kind": "Namespace", "object": key.namespace}
            log.info("left alone what is in a namespace that is being deleted", extra=fields)
            return Result()

    async def _look_at(self, key: ApplicationKey) -> Result:
        await resync.verify_owners(self._cluster, self._store, key)
        await resync.find_processes(self._cluster, self._store, key)
        observed = masking.redact(self._store.gather(key, waiting=self._waiting()))
        memory = self._store.memories.of(key)
        todo = plan.plan(observed, memory)
        if await self._executor.carry_out(observed, todo):
            return Result(again=True)
        report = status_report.report(observed, todo, memory)
        self._store.memories.weigh(key)
        self._store.note_in_progress(key, report.in_progress, report.told, observed.now)
        self._tallies.note(key, report.answers)
        await self._executor.publish(key, report)
        times = (todo.wake_at, report.wake_at, self._executor.retry_at(key))
        return Result(at=min((time for time in times if time is not None), default=None))

    def told(self, key: ApplicationKey, said: str) -> str:
        """Return what was said to a write for an application as it may be logged."""
        return masking.told(self._store.gather(key), said)

    async def _resource_types(self) -> Result:
        if self._is_scoped:
            # Their statuses are told by whoever looks after the whole cluster.
            return Result()
        for write in resource_types.resource_types(self._store.resource_types(), self._clock()):
            await self._executor.publish_one(RESOURCE_TYPES, write)
        return Result(at=self._executor.retry_at(RESOURCE_TYPES))
