"""ProcessResourceType: a named machine size, for the whole cluster."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from process_operator.models.base import (
    LabelKey,
    LabelValue,
    Model,
    qualified_keys,
    rule,
    validations,
)
from process_operator.models.quantity import Between, Quantity
from process_operator.models.status import Status


class Category(StrEnum):
    """What a machine size is good for."""

    HOBBY = "hobby"
    STANDARD = "standard"
    CPU_OPTIMIZED = "cpuOptimized"
    MEMORY_OPTIMIZED = "memoryOptimized"


class TolerationOperator(StrEnum):
    """How a toleration's value is compared with a taint's."""

    EXISTS = "Exists"
    EQUAL = "Equal"


class TaintEffect(StrEnum):
    """What a taint does to pods."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Toleration(Model):
    """One taint that instances may be placed in spite of, in Kubernetes' own shape."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                "has(self.key) || self.?operator.orValue('Equal') == 'Exists'",
                "tolerations[] without a key must have operator Exists; add the key, or set the "
                "operator to Exists to tolerate every taint",
                field=".operator",
            ),
            rule(
                "self.?operator.orValue('Equal') != 'Exists' || !has(self.value)",
                "tolerations[].value is only for operator Equal; remove it or set the operator to "
                "Equal",
                field=".value",
            ),
            rule(
                "!has(self.tolerationSeconds) || self.?effect.orValue('') == 'NoExecute'",
                "tolerations[].tolerationSeconds is only for effect NoExecute; remove it or set "
                "the effect to NoExecute",
                field=".tolerationSeconds",
            ),
        )
    )

    key: LabelKey | None = None
    """Key of the taint; absent, with operator `Exists`, means every taint."""
    operator: TolerationOperator | None = None
    """`Equal` to compare the value, `Exists` to take any; absent means `Equal`."""
    value: LabelValue | None = None
    """Value of the taint, with operator `Equal`; absent means the empty value."""
    effect: TaintEffect | None = None
    """Effect of the taint; absent means every effect."""
    toleration_seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None
    """Seconds that instances stay after a NoExecute taint came; absent means for ever."""


class ResourceTypeSpec(Model):
    """Size of one instance, and where instances of this size are placed."""

    cpu: Annotated[
        Quantity,
        Between("1m", "1k", "spec.cpu must be a quantity from 1m to 1k, for example 500m or 2"),
    ]
    """CPU of one instance, both requested and its limit, for example `500m` or `2`."""
    memory: Annotated[
        Quantity,
        Between(
            "6Mi", "64Ti", "spec.memory must be a quantity from 6Mi to 64Ti, for example 512Mi"
        ),
    ]
    """Memory of one instance, both requested and its limit, for example `512Mi`."""
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
    deprecated: bool | None = None
    """Whether processes should move to another size; they go on, with a warning."""


class ResourceTypeStatus(Status):
    """Whether the size can be used."""
