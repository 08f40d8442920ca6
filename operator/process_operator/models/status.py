"""What the statuses of several kinds share.

A status is parsed once for each version of its object, changed by copies, and turned into JSON
just before it is written. The bounds of these types stand in the schema only: much of a status is
in others' words, and what is too long is not refused but fitted (`schema/bounds.py`), at the end.
Fields that these models do not know stay with a record: a newer operator may have written them.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field
from pydantic.config import JsonValue

from process_operator.kube import conditions as words
from process_operator.models import base
from process_operator.models.base import MAX_INT32, Model, keyed_by


def bounded(**bounds: JsonValue) -> Any:
    """Return the words of a schema that the parser does not hold a value to."""
    return Field(json_schema_extra=dict(bounds))


def listed(most: int, *keys: str) -> Any:
    """Return those of a list of so many items, told apart by these keys or not at all."""
    kind = keyed_by(*keys) if keys else {"x-kubernetes-list-type": "atomic"}
    return Field(json_schema_extra={"maxItems": most, **kind})


Count = Annotated[int, bounded(minimum=0, maximum=MAX_INT32)]
Generation = Annotated[int, bounded(minimum=-1, maximum=9_007_199_254_740_991)]
"""A generation; the API server reads the bound as a float, so it is the largest exact one."""
Reason = Annotated[str, bounded(maxLength=1024)]
Sentence = Annotated[str, bounded(maxLength=32_768)]
MAX_SHORT_TEXT = 253
ShortText = Annotated[str, bounded(maxLength=MAX_SHORT_TEXT)]
REASON = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
"""What the reason of a condition has to match, in Kubernetes too."""
ReleaseNumber = Annotated[int, bounded(minimum=1, maximum=MAX_INT32)]
ExitCode = Annotated[int, bounded(minimum=-1, maximum=MAX_INT32)]
Uid = Annotated[str, bounded(minLength=1, maxLength=64)]
Key = Annotated[str, bounded(minLength=1, maxLength=64)]
ImageName = Annotated[str, bounded(maxLength=1024)]
Revision = Annotated[str, bounded(maxLength=253)]
RecordedName = Annotated[
    str, bounded(minLength=1, maxLength=253, pattern=f"^{base.DNS_SUBDOMAIN}$")
]
ZonedTime = Annotated[str, bounded(format="date-time")]
"""A time whose offset from UTC says something: two of the same moment are not the same."""


class Record(Model):
    """A part of a status that keeps what a newer operator may have written into it."""

    model_config = ConfigDict(extra="allow")

    def changed(self, **changes: Any) -> Self:
        """Return the record with these fields otherwise; nothing is parsed again.

        Raises:
            TypeError: There is no field of such a name.
        """
        if unknown := changes.keys() - self.__pydantic_fields__.keys():
            raise TypeError(f"{type(self).__name__} has no fields {sorted(unknown)}")
        return self.model_copy(update=changes)


class Told(Model):
    """A part of a status that is made anew each time: what a newer operator added is not kept."""

    model_config = ConfigDict(extra="ignore")


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Told):
    """One thing that can be said of an object, in Kubernetes' own shape."""

    type: Annotated[str, bounded(minLength=1, maxLength=316)]
    """What is said, for example `Ready`, `Available`, `Staged`, `Reconciling` or `Stalled`."""
    status: ConditionStatus
    """Whether it holds."""
    reason: Annotated[str, bounded(minLength=1, maxLength=1024, pattern=REASON)]
    """Why, in one stable word, for example `ResourceTypeNotFound`."""
    message: Sentence
    """Why, in a sentence for people, with what to do."""
    observed_generation: Generation | None = None
    """Generation of the object that this was said of."""
    last_transition_time: datetime
    """When the status of this condition last changed."""


class PendingChange(Told):
    """One staged difference: saved, and waiting for the next release."""

    field: ShortText
    """Path of the field, for example `resourceTypeRef.name` or `env[LOG_LEVEL]`."""
    from_: Annotated[str, bounded(maxLength=2048)] | None = Field(default=None, alias="from")
    """What runs now; absent when the field was not set, and masked for a variable's value."""
    to: Annotated[str, bounded(maxLength=2048)] | None = None
    """What the next release will run; absent when the field is no longer set."""
    since: datetime
    """When the operator first saw the difference."""


class ServingRelease(Told):
    """The release that runs."""

    name: RecordedName
    """Name of the ProcessRelease."""
    number: ReleaseNumber
    """Number of the release within its application."""


Conditions = Annotated[tuple[Condition, ...], listed(16, "type")]
Pending = Annotated[tuple[PendingChange, ...], listed(1024)]
Warnings = Annotated[tuple[Annotated[str, bounded(maxLength=1024)], ...], listed(128)]


class Status(Record):
    """What every kind tells of itself."""

    observed_generation: Generation | None = None
    """Generation of the object that this status was computed from; -1 until the operator has seen
    it."""
    conditions: Conditions = ()
    """What is true of the object now: `Ready` always, `Reconciling` or `Stalled` only
    while true."""

    def condition(self, condition_type: str) -> Condition | None:
        """Return one condition, None if it is not told."""
        for one in self.conditions:
            if one.type == condition_type:
                return one
        return None

    def holding_since(self, condition_type: str, reason: str, now: datetime) -> datetime:
        """Return since when this is told for this reason; now if it is not told yet."""
        before = self.condition(condition_type)
        return before.last_transition_time if before and before.reason == reason else now

    def saying(
        self, said: Iterable[words.Condition], *, generation: int, now: datetime
    ) -> tuple[Condition, ...]:
        """Return what is said as conditions, with the times of those that hold as they did."""
        return tuple(self._condition(one, generation, now) for one in said)

    def _condition(self, said: words.Condition, generation: int, now: datetime) -> Condition:
        before = self.condition(said.type)
        same = before is not None and before.status == said.status
        return Condition(
            type=said.type,
            status=ConditionStatus(said.status),
            reason=said.reason,
            message=said.message,
            observed_generation=generation,
            last_transition_time=before.last_transition_time
            if before is not None and same
            else words.whole_seconds(now),
        )
