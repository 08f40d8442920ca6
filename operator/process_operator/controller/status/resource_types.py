"""What is said of resource types."""

from collections.abc import Mapping
from datetime import datetime

from process_operator.controller.observe.records import (
    CustomResource,
    InvalidObject,
    ResourceTypeObject,
)
from process_operator.controller.status import events, model
from process_operator.controller.status.model import Answer, Write
from process_operator.kube import conditions
from process_operator.kube.reasons import Reason
from process_operator.models.resource_type import ResourceTypeStatus


def resource_types(
    types: Mapping[str, ResourceTypeObject | InvalidObject], now: datetime
) -> tuple[Write, ...]:
    """Return the statuses of resource types that are not as they should be."""
    defaults = sorted(
        n for n, one in types.items() if isinstance(one, CustomResource) and one.spec.default
    )
    writes = []
    for one in types.values():
        if one.deleting:
            continue
        if isinstance(one, InvalidObject):
            said = conditions.stalled(Reason.INVALID_SPEC, one.message)
        elif one.spec.default and len(defaults) > 1:
            others = ", ".join(name for name in defaults if name != one.name)
            said = conditions.stalled(
                Reason.AMBIGUOUS_DEFAULT,
                f"spec.default is also true for {others}; leave it true for one of them",
            )
        else:
            said = conditions.ready(Reason.AVAILABLE, "can be used by processes")
        write = events.write(
            one, model.complete(Answer(of=one, status=ResourceTypeStatus(), said=said), now)
        )
        if write is not None:
            writes.append(write)
    return tuple(writes)
