"""What a live object holds of what we declare, and which fields somebody else has made otherwise.

A child is in place when its live object holds every field that we declare, and no foreign item
stands in the lists of which a forced apply would leave it (containers, env, volumes, ports).
Whether it is, is asked at every look; which fields are not, only when it is not.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from process_operator.controller.observe.records import Child, Difference
from process_operator.kube import names
from process_operator.kube.manifest import Manifest

_KEYED = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "ownerReferences": "uid",
}
"""Lists that are compared item by item, whatever their order and whatever else is in them."""
_MAPS = {"annotations", "labels"}
"""What has no order and no owner as a whole: it is the same whether it is missing or empty."""
_IDENTITIES = {
    "env": ("name",),
    "ports": ("containerPort", "protocol"),
    "volumeMounts": ("mountPath",),
}
"""Lists of a container to which others may add, and what tells two of their items apart."""


class Wanted(NamedTuple):
    """A child as it is to be."""

    text: bytes
    """JSON of its manifest, without what is added when it is written: hash, release and size."""
    desired_hash: str
    """Hash of the manifest."""
    replicas: int | None
    """Size, where it is ours to say."""

    @property
    def desired(self) -> str:
        """What tells this wish from an earlier one for the same child."""
        return f"{self.desired_hash}/{self.replicas}"


class Comparison(NamedTuple):
    """What a live object is, beside what we declare."""

    changed: tuple[Difference, ...]
    """Declared fields that are not as they were declared: an apply puts them right."""
    added: tuple[Difference, ...]
    """Items of others in the lists of its pod template: a forced apply leaves them."""

    @property
    def all(self) -> tuple[Difference, ...]:
        """Every difference."""
        return self.changed + self.added


def wanted(manifest: Manifest) -> Wanted:
    """Return a manifest as it is compared; its size is nobody's yet."""
    in_order = orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS)
    digest = hashlib.blake2b(in_order, digest_size=12).hexdigest()
    return Wanted(orjson.dumps(manifest), digest, None)


def compared(child: Child, wish: Wanted) -> Comparison:
    """Compare a child as it is known with a wish."""
    return compare(child.kind, orjson.loads(child.body), wish)


def compare(kind: str, live: Mapping[str, Any], wish: Wanted) -> Comparison:
    """Compare an object, as the server returned it, with a wish."""
    manifest = orjson.loads(wish.text)
    declared = _declared(manifest, wish)
    changed = () if holds(live, declared) else tuple(_changes(live, declared, "", ()))
    return Comparison(changed, _foreign_items(kind, live, manifest))


def _declared(manifest: Manifest, wish: Wanted) -> Manifest:
    about, spec = manifest["metadata"], manifest["spec"]
    metadata = {name: about[name] for name in ("labels", "ownerReferences") if name in about}
    metadata["annotations"] = {
        **about.get("annotations", {}),
        names.DESIRED_HASH: wish.desired_hash,
    }
    if wish.replicas is not None:
        spec = {**spec, "replicas": wish.replicas}
    return {"metadata": metadata, "spec": spec}


def holds(live: Any, declared: Any, field: str = "") -> bool:
    """Return whether what is live contains all that is declared.

    Lists of named items are compared by name, all other lists as wholes: item by item, in order.
    """
    if isinstance(declared, dict):
        return isinstance(live, dict) and all(
            holds(live.get(name), value, name) for name, value in declared.items()
        )
    if isinstance(declared, list | tuple):
        if not declared:
            return not live
        if not isinstance(live, list):
            return False
        name = _KEYED.get(field)
        if name is not None and isinstance(declared[0], dict):
            by_name = {item.get(name): item for item in live if isinstance(item, dict)}
            return all(holds(by_name.get(item[name]), item) for item in declared)
        return len(live) == len(declared) and all(
            holds(one, other) for one, other in zip(live, declared, strict=True)
        )
    if declared in ({}, "", None, False, 0):
        # The server leaves out what is empty.
        return not live
    return bool(live == declared)


_Place = tuple[str | int, ...]


def _changes(live: Any, declared: Any, path: str, place: _Place) -> Iterator[Difference]:
    """Yield the smallest parts of what is declared that a live object does not hold."""
    field = str(place[-1]) if place else ""
    if holds(live, declared, field):
        return
    if live is None and field in _MAPS:
        live = {}
    if isinstance(declared, dict) and isinstance(live, dict):
        for name, value in declared.items():
            yield from _changes(live.get(name), value, _field(path, name), (*place, name))
        return
    items = _paired(live, declared, field) if isinstance(declared, list) else None
    if items is None:
        yield _difference(path, place, live)
        return
    for index, item in items:
        if index is None:
            yield _difference(_item(path, item), place, None)
        else:
            yield from _changes(live[index], item, _item(path, item, index), (*place, index))


