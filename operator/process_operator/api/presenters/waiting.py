"""Which saved values wait for the next deployment, in the words of callers.

Which fields differ is told by the one table of staged fields, from what is saved and the snapshot
that serves, and not by the operator's `status.pending`: that is a moment behind a write, and a
reply must tell what its own request has staged. Only what cannot be compared is taken from there,
and what is in ConfigMaps and Secrets.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pydantic

from process_operator.api.access import identity
from process_operator.api.presenters import views
from process_operator.api.presenters.views import Reply, ReplyContext
from process_operator.models import candidate, defaults, staging
from process_operator.models.application import ApplicationSpec
from process_operator.models.process import ProcessSpec
from process_operator.models.snapshot import Snapshot, SnapshotProcess
from process_operator.models.staging import Difference

_FIELDS = {
    "entrypoint": ("entrypoint", "command"),
    "port": ("port",),
    "resource_type_id": ("resourceTypeRef",),
    "scaling_strategy": ("scalingStrategy",),
    "job_start_policy": ("jobStartPolicy",),
    "liveness_probe": ("livenessProbe",),
    "readiness_probe": ("readinessProbe",),
}
"""Those of our staged fields that the contract has, by its own."""
_TOLD = {path for paths in _FIELDS.values() for path in paths}
_ENV_FROM = "envFrom"


def of_process(
    spec: Mapping[str, Any], status: Mapping[str, Any], view: ReplyContext
) -> list[Reply]:
    """Return the fields of a process that wait."""
    entry, saved = view.entry_of(spec), _saved(spec, view)
    if entry is None:
        # Nothing of it runs: all that it has waits.
        at_once = {"scaling_strategy"} if view.scales_at_once else set()
        return [
            _reply(name, None, value)
            for name, value in saved.items()
            if value and name not in at_once
        ]
    try:
        frozen = SnapshotProcess.model_validate(entry)
        found = _differences(frozen, spec, view)
    except pydantic.ValidationError:
        return _operators(status)
    changed = {_root(one) for one in found}
    if view.resource_type_of(spec) is None:
        changed.add("resourceTypeRef")  # it is gone, and nothing can be released of it
    if not changed:
        return []
    running = _words(staging.process_fields(frozen))
    return [
        *(
            _reply(name, running[name], saved[name])
            for name, paths in _FIELDS.items()
            if not changed.isdisjoint(paths)
        ),
        *(_difference(one) for one in found if _root(one) not in _TOLD),
    ]


def _differences(
    frozen: SnapshotProcess, spec: Mapping[str, Any], view: ReplyContext
) -> tuple[Difference, ...]:
    chosen = view.resource_type_of(spec)
    frozen_type = chosen.frozen if chosen is not None else frozen.resource_type
    saved = candidate.process(ProcessSpec.model_validate(spec), frozen_type)
    return staging.process_differences(frozen, saved, scaling_is_staged=not view.scales_at_once)


def _saved(spec: Mapping[str, Any], view: ReplyContext) -> dict[str, Any]:
    size = view.resource_type_of(spec)
    port = spec.get("port", defaults.DEFAULT_PORT if spec["type"] == "web" else None)
    return {
        **_words(spec),
        "port": port,
        "resource_type_id": size.id if size is not None else None,
    }


def _words(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a spec says in the fields of the contract."""
    size = spec.get("resourceTypeRef")
    return {
        "entrypoint": views.command_line(spec),
        "port": spec.get("port"),
        "resource_type_id": identity.resource_type(size["name"]) if size is not None else None,
        "scaling_strategy": views.scaling(spec.get("scalingStrategy")),
        "job_start_policy": views.start_policy(spec),
        "liveness_probe": spec.get("livenessProbe"),
        "readiness_probe": spec.get("readinessProbe"),
    }


def of_application(
    spec: Mapping[str, Any], status: Mapping[str, Any], snapshot: Mapping[str, Any] | None
) -> list[Reply]:
    """Return the fields of an application that wait; the values of variables are masked."""
    try:
        parsed = ApplicationSpec.model_validate(spec)
        saved = candidate.application(parsed, (), parsed.env_from)
        found = staging.application_differences(_frozen(snapshot), saved)
    except pydantic.ValidationError:
        return _operators(status)
    image = _reply("docker_image", (snapshot or {}).get("image"), spec.get("image"))
    seen_here = [
        image if one.field == "image" else _difference(one)
        for one in found
        # Where nothing runs, a default is nothing that waits.
        if (snapshot is not None or _root(one) in spec) and _root(one) != _ENV_FROM
    ]
    return seen_here + [one for one in _operators(status) if _is_outside(one["field"])]


def _is_outside(field: str) -> bool:
    """Whether a difference is in ConfigMaps or Secrets, or which of them are used: not read here.

    Global variables are used where their ConfigMap is there.
    """
    return "/" in field or field.startswith(_ENV_FROM)


def _frozen(snapshot: Mapping[str, Any] | None) -> Snapshot | None:
    """Return what serves, without its processes: they are many, and not asked for here."""
    if snapshot is None:
        return None
    return Snapshot.model_validate({**snapshot, "processes": ()})


def _operators(status: Mapping[str, Any]) -> list[Reply]:
    """Return what waits in the operator's words: here it cannot be read."""
    pending: Iterable[Mapping[str, Any]] = status.get("pending") or ()
    return [_reply(one["field"], one.get("from"), one.get("to")) for one in pending]


def _difference(one: Difference) -> Reply:
    return _reply(one.field, one.before, one.after)


def _reply(field: str, before: Any, after: Any) -> Reply:
    return {"field": field, "from": before, "to": after}


def _root(one: Difference) -> str:
    """Return the field of the spec that a difference is in."""
    return one.field.partition(".")[0].partition("[")[0]
