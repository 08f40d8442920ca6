"""One of our own objects as compactly as it can be kept, and how it is read again."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from sys import intern
from typing import Any

import orjson
import pydantic

from process_operator.controller.observe.records import ApplicationKey
from process_operator.kube import marks, names
from process_operator.models import base
from process_operator.models.application import ApplicationSpec
from process_operator.models.process import ProcessSpec
from process_operator.models.release import ReleaseSpec
from process_operator.models.resource_type import ResourceTypeSpec
from process_operator.models.run import RunSpec
from process_operator.models.status import Status
from process_operator.schema import bounds

SPECS: Mapping[str, type[pydantic.BaseModel]] = {
    names.APPLICATION_KIND: ApplicationSpec,
    names.PROCESS_KIND: ProcessSpec,
    names.RELEASE_KIND: ReleaseSpec,
    names.RUN_KIND: RunSpec,
    names.RESOURCE_TYPE_KIND: ResourceTypeSpec,
}


RECORDS = frozenset({names.RELEASE_KIND, names.RUN_KIND})
"""Kinds whose status says what has been done, and not only what is."""


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
    is_owned: bool
    generated: bool
    maker: str
    asked_at: str
    taken_up: str
    is_ours: bool
    application: str
    resource_type: str
    """The resource type that a process names, "" for the default one."""
    spec: bytes
    status: bytes
    seen_at: datetime
    """When it was first seen, by our own clock."""


def entry_of(body: Mapping[str, Any], seen_at: datetime) -> Entry:
    """Return what is kept of an object as the API server gives it, first seen at that time."""
    metadata, spec = body["metadata"], body.get("spec") or {}
    kind, name = body["kind"], metadata["name"]
    mark = marks.read((metadata.get("annotations") or {}).get(names.TAKEN_UP))
    labels = metadata.get("labels") or {}
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
        is_owned=bool(metadata.get("ownerReferences")) or _is_kept_by_a_tool(metadata),
        generated="generateName" in metadata or mark.is_generated,
        maker=_maker(metadata) if kind == names.RUN_KIND else "",
        asked_at=(metadata.get("annotations") or {}).get(names.REQUESTED_AT, "")[:32],
        taken_up=mark.uid,
        is_ours=labels.get(names.MANAGED_BY) == names.OPERATOR,
        application=application,
        resource_type=intern((spec.get("resourceTypeRef") or {}).get("name", "")),
        spec=_bytes(spec),
        status=_bytes(body.get("status") or {}),
        seen_at=seen_at,
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
    return next(
        (
            one["manager"]
            for one in managers
            if "subresource" not in one and one["manager"] != names.OPERATOR
        ),
        "",
    )


_KEPT_BY = frozenset(
    {
        "app.kubernetes.io/instance",
        "argocd.argoproj.io/hook",
        "argocd.argoproj.io/tracking-id",
        "helm.toolkit.fluxcd.io/name",
        "kustomize.toolkit.fluxcd.io/name",
        "meta.helm.sh/release-name",
    }
)
"""Labels and annotations by which Argo CD, Flux and Helm know what is theirs."""


def _is_kept_by_a_tool(metadata: Mapping[str, Any]) -> bool:
    """Whether it goes with what a tool has applied.

    With an owner Argo CD would take it for something that another object has made: it reads its
    health at the next full comparison only, and a sync whose hook it is would never end.
    """
    marked = (metadata.get("labels") or {}).keys() | (metadata.get("annotations") or {}).keys()
    return not _KEPT_BY.isdisjoint(marked)


def _bytes(value: Any) -> bytes:
    """Return JSON in as many bytes as it has: a copy, because orjson keeps a larger buffer."""
    return bytes(memoryview(orjson.dumps(value)))


def status_of(kind: str, recorded: bytes) -> Status:
    """Return a status from its JSON; what a newer operator may have written into it stays.

    Raises:
        pydantic.ValidationError: A word or a shape in it is none that this version knows.
    """
    return bounds.STATUSES[kind].model_validate_json(recorded)


def known_part(kind: str, recorded: bytes) -> Status:
    """Return what this version can read of a status; what it cannot is left out."""
    try:
        return bounds.STATUSES[kind].model_validate(bounds.fitted(kind, orjson.loads(recorded)))
    except pydantic.ValidationError:
        return bounds.STATUSES[kind]()  # a time that the calendar does not have, for example


def readable(error: pydantic.ValidationError, part: str) -> str:
    """Return a parse error of a spec or a status as a sentence that names the fields."""
    wrong = base.faults(error, part)
    return f"this version of the operator cannot read the {part}: {wrong}; correct it"
