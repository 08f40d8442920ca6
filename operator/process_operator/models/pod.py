"""What else may be said of pods, in Kubernetes' own shape: where they run, what they are called.

Of what makes a process and keeps others safe from it there is nothing here: no host namespaces, no
privileges, and no label by which its pods are found.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from operator import attrgetter
from typing import Annotated, TypeVar

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from process_operator.kube import names
from process_operator.models.affinity import Affinity
from process_operator.models.base import (
    MAX_INT32,
    LabelKey,
    LabelValue,
    Model,
    ObjectName,
    forbidden,
    keyed_by,
    qualified_keys,
    qualified_rule,
    rule,
    validations,
)
from process_operator.models.containers import Container, InitContainers, Sidecars
from process_operator.models.tolerations import Toleration

_MOST = 16
_OWN_LABELS = (names.NAME, names.INSTANCE, names.COMPONENT, names.PART_OF, names.MANAGED_BY)
"""Those that the operator gives to pods, beside its own."""
_LABELS = ", ".join(f"'{name}'" for name in _OWN_LABELS)


def _address(field: str) -> JsonDict:
    """Return the bounds and the rule of an IP address."""
    told = f"pod.{field} must be an IP address, for example 192.0.2.7 or 2001:db8::7"
    return {"maxLength": 45} | validations(rule("isIP(self)", told))


def _without_ours(field: str, expression: str) -> JsonDict:
    """Return the extension of a map of the user's own labels or annotations."""
    return validations(
        qualified_rule(
            f"pod.{field} has a key that none can have; write it as prefix/name or name"
        ),
        rule(
            f"self.all(key, !key.startsWith('{names.GROUP}/'){expression})",
            f"pod.{field} has a key that belongs to the operator; choose another",
        ),
    )


class WhenUnsatisfiable(StrEnum):
    """What becomes of an instance that cannot be placed evenly."""

    DO_NOT_SCHEDULE = "DoNotSchedule"
    SCHEDULE_ANYWAY = "ScheduleAnyway"


class ImagePullPolicy(StrEnum):
    """When a node asks the registry for the image."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class TopologySpread(Model):
    """How evenly the instances of a process are spread over parts of the cluster."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            forbidden(
                "!has(self.minDomains) || self.whenUnsatisfiable == 'DoNotSchedule'",
                "pod.topologySpreadConstraints[].minDomains is only for whenUnsatisfiable "
                "DoNotSchedule; remove it or set that",
                field=".minDomains",
            )
        )
    )

    topology_key: LabelKey
    """Label of nodes whose values are the parts, for example `topology.kubernetes.io/zone`."""
    max_skew: Annotated[int, Field(ge=1, le=MAX_INT32)]
    """How many more instances one part may have than another."""
    when_unsatisfiable: WhenUnsatisfiable
    """`DoNotSchedule` to let an instance wait, `ScheduleAnyway` to place it all the same."""
    min_domains: Annotated[int, Field(ge=1, le=MAX_INT32)] | None = None
    """Number of parts that are counted on at least, with `DoNotSchedule`; absent means 1."""


