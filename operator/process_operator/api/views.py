"""What stands around the objects of one application, and what a spec says in callers' words."""

import functools
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from process_operator import quantities
from process_operator.api import identity
from process_operator.api.cache import Record

Reply = dict[str, Any]

DEFAULT_PORT = 8080
DEFAULT_PROTOCOL = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A resource type, as replies need it."""

    id: str
    name: str
    millicores: int
    megabytes: int
    category: str
    default: bool


def size(record: Record) -> Size:
    """Return what replies need of a resource type."""
    return _size(record.name, record.spec_json)


@functools.lru_cache(maxsize=256)  # every reply needs every size, and they hardly ever change
def _size(name: str, spec_json: bytes) -> Size:
    spec = orjson.loads(spec_json)
    return Size(
        id=identity.resource_type(name),
        name=name,
        millicores=quantities.millicores(str(spec["cpu"])),
        megabytes=quantities.megabytes(str(spec["memory"])),
        category=spec["category"],
        default=bool(spec.get("default")),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What stands around the objects of one application."""

    application: Record
    sizes: Mapping[str, Size]
    """By name."""
    snapshot: Mapping[str, Any] | None
    """What serves; None before the first deployment."""

    def size_of(self, spec: Mapping[str, Any]) -> Size | None:
        """Return the size that a process has by its spec."""
        given = spec.get("resourceTypeRef")
        if given is not None:
            return self.sizes.get(given["name"])
        defaults = [one for one in self.sizes.values() if one.default]
        return defaults[0] if len(defaults) == 1 else None

    def entry_of(self, spec: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return what serves of a process."""
        for entry in (self.snapshot or {}).get("processes", ()):
            if (entry["key"], entry["type"]) == (spec["key"], spec["type"]):
                found: Mapping[str, Any] = entry
                return found
        return None


def command_line(spec: Mapping[str, Any]) -> str:
    """Return what starts a process as one line; "" for the image's own."""
    return str(spec.get("entrypoint") or shlex.join(spec.get("command") or ()))


def scaling(given: Mapping[str, Any] | None) -> Reply:
    """Return a scaling strategy in the words of the contract."""
    if given is None:
        return {"type": "manual", "config": {"instanceCount": 1}}
    if given["type"] == "manual":
        return {"type": "manual", "config": given["manual"]}
    config = dict(given["horizontal"])
    if "targetCPUPercent" in config:
        config["targetCpuPercent"] = config.pop("targetCPUPercent")
    return {"type": "horizontal", "config": config}
