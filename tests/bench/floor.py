"""The floor: a client that writes the same objects once each, and watches nothing."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any

from process_operator.cluster import client
from process_operator.controller.build import KINDS as CHILD_KINDS
from process_operator.kube import kinds, names

Manifest = dict[str, Any]
IN_FLIGHT = 16
_OF_THE_SERVER = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")


async def written(api: client.Cluster, namespace: str) -> list[Manifest]:
    """Return all objects that the operator has made or given a status in a namespace."""
    found: list[Manifest] = []
    ours = (names.APPLICATION_KIND, names.PROCESS_KIND, names.RELEASE_KIND)
    for kind in (*ours, *sorted(CHILD_KINDS - {"HTTPRoute"})):
        async for page, _ in api.list(kind, namespace=namespace):
            resource = kinds.KINDS[kind]
            about = {"apiVersion": resource.api_version, "kind": kind}
            found += [{**about, **one} for one in page]
    return found


async def write(api: client.Cluster, objects: Sequence[Manifest], prefix: str) -> None:
    """Write copies of the objects into the namespaces whose names begin so."""
    await in_flight((_write(api, one, prefix) for one in objects), IN_FLIGHT)


async def _write(api: client.Cluster, one: Manifest, prefix: str) -> None:
    kind = one["kind"]
    metadata = {
        name: value for name, value in one["metadata"].items() if name not in _OF_THE_SERVER
    }
    metadata.pop("ownerReferences", None)
    namespace = prefix + metadata["namespace"]
    copy = {**one, "metadata": {**metadata, "namespace": namespace}}
    status = copy.pop("status", None)
    if kind in CHILD_KINDS:
        await api.apply(_without_addresses(copy), force=False)
        return
    made = await api.create(copy)
    # A release is written at its start and at its end.
    for _ in range(2 if kind == names.RELEASE_KIND else 1):
        made = await api.replace_status(
            kind,
            namespace,
            metadata["name"],
            uid=made["metadata"]["uid"],
            resource_version=made["metadata"]["resourceVersion"],
            status={**status, "observedGeneration": 1 if "observedGeneration" in made else 2},
        )


def _without_addresses(copy: Manifest) -> Manifest:
    if copy["kind"] == "Service":
        kept = {k: v for k, v in copy["spec"].items() if not k.startswith(("clusterIP", "ipFam"))}
        return {**copy, "spec": kept}
    return copy


async def in_flight(work: Iterable[Awaitable[Any]], limit: int) -> None:
    """Await everything, with so many at a time."""
    waiting = iter(work)

    async def worker() -> None:
        for one in waiting:
            await one

    await asyncio.gather(*(worker() for _ in range(limit)))
