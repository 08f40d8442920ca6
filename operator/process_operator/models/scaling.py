"""How many instances of a process run: a fixed number, or an autoscaler's bounds and paces."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from process_operator.models import schedules
from process_operator.models.base import (
    LabelName,
    Model,
    forbidden,
    keyed_by,
    required,
    rule,
    validations,
)
from process_operator.models.schedules import ScheduleText, ZoneName

_Percent = Annotated[int, Field(ge=1, le=100)]
_Interval = Annotated[int, Field(ge=1, le=60_000)]
_Increment = Annotated[int, Field(ge=1, le=5)]


class ScalingType(StrEnum):
    """Which member of a scaling strategy counts."""

    MANUAL = "manual"
    HORIZONTAL = "horizontal"
    EXTERNAL = "external"


class ManualScaling(Model):
    """A fixed number of instances."""

    instance_count: Annotated[int, Field(ge=0, le=50)]
    """Number of instances, 0 to 50; `kubectl scale` writes it."""


class HorizontalScaling(Model):
    """An autoscaler's bounds, targets and paces."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                "self.minInstanceCount <= self.maxInstanceCount",
                "horizontal.minInstanceCount must not be above maxInstanceCount; lower it or raise "
                "maxInstanceCount",
                field=".minInstanceCount",
            )
        )
    )

    min_instance_count: Annotated[int, Field(ge=0, le=50)]
    """Fewest instances, 0 to 50; 0 runs as 1, because an autoscaler cannot leave 0."""
    max_instance_count: Annotated[int, Field(ge=1, le=50)]
    """Most instances, 1 to 50, at least minInstanceCount."""
    target_cpu_percent: _Percent | None = Field(default=None, alias="targetCPUPercent")
    """Average CPU use to hold, in percent of the resource type; absent means 80 unless memory is
    given."""
    target_memory_percent: _Percent | None = None
    """Average memory use to hold, in percent of the resource type; absent means memory is not
    looked at."""
    scale_up_interval_seconds: _Interval | None = None
    """Seconds between two steps up; absent means 60."""
    scale_up_increment: _Increment | None = None
    """Instances added by one step up; absent means 1."""
    scale_down_interval_seconds: _Interval | None = None
    """Seconds between two steps down; absent means 600."""
    scale_down_increment: _Increment | None = None
    """Instances taken away by one step down; absent means 1."""


class ScalingStrategy(Model):
    """A fixed number of instances, an autoscaler, or somebody else's; `type` says which."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            required(
                "self.type != 'manual' || has(self.manual)",
                "scalingStrategy.manual is required when scalingStrategy.type is manual; add "
                "manual.instanceCount",
                field=".manual",
            ),
            forbidden(
                "self.type == 'manual' || !has(self.manual)",
                "scalingStrategy.manual is only for scalingStrategy.type manual; remove it or set "
                "the type to manual",
                field=".manual",
            ),
            required(
                "self.type != 'horizontal' || has(self.horizontal)",
                "scalingStrategy.horizontal is required when scalingStrategy.type is horizontal; "
                "add its minInstanceCount and maxInstanceCount",
                field=".horizontal",
            ),
            forbidden(
                "self.type == 'horizontal' || !has(self.horizontal)",
                "scalingStrategy.horizontal is only for scalingStrategy.type horizontal; remove it "
                "or set the type to horizontal",
                field=".horizontal",
            ),
        )
    )

    type: ScalingType
    """`manual` for a fixed number of instances, `horizontal` for an autoscaler, `external` where
    somebody else sets the size of the Deployment, for example KEDA."""
    manual: ManualScaling | None = None
    """The fixed number of instances, only with type `manual`."""
    horizontal: HorizontalScaling | None = None
    """The autoscaler's settings, only with type `horizontal`."""


class ScalingSchedule(Model):
    """Bounds for the number of instances from a moment on."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                "!has(self.minInstanceCount) || !has(self.maxInstanceCount) || "
                "self.minInstanceCount <= self.maxInstanceCount",
                "scalingSchedules[].minInstanceCount must not be above maxInstanceCount; lower it "
                "or raise maxInstanceCount",
                field=".minInstanceCount",
            )
        )
    )

    name: LabelName
    """Name that tells it from the others, for example `night`."""
    schedule: Annotated[
        ScheduleText, Field(json_schema_extra=schedules.moments("scalingSchedules[]"))
    ]
    """From when it holds, five cron fields or a descriptor such as `@daily`; where two are due at
    once, the last by name."""
    time_zone: (
        Annotated[ZoneName, Field(json_schema_extra=schedules.zone("scalingSchedules[]"))] | None
    ) = None
    """IANA time zone that the schedule is read in, for example `Europe/Berlin`; absent means
    UTC."""
    min_instance_count: Annotated[int, Field(ge=0, le=50)] | None = None
    """Fewest instances while it holds, 0 to 50; absent means what scalingStrategy says."""
    max_instance_count: Annotated[int, Field(ge=0, le=50)] | None = None
    """Most instances while it holds, 0 to 50, 0 for none at all; absent means what scalingStrategy
    says."""

    @property
    def bounds(self) -> bool:
        """Whether it says anything of the number; one that does not ends what another has said."""
        return self.min_instance_count is not None or self.max_instance_count is not None


ScalingSchedules = Annotated[
    tuple[ScalingSchedule, ...], Field(max_length=8, json_schema_extra=keyed_by("name"))
]
