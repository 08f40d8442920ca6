"""Tolerations, in Kubernetes' own shape: which taints pods may be placed in spite of."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from process_operator.models.base import LabelKey, LabelValue, Model, rule, validations


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
