"""What stands around the objects of one application, and what a spec says in callers' words."""

import functools
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pydantic

from process_operator.api.access import identity
from process_operator.api.reads.cache import Record
from process_operator.kube import quantities
from process_operator.models import candidate, defaults, snapshot
from process_operator.models.process import JobStartPolicy
from process_operator.models.resource_type import ResourceTypeSpec
from process_operator.models.scaling import ScalingType

Reply = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """A resource type, as replies need it."""

    id: str
    name: str
    millicores: int
    megabytes: int
    category: str
    default: bool
    frozen: snapshot.ResourceType
    """As a release would freeze it."""


def resource_types(records: Iterable[Record]) -> Mapping[str, ResourceType]:
    """Return what replies need of every resource type that can be read, the smallest first."""
    return _readable(tuple((one.name, one.spec_json) for one in records))


@functools.lru_cache(maxsize=4)  # every reply needs every one, and they hardly ever change
def _readable(given: tuple[tuple[str, bytes], ...]) -> Mapping[str, ResourceType]:
    found = [one for one in (_resource_type(name, spec) for name, spec in given) if one is not None]
    return {one.name: one for one in sorted(found, key=_by_size)}


def _by_size(one: ResourceType) -> tuple[int, int, str]:
    return one.millicores, one.megabytes, one.name


def _resource_type(name: str, spec_json: bytes) -> ResourceType | None:
    """Return a resource type, None if it was stored before its bounds and is of no use."""
    try:
        spec = ResourceTypeSpec.model_validate_json(spec_json)
    except pydantic.ValidationError:
        return None
    return ResourceType(
        id=identity.resource_type(name),
        name=name,
        millicores=quantities.millicores(str(spec.cpu)),
        megabytes=quantities.megabytes(str(spec.memory)),
        category=spec.category,
        default=bool(spec.default),
        frozen=candidate.resource_type(name, spec),
    )


@dataclass(frozen=True, kw_only=True)
class ReplyContext:
    """What stands around the objects of one application."""

    application: Record
    resource_types: Mapping[str, ResourceType]
    """By name."""
    snapshot: Mapping[str, Any] | None
    """What serves; None before the first deployment."""

    def resource_type_of(self, spec: Mapping[str, Any]) -> ResourceType | None:
        """Return the resource type that a process has by its spec."""
        given = spec.get("resourceTypeRef")
        if given is not None:
            return self.resource_types.get(given["name"])
        defaults = [one for one in self.resource_types.values() if one.default]
        return defaults[0] if len(defaults) == 1 else None

    def entry_of(self, spec: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return what serves of a process."""
        return self._entries.get((spec["key"], spec["type"]))

    @functools.cached_property
    def scales_at_once(self) -> bool:
        """Whether scaling waits for no deployment."""
        return bool(self.application.spec.get("scalingPolicy") == "immediate")

    @functools.cached_property
    def _entries(self) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        """What serves by key and type: a list asks for each of its processes."""
        processes = (self.snapshot or {}).get("processes", ())
        return {(entry["key"], entry["type"]): entry for entry in processes}


def command_line(spec: Mapping[str, Any]) -> str:
    """Return what starts a process as one line; "" for the image's own."""
    return str(spec.get("entrypoint") or shlex.join(spec.get("command") or ()))


def scaling(given: Mapping[str, Any] | None, size: int = 1) -> Reply:
    """Return a scaling strategy in the words of the contract.

    Args:
        given: As the spec has it.
        size: How many instances there are, told of what somebody else sizes: the contract knows
            no such.
    """
    if given is not None and given["type"] == ScalingType.EXTERNAL:
        return {"type": "manual", "config": {"instanceCount": size}}
    if given is None:
        return {"type": "manual", "config": {"instanceCount": defaults.of_strategy(None).instances}}
    if given["type"] == "manual":
        return {"type": "manual", "config": given["manual"]}
    config = dict(given["horizontal"])
    if "targetCPUPercent" in config:
        config["targetCpuPercent"] = config.pop("targetCPUPercent")
    return {"type": "horizontal", "config": config}


def start_policy(spec: Mapping[str, Any]) -> str | None:
    """Return when a job runs, None for a moment that the contract does not know."""
    given: str | None = spec.get("jobStartPolicy")
    return None if given == JobStartPolicy.BEFORE_ROLLBACK else given
