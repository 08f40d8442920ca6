"""What the API is measured with: applications as an operator that ran has left them behind."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bench import floor, workload
from process_operator.cluster import client
from process_operator.kube import kinds, names

NAMESPACE = "bench-api"
TYPES = ("web", "worker", "worker", "cron", "job")
LARGE, LARGE_COUNT = "large", 100
IMAGE = "registry.example.com/shop:1.4.2"
NOW = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
HORIZONTAL = {"minInstanceCount": 1, "maxInstanceCount": 3, "targetCPUPercent": 70}
FROZEN_HORIZONTAL = {
    "minInstances": 1,
    "maxInstances": 3,
    "cpuPercent": 70,
    "scaleUpIntervalSeconds": 60,
    "scaleUpIncrement": 1,
    "scaleDownIntervalSeconds": 600,
    "scaleDownIncrement": 1,
}
PROBE = {"httpGet": {"path": "/ready"}, "periodSeconds": 5}
ENV = [{"name": "LOG_LEVEL", "value": "info"}]

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shop:
    """One application as it was made, with the keys and types of its processes."""

    name: str
    members: Sequence[tuple[str, str]]


def shops(count: int) -> Iterator[Shop]:
    """Yield what is to be made."""
    members = [(f"{kind}{number}", kind) for number, kind in enumerate(TYPES)]
    for number in range(count):
        yield Shop(f"app-{number}", members)
    yield Shop(LARGE, [(f"worker{number}", "worker") for number in range(LARGE_COUNT)])


def _application(shop: Shop) -> Manifest:
    spec = {"displayName": shop.name, "image": IMAGE, "env": ENV, "release": {"initial": "manual"}}
    return workload.manifest(names.APPLICATION_KIND, NAMESPACE, shop.name, spec)


def _process(shop: Shop, key: str, kind: str) -> Manifest:
    spec: Manifest = {
        "applicationRef": {"name": shop.name},
        "key": key,
        "type": kind,
        "displayName": key,
        "entrypoint": "bin/run",
        "resourceTypeRef": {"name": "s1"},
        "env": ENV,
    }
    if kind == "web":
        spec["scalingStrategy"] = {"type": "horizontal", "horizontal": HORIZONTAL}
        spec["readinessProbe"] = spec["livenessProbe"] = PROBE
        spec["ingress"] = {"hosts": [{"host": f"{shop.name}.example.com"}]}
    if kind == "cron":
        spec["schedule"] = "0 4 1 1 *"
    if kind == "job":
        spec["jobStartPolicy"] = "beforeDeployment"
    return workload.manifest(names.PROCESS_KIND, NAMESPACE, f"{shop.name}-{key}", spec)


def _frozen(key: str, kind: str) -> Manifest:
    entry: Manifest = {
        "key": key,
        "type": kind,
        "entrypoint": "bin/run",
        "size": {"name": "s1", "cpu": "500m", "memory": "1Gi"},
        "env": ENV,
        "terminationGracePeriodSeconds": 30,
    }
    if kind == "web":
        entry["scaling"] = {"horizontal": FROZEN_HORIZONTAL}
        entry["port"] = 8080
        entry["readinessProbe"] = entry["livenessProbe"] = PROBE
    if kind == "job":
        entry["jobStartPolicy"] = "beforeDeployment"
    return entry


def _ready(reason: str) -> list[Manifest]:
    about = {"reason": reason, "message": "as it shall be", "lastTransitionTime": NOW}
    return [{"type": "Ready", "status": "True", "observedGeneration": 1, **about}]


def _serving(shop: Shop) -> Manifest:
    return {"name": f"{shop.name}-1", "number": 1}


def _application_status(shop: Shop) -> Manifest:
    return {
        "observedGeneration": 1,
        "conditions": _ready("Released"),
        "image": IMAGE,
        "servingRelease": _serving(shop),
        "lastReleaseNumber": 1,
        "processesReady": f"{len(shop.members)}/{len(shop.members)}",
    }


def _process_status(shop: Shop, key: str, kind: str) -> Manifest:
    status: Manifest = {
        "observedGeneration": 1,
        "conditions": _ready("Running"),
        "release": _serving(shop),
        "image": IMAGE,
        "cpuMillicores": 500,
        "memoryMegabytes": 1024,
    }
    if kind in ("web", "worker"):
        status |= {"replicas": 1, "readyReplicas": 1, "instances": "1/1"}
    if kind == "web":
        status["urls"] = [f"http://{shop.name}.example.com/"]
        status["internalHostname"] = f"{names.child(shop.name, key)}.{NAMESPACE}.svc.cluster.local"
    return status


def _release_status(shop: Shop, uid: str) -> Manifest:
    return {
        "observedGeneration": 1,
        "applicationUID": uid,
        "number": 1,
        "trigger": "manual",
        "requested": {"image": IMAGE, "hash": "0123456789abcdef"},
        "snapshot": json.dumps(
            {
                "profile": 1,
                "image": IMAGE,
                "env": ENV,
                "podSecurity": "restricted",
                "processes": [_frozen(key, kind) for key, kind in shop.members],
            }
        ),
        "state": "success",
        "startedAt": NOW,
        "rolloutStartedAt": NOW,
        "finishedAt": NOW,
        "rollouts": [{"key": key, "type": kind, "result": "success"} for key, kind in shop.members],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a process is, for the API and for the API server."""

    application: str
    rest: str
    raw: str
    kind: str


async def fill(api: client.Cluster, count: int) -> list[Place]:
    """Make everything; return where the processes are."""
    places: list[Place] = []

    async def make(manifest: Manifest, status: Manifest) -> str:
        made = await api.create(manifest)
        metadata = made["metadata"]
        await api.replace_status(
            manifest["kind"],
            NAMESPACE,
            metadata["name"],
            uid=metadata["uid"],
            resource_version=metadata["resourceVersion"],
            status=status,
        )
        return str(metadata["uid"])

    async def open_shop(shop: Shop) -> None:
        uid = await make(_application(shop), _application_status(shop))
        asked = workload.manifest(
            names.RELEASE_KIND, NAMESPACE, f"{shop.name}-1", {"applicationRef": {"name": shop.name}}
        )
        await make(asked, _release_status(shop, uid))
        for key, kind in shop.members:
            process = _process(shop, key, kind)
            own = await make(process, _process_status(shop, key, kind))
            raw = kinds.KINDS[names.PROCESS_KIND].path(NAMESPACE, process["metadata"]["name"])
            rest = f"/v3/applications/{uid}/processes/{own}"
            places.append(Place(application=uid, rest=rest, raw=raw, kind=kind))

    await floor.in_flight((open_shop(shop) for shop in shops(count)), floor.IN_FLIGHT)
    return places
