"""ProcessResourceType: a named machine size, for the whole cluster."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from process_operator.models.base import (
    LabelValue,
    Model,
    qualified_keys,
    rule,
    validations,
)
from process_operator.models.pod import PodSettings
from process_operator.models.quantity import Between, Quantity, not_above
from process_operator.models.status import Status
from process_operator.models.tolerations import Toleration

_EXTENDED = "^[a-z0-9]([-a-z0-9.]{0,200}[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"


class Category(StrEnum):
    """What a machine size is good for."""

    HOBBY = "hobby"
    STANDARD = "standard"
    CPU_OPTIMIZED = "cpuOptimized"
    MEMORY_OPTIMIZED = "memoryOptimized"


class CPULimit(StrEnum):
    """Whether an instance may use more CPU than its size says."""

    SIZE = "size"
    NONE = "none"


class ResourceRequests(Model):
    """What a node keeps free for an instance, where that is less than its size."""

    cpu: (
        Annotated[
            Quantity,
            Between(
                "1m",
                "1k",
                "spec.requests.cpu must be a quantity from 1m to 1k, for example 100m",
            ),
        ]
        | None
    ) = None
    """CPU that is kept free, and that percentages of an autoscaler refer to; absent means all of
    `cpu`."""
    memory: (
        Annotated[
            Quantity,
            Between(
                "6Mi",
                "64Ti",
                "spec.requests.memory must be a quantity from 6Mi to 64Ti, for example 256Mi",
            ),
        ]
        | None
    ) = None
    """Memory that is kept free, likewise; absent means all of `memory`."""


class ResourceTypeSpec(Model):
    """Size of one instance, and where instances of this size are placed."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                not_above("cpu"),
                "spec.requests.cpu must not be above spec.cpu; lower it or raise spec.cpu",
                field=".requests.cpu",
            ),
            rule(
                not_above("memory"),
                "spec.requests.memory must not be above spec.memory; lower it or raise spec.memory",
                field=".requests.memory",
            ),
        )
    )

    cpu: Annotated[
        Quantity,
        Between("1m", "1k", "spec.cpu must be a quantity from 1m to 1k, for example 500m or 2"),
    ]
    """CPU of one instance, requested and its limit unless the size says otherwise, for example
    `500m` or `2`."""
    memory: Annotated[
        Quantity,
        Between(
            "6Mi", "64Ti", "spec.memory must be a quantity from 6Mi to 64Ti, for example 512Mi"
        ),
    ]
    """Memory of one instance, its limit and requested unless the size says otherwise, for example
    `512Mi`."""
    requests: ResourceRequests | None = None
    """What a node keeps free for an instance, where that is less than its size."""
    cpu_limit: CPULimit | None = None
    """`none` to let instances use what CPU their node has to spare; absent means `size`."""
    extended: dict[str, Annotated[int, Field(ge=1, le=1000)]] = Field(
        default_factory=dict,
        max_length=8,
        json_schema_extra=validations(
            rule(
                f"self.all(one, one.matches('{_EXTENDED}') && !one.contains('kubernetes.io/') && "
                "!one.startsWith('requests.'))",
                "spec.extended must have names with the domain of who makes the device, for "
                "example nvidia.com/gpu",
            )
        ),
    )
    """Devices of each instance, by the name that their plugin gives them, for example
    `nvidia.com/gpu: 1`."""
    category: Category
    """What the size is good for: `hobby`, `standard`, `cpuOptimized` or `memoryOptimized`."""
    default: bool | None = None
    """Whether processes without a resourceTypeRef get this size; at most one size may
    be default."""
    node_selector: dict[str, LabelValue] = Field(
        default_factory=dict,
        max_length=16,
        json_schema_extra=qualified_keys(
            "spec.nodeSelector has a key that no label can have; write it as prefix/name or name"
        ),
    )
    """Labels that a node must have to take instances of this size."""
    tolerations: Annotated[
        tuple[Toleration, ...],
        Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """Taints that instances of this size may be placed in spite of."""
    pod: PodSettings | None = None
    """What pods of this size have besides; each field wins over those of process and
    application."""
    deprecated: bool | None = None
    """Whether processes should move to another size; they go on, with a warning."""


class ResourceTypeStatus(Status):
    """Whether the size can be used."""
