"""The Deployment of a web or worker process, without its number of replicas.

Who sets `spec.replicas` depends on what is live (an autoscaler takes it over and hands it back),
so it is added where the live object is known: in the plan.
"""

from process_operator.controller.build import metadata, pod
from process_operator.controller.resolve.target import Target
from process_operator.kube.manifest import Manifest
from process_operator.models.probes import Probe
from process_operator.models.process import LASTING, ProcessType
from process_operator.models.snapshot import SnapshotProcess
from process_operator.models.update_strategy import RollingUpdate, UpdateStrategyType

API_VERSION = "apps/v1"
KIND = "Deployment"

_PROVING_SECONDS = 10
"""How long an instance without a readiness probe has to run until it counts as available: one that
exits at once is ready for a moment, and a release must not take that for success. To this comes
the time that its liveness probe takes to fail, and to stop it then."""
_LONGEST_PROVING_SECONDS = 60
_FAILURE_THRESHOLD, _PERIOD_SECONDS = 3, 10
"""What Kubernetes takes where a probe says nothing."""
_OLD_REPLICA_SETS = 3
"""Enough for a rollback to find the ReplicaSet that served, even after two failed attempts."""


def deployment(target: Target) -> Manifest | None:
    """Return the Deployment of a process that runs all the time."""
    if target.entry.type not in LASTING:
        return None
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata.child(target, metadata.name(target)),
        "spec": {
            "selector": {"matchLabels": metadata.selector(target)},
            "strategy": _strategy(target.entry),
            "revisionHistoryLimit": _OLD_REPLICA_SETS,
            "progressDeadlineSeconds": target.progress_deadline_seconds,
            **_proving(target),
            "template": pod.template(target),
        },
    }


def _strategy(entry: SnapshotProcess) -> Manifest:
    asked = entry.update_strategy
    if asked is not None and asked.type is UpdateStrategyType.RECREATE:
        return {"type": "Recreate"}
    rolling = (asked.rolling_update if asked is not None else None) or RollingUpdate()
    surge = _or(rolling.max_surge, "25%")
    # A web process never has fewer instances than wanted, if there is another way; a worker may,
    # since its work waits.
    keeps_all = entry.type is ProcessType.WEB and surge not in (0, "0", "0%")
    return {
        "type": "RollingUpdate",
        "rollingUpdate": {
            "maxUnavailable": _or(rolling.max_unavailable, 0 if keeps_all else "25%"),
            "maxSurge": surge,
        },
    }


def _or(given: int | str | None, default: int | str) -> int | str:
    return default if given is None else given


def _proving(target: Target) -> Manifest:
    if target.entry.readiness_probe is not None:
        return {}
    wanted = _PROVING_SECONDS + _until_failure(target.entry.liveness_probe)
    # The deadline has to be the longer of the two.
    deadline = target.progress_deadline_seconds
    seconds = min(wanted, _LONGEST_PROVING_SECONDS, deadline - 1)
    return {"minReadySeconds": seconds} if seconds > 0 else {}


def _until_failure(probe: Probe | None) -> int:
    """Return after how many seconds a probe that never succeeds has ended its container."""
    if probe is None:
        return 0
    tries = probe.failure_threshold or _FAILURE_THRESHOLD
    period = probe.period_seconds or _PERIOD_SECONDS
    return (probe.initial_delay_seconds or 0) + tries * period + pod.DRAIN_SECONDS
