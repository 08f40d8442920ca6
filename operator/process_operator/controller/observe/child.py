"""What is kept of each object that is watched: a few hundred bytes instead of kilobytes.

Pure functions from an object, as the API server sends it, to a record of `records`. Nothing is
kept that changes by itself (heartbeats, back-off times, counters of metrics): such a change would
wake somebody for nothing.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from functools import lru_cache
from sys import intern
from typing import Any

import orjson

from process_operator.controller.observe.records import TOO_LATE, Child, IngressClass
from process_operator.kube import conditions, names
from process_operator.kube.manifest import Manifest

_DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
_OWN_METADATA = ("labels", "annotations", "ownerReferences")
_SERVER_ANNOTATIONS = "deployment.kubernetes.io/"


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
        others_own_replicas=_others_own_replicas(about.get("managedFields") or ()),
        # Jobs are never compared: they are made once, and never changed.
        body=_body(about, None if kind == "Job" else found.get("spec")),
        status=_status(kind, found.get("status") or {}),
    )


def carry_over(old: Child, new: Child) -> Child:
    """Return the new record with what only the one before it tells: how old its spec is."""
    if (
        old.spec_generation == new.spec_generation
        or old.uid != new.uid
        # A generation that nobody has seen may have had another spec.
        or new.generation > old.generation + 1
        or _spec(old) != _spec(new)
    ):
        return new
    return dataclasses.replace(new, spec_generation=old.spec_generation)


def _spec(child: Child) -> bytes:
    return child.body.partition(b',"spec":')[2]


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _others_own_replicas(managed: Iterable[Mapping[str, Any]]) -> bool:
    return any(
        entry.get("manager") != names.OPERATOR
        and "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
        for entry in managed
    )


def _body(about: Mapping[str, Any], spec: Any) -> bytes:
    metadata = {field: about[field] for field in _OWN_METADATA if field in about}
    if annotations := metadata.get("annotations"):
        # The Deployment controller counts its revisions there; it is never ours.
        metadata["annotations"] = {
            name: value
            for name, value in annotations.items()
            if not name.startswith(_SERVER_ANNOTATIONS)
        }
    # Copied, because orjson leaves its buffer, up to twice as large, in what it returns.
    return bytes(memoryview(orjson.dumps({"metadata": metadata, "spec": spec or {}})))


_FIELDS: Mapping[str, tuple[str, ...]] = {
    "Deployment": (
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
    ),
    "CronJob": ("lastScheduleTime", "lastSuccessfulTime"),
    "Job": ("active", "succeeded", "failed", "startTime", "completionTime"),
    "HorizontalPodAutoscaler": ("currentReplicas", "desiredReplicas"),
    "Ingress": (),
    "HTTPRoute": (),
}
"""Status fields that are kept as they are; of a kind that is not named here, none is."""

_CONDITIONS: Mapping[str, tuple[str, ...]] = {
    "Deployment": ("Progressing", "Available", "ReplicaFailure"),
    "Job": ("Complete", "Failed"),
    "HorizontalPodAutoscaler": ("AbleToScale", "ScalingActive"),
    "HTTPRoute": ("Accepted", "ResolvedRefs"),
}
_BAD_WHEN_TRUE = ("ReplicaFailure", "Failed")


def _status(kind: str, status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the status fields that decisions need.

    `conditions` is by type, each with `status`, `reason` and, where it tells of trouble, `message`.
    A CronJob has `active`, the number of its Jobs; an Ingress `loadBalancer`, the list of its
    addresses; an HTTPRoute `parents`, a list of `{parentRef, conditions}`.
    """
    if kind not in _FIELDS:
        return _shared(b"{}")
    kept = {field: status[field] for field in _FIELDS[kind] if field in status}
    if kind in _CONDITIONS and status.get("conditions"):
        kept["conditions"] = _conditions(kind, status["conditions"])
    match kind:
        case "CronJob":
            kept["active"] = len(status.get("active") or ())
        case "Ingress":
            kept["loadBalancer"] = (status.get("loadBalancer") or {}).get("ingress") or []
        case "HTTPRoute":
            kept["parents"] = [
                {
                    "parentRef": parent.get("parentRef") or {},
                    "conditions": _conditions(kind, parent.get("conditions") or ()),
                }
                for parent in status.get("parents") or ()
            ]
        case _:
            pass
    return _shared(orjson.dumps(kept))


@lru_cache(maxsize=4096)
def _shared(status: bytes) -> Mapping[str, Any]:
    """Let all children in the same state share one mapping."""
    parsed: Mapping[str, Any] = orjson.loads(status)
    return parsed


def _conditions(kind: str, given: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    kept: dict[str, dict[str, str]] = {}
    for condition in given:
        name, status = condition["type"], condition["status"]
        if name not in _CONDITIONS[kind]:
            continue
        kept[name] = {"status": status, "reason": condition.get("reason") or ""}
        if kind == "Job":
            # The end of a run comes once, and its moment matters.
            kept[name]["since"] = condition.get("lastTransitionTime") or ""
        if kept[name]["reason"] == TOO_LATE:
            # It stays there until something moves, and must not be taken for a later rollout's.
            kept[name]["since"] = condition.get("lastUpdateTime") or ""
        # While all is well the message counts or names what changes all the time.
        if status == ("True" if name in _BAD_WHEN_TRUE else "False"):
            kept[name]["message"] = condition.get("message") or ""
    return kept


def ingress_class(found: Manifest) -> IngressClass:
    """Return the record of an IngressClass."""
    about = found["metadata"]
    annotations = about.get("annotations") or {}
    return IngressClass(
        name=about["name"],
        controller=(found.get("spec") or {}).get("controller") or "",
        default=annotations.get(_DEFAULT_CLASS) == "true",
    )
