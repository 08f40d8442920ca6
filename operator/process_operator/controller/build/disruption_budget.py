"""The PodDisruptionBudget of a web process that has instances to spare."""

from process_operator.controller.build import autoscaler, metadata
from process_operator.controller.resolve.target import Target
from process_operator.kube.manifest import Manifest
from process_operator.models.process import ProcessType
from process_operator.models.snapshot import Scaling

API_VERSION = "policy/v1"
KIND = "PodDisruptionBudget"


def disruption_budget(target: Target) -> Manifest | None:
    """Return the budget, from two instances on: with one it would block the drain of a node."""
    if target.entry.type is not ProcessType.WEB or _fewest_instances(target.scaling) < 2:
        return None
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata.child(target, metadata.name(target)),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": metadata.selector(target)},
            # Instances that serve nobody must not hold up a drain either.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def _fewest_instances(scaling: Scaling) -> int:
    if scaling.horizontal is None:
        return scaling.instances
    return autoscaler.min_replicas(scaling.horizontal)
