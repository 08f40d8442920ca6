"""What is kept of each object that is watched: a few hundred bytes instead of kilobytes.

Pure functions from an object, as the API server sends it, to a record of `records`. Nothing is
kept that changes by itself (heartbeats, back-off times, counters of metrics): such a change would
wake somebody for nothing.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from sys import intern
from typing import Any

import orjson

from process_operator.controller.observe import child_status
from process_operator.controller.observe.child_status import ChildStatus, DeploymentStatus
from process_operator.controller.observe.records import Child, IngressClass
from process_operator.kube import conditions, names
from process_operator.kube.manifest import Manifest

_DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
_DECLARED_PREFIXES = ("app.kubernetes.io/", f"{names.GROUP}/")
"""What our labels begin with, and the annotations of all kinds but those of `_ANNOTATED`."""
_ANNOTATED = frozenset({"Ingress", "HTTPRoute", "Service"})
"""Kinds whose annotations may be any: tables and users say what a controller is told by them."""


def child(kind: str, found: Manifest) -> Child:
    """Return the record of an object that bears our label."""
    about = found["metadata"]
    labels = about.get("labels") or {}
    annotations = about.get("annotations") or {}
    owner = next((o for o in about.get("ownerReferences") or () if o.get("controller")), None)
    return Child(
        kind=intern(kind),
        namespace=intern(about["namespace"]),
        name=about["name"],
        uid=about["uid"],
        resource_version=about["resourceVersion"],
        generation=about.get("generation") or 0,
        spec_generation=about.get("generation") or 0,
        created_at=conditions.parse_time(about["creationTimestamp"]),
        deleting="deletionTimestamp" in about,
        owner_kind=intern(f"{owner['apiVersion']}/{owner['kind']}") if owner else None,
        owner_name=owner["name"] if owner else None,
        owner_uid=owner["uid"] if owner else None,
        application=intern(labels.get(names.APPLICATION) or ""),
        desired_hash=annotations.get(names.DESIRED_HASH),
        release=_number(labels.get(names.RELEASE)),
        others_own_replicas=_others_own_replicas(kind, about.get("managedFields") or ()),
        # Jobs are never compared: they are made once, and never changed.
        body=_body(kind, about, None if kind == "Job" else found.get("spec")),
        status=child_status.status(kind, found.get("status") or {}),
    )


def carry_over(old: Child, new: Child) -> Child:
    """Return the new record with what only the one before it tells: how old its spec is.

    A newer generation of the same spec, such as somebody's annotation makes, is no news. What is
    compared stays the same object while it says the same, so that it need not be compared again.
    """
    if old.body == new.body:
        new = dataclasses.replace(new, body=old.body)
    if old.uid == new.uid:
        new = dataclasses.replace(new, status=_judged(old.status, new.status))
    if (
        old.spec_generation == new.spec_generation
        or old.uid != new.uid
        # A generation that nobody has seen may have had another spec.
        or new.generation > old.generation + 1
        or _spec(old) != _spec(new)
    ):
        return new
    kept = dataclasses.replace(new, spec_generation=old.spec_generation)
    return dataclasses.replace(kept, status=_seen_as_before(old, kept))


def _judged(before: ChildStatus, after: ChildStatus) -> ChildStatus:
    """Return the status with the generation that its verdict is about."""
    if not isinstance(before, DeploymentStatus) or not isinstance(after, DeploymentStatus):
        return after
    if not after.is_late:
        return after
    is_the_same = before.late_since == after.late_since
    late_at = before.late_at if before.is_late and is_the_same else after.observed_generation
    return dataclasses.replace(after, late_at=late_at)


def _seen_as_before(old: Child, new: Child) -> ChildStatus:
    """Return the status without the news that its controller has seen the same spec once more."""
    before, after = old.status, new.status
    if not isinstance(before, DeploymentStatus) or not isinstance(after, DeploymentStatus):
        return after
    if min(before.observed_generation, after.observed_generation) < old.spec_generation:
        return after
    return dataclasses.replace(after, observed_generation=before.observed_generation)


def is_on_its_way(old: Child | None, new: Child | None) -> bool:
    """Whether a Deployment has only moved on, and not arrived: nothing but progress to tell."""
    if old is None or new is None or not isinstance(new.status, DeploymentStatus):
        return False
    if old.status == new.status or dataclasses.replace(old, **_newer(new)) != new:
        return False
    told = new.status
    counts = {told.replicas, told.updated_replicas, told.available_replicas}
    return len(counts) > 1 or told.observed_generation < new.spec_generation


def _newer(new: Child) -> dict[str, Any]:
    return {field: getattr(new, field) for field in ("resource_version", "generation", "status")}


def _spec(child: Child) -> bytes:
    return child.body.partition(b',"spec":')[2]


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _others_own_replicas(kind: str, managed: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a size is not ours: somebody else owns it, or nobody does.

    Nobody owns one that was set to 0 by the scale subresource, which leaves a zero out.
    """
    owners = {
        entry.get("manager")
        for entry in managed
        if "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    }
    if owners:
        return owners != {names.OPERATOR}
    return kind == "Deployment" and bool(managed)


def _body(kind: str, about: Mapping[str, Any], spec: Any) -> bytes:
    """Return what is compared; labels and annotations of others are none of our concern."""
    annotations = about.get("annotations")
    metadata = {
        "labels": _declared(about.get("labels")),
        "annotations": annotations if kind in _ANNOTATED else _declared(annotations),
        "ownerReferences": about.get("ownerReferences"),
    }
    # Copied, because orjson leaves its buffer, up to twice as large, in what it returns.
    return bytes(memoryview(orjson.dumps({"metadata": metadata, "spec": spec or {}})))


def _declared(found: Mapping[str, str] | None) -> dict[str, str]:
    given = found or {}
    return {name: given[name] for name in given if name.startswith(_DECLARED_PREFIXES)}


def ingress_class(found: Manifest) -> IngressClass:
    """Return the record of an IngressClass."""
    about = found["metadata"]
    annotations = about.get("annotations") or {}
    return IngressClass(
        name=about["name"],
        controller=(found.get("spec") or {}).get("controller") or "",
        default=annotations.get(_DEFAULT_CLASS) == "true",
    )
