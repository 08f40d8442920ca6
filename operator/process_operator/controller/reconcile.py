"""One key in, one result out: bring one application to what it declares, say when to look again.

    gather (world, now) -> plan (pure) -> execute (writes) -> status (pure) -> publish

A pass that has written something ends there and asks for another look: the answers are in the
world already, so what is then reported is what the server said. Here, and only here, it is
decided what an error means.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from process_operator.cluster import backoff
from process_operator.cluster.client import Cluster
from process_operator.controller.execute.executor import Executor
from process_operator.controller.observe import masking
from process_operator.controller.observe.records import (
    RESOURCE_TYPES,
    ApplicationKey,
    CustomResource,
    ObservedState,
)
from process_operator.controller.observe.store import ObjectCache
from process_operator.controller.plan import plan
from process_operator.controller.release import record
from process_operator.controller.status import report as status_report
from process_operator.controller.status import resource_types
from process_operator.controller.workqueue import Closed, Priority, WorkQueue
from process_operator.kube import errors, names


def redact(observed: ObservedState) -> ObservedState:
    """Return the state as it may be told: without the values of the releases' environments."""
    frozen = (record.snapshot(one) for one in observed.releases if isinstance(one, CustomResource))
    return masking.without_secrets(observed, frozen)


log = logging.getLogger(__name__)

_AWAY = 4.0
"""Seconds between two looks while the server is away, at most."""


@dataclass(frozen=True, slots=True)
class Result:
    """When to look at a key again."""

    again: bool = False
    """At once: something was written."""
    at: datetime | None = None


class Reconciler:
    """Takes keys from the queue and brings their applications to what they declare."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        store: ObjectCache,
        executor: Executor,
        queue: WorkQueue[ApplicationKey],
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._executor = executor
        self._queue = queue
        self._clock = clock

    async def work(self) -> None:
        """Work on keys until the queue is closed."""
        with suppress(Closed):
            while True:
                key = await self._queue.get()
                try:
                    await self._one(key)
                finally:
                    self._queue.done(key)

    async def reconcile(self, key: ApplicationKey) -> Result:
        """Look at one application once."""
        if key == RESOURCE_TYPES:
            return await self._resource_types()
        await self._verify_owners(key)
        observed = redact(self._store.gather(key))
        todo = plan.plan(observed)
        if await self._executor.carry_out(observed, todo):
            return Result(again=True)
        report = status_report.report(observed, todo)
        self._store.note_in_progress(key, report.in_progress, observed.now)
        await self._executor.publish(key, report)
        times = (todo.wake_at, report.wake_at, self._executor.retry_at(key))
        return Result(at=min((time for time in times if time is not None), default=None))

    async def _resource_types(self) -> Result:
        for write in resource_types.resource_types(self._store.resource_types(), self._clock()):
            await self._executor.publish_one(RESOURCE_TYPES, write)
        return Result(at=self._executor.retry_at(RESOURCE_TYPES))

    async def _verify_owners(self, key: ApplicationKey) -> None:
        """Read the Process of a child that vanished: it may be gone too, its deletion unseen."""
        while (unverified := self._store.take_unverified(key)) is not None:
            namespace, name, uid = unverified
            try:
                body = await self._cluster.get(names.PROCESS_KIND, namespace, name)
            except errors.NotFound:
                self._store.evict(names.PROCESS_KIND, namespace, name, uid)
                continue
            except errors.ApiError:
                self._store.note_unverified(key, namespace, name)
                raise
            if body["metadata"]["uid"] != uid:
                self._store.evict(names.PROCESS_KIND, namespace, name, uid)
            self._store.observe(body)

    async def _one(self, key: ApplicationKey) -> None:
        about = {"kind": names.APPLICATION_KIND, "namespace": key.namespace, "object": key.name}
        try:
            result = await self.reconcile(key)
        except errors.Throttled as error:
            self._queue.add(key, Priority.UNFINISHED, after=error.retry_after)
        except errors.Unavailable as error:
            # It is the server that is away, not this key that fails: its turn comes at once
            # when the server is back.
            log.warning("could not reach the server", extra=about | {"detail": str(error)})
            self._queue.add(
                key, Priority.UNFINISHED, after=backoff.delay(1, first=_AWAY, cap=_AWAY)
            )
        except (errors.Conflict, errors.NotFound, errors.AlreadyExists):
            # Somebody was faster: what is known is behind, and the watch is about to tell.
            self._queue.retry(key)
        except errors.ApiError as error:
            log.warning("could not be reconciled", extra=about | {"detail": str(error)})
            self._queue.retry(key)
        except Exception:
            log.exception("could not be reconciled because of a defect", extra=about)
            self._queue.retry(key)
        else:
            self._queue.forget(key)
            if result.again:
                self._queue.add(key, Priority.UNFINISHED)
            elif result.at is not None:
                delay = (result.at - self._clock()).total_seconds()
                self._queue.add(key, Priority.UNFINISHED, after=max(delay, 0.0))
