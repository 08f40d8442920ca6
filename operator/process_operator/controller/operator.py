"""One replica of the operator: its parts, and how they are joined."""

import asyncio
import functools
import logging
import os
import socket
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import kopf

from process_operator import loops, metrics, settings
from process_operator.cluster import client, leader_election
from process_operator.cluster.informer import Informer
from process_operator.controller import contact, handlers, lives, resync, shipped
from process_operator.controller.build import KINDS as CHILD_KINDS
from process_operator.controller.execute.executor import Executor
from process_operator.controller.execute.traces import Traces
from process_operator.controller.observe import child, pod
from process_operator.controller.observe.configuration import configuration_object
from process_operator.controller.observe.records import (
    RESOURCE_TYPES,
    ApplicationKey,
    Child,
    ConfigurationObject,
    IngressClass,
    JobRefusal,
    Pod,
    ProbeFailure,
)
from process_operator.controller.observe.store import Informers, ObjectCache
from process_operator.controller.reconcile import Reconciler
from process_operator.controller.release import job_verdict
from process_operator.controller.tallies import Tallies
from process_operator.controller.worker import Worker
from process_operator.controller.workqueue import Priority, WorkQueue
from process_operator.kube.errors import ApiError
from process_operator.models.configuration import CONFIG_MAP, SECRET

log = logging.getLogger("process_operator")

_CANCEL_SECONDS = 0.5
"""How long a task has to end, before it is cancelled once more."""
_BURST_SECONDS = 0.1
"""What children and pods do comes in bursts, such as the steps of a rollout: they are looked at
together, at most once in so many seconds. What users do, and what follows a write of ours, is not
held back."""
_PROGRESS_SECONDS = 1.0
"""How soon a rollout that has moved on, and not arrived, is looked at: its progress is told more
rarely than that."""
SWEEP = timedelta(minutes=5)
"""How often it is looked for what changed, came or went unseen."""


RecordT = TypeVar("RecordT")


@dataclass(frozen=True, slots=True)
class _Sink(Generic[RecordT]):
    """Passes what an informer has seen on to one method."""

    changed: Callable[[RecordT | None, RecordT | None], None]


