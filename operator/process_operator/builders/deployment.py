"""The Deployment of a web or worker process, without its number of replicas.

Who sets `spec.replicas` depends on what is live (an autoscaler takes it over and hands it back),
so it is added where the live object is known: in the plan.
"""

from process_operator.builders import metadata, pod
from process_operator.models.process import ProcessType
from process_operator.observed import Manifest
from process_operator.resolve import Target

API_VERSION = "apps/v1"
KIND = "Deployment"

_OLD_REPLICA_SETS = 3
"""Enough for a rollback to find the ReplicaSet that served, even after two failed attempts."""


def deployment(target: Target) -> Manifest | None:
    """Return the Deployment of a process that runs all the time."""
    if target.entry.type not in (ProcessType.WEB, ProcessType.WORKER):
        return None
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata.child(target, metadata.name(target)),
        "spec": {
            "selector": {"matchLabels": metadata.selector(target)},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {
                    # A web process never has fewer instances than wanted; a worker may, since
                    # its work waits.
                    "maxUnavailable": 0 if target.entry.type is ProcessType.WEB else "25%",
                    "maxSurge": "25%",
                },
            },
            "revisionHistoryLimit": _OLD_REPLICA_SETS,
            "progressDeadlineSeconds": target.progress_deadline_seconds,
            "template": pod.template(target),
        },
    }
