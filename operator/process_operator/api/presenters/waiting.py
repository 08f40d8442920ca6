"""Which saved values wait for the next deployment, in the words of callers.

Compared is what is saved with the snapshot that serves, and not the operator's `status.pending`:
that is a moment behind a write, and a reply must tell what its own request has staged. What this
API has no field for is taken from there.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from process_operator.api.access import identity
from process_operator.api.presenters import views
from process_operator.api.presenters.views import Reply, ReplyContext
from process_operator.models import staging

_FIELDS = {
    "entrypoint": "entrypoint",
    "port": "port",
    "resource_type_id": "resourceTypeRef",
    "scaling_strategy": "scalingStrategy",
    "job_start_policy": "jobStartPolicy",
    "liveness_probe": "livenessProbe",
    "readiness_probe": "readinessProbe",
    "schedule": "schedule",
    "time_zone": "timeZone",
    "display_name": "displayName",
}
"""Our fields by those of the contract."""
_STAGED = {one.path for one in staging.PROCESS_FIELDS if one.type is staging.Class.STAGED}
_TOLD = {*_FIELDS.values(), "command"}
_SCALING_DEFAULTS = {
    "scaleUpIntervalSeconds": 60,
    "scaleUpIncrement": 1,
    "scaleDownIntervalSeconds": 600,
    "scaleDownIncrement": 1,
}
_DEFAULT_CPU_PERCENT = 80
_SNAPSHOT_NAMES = {
    "minInstances": "minInstanceCount",
    "maxInstances": "maxInstanceCount",
    "cpuPercent": "targetCpuPercent",
    "memoryPercent": "targetMemoryPercent",
}


def of_process(
    spec: Mapping[str, Any], status: Mapping[str, Any], view: ReplyContext
) -> list[Reply]:
    """Return the fields of a process that wait."""
    entry = view.entry_of(spec)
    saved = _saved(spec, view)
    running = _running(entry) if entry is not None else dict.fromkeys(saved)
    found = [
        _difference(name, running[name], value)
        for name, value in saved.items()
        if _FIELDS[name] in _STAGED
        and not (view.scales_at_once and name == "scaling_strategy")
        and running[name] != value  # the same is the same with its defaults filled in too
        and _comparable(name, running[name]) != _comparable(name, value)
    ]
    return [*found, *_others(status, _TOLD)]


def of_application(
    spec: Mapping[str, Any], status: Mapping[str, Any], snapshot: Mapping[str, Any] | None
) -> list[Reply]:
    """Return the fields of an application that wait; the values of variables are masked."""
    running = snapshot or {}
    found = []
    if running.get("image") != spec.get("image"):
        found.append(_difference("docker_image", running.get("image"), spec.get("image")))
    before, after = _variables(running), _variables(spec)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            was, will = (staging.MASK if name in one else None for one in (before, after))
            found.append(_difference(f"env[{name}]", was, will))
    return [*found, *_others(status, {"image", "env"})]


def _variables(given: Mapping[str, Any]) -> dict[str, Any]:
    return {one["name"]: _filled(one) for one in given.get("env") or ()}


def _difference(field: str, before: Any, after: Any) -> Reply:
    return {"field": field, "from": before, "to": after}


def _others(status: Mapping[str, Any], told: Iterable[str]) -> Iterator[Reply]:
    """Yield what the operator says of fields that are not told here."""
    known = set(told)
    for one in status.get("pending") or ():
        if one["field"].partition(".")[0].partition("[")[0] not in known:
            yield _difference(one["field"], one.get("from"), one.get("to"))


def _saved(spec: Mapping[str, Any], view: ReplyContext) -> dict[str, Any]:
    size = view.size_of(spec)
    port = spec.get("port", views.DEFAULT_PORT if spec["type"] == "web" else None)
    return {
        "entrypoint": views.command_line(spec),
        "port": port,
        "resource_type_id": size.id if size is not None else None,
        "scaling_strategy": views.scaling(spec.get("scalingStrategy")),
        "job_start_policy": spec.get("jobStartPolicy"),
        "liveness_probe": spec.get("livenessProbe"),
        "readiness_probe": spec.get("readinessProbe"),
    }


def _running(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "entrypoint": views.command_line(entry),
        "port": entry.get("port"),
        "resource_type_id": identity.resource_type(entry["size"]["name"]),
        "scaling_strategy": _running_scaling(entry.get("scaling") or {}),
        "job_start_policy": entry.get("jobStartPolicy"),
        "liveness_probe": _filled(entry.get("livenessProbe")),
        "readiness_probe": _filled(entry.get("readinessProbe")),
    }


def _running_scaling(given: Mapping[str, Any]) -> dict[str, Any]:
    horizontal = given.get("horizontal")
    if horizontal is None:
        return {"type": "manual", "config": {"instanceCount": given.get("instances", 1)}}
    config = {
        _SNAPSHOT_NAMES.get(name, name): value
        for name, value in horizontal.items()
        if value is not None
    }
    return {"type": "horizontal", "config": config}


def _comparable(name: str, value: Any) -> Any:
    """Return a value with its defaults filled in, as a snapshot has them."""
    if name == "entrypoint":
        return value or ""
    if name.endswith("_probe"):
        return _filled(value)
    if name != "scaling_strategy" or value is None or value["type"] == "manual":
        return value
    config = {**_SCALING_DEFAULTS, **value["config"]}
    if "targetMemoryPercent" not in config:
        config.setdefault("targetCpuPercent", _DEFAULT_CPU_PERCENT)
    return {"type": "horizontal", "config": config}


def _filled(value: Any) -> Any:
    """Return JSON without what is absent: null, and lists that are empty."""
    if isinstance(value, Mapping):
        return {
            name: _filled(item) for name, item in value.items() if item is not None and item != []
        }
    if isinstance(value, list):
        return [_filled(item) for item in value]
    return value
