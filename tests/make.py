"""Builders of what the pure part sees: defaults, plus the one difference that a test is about.

`make.observed()` is an application `shop` with one web process and one resource type, before its
first release; `make.served()` is the same after everything it asks for has happened.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from process_operator.controller import build
from process_operator.controller.observe import child as observe_child
from process_operator.controller.observe import own_objects, records
from process_operator.controller.observe.records import (
    Application,
    ApplicationKey,
    Child,
    CustomResource,
    InvalidObject,
    ObservedState,
    Pod,
    PodProblem,
    Process,
    Release,
    ResourceTypeObject,
)
from process_operator.controller.plan import model, plan
from process_operator.controller.resolve.application import resolve
from process_operator.kube import names
from process_operator.kube.manifest import Manifest
from process_operator.models import snapshot as snapshots
from process_operator.models.application import ApplicationSpec
from process_operator.models.process import ProcessSpec
from process_operator.models.release import ReleaseSpec
from process_operator.models.resource_type import ResourceTypeSpec
from process_operator.models.snapshot import Snapshot
from process_operator.models.status import Status
from process_operator.schema import bounds

NOW = datetime(2026, 1, 5, 12, 0, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)
NAMESPACE = "demo"
APPLICATION = "shop"
IMAGE = "registry.example.com/shop:1"
MANUAL_2 = {"type": "manual", "manual": {"instanceCount": 2}}
HORIZONTAL = {"type": "horizontal", "horizontal": {"minInstanceCount": 2, "maxInstanceCount": 10}}


def _owned(kind: str, spec: Any, about: Mapping[str, Any]) -> CustomResource[Any, Any]:
    plain: dict[str, Any] = {
        "kind": kind,
        "namespace": NAMESPACE,
        "uid": f"uid-of-{about['name']}",
        "resource_version": "100",
        "generation": 1,
        "created_at": LONG_AGO,
        "deleting": False,
        "owner_uid": None,
        "generated": False,
        "status": {},
    }
    whole = plain | dict(about)
    whole.setdefault("seen_at", whole["created_at"])
    whole.setdefault("taken_up", whole["uid"])
    if isinstance(whole["status"], dict):
        whole["status"] = status(kind, whole["status"])
    return CustomResource(**whole, spec=spec)


def status(kind: str, recorded: Mapping[str, Any]) -> Any:
    """Return a status as the operator reads it."""
    return own_objects.status_of(kind, orjson.dumps(recorded))


def stored(one: CustomResource[Any, Any] | InvalidObject, status: Status) -> dict[str, Any]:
    """Return a status as it is written."""
    return bounds.stored(one.kind, status)


def with_status(one: CustomResource[Any, Any], **recorded: Any) -> CustomResource[Any, Any]:
    """Return an object in whose status these fields, in their JSON form, stand otherwise."""
    whole = stored(one, one.status) | recorded
    there = {name: value for name, value in whole.items() if value is not None}
    return dataclasses.replace(one, status=status(one.kind, there))


_ABOUT = frozenset(field.name for field in dataclasses.fields(CustomResource)) - {"spec"}


def _parted(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part what is said about an object from what stands in its spec."""
    about = {name: value for name, value in given.items() if name in _ABOUT}
    return about, {name: value for name, value in given.items() if name not in _ABOUT}


def application(**given: Any) -> Application:
    about, spec = _parted({"name": APPLICATION} | given)
    return _owned(
        names.APPLICATION_KIND, ApplicationSpec.model_validate({"image": IMAGE} | spec), about
    )


def process(**given: Any) -> Process:
    """Return a process; its object is named after its key unless told otherwise."""
    plain = {"key": "web", "type": "web", "application_ref": {"name": APPLICATION}}
    about, spec = _parted(given)
    parsed = ProcessSpec.model_validate(plain | spec)
    return _owned(
        names.PROCESS_KIND, parsed, {"name": parsed.key.lower().replace("_", "-")} | about
    )


