"""One of our own objects as compactly as it can be kept, and how it is read again."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any

import orjson
import pydantic

from process_operator.controller.observe.records import ApplicationKey
from process_operator.kube import names
from process_operator.models import base
from process_operator.models.application import ApplicationSpec
from process_operator.models.process import ProcessSpec
from process_operator.models.release import ReleaseSpec
from process_operator.models.resource_type import ResourceTypeSpec
from process_operator.models.run import RunSpec

SPECS: Mapping[str, type[pydantic.BaseModel]] = {
    names.APPLICATION_KIND: ApplicationSpec,
    names.PROCESS_KIND: ProcessSpec,
    names.RELEASE_KIND: ReleaseSpec,
    names.RUN_KIND: RunSpec,
    names.RESOURCE_TYPE_KIND: ResourceTypeSpec,
}


@dataclass(slots=True)
class Entry:
    """One of our own objects, as compact as it can be kept."""

    kind: str
    namespace: str
    name: str
    uid: str
    version: int
    generation: int
    created_at: str
    deleting: bool
    owner_uid: str | None
    generated: bool
    maker: str
    application: str
    resource_type: str
    """The resource type that a process names, "" for the default one."""
    spec: bytes
    status: bytes


def entry_of(body: Mapping[str, Any]) -> Entry:
    """Return what is kept of an object as the API server gives it."""
    metadata, spec = body["metadata"], body.get("spec") or {}
    kind, name = body["kind"], metadata["name"]
    owner = next((o for o in metadata.get("ownerReferences", ()) if o.get("controller")), None)
    application = (
        name
        if kind == names.APPLICATION_KIND
        else (spec.get("applicationRef") or {}).get("name", "")
    )
    return Entry(
        kind=kind,
        namespace=metadata.get("namespace", ""),
        name=name,
        uid=metadata["uid"],
        version=int(metadata["resourceVersion"]),
        generation=int(metadata.get("generation") or 0),
        created_at=metadata["creationTimestamp"],
        deleting="deletionTimestamp" in metadata,
        owner_uid=owner["uid"] if owner is not None else None,
        generated="generateName" in metadata,
        maker=_maker(metadata) if kind == names.RUN_KIND else "",
        application=application,
        resource_type=intern((spec.get("resourceTypeRef") or {}).get("name", "")),
        spec=_bytes(spec),
        status=_bytes(body.get("status") or {}),
    )


def users_of(
    types: Collection[Entry], applications: Mapping[ApplicationKey, Mapping[Any, Entry]]
) -> Iterator[ApplicationKey]:
    """Yield the applications with a process whose size one of these resource types tells.

    Args:
        types: The states of a resource type before and after its change.
        applications: All own objects of each application.
    """
    wanted = {one.name for one in types}
    if any(orjson.loads(one.spec).get("default") for one in types):
        wanted.add("")
    for key, members in applications.items():
        processes = (one for one in members.values() if one.kind == names.PROCESS_KIND)
        if any(one.resource_type in wanted for one in processes):
            yield key


def _maker(metadata: Mapping[str, Any]) -> str:
    told: str | None = (metadata.get("annotations") or {}).get(names.REQUESTED_BY)
    if told:
        return told[:253]
    managers = metadata.get("managedFields") or ()
    return next((one["manager"] for one in managers if "subresource" not in one), "")


def _bytes(value: Any) -> bytes:
    """Return JSON in as many bytes as it has: a copy, because orjson keeps a larger buffer."""
    return bytes(memoryview(orjson.dumps(value)))


def readable(error: pydantic.ValidationError) -> str:
    """Return a parse error as a sentence that names the fields."""
    wrong = base.faults(error, "spec")
    return f"this version of the operator cannot read the spec: {wrong}; correct it"
