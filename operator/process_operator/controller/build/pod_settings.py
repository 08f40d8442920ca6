"""What application, process and size say of pods beside what every pod has."""

import functools
from collections.abc import Mapping

from process_operator.controller.build import metadata, shape
from process_operator.controller.resolve.target import Target
from process_operator.kube.manifest import Manifest
from process_operator.models.pod import PodSettings
from process_operator.models.process import LASTING

_NOTHING = PodSettings()


def merged(target: Target) -> PodSettings:
    """Return the settings of a process: its application's, its own, and its size's, which win."""
    given = (target.snapshot.pod, target.entry.pod, target.entry.resource_type.pod)
    return functools.reduce(_over, (one for one in given if one is not None), _NOTHING)


def _over(shared: PodSettings, own: PodSettings) -> PodSettings:
    """Return settings, where those that are nearer win."""
    spread = {one.topology_key: one for one in shared.topology_spread_constraints}
    spread |= {one.topology_key: one for one in own.topology_spread_constraints}
    aliases = {one.ip: one for one in shared.host_aliases}
    aliases |= {one.ip: one for one in own.host_aliases}
    return PodSettings(
        labels=_both(shared.labels, own.labels),
        annotations=_both(shared.annotations, own.annotations),
        node_selector=_both(shared.node_selector, own.node_selector),
        tolerations=own.tolerations or shared.tolerations,
        topology_spread_constraints=tuple(spread.values()),
        priority_class_name=own.priority_class_name or shared.priority_class_name,
        runtime_class_name=own.runtime_class_name or shared.runtime_class_name,
        host_aliases=tuple(aliases.values()),
        dns_config=own.dns_config or shared.dns_config,
        image_pull_policy=own.image_pull_policy or shared.image_pull_policy,
    )


def _both(shared: Mapping[str, str] | None, own: Mapping[str, str] | None) -> dict[str, str]:
    return {**(shared or {}), **(own or {})}


def placed(target: Target, settings: PodSettings) -> Manifest:
    """Return where pods run: what their size says, and then the settings."""
    size = target.entry.resource_type
    of_size = [shape.filled(one) for one in size.tolerations]
    own = [shape.filled(shape.declared(one)) for one in settings.tolerations]
    return {
        "nodeSelector": _both(settings.node_selector, size.node_selector),
        "tolerations": [*of_size, *(one for one in own if one not in of_size)],
        "topologySpreadConstraints": _spread(target, settings),
        "priorityClassName": settings.priority_class_name,
        "runtimeClassName": settings.runtime_class_name,
        "hostAliases": [shape.declared(one) for one in settings.host_aliases],
        "dnsConfig": shape.declared(settings.dns_config)
        if settings.dns_config is not None
        else None,
    }


def _spread(target: Target, settings: PodSettings) -> list[Manifest]:
    """Return how instances are spread, of processes that have several."""
    if target.entry.type not in LASTING:
        return []
    return [
        {**shape.declared(one), "labelSelector": {"matchLabels": metadata.selector(target)}}
        for one in settings.topology_spread_constraints
    ]