def resource_type(**given: Any) -> ResourceTypeObject:
    plain = {"cpu": "500m", "memory": "1Gi", "category": "standard", "default": True}
    about, spec = _parted({"name": "s1", "namespace": ""} | given)
    parsed = ResourceTypeSpec.model_validate(plain | spec)
    return _owned(names.RESOURCE_TYPE_KIND, parsed, about)


def request(**given: Any) -> Release:
    """Return a release made by hand that has not started."""
    about, spec = _parted({"name": "by-hand", "created_at": NOW - timedelta(minutes=5)} | given)
    parsed = ReleaseSpec.model_validate({"application_ref": {"name": APPLICATION}} | spec)
    return _owned(names.RELEASE_KIND, parsed, about)


def started(number: int, snapshot: Snapshot, *, state: str = "success", **given: Any) -> Release:
    """Return a release that the operator made, and its record."""
    more = given.pop("status", {})
    record = {
        "applicationUID": f"uid-of-{APPLICATION}",
        "number": number,
        "trigger": "image",
        "requested": {"image": snapshot.image, "hash": snapshot.inputs_hash},
        "snapshot": snapshots.text(snapshot),
        "state": state,
        "startedAt": "2026-01-05T11:59:00Z",
        "rolloutStartedAt": "2026-01-05T11:59:00Z",
    }
    return request(
        **{
            "name": f"{APPLICATION}-{number}",
            "owner_uid": f"uid-of-{APPLICATION}",
            "created_at": LONG_AGO + timedelta(minutes=number),
        }
        | given,
        status=record | more,
    )


def broken(
    like: CustomResource[Any, Any] | InvalidObject, message: str = "cannot be read; correct it"
) -> InvalidObject:
    return InvalidObject(
        message=message,
        **{
            field.name: getattr(like, field.name)
            for field in dataclasses.fields(InvalidObject)
            if field.name != "message"
        },
    )


def pod(**given: Any) -> Pod:
    plain: dict[str, Any] = {
        "namespace": NAMESPACE,
        "name": "shop-web-1",
        "uid": "uid-of-pod",
        "resource_version": "100",
        "application": APPLICATION,
        "process": "web",
        "created_at": NOW,
        "deleting": False,
        "ready": False,
        "phase": "Running",
        "restarts": 0,
        "problem": PodProblem(reason="CrashLoop", message="pod shop-web-1: exited", exit_code=3),
    }
    return Pod(**(plain | given))


def observed(base: ObservedState | None = None, **difference: Any) -> ObservedState:
    """Return the state before the first release, or another one, with the difference given.

    Processes, releases, resource types, pods and children may be given as any iterable.
    """
    plain = base or ObservedState(
        key=ApplicationKey(NAMESPACE, APPLICATION),
        now=NOW,
        application=application(),
        processes=(process(),),
        releases=(),
        resource_types={"s1": resource_type()},
        ingress_classes=(),
        children={},
        pods=(),
        probe_failures={},
        changed_at=LONG_AGO,
        in_progress_since={},
        refused={},
        allowed_annotations=("allowed.example.com/*",),
    )
    for name in ("processes", "releases", "ingress_classes", "pods"):
        if name in difference:
            difference[name] = tuple(difference[name])
    for name, by in (("resource_types", "name"), ("children", "key")):
        if name in difference and not isinstance(difference[name], Mapping):
            difference[name] = {getattr(one, by): one for one in difference[name]}
    return dataclasses.replace(plain, **difference)


def candidate(seen: ObservedState) -> Snapshot:
    """Return what a release that started now would freeze."""
    assert isinstance(seen.application, CustomResource)
    found = resolve(seen, seen.application).candidate
    assert found is not None
    return found


def released(seen: ObservedState, **given: Any) -> ObservedState:
    """Return the observed state with one more release, of what it declares, ended well."""
    number = len(seen.releases) + 1
    made = started(number, candidate(seen), **given)
    return observed(seen, releases=(*seen.releases, made))


def served(seen: ObservedState | None = None) -> ObservedState:
    """Return the observed state after its release has succeeded and all its children stand."""
    return with_children(released(seen or observed()))


