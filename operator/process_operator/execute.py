"""Carries out a plan, and publishes a report: the only place that writes objects.

Records of releases are written first: what depends on them comes with the next look. Then, per
process, what would fight the new intent goes (an autoscaler before a fixed size), what is wanted
is applied in order, and what is no longer wanted goes last, if all else went through.

Every answer is put into the world at once, so that the next look is never behind.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol

from process_operator import names, observed
from process_operator import plan as plans
from process_operator.cluster import Cluster
from process_operator.conditions import timestamp
from process_operator.errors import AlreadyExists, ApiError, Conflict, NotFound, Rejected
from process_operator.observed import ApplicationKey, Child, Manifest, RefusedWrite, World
from process_operator.plan import Apply, Clean, Plan, View
from process_operator.release import Release
from process_operator.status import Event, Report, Write
from process_operator.world import Store

log = logging.getLogger(__name__)

AUTOSCALER = "HorizontalPodAutoscaler"


class Children(Protocol):
    """A mirror of one kind of children, which takes the answers to our own writes in at once."""

    def observe(self, answer: Manifest) -> object:
        """Take in an object as the server returned it."""

    def forget(self, namespace: str, name: str, uid: str) -> None:
        """Take out a child that the server has removed."""


class Executor:
    """Writes to one cluster, and remembers the answers in one world."""

    def __init__(self, *, cluster: Cluster, store: Store, children: Mapping[str, Children]) -> None:
        self._cluster = cluster
        self._store = store
        self._children = children

    async def carry_out(self, world: World, plan: Plan) -> bool:
        """Write what the plan wants; return whether anything was written.

        Raises:
            ApiError: a write met something that another look, or time, will put right.
        """
        decision = plan.decision
        for release, status in decision.records:
            await self._record(release, status)
        if decision.create is not None and plan.subject is not None:
            await self._create(decision.create, plan.subject.course.last_number)
        for release in decision.forget:
            await self._forget_release(release)
        wrote = bool(decision.records or decision.create or decision.forget)
        if wrote:
            log.info(
                decision.note or "removed old releases",
                extra=_about(names.APPLICATION_KIND, world.key),
            )
        results = await asyncio.gather(
            *(self._process(world, view) for view in plan.views), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
            wrote = wrote or result
        return wrote

    async def publish(self, report: Report) -> None:
        """Write statuses, and send the events of the transitions that they tell."""
        for write in report.writes:
            await self.publish_one(write)

    async def publish_one(self, write: Write) -> None:
        """Write one status at the version it was computed from, then send its events."""
        one = write.of
        try:
            body = await self._cluster.replace_status(
                one.kind,
                one.namespace,
                one.name,
                uid=one.uid,
                resource_version=one.resource_version,
                status=write.status,
            )
        except NotFound:
            self._store.forget(one.kind, one.namespace, one.name, one.uid)
            return
        self._store.observe(body)
        for event in write.events:
            await self._tell(event)

    async def _record(self, release: Release, status: Mapping[str, Any]) -> None:
        body = await self._cluster.replace_status(
            release.kind,
            release.namespace,
            release.name,
            uid=release.uid,
            resource_version=release.resource_version,
            status=status,
        )
        self._store.observe(body)

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
                if _owner_uid(taken) == _owner_uid(manifest) and "state" not in (
                    taken.get("status") or {}
                ):
                    # It is ours and waits: the watch had only not shown it yet.
                    return
                last = error
                continue
            self._store.observe(body)
            return
        raise last

    async def _forget_release(self, release: Release) -> None:
        with suppress(NotFound, Conflict):
            await self._cluster.delete(
                release.kind,
                release.namespace,
                release.name,
                uid=release.uid,
                propagation="Background",
            )
        self._store.forget(release.kind, release.namespace, release.name, release.uid)

    async def _process(self, world: World, view: View) -> bool:
        wrote = False
        for child in view.deletes:
            if child.kind == AUTOSCALER:
                wrote = True
                await self._delete(child)
        complete = view.refused is None
        for apply in view.applies:
            wrote = True
            complete = await self._apply(world, apply) and complete
        for clean in view.cleans:
            wrote = True
            await self._clean(clean)
        if complete:
            for child in view.deletes:
                if child.kind != AUTOSCALER:
                    wrote = True
                    await self._delete(child)
        return wrote

    async def _apply(self, world: World, apply: Apply) -> bool:
        """Write one child; return False where the answer was a no, which is remembered."""
        try:
            body = await self._send(apply)
        except Rejected as error:
            self._refuse(world.key, apply, _refusal(error, apply, world.now))
            return False
        if body is None:
            conflict = plans.name_conflict(apply.key, apply.intent, "", world.now)
            self._refuse(world.key, apply, conflict)
            return False
        self._children[apply.key.kind].observe(body)
        self._store.accept(world.key, apply.key)
        log.info("applied", extra=_about_child(apply.key))
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
            if _owner_uid(live) != apply.process_uid:
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
        extra = _about_child(apply.key) | {"reason": refused.reason, "detail": refused.message}
        log.warning("was refused", extra=extra)

    async def _clean(self, clean: Clean) -> None:
        child = clean.child
        try:
            body = await self._cluster.json_patch(
                child.kind, child.namespace, child.name, clean.operations
            )
        except Rejected as error:
            # The patch tests the version first: the child is not the one that was looked at.
            raise Conflict(error.message) from error
        self._children[child.kind].observe(body)
        log.info("removed foreign items", extra=_about_child(child.key))

    async def _delete(self, child: Child) -> None:
        with suppress(NotFound, Conflict):
            await self._cluster.delete(
                child.kind, child.namespace, child.name, uid=child.uid, propagation="Background"
            )
        self._forget(child)
        log.info("deleted", extra=_about_child(child.key))

    def _forget(self, child: Child) -> None:
        self._children[child.kind].forget(child.namespace, child.name, child.uid)

    async def _tell(self, event: Event) -> None:
        """Send an event; one that is lost is no reason to fail: the status says the same."""
        one = event.regarding
        now = timestamp_micro(datetime.now(UTC))
        manifest = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                # The server's check of a prefix does not allow for a dot at its end.
                "generateName": f"{one.name[:200].rstrip('.')}-",
                "namespace": one.namespace or "default",
            },
            "eventTime": now,
            "reportingController": names.GROUP,
            "reportingInstance": names.OPERATOR,
            "action": "Reconcile",
            "reason": event.reason,
            "type": "Warning" if event.warning else "Normal",
            "note": event.message[:1000],
            "regarding": {
                "apiVersion": names.API_VERSION,
                "kind": one.kind,
                "namespace": one.namespace,
                "name": one.name,
                "uid": one.uid,
                "resourceVersion": one.resource_version,
            },
        }
        try:
            await self._cluster.create(manifest)
        except ApiError as error:
            log.warning(
                "could not send an event", extra={"reason": event.reason, "detail": str(error)}
            )


def timestamp_micro(moment: datetime) -> str:
    """Return a time as Kubernetes writes a MicroTime."""
    return timestamp(moment)[:-1] + f".{moment.microsecond:06d}Z"


def _refusal(error: Rejected, apply: Apply, now: datetime) -> RefusedWrite:
    text = error.message
    reason = "QuotaExceeded" if "exceeded quota" in text else "Rejected"
    return RefusedWrite(
        intent=apply.intent,
        reason=reason,
        message=f'the API server refused {apply.key.kind} "{apply.key.name}": {text}',
        retry_at=now + observed.RETRY_REFUSED,
    )


def _owner_uid(body: Mapping[str, Any]) -> str | None:
    for owner in body["metadata"].get("ownerReferences", ()):
        if owner.get("controller"):
            uid: str = owner["uid"]
            return uid
    return None


def _about(kind: str, key: ApplicationKey) -> dict[str, str]:
    return {"kind": kind, "namespace": key.namespace, "object": key.name}


def _about_child(key: observed.ChildKey) -> dict[str, str]:
    return {"kind": key.kind, "namespace": key.namespace, "object": key.name}
