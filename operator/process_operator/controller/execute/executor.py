"""Carries out a plan, and publishes a report: the only place that writes objects.

Records of releases are written first: what depends on them comes with the next look. Then, per
process, what would fight the new intent goes (an autoscaler before a fixed size), what is wanted
is applied in order, and what is no longer wanted goes last, if all else went through.

Every answer is put into the observed state at once, so that the next look is never behind.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol

from process_operator.cluster.client import Cluster
from process_operator.controller.execute import events, log_fields, refused_writes
from process_operator.controller.execute.refused_statuses import Refusals
from process_operator.controller.observe import records
from process_operator.controller.observe.records import (
    ApplicationKey,
    Child,
    Contest,
    CustomResource,
    InvalidObject,
    ObservedState,
    Pod,
    RefusedWrite,
)
from process_operator.controller.observe.store import ObjectCache
from process_operator.controller.plan import compare, contests, ownership
from process_operator.controller.plan.model import (
    Apply,
    Clean,
    Concession,
    JobStart,
    Plan,
    ProcessPlan,
)
from process_operator.controller.release import failure, jobs, runs
from process_operator.controller.release.decision import Decision
from process_operator.controller.status.model import Event, Report, Write
from process_operator.kube import names
from process_operator.kube.errors import AlreadyExists, ApiError, Conflict, NotFound, Rejected
from process_operator.kube.manifest import Manifest
from process_operator.models import snapshot
from process_operator.schema import bounds

log = logging.getLogger(__name__)

AUTOSCALER = "HorizontalPodAutoscaler"


class Children(Protocol):
    """An informer of one kind of children, which takes the answers to our own writes in at once."""

    @property
    def available(self) -> bool:
        """Whether the server knew the kind when it was last asked for all of them."""

    def observe(self, answer: Manifest) -> object:
        """Take in an object as the server returned it."""

    def evict(self, namespace: str, name: str, uid: str) -> None:
        """Take out a child that the server has removed."""


class Executor:
    """Writes to one cluster, and remembers the answers in one world."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        store: ObjectCache,
        children: Mapping[str, Children],
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._children = children
        self._clock = clock
        self._refusals = Refusals(clock)

    async def carry_out(self, observed: ObservedState, plan: Plan) -> bool:
        """Write what the plan wants; return whether anything was written.

        A record that the server refuses holds up what depends on it, and nothing else.

        Raises:
            ApiError: a write met something that another look, or time, will put right.
        """
        decision = plan.decision
        recorded = await self._records(observed.key, decision)
        # A Job whose uid cannot be recorded would be made anew if somebody removed it.
        starts = plan.job is not None and not self._refusals.hold(plan.job.release)
        if plan.job is not None and starts:
            await self._start(observed, plan.job)
        ran = await self._runs(observed, plan)
        for job in decision.stop:
            await self._delete(job, propagation="Foreground")
        if decision.create is not None and plan.context is not None:
            await self._create(decision.create, plan.context.history.last_number)
        for release in decision.prune:
            await self._remove(release)
        wrote = recorded or bool(decision.create or decision.prune)
        if decision.note and (recorded or not decision.records):
            log.info(
                decision.note,
                extra=log_fields.application_fields(names.APPLICATION_KIND, observed.key),
            )
        wrote = wrote or ran or starts or bool(decision.stop)
        results = await asyncio.gather(
            *(self._process(observed, process_plan) for process_plan in plan.processes),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
            wrote = wrote or result
        return wrote

    async def publish(self, key: ApplicationKey, report: Report) -> None:
        """Write statuses, each by itself, and send the events of the transitions they tell."""
        for write in report.writes:
            await self.publish_one(key, write)

    async def publish_one(self, key: ApplicationKey, write: Write) -> None:
        """Write one status at the version it was computed from, then send its events."""
        one = write.of
        try:
            written = await self._record(key, one, write.status)
        except NotFound:
            self._store.evict(one.kind, one.namespace, one.name, one.uid)
            self._refusals.forget(one)
            return
        if written:
            for event in write.events:
                await self._tell(event)

    def retry_at(self, key: ApplicationKey) -> datetime | None:
        """Return when a status of an application that was refused is to be tried again."""
        return self._refusals.retry_at(key)

    async def _records(self, key: ApplicationKey, decision: Decision) -> bool:
        """Write the records of releases; return whether any was written."""
        recorded = False
        for release, status in decision.records:
            if not self._refusals.hold(release):
                told = await self._explained(decision.failed_pod, status)
                recorded = await self._record(key, release, told) or recorded
        return recorded

    async def _record(
        self,
        key: ApplicationKey,
        one: CustomResource[Any] | InvalidObject,
        status: Mapping[str, Any],
    ) -> bool:
        """Write a status at the version it was computed from; return whether it was taken."""
        if self._refusals.hold(one):
            return False
        try:
            body = await self._cluster.replace_status(
                one.kind,
                one.namespace,
                one.name,
                uid=one.uid,
                resource_version=one.resource_version,
                status=bounds.fitted(one.kind, status),
            )
        except Rejected as error:
            self._refusals.note(key, one, error)
            return False
        self._refusals.forget(one)
        self._store.observe(body)
        return True

    async def _create(self, manifest: Manifest, last_number: int) -> None:
        """Make a release by a plain create; a name that somebody took is stepped over."""
        application = manifest["metadata"]["labels"][names.APPLICATION]
        for number in range(last_number + 1, last_number + 100):
            named = {
                **manifest,
                "metadata": {**manifest["metadata"], "name": names.release(application, number)},
            }
            try:
                body = await self._cluster.create(named)
            except AlreadyExists as error:
                taken = await self._cluster.get(
                    manifest["kind"], manifest["metadata"]["namespace"], named["metadata"]["name"]
                )
                self._store.observe(taken)
                if refused_writes.owner_uid(taken) == refused_writes.owner_uid(
                    manifest
                ) and "state" not in (taken.get("status") or {}):
                    # It is ours and waits: the watch had only not shown it yet.
                    return
                last = error
                continue
            self._store.observe(body)
            return
        raise last

    async def _start(self, observed: ObservedState, start: JobStart) -> None:
        """Make the one Job of a release and a job process, and record its uid at once."""
        uid = await self._make_job(observed, start.key, start.manifest, start.release.uid)
        if uid is not None:
            record = jobs.with_job(
                start.release, start.process, name=start.key.name, uid=uid, now=observed.now
            )
            await self._record(observed.key, start.release, record)

    async def _make_job(
        self, observed: ObservedState, key: records.ChildKey, manifest: Manifest, owner_uid: str
    ) -> str | None:
        """Make a Job, or find that it is made; return its uid, None after a no."""
        try:
            body = await self._cluster.create(manifest)
        except AlreadyExists:
            body = await self._cluster.get(key.kind, key.namespace, key.name)
            if refused_writes.owner_uid(body) != owner_uid:
                if "deletionTimestamp" in body["metadata"]:
                    raise
                conflict = ownership.name_conflict(key, owner_uid, "", observed.now)
                self._store.refuse(observed.key, key, conflict)
                return None
        except Rejected as error:
            self._store.refuse(
                observed.key, key, refused_writes.refused(error, key, owner_uid, observed.now)
            )
            return None
        self._children[key.kind].observe(body)
        log.info("started", extra=log_fields.child_fields(key))
        uid: str = body["metadata"]["uid"]
        return uid

    async def _runs(self, observed: ObservedState, plan: Plan) -> bool:
        """Write what the runs by hand need: ends, starts, and the removal of old ones."""
        wrote = bool(plan.runs.prune)
        for one in plan.runs.decisions:
            if one.record is None or self._refusals.hold(one.run):
                continue
            said = await self._last_words(one.ended) if one.ended is not None else ""
            tail = failure.tail(said, one.secrets)
            record = {**one.record, **({"log": tail} if tail else {})}
            if await self._record(observed.key, one.run, record):
                wrote = True
                log.info(
                    "ended: %s", one.record["outcome"], extra=log_fields.own_object_fields(one.run)
                )
        for start in plan.runs.starts:
            if self._refusals.hold(start.run):
                continue
            wrote = True
            uid = await self._make_job(observed, start.key, start.manifest, start.run.uid)
            if uid is not None:
                record = runs.started(
                    start.run,
                    start.serving,
                    name=start.key.name,
                    uid=uid,
                    by=start.run.maker,
                    now=observed.now,
                )
                await self._record(observed.key, start.run, record)
        for old in plan.runs.prune:
            await self._remove(old)
        return wrote

    async def _explained(
        self, failed_pod: Pod | None, status: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Add what can only be fetched to a failure: the last lines, and the pod's events."""
        if failed_pod is None or "failure" not in status:
            return status
        log_text, events = await asyncio.gather(
            self._last_words(failed_pod), self._events(failed_pod)
        )
        found = failure.with_evidence(
            status["failure"],
            log=log_text,
            events=events,
            snapshot=snapshot.read(status["snapshot"]),
        )
        return {**status, "failure": found}

    async def _last_words(self, pod: Pod) -> str:
        """Return the last lines of a pod's container; none is no reason to hold a release up."""
        # Of a container that was started again, the words that matter are those before.
        for previous in (True, False) if pod.restarts else (False,):
            try:
                said = await self._cluster.log(
                    pod.namespace, pod.name, lines=failure.LOG_LINES, previous=previous
                )
            except ApiError as error:
                extra = {"kind": "Pod", "namespace": pod.namespace, "object": pod.name}
                log.info("had no log to read", extra=extra | {"detail": str(error)})
                continue
            # The kubelet answers so, with success, when the container is gone already.
            if said and not said.startswith("unable to retrieve container logs"):
                return said
        return ""

    async def _events(self, pod: Pod) -> list[str]:
        """Return what Kubernetes said of a pod."""
        about = f"regarding.uid={pod.uid}"
        try:
            pages = self._cluster.list("Event", namespace=pod.namespace, field_selector=about)
            found = [event async for page, _ in pages for event in page]
        except ApiError as error:
            extra = {"kind": "Pod", "namespace": pod.namespace, "object": pod.name}
            log.warning("could not read events", extra=extra | {"detail": str(error)})
            return []
        return failure.events_told(found)

    async def _remove(self, old: CustomResource[Any]) -> None:
        """Remove one of our own objects that the history has no room for."""
        with suppress(NotFound, Conflict):
            await self._cluster.delete(
                old.kind, old.namespace, old.name, uid=old.uid, propagation="Background"
            )
        self._store.evict(old.kind, old.namespace, old.name, old.uid)
        log.info("removed as too old", extra=log_fields.own_object_fields(old))

    async def _process(self, observed: ObservedState, process_plan: ProcessPlan) -> bool:
        if process_plan.remember is not None and not await self._remember(
            observed.key, process_plan
        ):
            return False
        wrote = process_plan.remember is not None
        for child in process_plan.deletes:
            if child.kind == AUTOSCALER:
                wrote = True
                await self._delete(child)
        complete = process_plan.refused is None
        for apply in process_plan.applies:
            wrote = True
            complete = await self._apply(observed, apply) and complete
        for clean in process_plan.cleans:
            wrote = True
            await self._clean(observed, clean)
        for concession in process_plan.concessions:
            wrote = True
            await self._concede(observed, concession)
        if complete:
            for child in process_plan.deletes:
                if child.kind != AUTOSCALER:
                    wrote = True
                    await self._delete(child)
        return wrote

    async def _remember(self, key: ApplicationKey, process_plan: ProcessPlan) -> bool:
        """Write the size that suspending is about to take, before the write that takes it."""
        status = {**process_plan.process.status, "replicasBeforeSuspend": process_plan.remember}
        return await self._record(key, process_plan.process, status)

    async def _apply(self, observed: ObservedState, apply: Apply) -> bool:
        """Write one child; return False where the answer was a no, which is remembered."""
        try:
            body = await self._send(apply)
        except Rejected as error:
            refused = refused_writes.refused(error, apply.key, apply.desired_hash, observed.now)
            self._refuse(observed.key, apply, refused)
            return False
        except NotFound:
            if self._children[apply.key.kind].available:
                # It is the namespace that went, or a kind that just did: its informer is to notice.
                raise
            self._refuse(observed.key, apply, refused_writes.not_installed(apply, observed.now))
            return False
        if body is None:
            conflict = ownership.name_conflict(apply.key, apply.desired_hash, "", observed.now)
            self._refuse(observed.key, apply, conflict)
            return False
        self._children[apply.key.kind].observe(body)
        self._store.accept(observed.key, apply.key)
        log.info("applied", extra=log_fields.child_fields(apply.key))
        found = compare.compare(apply.key.kind, body, apply.wanted)
        # What others have added is not for an apply to take out.
        self._note_answer(observed, apply, body, found.changed)
        return True

    async def _send(self, apply: Apply) -> Manifest | None:
        """Return what the server made of it; None when the name belongs to somebody else."""
        if apply.child is not None:
            # With the uid, so that a child that was deleted meanwhile is not made again unseen.
            return await self._cluster.apply(
                apply.manifest,
                force=True,
                uid=apply.child.uid,
                resource_version=apply.child.resource_version,
            )
        try:
            return await self._cluster.apply(apply.manifest, force=False)
        except Conflict:
            live = await self._cluster.get(apply.key.kind, apply.key.namespace, apply.key.name)
            if refused_writes.owner_uid(live) != apply.process_uid:
                return None
            about = live["metadata"]
            return await self._cluster.apply(
                apply.manifest,
                force=True,
                uid=about["uid"],
                resource_version=about["resourceVersion"],
            )

    def _refuse(self, key: ApplicationKey, apply: Apply, refused: RefusedWrite) -> None:
        self._store.refuse(key, apply.key, refused)
        extra = log_fields.child_fields(apply.key) | {
            "reason": refused.reason,
            "detail": refused.message,
        }
        log.warning("was refused", extra=extra)

    async def _clean(self, observed: ObservedState, clean: Clean) -> None:
        body = await self._without_foreign_items(clean.child, clean.operations)
        self._children[clean.key.kind].observe(body)
        found = compare.compare(clean.key.kind, body, clean.wanted)
        self._note_answer(observed, clean, body, found.all)

    async def _without_foreign_items(
        self, child: Child, operations: Sequence[Mapping[str, Any]]
    ) -> Manifest:
        """Return a child after the patch; as it is where the server does not let items go."""
        try:
            body = await self._cluster.json_patch(
                child.kind, child.namespace, child.name, operations
            )
        except Rejected as error:
            body = await self._cluster.get(child.kind, child.namespace, child.name)
            if body["metadata"]["resourceVersion"] != child.resource_version:
                # The patch tests it first: the child is not the one that was looked at.
                self._children[child.kind].observe(body)
                raise Conflict(error.message) from error
            extra = log_fields.child_fields(child.key) | {"detail": error.message}
            log.warning("could not be freed of foreign items", extra=extra)
            return body
        log.info("removed foreign items", extra=log_fields.child_fields(child.key))
        return body

    def _note_answer(
        self,
        observed: ObservedState,
        write: Apply | Clean,
        body: Manifest,
        differences: tuple[records.Difference, ...],
    ) -> None:
        """Remember whether the answer to a write holds what was written."""
        uid, desired = body["metadata"]["uid"], write.wanted.desired
        contest = contests.written(
            contests.about(observed.contests.get(write.key), uid, desired),
            key=write.key,
            uid=uid,
            desired=desired,
            is_repair=write.is_repair,
            differences=differences,
            by=compare.managers(body, differences),
            now=observed.now,
        )
        self._note(observed, write.key, contest)

    async def _concede(self, observed: ObservedState, concession: Concession) -> None:
        """Find out who undoes our writes of a child, and leave it as it is for now."""
        child, wanted = concession.child, concession.wanted
        body = await self._cluster.get(child.kind, child.namespace, child.name)
        self._children[child.kind].observe(body)
        known = contests.about(
            observed.contests.get(child.key), body["metadata"]["uid"], wanted.desired
        )
        found = compare.compare(child.kind, body, wanted)
        if known is not None and found.all:
            by = compare.managers(body, found.all)
            contest = contests.conceded(known, found.all, by, observed.now)
            self._note(observed, child.key, contest)

    def _note(
        self, observed: ObservedState, key: records.ChildKey, contest: Contest | None
    ) -> None:
        before = observed.contests.get(key)
        self._store.contest(observed.key, key, contest)
        was_told = before is not None and contests.is_told(before)
        if contest is not None and contests.is_told(contest) and not was_told:
            extra = log_fields.child_fields(key) | {"detail": contests.told(contest)}
            log.warning("was changed by somebody else", extra=extra)

    async def _delete(self, child: Child, propagation: str = "Background") -> None:
        """Delete a child by uid; in the foreground it stays until its own children are gone."""
        informer = self._children[child.kind]
        with suppress(NotFound, Conflict):
            left = await self._cluster.delete(
                child.kind, child.namespace, child.name, uid=child.uid, propagation=propagation
            )
            if left["kind"] == child.kind:
                informer.observe(left)
                log.info("began to delete", extra=log_fields.child_fields(child.key))
                return
        informer.evict(child.namespace, child.name, child.uid)
        log.info("deleted", extra=log_fields.child_fields(child.key))

    async def _tell(self, event: Event) -> None:
        """Send an event; one that is lost is no reason to fail: the status says the same."""
        try:
            await self._cluster.create(events.manifest(event, self._clock()))
        except ApiError as error:
            log.warning(
                "could not send an event", extra={"reason": event.reason, "detail": str(error)}
            )
