"""What application, process and size say of pods beside what every pod has."""

from process_operator.controller.build import metadata, shape
from process_operator.controller.resolve.target import Target
from process_operator.kube.manifest import Manifest
from process_operator.models import pod
from process_operator.models.base import Model
from process_operator.models.pod import PodSettings
from process_operator.models.process import LASTING


def merged(target: Target) -> PodSettings:
    """Return the settings of a process: its application's, its own, and its size's, which win."""
    return pod.merged(target.snapshot.pod, target.entry.pod, target.entry.resource_type.pod)


def placed(target: Target, settings: PodSettings) -> Manifest:
    """Return where pods run: what their size says, and then the settings."""
    size = target.entry.resource_type
    of_size = [shape.filled(one) for one in size.tolerations]
    own = [shape.filled(shape.declared(one)) for one in settings.tolerations]
    return {
        "nodeSelector": {**(settings.node_selector or {}), **size.node_selector},
        "tolerations": [*of_size, *(one for one in own if one not in of_size)],
        "topologySpreadConstraints": _spread(target, settings),
        "affinity": _declared(settings.affinity),
        "priorityClassName": settings.priority_class_name,
        "runtimeClassName": settings.runtime_class_name,
        "hostAliases": [shape.declared(one) for one in settings.host_aliases],
        "dnsConfig": _declared(settings.dns_config),
    }


def _spread(target: Target, settings: PodSettings) -> list[Manifest]:
    """Return how instances are spread, of processes that have several."""
    if target.entry.type not in LASTING:
        return []
    return [
        {**shape.declared(one), "labelSelector": {"matchLabels": metadata.selector(target)}}
        for one in settings.topology_spread_constraints
    ]


def _declared(part: Model | None) -> Manifest | None:
    return shape.declared(part) if part is not None else None