def with_children(seen: ObservedState) -> ObservedState:
    """Return the state after everything that its plan wants has been written, and is available."""
    return observed(
        seen,
        children={
            **seen.children,
            **{one.key: child_of(one.manifest) for one in applies(seen)},
        },
    )


def applies(seen: ObservedState) -> list[model.Apply]:
    return [one for process_plan in plan.plan(seen).processes for one in process_plan.applies]


def processes(seen: ObservedState) -> dict[str, model.ProcessPlan]:
    """Return what is planned, by name of the process."""
    return {process_plan.process.name: process_plan for process_plan in plan.plan(seen).processes}


def child_of(manifest: Manifest, /, **status: Any) -> Child:
    """Return a child as the informer would show it after the server has taken this manifest in.

    A Deployment is available at its size unless the status given says otherwise.
    """
    return observe_child.child(manifest["kind"], answer(manifest, **status))


def answer(manifest: Manifest, /, **status: Any) -> Manifest:
    """Return an object as the API server answers: with its defaults, a uid and a version."""
    spec = _with_defaults(manifest["kind"], manifest["spec"])
    owners = [
        {"manager": names.OPERATOR, "fieldsV1": {"f:spec": {f"f:{name}": {} for name in spec}}}
    ]
    return {
        **manifest,
        "metadata": {
            "uid": f"uid-of-{manifest['kind']}-{manifest['metadata']['name']}",
            "resourceVersion": "200",
            "generation": 1,
            "creationTimestamp": "2026-01-05T11:59:30Z",
            "managedFields": owners,
            **manifest["metadata"],
        },
        "spec": spec,
        "status": _available(manifest["kind"], spec) | status,
    }


def _available(kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    if kind != "Deployment":
        return {}
    counted = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    size = spec.get("replicas", 1)
    return {"observedGeneration": 1, **(dict.fromkeys(counted, size) if size else {})}


def _with_defaults(kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Add what the server adds: every decision must see past it."""
    match kind:
        case "Deployment":
            return {"replicas": 1, **spec, "template": _template(spec["template"])}
        case "CronJob":
            job = spec["jobTemplate"]["spec"]
            template = {**job, "completions": 1, "template": _template(job["template"])}
            return {**spec, "jobTemplate": {**spec["jobTemplate"], "spec": template}}
        case "Service":
            given = {"clusterIP": "10.0.0.7", "ipFamilies": ["IPv4"], "sessionAffinity": "None"}
            return {**given, **spec}
        case _:
            return dict(spec)


def _template(template: Mapping[str, Any]) -> dict[str, Any]:
    spec = template["spec"]
    container = {"imagePullPolicy": "IfNotPresent", "terminationMessagePolicy": "File"}
    return {
        **template,
        "metadata": {"creationTimestamp": None, **template["metadata"]},
        "spec": {
            "dnsPolicy": "ClusterFirst",
            "schedulerName": "default-scheduler",
            **spec,
            "containers": [{**container, **one} for one in spec["containers"]],
        },
    }


def edited(child: Child, **difference: Any) -> Child:
    """Return a child of which something has changed on the server."""
    return dataclasses.replace(child, **difference)


def manifests(seen: ObservedState, name: str = "web") -> dict[str, Manifest]:
    """Return what a process is rendered to now, by kind."""
    target = processes(seen)[name].target
    assert target is not None
    return {one["kind"]: one for one in build.children(target)}


def child(seen: ObservedState, kind: str) -> Child:
    """Return the one child of a kind."""
    (found,) = (one for one in seen.children.values() if one.kind == kind)
    return found


def changed(seen: ObservedState, *replaced: Child) -> ObservedState:
    """Return the state in which these children stand in place of those of the same name."""
    return observed(seen, children={**seen.children, **{one.key: one for one in replaced}})


def live_spec(one: Child) -> dict[str, Any]:
    return dict(records.spec(one))


def conditions(status: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return status and reason of each condition, by type."""
    return {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}


def kinds(found: Iterable[model.Apply | Child]) -> list[str]:
    return [one.key.kind for one in found]
