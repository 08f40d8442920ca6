"""Scaling strategies as clients send and get them."""

from typing import Annotated, Literal

from pydantic import Field

from process_operator.api.payloads import base
from process_operator.api.payloads.base import Request

# Scaling.

_Count = Annotated[int, Field(ge=0, le=50)]
_Percent = Annotated[int, Field(ge=1, le=100)]
_Interval = Annotated[int, Field(ge=1, le=60_000)]
_Increment = Annotated[int, Field(ge=1, le=5)]


class ManualConfig(Request):
    """A fixed number of instances."""

    instanceCount: _Count  # noqa: N815 - the contract's name
    """Number of instances; 0 stops the process."""


class HorizontalConfig(Request):
    """The bounds and paces of an autoscaler."""

    minInstanceCount: _Count  # noqa: N815
    """Fewest instances; 0 runs as 1."""
    maxInstanceCount: _Count  # noqa: N815
    """Most instances; at least 1 and at least minInstanceCount."""
    targetCpuPercent: _Percent = base.absent()  # noqa: N815
    """CPU use to hold, in percent of the size; 80 when neither target is given."""
    targetMemoryPercent: _Percent = base.absent()  # noqa: N815
    """Memory use to hold, in percent of the size."""
    scaleUpIntervalSeconds: _Interval = base.absent()  # noqa: N815
    """Seconds between two steps up; 60 when absent."""
    scaleUpIncrement: _Increment = base.absent()  # noqa: N815
    """Instances of one step up; 1 when absent."""
    scaleDownIntervalSeconds: _Interval = base.absent()  # noqa: N815
    """Seconds between two steps down; 600 when absent."""
    scaleDownIncrement: _Increment = base.absent()  # noqa: N815
    """Instances of one step down; 1 when absent."""


class ManualScaling(Request):
    """A fixed number of instances."""

    type: Literal["manual"]
    config: ManualConfig


class HorizontalScaling(Request):
    """An autoscaler."""

    type: Literal["horizontal"]
    config: HorizontalConfig


ScalingStrategy = Annotated[
    ManualScaling | HorizontalScaling,
    Field(discriminator="type", examples=[{"type": "manual", "config": {"instanceCount": 1}}]),
]
