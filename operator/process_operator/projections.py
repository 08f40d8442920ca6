"""What is kept of each object that is watched: a few hundred bytes instead of kilobytes.

Pure functions from an object, as the API server sends it, to a record of `observed`. Nothing is
kept that changes by itself (heartbeats, back-off times, counters of metrics): such a change would
wake somebody for nothing.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import Any

import orjson

from process_operator import bounds, conditions, names
from process_operator.observed import (
    TOO_LATE,
    Child,
    IngressClass,
    JobRefusal,
    Manifest,
    Pod,
    ProbeFailure,
    Trouble,
)

_MAX_MESSAGE = 500
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
        intent=annotations.get(names.INTENT),
        release=_number(labels.get(names.RELEASE)),
        others_own_replicas=_others_own_replicas(about.get("managedFields") or ()),
        # Jobs are never compared: they are made once, and never changed.
        body=_body(about, None if kind == "Job" else found.get("spec")),
        status=_status(kind, found.get("status") or {}),
    )


def succeed(old: Child, new: Child) -> Child:
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


def probe_failure(found: Manifest) -> ProbeFailure:
    """Return the record of an event of a failing probe."""
    about, pod_about = found["metadata"], found.get("regarding") or {}
    return ProbeFailure(
        namespace=about["namespace"],
        pod_uid=pod_about.get("uid") or "",
        resource_version=about["resourceVersion"],
        message=_printable(_without_times(found.get("note") or ""))[:_MAX_MESSAGE],
    )


def job_refusal(found: Manifest) -> JobRefusal:
    """Return the record of an event of a Job that cannot have a pod."""
    about = found["metadata"]
    return JobRefusal(
        namespace=about["namespace"],
        job_uid=(found.get("regarding") or {}).get("uid") or "",
        resource_version=about["resourceVersion"],
        message=_printable(found.get("note") or "")[:_MAX_MESSAGE],
    )


def ingress_class(found: Manifest) -> IngressClass:
    """Return the record of an IngressClass."""
    about = found["metadata"]
    annotations = about.get("annotations") or {}
    return IngressClass(
        name=about["name"],
        controller=(found.get("spec") or {}).get("controller") or "",
        default=annotations.get(_DEFAULT_CLASS) == "true",
    )


def pod(found: Manifest) -> Pod:
    """Return the record of a pod, with what it says is wrong with it."""
    about = found["metadata"]
    labels = about.get("labels") or {}
    status = found.get("status") or {}
    states = tuple(_containers(status))
    owner = next((o for o in about.get("ownerReferences") or () if o.get("controller")), None)
    return Pod(
        namespace=intern(about["namespace"]),
        name=about["name"],
        uid=about["uid"],
        resource_version=about["resourceVersion"],
        application=intern(labels.get(names.APPLICATION) or ""),
        process=intern(labels.get(names.PROCESS) or ""),
        created_at=datetime.fromisoformat(about["creationTimestamp"]),
        deleting="deletionTimestamp" in about,
        ready=_condition(status, "Ready").get("status") == "True",
        phase=intern(status.get("phase") or ""),
        restarts=sum(state.get("restartCount") or 0 for state in states),
        trouble=_trouble(about["name"], status, states),
        owner_uid=owner["uid"] if owner else None,
        started=any(_has_run(state) for state in states),
    )


def _has_run(state: Mapping[str, Any]) -> bool:
    return any(
        when.get("running") or when.get("terminated")
        for when in (state.get("state") or {}, state.get("lastState") or {})
    )


def _containers(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def _condition(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next((c for c in status.get("conditions") or () if c.get("type") == name), {})


_WAITING: Mapping[str, str] = {
    "ErrImagePull": "ImagePullFailed",
    "ImagePullBackOff": "ImagePullFailed",
    "InvalidImageName": "ImagePullFailed",
    "ErrImageNeverPull": "ImagePullFailed",
    "CreateContainerConfigError": "ContainerConfigInvalid",
    "CreateContainerError": "ContainerConfigInvalid",
    "RunContainerError": "ContainerConfigInvalid",
}


def _trouble(
    name: str, status: Mapping[str, Any], states: Iterable[Mapping[str, Any]]
) -> Trouble | None:
    if status.get("phase") == "Failed" and status.get("reason"):
        # The kubelet ended it: Evicted, NodeShutdown, DeadlineExceeded, ...
        reason = bounds.word(status["reason"])
        return _said(reason, name, status.get("message") or "was ended by its node")
    for state in states:
        if found := _container_trouble(name, state, is_over=status.get("phase") == "Failed"):
            return found
    scheduled = _condition(status, "PodScheduled")
    if scheduled.get("reason") == "Unschedulable":
        return _said("Unschedulable", name, scheduled.get("message") or "no node takes it")
    return None


def _container_trouble(pod_name: str, state: Mapping[str, Any], *, is_over: bool) -> Trouble | None:
    now, last = state.get("state") or {}, state.get("lastState") or {}
    waiting = now.get("waiting") or {}
    reason = waiting.get("reason") or ""
    if reason in _WAITING:
        said = _without_times(waiting.get("message") or reason)
        text = f"container {state['name']}: {said}"
        # A pull that fails is tried and waits in turn: that is one state.
        word = "ImagePullBackOff" if reason == "ErrImagePull" else reason
        return _said(_WAITING[reason], pod_name, text, state=f"Waiting: {word}")
    ended = now.get("terminated") or (last.get("terminated") if waiting else None)
    if ended and ended["exitCode"] and is_over:
        # A run is over with its container; whether it is tried again is for its Job to say.
        word = "OOMKilled" if ended.get("reason") == "OOMKilled" else "NonZeroExit"
        return _over(word, pod_name, state, ended)
    failed_again = ended and ended["exitCode"] and state.get("restartCount")
    # A process that ends well, and should not end at all, is a crash loop too.
    if ended and (failed_again or reason == "CrashLoopBackOff"):
        return _over("CrashLoop", pod_name, state, ended)
    if reason == "CrashLoopBackOff":
        said = _without_times(waiting.get("message") or reason)
        text = f"container {state['name']}: {said}"
        return _said("CrashLoop", pod_name, text, state=f"Waiting: {reason}")
    return None


def _over(word: str, pod_name: str, state: Mapping[str, Any], ended: Mapping[str, Any]) -> Trouble:
    return _said(
        word,
        pod_name,
        _ending(state["name"], ended),
        exit_code=ended["exitCode"],
        state=f"Terminated: {ended.get('reason') or 'Error'}",
    )


def _ending(container: str, ended: Mapping[str, Any]) -> str:
    if ended.get("reason") == "OOMKilled":
        text = f"container {container} was killed for want of memory (OOMKilled)"
    else:
        text = f"container {container} exited with code {ended['exitCode']}"
    last_words = (ended.get("message") or "").strip()
    return f"{text}: {last_words}" if last_words else text


_BACK_OFF = re.compile(r"^Back-off pulling image \"[^\"]*\": (?:ErrImagePull: )?")
_BACK_OFF_TIME = re.compile(r"\bback-off (?:\d+[hms])+ ")


def _without_times(message: str) -> str:
    """Return a message that stays the same while a kubelet tries again, waits, and tries again."""
    return _BACK_OFF_TIME.sub("back-off ", _BACK_OFF.sub("", message))


def _said(
    reason: str, pod_name: str, message: str, *, exit_code: int | None = None, state: str = ""
) -> Trouble:
    text = _printable(f"pod {pod_name}: {message}")
    return Trouble(reason=reason, message=text[:_MAX_MESSAGE], exit_code=exit_code, state=state)


def _printable(text: str) -> str:
    """Escape control characters: what a container wrote must not drive a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
