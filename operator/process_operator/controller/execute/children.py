"""The children of processes: applied, freed of what others added, conceded, deleted."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from process_operator.cluster.client import Cluster
from process_operator.controller.execute import log_fields, refused_writes
from process_operator.controller.execute.outcome import Outcome
from process_operator.controller.observe import masking
from process_operator.controller.observe.records import (
    ChildKey,
    Contest,
    Difference,
    ObservedState,
    RefusedWrite,
    Shown,
)
from process_operator.controller.observe.store import ObjectCache
from process_operator.controller.plan import compare, contests, ownership
from process_operator.controller.plan.model import Apply, CleanForeignItems, Concede, Delete, Show
from process_operator.kube.errors import AlreadyExists, Conflict, NotFound, Rejected
from process_operator.kube.manifest import Manifest

log = logging.getLogger(__name__)

_JOB = "Job"


class ChildInformer(Protocol):
    """An informer of one kind of children, which takes the answers to our own writes in at once."""

    @property
    def available(self) -> bool:
        """Whether the server knew the kind when it was last asked for all of them."""

    def observe(self, answer: Manifest) -> object:
        """Take in an object as the server returned it."""

    def evict(self, namespace: str, name: str, uid: str) -> None:
        """Take out a child that the server has removed."""


class Children:
    """Writes children, and remembers what the server made of them."""

    def __init__(
        self, *, cluster: Cluster, store: ObjectCache, informers: Mapping[str, ChildInformer]
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._informers = informers

    async def apply(self, observed: ObservedState, action: Apply) -> Outcome:
        """Write one child; a no is remembered."""
        try:
            body = await self._send(action)
        except Rejected as error:
            return self._refuse(
                observed,
                action,
                refused_writes.refused(error, action.key, action.desired_hash, observed.now),
            )
        except NotFound:
            if self._informers[action.key.kind].available:
                # It is the namespace that went, or a kind that just did: its informer is to notice.
                raise
            return self._refuse(
                observed, action, refused_writes.not_installed(action, observed.now)
            )
        if body is None:
            conflict = ownership.name_conflict(action.key, action.desired_hash, "", observed.now)
            return self._refuse(observed, action, conflict)
        self._informers[action.key.kind].observe(body)
        self._store.accept(observed.key, action.key)
        log.info("applied", extra=log_fields.child_fields(action.key))
        found = compare.compare(action.key.kind, body, action.wanted)
        # What others have added is not for an apply to take out.
        self._note_answer(observed, action, body, found.changed)
        return Outcome.TAKEN

    async def show(self, observed: ObservedState, action: Show) -> Outcome:
        """Let the server judge a child without writing it; what it says is remembered."""
        refused: RefusedWrite | None = None
        try:
            if action.key.kind == _JOB:
                await self._cluster.create(action.manifest, dry_run=True)
            else:
                await self._cluster.apply(action.manifest, force=True, dry_run=True)
        except AlreadyExists:
            pass  # of that name, which it does not come to
        except Rejected as error:
            refused = refused_writes.not_shown(error, action, observed.now)
            extra = log_fields.child_fields(action.key) | {
                "reason": refused.reason,
                "detail": masking.told(observed, refused.message),
            }
            log.warning("would be refused", extra=extra)
        shown = Shown(desired_hash=action.desired_hash, refused=refused)
        self._store.note_shown(observed.key, action.key, shown)
        return Outcome.TAKEN

    async def _send(self, action: Apply) -> Manifest | None:
        """Return what the server made of it; None when the name belongs to somebody else."""
        if action.child is not None:
            # With the uid, so that a child that was deleted meanwhile is not made again unseen.
            return await self._cluster.apply(
                action.manifest,
                force=True,
                uid=action.child.uid,
                resource_version=action.child.resource_version,
            )
        try:
            return await self._cluster.apply(action.manifest, force=False)
        except Conflict:
            live = await self._cluster.get(action.key.kind, action.key.namespace, action.key.name)
            if refused_writes.owner_uid(live) != action.process_uid:
                return None
            metadata = live["metadata"]
            return await self._cluster.apply(
                action.manifest,
                force=True,
                uid=metadata["uid"],
                resource_version=metadata["resourceVersion"],
            )

    def _refuse(self, observed: ObservedState, action: Apply, refused: RefusedWrite) -> Outcome:
        self._store.refuse(observed.key, action.key, refused)
        extra = log_fields.child_fields(action.key) | {
            "reason": refused.reason,
            "detail": masking.told(observed, refused.message),
        }
        log.warning("was refused", extra=extra)
        return Outcome.REFUSED

    async def clean(self, observed: ObservedState, action: CleanForeignItems) -> Outcome:
        """Take foreign items out of a child, where the server lets them go."""
        body = await self._without_foreign_items(observed, action)
        self._informers[action.key.kind].observe(body)
        found = compare.compare(action.key.kind, body, action.wanted)
        self._note_answer(observed, action, body, found.all)
        return Outcome.TAKEN

    async def _without_foreign_items(
        self, observed: ObservedState, action: CleanForeignItems
    ) -> Manifest:
        """Return a child after the patch; as it is where the server does not let items go."""
        child = action.child
        try:
            body = await self._cluster.json_patch(
                child.kind, child.namespace, child.name, action.operations
            )
        except Rejected as error:
            body = await self._cluster.get(child.kind, child.namespace, child.name)
            if body["metadata"]["resourceVersion"] != child.resource_version:
                # The patch tests it first: the child is not the one that was looked at.
                self._informers[child.kind].observe(body)
                raise Conflict(error.message) from error
            said = masking.told(observed, error.message)
            extra = log_fields.child_fields(child.key) | {"detail": said}
            log.warning("could not be freed of foreign items", extra=extra)
            return body
        log.info("removed foreign items", extra=log_fields.child_fields(child.key))
        return body

    async def concede(self, observed: ObservedState, action: Concede) -> Outcome:
        """Find out who undoes our writes of a child, and leave it as it is for now."""
        child = action.child
        body = await self._cluster.get(child.kind, child.namespace, child.name)
        self._informers[child.kind].observe(body)
        known = contests.about(
            observed.contests.get(child.key), body["metadata"]["uid"], action.wanted.desired
        )
        found = compare.compare(child.kind, body, action.wanted)
        if known is not None and found.all:
            by = compare.managers(body, found.all)
            contest = contests.conceded(known, found.all, by, observed.now)
            self._note_contest(observed, child.key, contest)
        return Outcome.TAKEN

    async def delete(self, action: Delete) -> Outcome:
        """Delete a child by uid; one that is gone already, or another one by now, is as good."""
        child, informer = action.child, self._informers[action.child.kind]
        propagation = "Foreground" if action.waits_for_pods else "Background"
        with suppress(NotFound, Conflict):
            left = await self._cluster.delete(
                child.kind, child.namespace, child.name, uid=child.uid, propagation=propagation
            )
            if left["kind"] == child.kind:
                informer.observe(left)
                log.info("began to delete", extra=log_fields.child_fields(child.key))
                return Outcome.TAKEN
        informer.evict(child.namespace, child.name, child.uid)
        log.info("deleted", extra=log_fields.child_fields(child.key))
        return Outcome.TAKEN

    def _note_answer(
        self,
        observed: ObservedState,
        action: Apply | CleanForeignItems,
        body: Manifest,
        differences: tuple[Difference, ...],
    ) -> None:
        """Remember whether the answer to a write holds what was written."""
        uid, desired = body["metadata"]["uid"], action.wanted.desired
        contest = contests.written(
            contests.about(observed.contests.get(action.key), uid, desired),
            key=action.key,
            uid=uid,
            desired=desired,
            is_repair=action.is_repair,
            differences=differences,
            by=compare.managers(body, differences),
            now=observed.now,
        )
        self._note_contest(observed, action.key, contest)

    def _note_contest(
        self, observed: ObservedState, key: ChildKey, contest: Contest | None
    ) -> None:
        before = observed.contests.get(key)
        self._store.contest(observed.key, key, contest)
        was_told = before is not None and contests.is_told(before)
        if contest is not None and contests.is_told(contest) and not was_told:
            extra = log_fields.child_fields(key) | {"detail": contests.told(contest)}
            log.warning("was changed by somebody else", extra=extra)
