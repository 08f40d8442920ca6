"""Whose a child is: ours, a stranger's, or left over from what is rendered no more."""

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import datetime

from process_operator.controller import build
from process_operator.controller.observe import records
from process_operator.controller.observe.records import (
    Child,
    ChildKey,
    InvalidObject,
    ObservedState,
    Process,
    RefusedWrite,
)
from process_operator.controller.plan.model import ApplicationContext
from process_operator.controller.release import record
from process_operator.controller.resolve.target import Target
from process_operator.kube import names
from process_operator.kube.reasons import Reason


def kept_workload(owned: Iterable[Child], deletes: Sequence[Child]) -> Child | None:
    """Return the Deployment or CronJob that goes on while nothing is rendered."""
    return next(
        (
            child
            for child in owned
            if child.kind in {"Deployment", "CronJob"}
            and not child.deleting
            and child not in deletes
        ),
        None,
    )


def leftovers(
    context: ApplicationContext, process: Process | InvalidObject, owned: Iterable[Child]
) -> Iterator[Child]:
    """Yield what a release that was gone back from made of a process that it was the first of."""
    running, history = context.running, context.history
    if running is None or running is not history.serving or isinstance(process, InvalidObject):
        return
    frozen = context.snapshot
    if frozen is None or frozen.process(process.spec.key, process.spec.type) is not None:
        return
    for child in owned:
        if (
            child.release is not None
            and child.release > record.number(running)
            and not child.deleting
        ):
            yield child


def ours(child: Child, target: Target, observed: ObservedState) -> bool:
    """Whether a child is this process's, or may become it.

    One whose owner reference was taken away by hand still carries our intent; one whose owner
    is a predecessor of this process (same name, gone) is taken over before it is collected.
    """
    if child.owner_uid == target.uid:
        return True
    if child.owner_uid is None:
        return child.desired_hash is not None
    alive = {process.uid for process in observed.processes}
    return (
        child.owner_kind == f"{names.API_VERSION}/{names.PROCESS_KIND}"
        and child.owner_uid not in alive
    )


def foreign_object(child: Child, now: datetime) -> RefusedWrite:
    """Return the refusal to touch a child that is not ours."""
    owner = f", controlled by {child.owner_kind} {child.owner_name}" if child.owner_uid else ""
    return name_conflict(child.key, "", owner, now)


def name_conflict(key: ChildKey, desired_hash: str, owner: str, now: datetime) -> RefusedWrite:
    """Return the refusal to touch an object that is not ours."""
    return RefusedWrite(
        desired_hash=desired_hash,
        reason=Reason.NAME_CONFLICT,
        message=f'{key.kind} "{key.name}" exists and was not made for this Process{owner}; it is '
        "left alone. Rename or delete it, and the operator makes its own",
        retry_at=now + records.RETRY_REFUSED,
    )


def unwanted(owned: Iterable[Child], wanted: Container[ChildKey]) -> Iterator[Child]:
    """Yield the children of a process that is rendered which are wanted no more."""
    for child in owned:
        if child.kind in build.KINDS and not child.deleting and child.key not in wanted:
            yield child
