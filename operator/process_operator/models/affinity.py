"""Which nodes, and which neighbours, pods are placed with; in Kubernetes' own shape."""

from enum import StrEnum
from typing import Annotated, Generic, TypeVar

from pydantic import ConfigDict, Field

from process_operator.models.base import LabelKey, LabelValue, Model, forbidden, validations

_MOST = 8
_ATOMIC = {"x-kubernetes-list-type": "atomic"}
_Weight = Annotated[int, Field(ge=1, le=100)]
_Values = Annotated[
    tuple[LabelValue, ...],
    Field(max_length=16, json_schema_extra=_ATOMIC),
]


class NodeOperator(StrEnum):
    """How a label of a node is compared."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"
    GREATER_THAN = "Gt"
    LESS_THAN = "Lt"


class PodOperator(StrEnum):
    """How a label of pods is compared."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


_NEEDS_VALUES = validations(
    forbidden(
        "self.operator in ['Exists', 'DoesNotExist'] ? "
        "!has(self.values) || self.values.size() == 0 : "
        "has(self.values) && self.values.size() > 0",
        "matchExpressions[].values is needed by every operator but Exists and DoesNotExist, which "
        "have none",
        field=".values",
    )
)


_OperatorT = TypeVar("_OperatorT", NodeOperator, PodOperator)


class _Expression(Model, Generic[_OperatorT]):
    model_config = ConfigDict(json_schema_extra=_NEEDS_VALUES)

    key: LabelKey
    """The label, for example `topology.kubernetes.io/zone`."""
    operator: _OperatorT
    """How it is compared."""
    values: _Values = ()
    """What it is compared with; one number for `Gt` and `Lt`, which only nodes know."""


class NodeExpression(_Expression[NodeOperator]):
    """One condition on a label of nodes."""


class NodeSelectorTerm(Model):
    """Conditions of which all have to hold."""

    match_expressions: Annotated[
        tuple[NodeExpression, ...], Field(min_length=1, max_length=_MOST, json_schema_extra=_ATOMIC)
    ]
    """The conditions."""


class NodeSelector(Model):
    """Terms of which one has to hold."""

    node_selector_terms: Annotated[
        tuple[NodeSelectorTerm, ...],
        Field(min_length=1, max_length=_MOST, json_schema_extra=_ATOMIC),
    ]
    """The terms."""


class PreferredNodes(Model):
    """Nodes that are better than others."""

    weight: _Weight
    """How much better, from 1 to 100."""
    preference: NodeSelectorTerm
    """Which nodes."""


class NodeAffinity(Model):
    """Which nodes pods are placed on."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    """Nodes that the pods need."""
    preferred_during_scheduling_ignored_during_execution: Annotated[
        tuple[PreferredNodes, ...], Field(max_length=_MOST, json_schema_extra=_ATOMIC)
    ] = ()
    """Nodes that they prefer."""


class PodExpression(_Expression[PodOperator]):
    """One condition on a label of pods."""


class LabelSelector(Model):
    """Which pods are meant; all of it has to hold."""

    match_labels: Annotated[dict[str, LabelValue], Field(max_length=_MOST)] = Field(
        default_factory=dict
    )
    """Labels with their values."""
    match_expressions: Annotated[
        tuple[PodExpression, ...], Field(max_length=_MOST, json_schema_extra=_ATOMIC)
    ] = ()
    """Conditions on labels."""


class PodAffinityTerm(Model):
    """Neighbours in the own namespace, and how near they are."""

    label_selector: LabelSelector
    """Which pods."""
    topology_key: LabelKey
    """Label of nodes whose values are the places, for example `kubernetes.io/hostname`."""


class PreferredNeighbours(Model):
    """Neighbours that are better, or worse, than others."""

    weight: _Weight
    """How much, from 1 to 100."""
    pod_affinity_term: PodAffinityTerm
    """Which neighbours."""


class PodAffinity(Model):
    """Which neighbours pods are placed with, or apart from."""

    required_during_scheduling_ignored_during_execution: Annotated[
        tuple[PodAffinityTerm, ...], Field(max_length=_MOST, json_schema_extra=_ATOMIC)
    ] = ()
    """What has to be."""
    preferred_during_scheduling_ignored_during_execution: Annotated[
        tuple[PreferredNeighbours, ...], Field(max_length=_MOST, json_schema_extra=_ATOMIC)
    ] = ()
    """What is better."""


class Affinity(Model):
    """Where pods are placed."""

    node_affinity: NodeAffinity | None = None
    """By labels of nodes."""
    pod_affinity: PodAffinity | None = None
    """Near other pods."""
    pod_anti_affinity: PodAffinity | None = None
    """Apart from other pods."""
