"""The class of each field, and the staged differences that wait for the next release.

One table. Rendering takes staged fields from a snapshot only, `status.pending` compares what is
staged with what runs, and the table in docs/reference/fields.md is printed from here.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from process_operator.models.configuration import Source, Versions, changed
from process_operator.models.snapshot import Scaling, Snapshot, SnapshotProcess

MASK = "***"
"""Stands for the value of an environment variable, which may be a secret."""
MAX_TEXT = 512


class Class(StrEnum):
    """When a change of a field takes effect."""

    STAGED = "staged"
    IMMEDIATE = "immediate"
    IMMUTABLE = "immutable"
    ASKS = "asks for a release"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a spec and its class."""

    path: str
    type: Class
    note: str = ""


PROCESS_FIELDS = (
    Field("applicationRef", Class.IMMUTABLE),
    Field("key", Class.IMMUTABLE),
    Field("type", Class.IMMUTABLE),
    Field("displayName", Class.IMMEDIATE),
    Field("revision", Class.IMMEDIATE, "a release waits until it is the application's"),
    Field("entrypoint", Class.STAGED),
    Field("command", Class.STAGED),
    Field("resourceTypeRef", Class.STAGED, "so is an edit of the resource type itself"),
    Field("scalingStrategy", Class.STAGED, "immediate under `scalingPolicy: immediate`"),
    Field("scalingSchedules", Class.STAGED, "as `scalingStrategy`"),
    Field("port", Class.STAGED),
    Field("ports", Class.STAGED),
    Field("livenessProbe", Class.STAGED),
    Field("readinessProbe", Class.STAGED),
    Field("startupProbe", Class.STAGED),
    Field("env", Class.STAGED),
    Field("envFrom", Class.STAGED),
    Field("volumes", Class.STAGED),
    Field("securityContext", Class.STAGED),
    Field("pod", Class.STAGED),
    Field("updateStrategy", Class.STAGED),
    Field("terminationGracePeriodSeconds", Class.STAGED),
    Field("jobStartPolicy", Class.STAGED),
    Field("runWith", Class.STAGED),
    Field("run", Class.STAGED),
    Field("ingress", Class.IMMEDIATE),
    Field("schedule", Class.IMMEDIATE),
    Field("timeZone", Class.IMMEDIATE),
    Field("suspend", Class.IMMEDIATE),
    Field("concurrencyPolicy", Class.IMMEDIATE),
    Field("startingDeadlineSeconds", Class.IMMEDIATE),
)

APPLICATION_FIELDS = (
    Field("displayName", Class.IMMEDIATE),
    Field("image", Class.ASKS, "staged until that release starts"),
    Field("revision", Class.ASKS, "restarts every process, even with nothing else changed"),
    Field("env", Class.STAGED),
    Field("envFrom", Class.STAGED),
    Field("imagePullSecrets", Class.STAGED),
    Field("serviceAccountName", Class.STAGED),
    Field("volumes", Class.STAGED),
    Field("securityContext", Class.STAGED),
    Field("podSecurity", Class.STAGED),
    Field("pod", Class.STAGED),
    Field("releasePolicy", Class.IMMEDIATE, "under `automatic` every staged change asks"),
    Field("scalingPolicy", Class.IMMEDIATE),
    Field("release", Class.IMMEDIATE),
    Field("runs", Class.IMMEDIATE),
    Field("routing", Class.IMMEDIATE),
    Field("suspend", Class.IMMEDIATE),
)

_NAMED = {"env", "ports", "scalingSchedules", "volumes"}
"""Lists whose items are told apart by name: each item is a difference of its own."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One staged field that differs; None stands for "not set"."""

    field: str
    before: str | None
    after: str | None


def table() -> str:
    """Return the classes of all fields as a Markdown table."""
    lines = ["| kind | field | a change is | |", "|---|---|---|---|"]
    groups: tuple[tuple[str, Sequence[Field]], ...] = (
        ("ProcessApplication", APPLICATION_FIELDS),
        ("Process", PROCESS_FIELDS),
    )
    lines += [
        f"| {kind} | `{field.path}` | {field.type} | {field.note} |"
        for kind, fields in groups
        for field in fields
    ]
    return "\n".join(lines)


def process_differences(
    running: SnapshotProcess, saved: SnapshotProcess, *, scaling_is_staged: bool
) -> tuple[Difference, ...]:
    """Return what the next release would change of a process, field by field."""
    if running == saved:
        return ()  # mostly, and to write both down takes longest
    left_out = set() if scaling_is_staged else {"scalingStrategy", "scalingSchedules"}
    if running.resource_type.name != saved.resource_type.name:
        # Another one was chosen: that its numbers differ goes without saying.
        left_out.add("resourceType")
    return _differences(process_fields(running), process_fields(saved), left_out)


