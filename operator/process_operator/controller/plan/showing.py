"""Before a release starts: the API server judges what its pods would be, where users have a hand.

Containers beside the process, affinity and volumes of drivers are users' words in Kubernetes' own
shape: what the server, or a policy of the platform, says of them is known before anything that runs
is touched, and the release waits with their words.
"""

import functools
from collections.abc import Iterator

from process_operator.controller.build import cronjob, deployment, job
from process_operator.controller.observe.memory import Memory
from process_operator.controller.observe.records import (
    InvalidObject,
    ObservedState,
    Process,
    RefusedWrite,
)
from process_operator.controller.plan import compare
from process_operator.controller.plan.model import ApplicationContext, Show
from process_operator.controller.release.decision import Waiting
from process_operator.controller.resolve import target as targets
from process_operator.controller.resolve.target import Target
from process_operator.kube import names
from process_operator.kube.manifest import Manifest
from process_operator.kube.reasons import Reason
from process_operator.models import pod, volumes
from process_operator.models.snapshot import Snapshot, SnapshotProcess

_NOT_YET = Waiting(
    reason=Reason.SETTLING, message="the API server is asked whether it takes the pods"
)


def shows(
    observed: ObservedState, context: ApplicationContext, memory: Memory
) -> tuple[Waiting | None, tuple[Show, ...]]:
    """Return why the waiting release may not start because of its pods, and what is to be shown."""
    candidate, history = context.resolved.candidate, context.history
    if candidate is None or not history.waiting or history.active is not None:
        return None, ()
    asked: list[Show] = []
    refused: RefusedWrite | None = None
    for one in _open(observed, context, candidate, memory):
        known = observed.shown.get(one.key)
        if known is None or known.desired_hash != one.desired_hash:
            asked.append(one)
        elif known.refused is not None:
            refused = known.refused
            if observed.now >= refused.retry_at:
                asked.append(one)
    if asked:
        return _NOT_YET, tuple(asked)
    if refused is None:
        return None, ()
    return Waiting(reason=refused.reason, message=refused.message, until=refused.retry_at), ()


def _open(
    observed: ObservedState, context: ApplicationContext, candidate: Snapshot, memory: Memory
) -> Iterator[Show]:
    """Yield the workloads of a release in which users have a hand."""
    for process in observed.processes:
        entry = context.resolved.entries.get(process.uid)
        if isinstance(process, InvalidObject) or entry is None:
            continue
        if _is_open(candidate, entry):
            yield memory.recall(
                process.uid,
                "show",
                (process, context.application.spec, candidate),
                functools.partial(_show, observed, context, process, candidate, entry),
            )


def _is_open(candidate: Snapshot, entry: SnapshotProcess) -> bool:
    settings = pod.merged(candidate.pod, entry.pod, entry.resource_type.pod)
    mounted = volumes.merged(candidate.volumes, entry.volumes)
    return (
        bool(settings.containers)
        or settings.affinity is not None
        or any(one.is_made for one in mounted)
    )


def _show(
    observed: ObservedState,
    context: ApplicationContext,
    process: Process,
    candidate: Snapshot,
    entry: SnapshotProcess,
) -> Show:
    made = _workload(
        targets.target(observed, context.application, process, candidate, entry), process
    )
    return Show(process=process.name, manifest=made, desired_hash=compare.wanted(made).desired_hash)


def _workload(target: Target, process: Process) -> Manifest:
    made = deployment.deployment(target) or cronjob.cron_job(target)
    if made is not None:
        return made
    # The name is one that no Job of a release ever has.
    return job.job(
        target,
        name=names.child(target.application, target.entry.key),
        owner={"kind": names.PROCESS_KIND, "name": process.name, "uid": process.uid},
        timeout_seconds=1,
        environment={},
    )
