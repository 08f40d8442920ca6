"""The HorizontalPodAutoscaler of a process that scales by itself, within Kubernetes' caps."""

from process_operator.controller.build import deployment, metadata
from process_operator.controller.resolve.target import Target
from process_operator.kube.manifest import Manifest
from process_operator.models.process import LASTING
from process_operator.models.snapshot import Horizontal, Scaling

API_VERSION = "autoscaling/v2"
KIND = "HorizontalPodAutoscaler"

_LONGEST_PERIOD = 1800
_LONGEST_WINDOW = 3600


def min_replicas(horizontal: Horizontal) -> int:
    """Return the fewest instances that an autoscaler holds: at 0 it would never start again."""
    return max(1, horizontal.min_instances)


def autoscaler(target: Target) -> Manifest | None:
    """Return the autoscaler; while the application is suspended, 0 replicas keep it still."""
    horizontal = target.scaling.horizontal
    if horizontal is None or target.entry.type not in LASTING:
        return None
    name = metadata.name(target)
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata.child(target, name),
        "spec": {
            "scaleTargetRef": {
                "apiVersion": deployment.API_VERSION,
                "kind": deployment.KIND,
                "name": name,
            },
            "minReplicas": min_replicas(horizontal),
            "maxReplicas": max(horizontal.max_instances, min_replicas(horizontal)),
            "metrics": _metrics(horizontal),
            "behavior": _behavior(horizontal),
        },
    }


def clamped(scaling: Scaling) -> tuple[str, ...]:
    """Return one sentence for each setting that the autoscaler does not hold as it was given."""
    horizontal = scaling.horizontal
    if horizontal is None:
        return ()
    told: list[str] = []
    if horizontal.min_instances == 0:
        told.append("minInstanceCount 0 runs as 1, because an autoscaler cannot leave 0")
    paces = {
        "scaleUpIntervalSeconds": horizontal.scale_up_interval_seconds,
        "scaleDownIntervalSeconds": horizontal.scale_down_interval_seconds,
    }
    told.extend(
        f"{field} {seconds} was clamped to {_LONGEST_PERIOD}, the longest period that Kubernetes "
        "allows"
        for field, seconds in paces.items()
        if seconds > _LONGEST_PERIOD
    )
    return tuple(told)


def _metrics(horizontal: Horizontal) -> list[Manifest]:
    wanted = {"cpu": horizontal.cpu_percent, "memory": horizontal.memory_percent}
    return [
        {
            "type": "Resource",
            "resource": {
                "name": resource,
                "target": {"type": "Utilization", "averageUtilization": percent},
            },
        }
        for resource, percent in wanted.items()
        if percent is not None
    ]


def _behavior(horizontal: Horizontal) -> Manifest:
    """Return the paces: up at once, one step an interval; down when an interval agrees."""
    down = horizontal.scale_down_interval_seconds
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": [
                _step(horizontal.scale_up_increment, horizontal.scale_up_interval_seconds)
            ],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": min(down, _LONGEST_WINDOW),
            "selectPolicy": "Max",
            "policies": [_step(horizontal.scale_down_increment, down)],
        },
    }


def _step(instances: int, seconds: int) -> Manifest:
    return {"type": "Pods", "value": instances, "periodSeconds": min(seconds, _LONGEST_PERIOD)}
