"""How many instances a process is to have, and whose that number is.

`replicas` is no part of the intent. It is ours until an autoscaler has changed it: an apply that
drops it while we are its only owner resets it to 1, and an autoscaler never leaves 0.
"""

from process_operator.controller.observe.records import Child, Process
from process_operator.controller.release import rollout
from process_operator.controller.resolve.target import Target


def live_size(child: Child | None) -> int:
    """Return the size that a child has now, 0 without one."""
    return rollout.replicas(child) if child is not None else 0


def replicas(target: Target, process: Process, child: Child | None) -> int | None:
    """Return the size that we declare; None where the autoscaler owns it."""
    if target.suspended:
        return 0
    if target.scaling.external:
        return _of_others(process, child)
    horizontal = target.scaling.horizontal
    if horizontal is None:
        return target.scaling.instances
    least = max(1, horizontal.min_instances)
    if child is None:
        return least
    live = rollout.replicas(child)
    if live == 0:
        before = process.status.replicas_before_suspend or 0
        return min(max(before, least), max(horizontal.max_instances, least))
    if child.others_own_replicas:
        return None
    return max(live, least)


def _of_others(process: Process, child: Child | None) -> int | None:
    """Return the size of what somebody else sizes, who may have chosen 0, until that is seen."""
    if child is not None and child.others_own_replicas:
        return None
    live = live_size(child)
    return live or process.status.replicas_before_suspend or 1


def to_remember(target: Target, process: Process, child: Child | None) -> int | None:
    """Return the size that an autoscaler had found, if it is about to be lost by suspending."""
    if not target.suspended or not target.scaling.by_others or child is None:
        return None
    live = rollout.replicas(child)
    if live in {0, process.status.replicas_before_suspend}:
        return None
    return live