def application_differences(running: Snapshot | None, saved: Snapshot) -> tuple[Difference, ...]:
    """Return what the next release would change of the application itself, field by field."""
    before = _application_fields(running) if running is not None else {}
    return _differences(before, _application_fields(saved), set())


def configuration_differences(
    before: Versions, now: Versions, used: frozenset[Source]
) -> tuple[Difference, ...]:
    """Return which of the ConfigMaps and Secrets that something uses are other ones by now."""
    return tuple(
        Difference(str(one), _version(before[one]), _version(now[one]))
        for one in sorted(changed(before, now) & used)
    )


def _version(text: str) -> str | None:
    return f"resourceVersion {text}" if text else None


def process_fields(entry: SnapshotProcess) -> dict[str, Any]:
    """Return what is staged of a process, by the fields of its spec and in their shape."""
    fields = _filled(entry, exclude={"key", "type", "resource_type", "scaling", "restart"})
    numbers = _filled(entry.resource_type)
    fields["resourceTypeRef"] = {"name": numbers.pop("name")}
    fields["resourceType"] = numbers
    fields["scalingStrategy"] = _strategy(entry.scaling)
    if entry.scaling.schedules:
        fields["scalingSchedules"] = [
            one.model_dump(by_alias=True, exclude_none=True) for one in entry.scaling.schedules
        ]
    return fields


def _strategy(scaling: Scaling) -> dict[str, Any]:
    """Return a scaling in the words of the spec."""
    given = scaling.horizontal
    if scaling.external:
        return {"type": "external"}
    if given is None:
        return {"type": "manual", "manual": {"instanceCount": scaling.instances}}
    horizontal = {
        "minInstanceCount": given.min_instances,
        "maxInstanceCount": given.max_instances,
        "targetCPUPercent": given.cpu_percent,
        "targetMemoryPercent": given.memory_percent,
        "scaleUpIntervalSeconds": given.scale_up_interval_seconds,
        "scaleUpIncrement": given.scale_up_increment,
        "scaleDownIntervalSeconds": given.scale_down_interval_seconds,
        "scaleDownIncrement": given.scale_down_increment,
    }
    return {
        "type": "horizontal",
        "horizontal": {name: value for name, value in horizontal.items() if value is not None},
    }


def _application_fields(snapshot: Snapshot) -> dict[str, Any]:
    return _filled(snapshot, exclude={"profile", "restart", "processes"})


def _filled(model: BaseModel, exclude: set[str] | None = None) -> dict[str, Any]:
    """Return a model as JSON, without what is absent; a list that is empty is absent."""
    dumped = model.model_dump(by_alias=True, exclude_none=True, mode="json", exclude=exclude)
    return {key: _without_empty_lists(value) for key, value in dumped.items() if value}


def _without_empty_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_empty_lists(item) for key, item in value.items() if item != []}
    if isinstance(value, list):
        return [_without_empty_lists(item) for item in value]
    return value


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any], left_out: set[str]
) -> tuple[Difference, ...]:
    found: list[Difference] = []
    for name in sorted(before.keys() | after.keys()):
        if name not in left_out and before.get(name) != after.get(name):
            found.extend(_field(name, before.get(name), after.get(name)))
    return tuple(found)


def _field(name: str, before: Any, after: Any) -> Iterator[Difference]:
    if name in _NAMED:
        yield from _items(name, before or [], after or [])
    elif _same_union(before, after):
        yield from _members(name, before, after)
    else:
        yield Difference(name, _text(before), _text(after))


def _items(name: str, before: list[Any], after: list[Any]) -> Iterator[Difference]:
    old = {item["name"]: item for item in before}
    new = {item["name"]: item for item in after}
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            masked = name == "env"
            yield Difference(
                f"{name}[{key}]",
                _item_text(old.get(key), masked=masked),
                _item_text(new.get(key), masked=masked),
            )


_CONTAINERS = ("initContainers", "sidecars")


def _members(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Difference]:
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if key in _CONTAINERS:
            yield from _items(f"{name}.{key}", old or [], new or [])
        elif isinstance(old, dict) and isinstance(new, dict):
            yield from _members(f"{name}.{key}", old, new)
        else:
            yield Difference(f"{name}.{key}", _text(old), _text(new))


def _same_union(before: Any, after: Any) -> bool:
    """Whether both are objects of the same form, so that their members can be compared."""
    return (
        isinstance(before, dict)
        and isinstance(after, dict)
        and before.get("type") == after.get("type")
    )


def _item_text(item: Mapping[str, Any] | None, *, masked: bool) -> str | None:
    if item is None:
        return None
    if masked and "value" in item:
        return MASK
    told = {key: value for key, value in item.items() if key != "name"}
    if "env" in told:
        told["env"] = [{**one, "value": MASK} if "value" in one else one for one in told["env"]]
    return _text(told)


def _text(value: Any) -> str | None:
    if value is None or value in ({}, []):
        return None
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 3]}..."
