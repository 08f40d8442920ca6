"""One manifest beside another, field by field, as lines for people; variables are masked."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from process_operator.controller.build import pod
from process_operator.kube import names
from process_operator.models import staging

_UNSAID = {"labels", "ownerReferences", "selector"}
"""What follows from the names alone, and never changes."""
NONE = object()
"""Stands for an object, or a field of it, that is not there."""


def shown(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a manifest that are worth showing."""
    annotations = dict(manifest.get("metadata", {}).get("annotations", {}))
    annotations.pop(names.DESIRED_HASH, None)
    shown = {"metadata": {"annotations": annotations}} if annotations else {}
    return shown | {"spec": _without_unsaid(manifest["spec"])}


def _without_unsaid(value: Any) -> Any:
    if isinstance(value, dict):
        said = {name: inner for name, inner in value.items() if name not in _UNSAID}
        kept = {name: (inner, _without_unsaid(inner)) for name, inner in said.items()}
        return {name: left for name, (all_of_it, left) in kept.items() if left or not all_of_it}
    if isinstance(value, list):
        return [_without_unsaid(item) for item in value]
    return value


def fields(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield the fields that differ, what was before what will be."""
    if before == after:
        return
    parts = [_parts(side, path) for side in (before, after)]
    if all(one is None for one in parts) or (None in parts and NONE not in (before, after)):
        yield from _leaves(before, path, "-")
        yield from _leaves(after, path, "+")
        return
    old, new = (one or {} for one in parts)
    for place in [*old, *(one for one in new if one not in old)]:
        yield from fields(old.get(place, NONE), new.get(place, NONE), place)


def _leaves(value: Any, path: str, sign: str) -> Iterator[str]:
    if value is NONE:
        return
    parts = _parts(value, path)
    if parts is None:
        text = staging.MASK if _is_secret(path) else json.dumps(value, ensure_ascii=False)
        yield f"{sign} {path}: {text}"
        return
    for place, inner in parts.items():
        yield from _leaves(inner, place, sign)


def _parts(value: Any, path: str) -> dict[str, Any] | None:
    """Return what a value is made of, by path; None for what is shown as one."""
    if isinstance(value, dict) and value:
        return {_below(path, name): inner for name, inner in value.items()}
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        if all("name" in item for item in value):
            return {
                f"{path}[{item['name']}]": {k: v for k, v in item.items() if k != "name"}
                for item in value
            }
        return {f"{path}[{index}]": item for index, item in enumerate(value)}
    return None


def _below(path: str, name: str) -> str:
    if "." in name or "/" in name:
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name


def _is_secret(path: str) -> bool:
    return ".env[" in path and path.endswith("].value") and f"[{pod.PORT_VARIABLE}]" not in path


def projected(live: Any, wanted: Any) -> Any:
    """Return what is live of the fields that are wanted: the server adds many of its own."""
    if isinstance(live, dict) and isinstance(wanted, dict):
        return {name: projected(live[name], wanted[name]) for name in wanted if name in live}
    if isinstance(live, list) and isinstance(wanted, list):
        named = {one["name"]: one for one in live if isinstance(one, dict) and "name" in one}
        if named and all(isinstance(one, dict) and "name" in one for one in wanted):
            return [projected(named[one["name"]], one) for one in wanted if one["name"] in named]
        if len(live) == len(wanted):
            return [projected(one, other) for one, other in zip(live, wanted, strict=True)]
    return live