class HostAlias(Model):
    """Names of an address in the pods' /etc/hosts."""

    ip: Annotated[str, Field(json_schema_extra=_address("hostAliases[].ip"))]
    """The address."""
    hostnames: Annotated[
        tuple[ObjectName, ...],
        Field(min_length=1, max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ]
    """Names that lead to it."""


class DNSOption(Model):
    """One option of the resolver."""

    name: Annotated[str, Field(min_length=1, max_length=63)]
    """Its name, for example `ndots`."""
    value: Annotated[str, Field(max_length=63)] | None = None
    """Its value, if it has one."""


class DNSConfig(Model):
    """What is added to the pods' resolver."""

    nameservers: Annotated[
        tuple[Annotated[str, Field(json_schema_extra=_address("dnsConfig.nameservers[]"))], ...],
        Field(max_length=3, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """Addresses of name servers, beside the cluster's."""
    searches: Annotated[
        tuple[ObjectName, ...],
        Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """Domains in which short names are looked for, beside the cluster's."""
    options: Annotated[
        tuple[DNSOption, ...],
        Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """Options of the resolver."""


class PodSettings(Model):
    """What else the pods are to have; a process's own win over its application's."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                "!has(self.initContainers) || !has(self.sidecars) || "
                "self.initContainers.all(one, "
                "self.sidecars.all(other, other.name != one.name))",
                "pod.initContainers[] and pod.sidecars[] have containers of the same name; give "
                "each its own",
            )
        )
    )

    labels: (
        Annotated[
            dict[str, LabelValue],
            Field(
                max_length=_MOST,
                json_schema_extra=_without_ours("labels", f" && !(key in [{_LABELS}])"),
            ),
        ]
        | None
    ) = None
    """Labels of the pods, beside the operator's."""
    annotations: (
        Annotated[
            dict[str, Annotated[str, Field(max_length=4096)]],
            Field(max_length=_MOST, json_schema_extra=_without_ours("annotations", "")),
        ]
        | None
    ) = None
    """Annotations of the pods."""
    node_selector: (
        Annotated[
            dict[str, LabelValue],
            Field(
                max_length=_MOST,
                json_schema_extra=qualified_keys(
                    "pod.nodeSelector has a key that no label can have; write it as prefix/name or "
                    "name"
                ),
            ),
        ]
        | None
    ) = None
    """Labels that a node must have, beside those of the resource type, which win."""
    tolerations: Annotated[
        tuple[Toleration, ...],
        Field(max_length=_MOST, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """Taints that the pods may be placed in spite of, beside those of the resource type; a
    process's own take the place of its application's."""
    topology_spread_constraints: Annotated[
        tuple[TopologySpread, ...],
        Field(max_length=8, json_schema_extra=keyed_by("topologyKey")),
    ] = ()
    """How evenly the instances of each process are spread (web, worker)."""
    priority_class_name: ObjectName | None = None
    """PriorityClass of the pods; absent means the cluster's default."""
    runtime_class_name: ObjectName | None = None
    """RuntimeClass of the pods; absent means the nodes' default."""
    affinity: Affinity | None = None
    """Nodes and neighbours that the pods are placed with; a process's own takes the place of its
    application's."""
    init_containers: InitContainers = ()
    """Containers that run to their end, one after the other, before the process starts; a
    process's own win by their names."""
    sidecars: Sidecars = ()
    """Containers that run along: they start before the init containers, and end after the process;
    a process's own win by their names."""
    host_aliases: Annotated[
        tuple[HostAlias, ...], Field(max_length=_MOST, json_schema_extra=keyed_by("ip"))
    ] = ()
    """Names of addresses in the pods' /etc/hosts."""
    dns_config: DNSConfig | None = None
    """What is added to the pods' resolver."""
    image_pull_policy: ImagePullPolicy | None = None
    """When nodes ask the registry; absent means `Always` for the tag `latest`, and `IfNotPresent`
    for any other."""

    @property
    def containers(self) -> tuple[Container, ...]:
        """Return those beside the process, in the order in which they start."""
        return (*self.sidecars, *self.init_containers)


def merged(*given: PodSettings | None) -> PodSettings:
    """Return settings of which those that stand later win."""
    return functools.reduce(_over, (one for one in given if one is not None), PodSettings())


def _over(shared: PodSettings, own: PodSettings) -> PodSettings:
    return PodSettings(
        labels=_both(shared.labels, own.labels),
        annotations=_both(shared.annotations, own.annotations),
        node_selector=_both(shared.node_selector, own.node_selector),
        tolerations=own.tolerations or shared.tolerations,
        topology_spread_constraints=_by(
            attrgetter("topology_key"),
            shared.topology_spread_constraints,
            own.topology_spread_constraints,
        ),
        priority_class_name=own.priority_class_name or shared.priority_class_name,
        runtime_class_name=own.runtime_class_name or shared.runtime_class_name,
        affinity=own.affinity or shared.affinity,
        init_containers=_by(attrgetter("name"), shared.init_containers, own.init_containers),
        sidecars=_by(attrgetter("name"), shared.sidecars, own.sidecars),
        host_aliases=_by(attrgetter("ip"), shared.host_aliases, own.host_aliases),
        dns_config=own.dns_config or shared.dns_config,
        image_pull_policy=own.image_pull_policy or shared.image_pull_policy,
    )


def _both(shared: Mapping[str, str] | None, own: Mapping[str, str] | None) -> dict[str, str]:
    return {**(shared or {}), **(own or {})}


_ItemT = TypeVar("_ItemT")


def _by(
    key: Callable[[_ItemT], str], shared: Iterable[_ItemT], own: Iterable[_ItemT]
) -> tuple[_ItemT, ...]:
    """Return items of which the own take the place of shared ones with the same key."""
    return tuple({key(one): one for one in (*shared, *own)}.values())