class Operator:
    """One life of a replica: all parts of it, and how they are joined."""

    def __init__(
        self, api: client.Cluster, given: settings.Settings, traces: Traces, told: asyncio.Event
    ) -> None:
        self._api = api
        self._given = given
        self._told = told
        """Set from outside when the process is to end."""
        self._contact = contact.Contact(given.watch_namespaces)
        self._queue: WorkQueue[ApplicationKey] = WorkQueue(group_of=lambda key: key.namespace)
        self._children: dict[str, Informer[Child]] = {
            kind: Informer(
                kind,
                functools.partial(child.child, kind),
                source=api,
                sink=_Sink(self._child),
                carry_over=child.carry_over,
            )
            for kind in sorted(CHILD_KINDS | {job_verdict.KIND})
        }
        self._pods: Informer[Pod] = Informer("Pod", pod.pod, source=api, sink=_Sink(self._pod))
        self._classes: Informer[IngressClass] = Informer(
            "IngressClass",
            child.ingress_class,
            source=api,
            sink=_Sink(self._class),
            label_selector=None,
        )
        self._failures: Informer[ProbeFailure] = Informer(
            "Event",
            pod.probe_failure,
            source=api,
            sink=_Sink(self._probe),
            label_selector=None,
            field_selector="reason=Unhealthy",
        )
        self._refusals: Informer[JobRefusal] = Informer(
            "Event",
            pod.job_refusal,
            source=api,
            sink=_Sink(self._store_refusal),
            label_selector=None,
            field_selector="reason=FailedCreate,regarding.kind=Job",
        )
        watched = (CONFIG_MAP, SECRET) if given.watch_secrets else (CONFIG_MAP,)
        self._configuration: dict[str, Informer[ConfigurationObject]] = {
            kind: Informer(
                kind,
                functools.partial(configuration_object, kind),
                source=api,
                sink=_Sink(self._configured),
                label_selector=None,
                metadata_only=True,
            )
            for kind in watched
        }
        self._informers: tuple[Informer[Any], ...] = (
            *self._children.values(),
            *self._configuration.values(),
            self._pods,
            self._classes,
            self._failures,
            self._refusals,
        )
        self._store = ObjectCache(
            informers=Informers(
                children=tuple(self._children.values()),
                pods=self._pods,
                ingress_classes=self._classes,
                configuration=self._configuration,
            ),
            clock=_now,
            allowed_annotations=given.allowed_annotations,
        )
        self._tallies = Tallies(
            informers=self._informers,
            waiting=self._queue.__len__,
            clock=_now,
            per_application=given.metrics_per_application,
        )
        reconciler = Reconciler(
            cluster=api,
            store=self._store,
            executor=Executor(
                cluster=api,
                store=self._store,
                children=self._children,
                traces=traces,
                clock=_now,
                lead=self._seconds_of_lead,
            ),
            tallies=self._tallies,
            is_scoped=bool(given.watch_namespaces),
            waiting=self._queue.__len__,
            clock=_now,
        )
        self._worker = Worker(
            queue=self._queue, reconcile=reconciler.reconcile, told=reconciler.told, clock=_now
        )
        self._leading = asyncio.Event()
        self._election: leader_election.Election | None = None
        self._stop = asyncio.Event()
        self._agreed = False
        self._failed = False

    async def run(self) -> lives.End:
        """Run until told to end, or until there is nothing true to go on from."""
        # All tasks are made before Kopf starts: it takes every later one for its own.
        tasks = [self._vital(informer.run()) for informer in self._informers]
        tasks += [self._vital(self._work()) for _ in range(self._given.workers)]
        tasks += [self._vital(self._lead()), self._vital(self._resync())]
        tasks += [self._vital(self._obey()), self._vital(self._keep_contact())]
        tasks += [self._vital(self._follow_history()), self._vital(self._provide_sizes())]
        metrics.REGISTRY.register(self._tallies)
        try:
            await self._run_kopf(tasks)
        except Exception:
            # Such as an answer in the midst of a watch that it does not understand.
            log.exception("begins anew because Kopf has ended")
        finally:
            metrics.REGISTRY.unregister(self._tallies)
            await self._end_tasks(tasks)
        if self._failed:
            return lives.End.FAILED
        return lives.End.TOLD if self._told.is_set() else lives.End.BLIND

    async def _run_kopf(self, tasks: Iterable[asyncio.Task[None]]) -> None:
        registry = handlers.registry(self._store, self._enqueue, self._api, self._contact)

        @kopf.on.cleanup(registry=registry)
        async def finish(**_: object) -> None:
            # Kopf waits for the tasks that it believes to be its own: end ours before.
            await self._end_tasks(tasks)
            # And when one of its watches fails, it leaves the others to wait for credentials for
            # ever: they are to end before it closes their connections.
            left = asyncio.all_tasks() - not_of_kopf - set(of_kopf)
            await _end_at_last(left)

        not_of_kopf = asyncio.all_tasks()
        of_kopf = await kopf.spawn_tasks(
            registry=registry,
            settings=handlers.settings(),
            clusterwide=not self._given.watch_namespaces,
            namespaces=self._given.watch_namespaces,
            standalone=True,
            stop_flag=self._stop,
        )
        # Kopf has just taken the signals; they would be lost between two lives.
        loops.on_signal(self._told.set)
        await kopf.run_tasks(of_kopf, ignored=not_of_kopf)

    async def _obey(self) -> None:
        await self._told.wait()
        self._stop.set()

    async def _keep_contact(self) -> None:
        problem = await self._contact.lost()
        about = {"kind": problem.kind, "detail": problem.why, "remedy": problem.remedy}
        log.warning("stops all work: one of its own kinds cannot be watched", extra=about)
        self._stop.set()

    async def _follow_history(self) -> None:
        await contact.History(self._api).set_back()
        self._begin_anew()

    def _begin_anew(self) -> None:
        log.warning("begins anew because the server's history was set back")
        self._stop.set()

    async def _end_tasks(self, tasks: Iterable[asyncio.Task[None]]) -> None:
        """Let the work that has begun end, then end everything else."""
        self._stop.set()
        await self._queue.drain()
        await _end(tasks)

    def _vital(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task without which this replica is of no use: if it fails, all of it ends."""

        def check(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.critical("stops because of a defect", exc_info=error)
                self._failed = True
                self._stop.set()

        task = asyncio.create_task(work)
        task.add_done_callback(check)
        return task

    async def _work(self) -> None:
        await self._leading.wait()
        await self._worker.work()

    async def _provide_sizes(self) -> None:
        await self._leading.wait()
        wanted = self._given.resource_types
        await shipped.create_missing(self._api, wanted, self._store.resource_types())

    async def _lead(self) -> None:
        """Wait until all is known, then until this replica is the active one; then begin."""
        await asyncio.gather(*(informer.complete.wait() for informer in self._informers))
        await self._contact.complete.wait()
        await resync.agree(self._api, self._store)
        self._agreed = True
        log.info("knew all objects", extra={"applications": len(self._store.applications())})
        if not self._given.election:
            self._begin()
            return
        # Apart, because a Lease that waits behind a hundred writes is lost.
        async with self._api.apart() as leases:
            self._election = leader_election.Election(
                leases,
                namespace=self._given.lease_namespace,
                name=self._given.lease_name,
                identity=f"{socket.gethostname()}-{os.getpid()}",
            )
            await self._election.run(on_started=self._begin, on_lost=self._end)

    def _seconds_of_lead(self) -> float | None:
        return self._election.seconds_left if self._election is not None else None

    def _begin(self) -> None:
        self._enqueue((RESOURCE_TYPES, *self._store.applications()), Priority.RESYNC)
        self._leading.set()

    async def _end(self) -> None:
        """Stop all work: whoever lost the lead begins anew, with nothing left half-done."""
        await self._queue.drain()
        self._stop.set()

    async def _resync(self) -> None:
        last = _now()
        while True:
            await asyncio.sleep(min(SWEEP, self._given.resync).total_seconds())
            if not self._agreed:
                continue
            try:
                async for keys in resync.sweep(self._api, self._store):
                    self._enqueue(keys, Priority.UNFINISHED)
            except resync.SetBack:
                self._begin_anew()
                return
            except ApiError as error:
                log.warning("could not look for what was not told", extra={"detail": str(error)})
            if _now() - last >= self._given.resync:
                last = _now()
                self._enqueue((RESOURCE_TYPES, *self._store.applications()), Priority.RESYNC)

    def unready(self) -> str:
        """Return why this replica could not take over; "" if it could."""
        if why := self._contact.unready():
            return why
        silent = [informer.kind for informer in self._informers if not informer.healthy]
        if silent:
            return f"no answer from the API server: {', '.join(silent)}"
        return "" if self._agreed else "not every object is known yet"

    def _enqueue(self, keys: Iterable[ApplicationKey], priority: Priority) -> None:
        for key in keys:
            self._queue.add(key, priority)

    def _enqueue_soon(
        self, keys: Iterable[ApplicationKey], *, after: float = _BURST_SECONDS
    ) -> None:
        for key in keys:
            self._queue.add(key, Priority.UNFINISHED, after=after)

    def _child(self, old: Child | None, new: Child | None) -> None:
        after = _PROGRESS_SECONDS if child.is_on_its_way(old, new) else _BURST_SECONDS
        self._enqueue_soon(self._store.child_changed(old, new), after=after)

    def _pod(self, old: Pod | None, new: Pod | None) -> None:
        self._enqueue_soon(self._store.pod_changed(old, new))

    def _class(self, _old: IngressClass | None, _new: IngressClass | None) -> None:
        self._enqueue(self._store.applications(), Priority.RESYNC)

    def _configured(self, old: ConfigurationObject | None, new: ConfigurationObject | None) -> None:
        found = new or old
        if found is not None:
            self._enqueue_soon(self._store.configuration_changed(found))

    def _store_refusal(self, old: JobRefusal | None, new: JobRefusal | None) -> None:
        self._store.job_refused(old, new)

    def _probe(self, _old: ProbeFailure | None, new: ProbeFailure | None) -> None:
        self._enqueue_soon(self._store.probe_failed(new))


async def _end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _end_at_last(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they end.

    A watch of Kopf's that is cancelled while its request has no answer yet takes that for the end
    of this one request, and makes the next.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCEL_SECONDS)


def _now() -> datetime:
    return datetime.now(UTC)
