"""What the statuses of several kinds share.

The operator writes statuses as plain JSON; these models give them their schema and their
documentation.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from process_operator.models.base import MAX_INT32, Model, ObjectName, keyed_by

Count = Annotated[int, Field(ge=0, le=MAX_INT32)]
Generation = Annotated[int, Field(ge=-1, le=9_007_199_254_740_991)]
"""A generation; the API server reads the bound as a float, so it is the largest exact one."""
Reason = Annotated[str, Field(max_length=1024)]
Sentence = Annotated[str, Field(max_length=32_768)]
MAX_SHORT_TEXT = 253
ShortText = Annotated[str, Field(max_length=MAX_SHORT_TEXT)]
REASON = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
"""What the reason of a condition has to match, in Kubernetes too."""
ReleaseNumber = Annotated[int, Field(ge=1, le=MAX_INT32)]


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model):
    """One thing that can be said of an object, in Kubernetes' own shape."""

    type: Annotated[str, Field(min_length=1, max_length=316)]
    """What is said, for example `Ready`, `Available`, `Staged`, `Reconciling` or `Stalled`."""
    status: ConditionStatus
    """Whether it holds."""
    reason: Annotated[str, Field(min_length=1, max_length=1024, pattern=REASON)]
    """Why, in one stable word, for example `ResourceTypeNotFound`."""
    message: Sentence
    """Why, in a sentence for people, with what to do."""
    observed_generation: Generation | None = None
    """Generation of the object that this was said of."""
    last_transition_time: datetime
    """When the status of this condition last changed."""


class PendingChange(Model):
    """One staged difference: saved, and waiting for the next release."""

    field: ShortText
    """Path of the field, for example `resourceTypeRef.name` or `env[LOG_LEVEL]`."""
    from_: Annotated[str, Field(max_length=2048)] | None = Field(default=None, alias="from")
    """What runs now; absent when the field was not set, and masked for a variable's value."""
    to: Annotated[str, Field(max_length=2048)] | None = None
    """What the next release will run; absent when the field is no longer set."""
    since: datetime
    """When the operator first saw the difference."""


class ServingRelease(Model):
    """The release that runs."""

    name: ObjectName
    """Name of the ProcessRelease."""
    number: ReleaseNumber
    """Number of the release within its application."""


Conditions = Annotated[
    tuple[Condition, ...], Field(max_length=16, json_schema_extra=keyed_by("type"))
]
Pending = Annotated[
    tuple[PendingChange, ...],
    Field(max_length=1024, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
]
Warnings = Annotated[
    tuple[Annotated[str, Field(max_length=1024)], ...],
    Field(max_length=128, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
]


class Status(Model):
    """What every kind tells of itself."""

    observed_generation: Generation | None = None
    """Generation of the object that this status was computed from; -1 until the operator has seen
    it."""
    conditions: Conditions = ()
    """What is true of the object now: `Ready` always, `Reconciling` or `Stalled` only
    while true."""
