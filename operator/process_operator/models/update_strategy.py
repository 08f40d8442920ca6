"""How the instances of a process are replaced by those of another version."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from process_operator.models.base import Model, forbidden, rule, validations

_FORM = "^([0-9]{1,3}|[1-9]?[0-9]%|100%)$"


class UpdateStrategyType(StrEnum):
    """Whether old and new instances run side by side."""

    ROLLING_UPDATE = "RollingUpdate"
    RECREATE = "Recreate"


def _amount(field: str) -> object:
    told = (
        f"updateStrategy.rollingUpdate.{field} must be a number of instances or a percentage, for "
        "example 1 or 25%"
    )
    return validations(rule(f"string(self).matches('{_FORM}')", told))


_Text = Annotated[str, Field(max_length=4)]


class RollingUpdate(Model):
    """How many instances may be there, and may be missing, during an update."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                "!has(self.maxSurge) || !has(self.maxUnavailable) || "
                "!string(self.maxSurge).matches('^0+%?$') || "
                "!string(self.maxUnavailable).matches('^0+%?$')",
                "updateStrategy.rollingUpdate must not have 0 for both maxSurge and "
                "maxUnavailable, because nothing could ever be replaced; raise one of them",
            )
        )
    )

    max_surge: Annotated[int | _Text, Field(json_schema_extra=_amount("maxSurge"))] | None = None
    """Instances beyond the wanted number, a number or a percentage; absent means 25%."""
    max_unavailable: (
        Annotated[int | _Text, Field(json_schema_extra=_amount("maxUnavailable"))] | None
    ) = None
    """Wanted instances that may be missing, a number or a percentage; absent means 0 for web, 25%
    for worker."""


class UpdateStrategy(Model):
    """How instances are replaced."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            forbidden(
                "self.type == 'RollingUpdate' || !has(self.rollingUpdate)",
                "updateStrategy.rollingUpdate is only for type RollingUpdate; remove it or set "
                "that",
                field=".rollingUpdate",
            )
        )
    )

    type: UpdateStrategyType
    """`RollingUpdate` to replace them one after the other, `Recreate` to stop all before the first
    new one starts: for what may run once only, such as one that holds a ReadWriteOnce claim."""
    rolling_update: RollingUpdate | None = None
    """How many at a time."""