def _paired(
    live: Any, declared: list[Any], field: str
) -> list[tuple[int | None, Mapping[str, Any]]] | None:
    """Return each declared item with the index of its live one; None if only the whole differs."""
    name = _KEYED.get(field)
    whole = not live or not isinstance(live, list) or field == "ownerReferences"
    if whole or not all(isinstance(one, dict) for one in (*live, *declared)):
        return None
    if name is not None:
        places = {item.get(name): index for index, item in enumerate(live)}
        return [(places.get(item[name]), item) for item in declared]
    return list(enumerate(declared)) if len(live) == len(declared) else None


def _field(path: str, name: str) -> str:
    """Return the path of a field; a name that is no word, such as a label's, is bracketed."""
    if not name.isalnum():
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name


def _item(path: str, item: Mapping[str, Any], index: int | None = None) -> str:
    told = ("name", "mountPath", "containerPort")
    return f"{path}[{next((item[field] for field in told if field in item), index)}]"


def _difference(path: str, place: _Place, live: Any) -> Difference:
    digest = hashlib.blake2b(orjson.dumps(live, option=orjson.OPT_SORT_KEYS), digest_size=8)
    return Difference(path, digest.hexdigest(), place)


def _pod_spec_path(kind: str) -> tuple[str, ...] | None:
    if kind == "Deployment":
        return ("spec", "template", "spec")
    if kind == "CronJob":
        return ("spec", "jobTemplate", "spec", "template", "spec")
    return None


def _foreign_items(
    kind: str, live: Mapping[str, Any], manifest: Manifest
) -> tuple[Difference, ...]:
    """Return where others added items to the lists of a pod template."""
    place = _pod_spec_path(kind)
    if place is None:
        return ()
    for part in place:
        live, manifest = live.get(part) or {}, manifest[part]
    return tuple(_added(".".join(place), place, live, manifest))


def _added(
    path: str, place: _Place, live: Mapping[str, Any], declared: Mapping[str, Any]
) -> Iterator[Difference]:
    for field in ("containers", "initContainers", "volumes"):
        known = {item["name"]: item for item in declared.get(field) or ()}
        for index, item in enumerate(live.get(field) or ()):
            here, at = _item(f"{path}.{field}", item), (*place, field, index)
            if item["name"] not in known:
                yield _difference(here, at, item)
            elif field != "volumes":
                yield from _added_to_container(here, at, item, known[item["name"]])


def _added_to_container(
    path: str, place: _Place, live: Mapping[str, Any], declared: Mapping[str, Any]
) -> Iterator[Difference]:
    for field, identity in _IDENTITIES.items():
        known = {_identity(item, identity) for item in declared.get(field) or ()}
        for index, item in enumerate(live.get(field) or ()):
            if _identity(item, identity) not in known:
                yield _difference(_item(f"{path}.{field}", item), (*place, field, index), item)


def _identity(item: Mapping[str, Any], fields: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(item.get(name, "TCP" if name == "protocol" else None) for name in fields)


def removal(resource_version: str, added: Iterable[Difference]) -> tuple[dict[str, Any], ...]:
    """Return the JSON patch that removes items, if the object is still at that version."""
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": resource_version}
    pointers = ["/" + "/".join(str(step) for step in one.place) for one in added]
    # From the last to the first, so that no removal moves the index of another.
    return (test, *({"op": "remove", "path": pointer} for pointer in reversed(pointers)))


def managers(live: Manifest, differences: Iterable[Difference]) -> tuple[str, ...]:
    """Return which field managers beside ours own any of the places, by name."""
    places = [one.place for one in differences]
    owned = {
        entry.get("manager") or ""
        for entry in live["metadata"].get("managedFields") or ()
        if any(_owns(entry.get("fieldsV1") or {}, live, place) for place in places)
    }
    return tuple(sorted(owned - {names.OPERATOR, ""}))


def _owns(fields: Mapping[str, Any], live: Any, place: _Place) -> bool:
    """Whether a manager's fields (`f:` names, `k:` keys of items) reach to a place of an object."""
    if not fields:
        return False
    for step in place:
        # Who owns a list that is replaced as a whole owns all that is in it.
        if not fields:
            return True
        live = (live or {}).get(step) if isinstance(step, str) else live[step]
        key = f"f:{step}" if isinstance(step, str) else _key_of(fields, live)
        if key is None or key not in fields:
            return False
        fields = fields[key]
    return True


def _key_of(fields: Mapping[str, Any], item: Mapping[str, Any]) -> str | None:
    for key in fields:
        if key.startswith("k:"):
            identity = orjson.loads(key[2:])
            if all(item.get(name) == value for name, value in identity.items()):
                return key
    return None
