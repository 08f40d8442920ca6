"""What log lines say of the object that they are about."""

from typing import Any

from process_operator.controller.observe import records
from process_operator.controller.observe.records import (
    ApplicationKey,
    CustomResource,
    InvalidObject,
)


def application_fields(kind: str, key: ApplicationKey) -> dict[str, str]:
    """Return what a log line says of the object of a key."""
    return {"kind": kind, "namespace": key.namespace, "object": key.name}


def own_object_fields(one: CustomResource[Any, Any] | InvalidObject) -> dict[str, str]:
    """Return what a log line says of one of our own objects."""
    return {"kind": one.kind, "namespace": one.namespace, "object": one.name}


def child_fields(key: records.ChildKey) -> dict[str, str]:
    """Return what a log line says of a child."""
    return {"kind": key.kind, "namespace": key.namespace, "object": key.name}
