"""Two writers without a war: which fields somebody else declares, and which of them would change.

Whoever applies a manifest owns its fields and will set them again: Git, mostly. A change of such
a field from here would be undone by the next sync, so it is refused unless it is forced.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_CLIENT_SIDE = {"kubectl-client-side-apply", "argocd-controller", "helm"}
"""Managers that apply without the server's help: they look like any other writer, and are not."""

MANAGER = "process-operator-api"
"""Our own field manager."""


class FieldConflict(NamedTuple):
    """One field that would change, and whose it is."""

    manager: str
    path: str


def appliers(managed: Iterable[Mapping[str, Any]], part: str = "spec") -> dict[str, Any]:
    """Return, by manager, the fields of a part of an object that others own by apply."""
    found: dict[str, Any] = {}
    for one in managed:
        applied = one.get("operation") == "Apply" or one.get("manager") in _CLIENT_SIDE
        fields = (one.get("fieldsV1") or {}).get(f"f:{part}")
        if applied and fields and one.get("manager") != MANAGER and "subresource" not in one:
            found[one["manager"]] = _both(found.get(one["manager"], {}), fields)
    return found


def _both(some: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of two entries: a manager has one for each way to write."""
    shared = {name: _both(some[name], more[name]) for name in some.keys() & more.keys()}
    return {**some, **more, **shared}


def conflicts(
    owned: Mapping[str, Any],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    part: str = "spec",
) -> tuple[FieldConflict, ...]:
    """Return the fields of that part that others own and that would change."""
    return tuple(
        FieldConflict(manager, path)
        for manager, fields in owned.items()
        for path in _changed(part, fields, before, after)
    )


_ABSENT: Any = object()


def _changed(path: str, fields: Mapping[str, Any], before: Any, after: Any) -> Iterator[str]:
    """Yield the owned places below a path at which two values differ."""
    if before == after:
        return
    deeper = {name: below for name, below in fields.items() if name != "."}
    if not deeper:
        yield path
        return
    for name, below in deeper.items():
        sort, _, rest = name.partition(":")
        if sort == "f":
            yield from _changed(
                f"{path}.{rest}", below, _member(before, rest), _member(after, rest)
            )
        elif sort == "k":
            key = json.loads(rest)
            told = ",".join(str(value) for value in key.values())
            yield from _changed(f"{path}[{told}]", below, _item(before, key), _item(after, key))
        else:
            yield path


def _member(value: Any, name: str) -> Any:
    return value.get(name, _ABSENT) if isinstance(value, dict) else _ABSENT


def _item(value: Any, key: Mapping[str, Any]) -> Any:
    items: Sequence[Any] = value if isinstance(value, list) else ()
    for item in items:
        if all(item.get(name) == wanted for name, wanted in key.items()):
            return item
    return _ABSENT


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch that turns one object into another, and holds nothing else."""
    made: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if old == value and name in before:
            continue
        both = isinstance(old, dict) and isinstance(value, dict)
        made[name] = merge_patch(old or {}, value) if both else value
    return made
