"""The client and a real API server: every verb, and what the server refuses."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import connecting
import plain
from process_operator.cluster import client
from process_operator.cluster.client import Cluster
from process_operator.kube import errors, names
from process_operator.kube.kinds import KINDS, Resource
from process_operator.kube.manifest import Manifest


@pytest.fixture
async def server(kubeconfig: Path) -> AsyncIterator[Cluster]:
    async with Cluster(connecting.connection(kubeconfig)) as opened:
        yield opened


def deployment(namespace: str, name: str = "web", **labels: str) -> Manifest:
    container = {"name": "app", "image": "example.invalid/app:1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": name, "labels": labels},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container]},
            },
        },
    }


async def everything(server: Cluster, kind: str, **asked: Any) -> list[Manifest]:
    return [item async for items, _ in server.list(kind, **asked) for item in items]


async def version_of_now(server: Cluster, kind: str) -> str:
    return [version async for _, version in server.list(kind)][-1]


async def test_every_kind_of_the_table_is_where_the_table_says(server: Cluster) -> None:
    # Neither is part of Kubernetes; use is measured only where pods are real, see tests/e2e.
    for kind in KINDS.keys() - {"HTTPRoute", "PodMetrics"}:
        await everything(server, kind, limit=1)


def lease(namespace: str) -> Manifest:
    """An object that no controller touches."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"namespace": namespace, "name": "web"},
        "spec": {"holderIdentity": "somebody"},
    }


def service(namespace: str, **labels: str) -> Manifest:
    """Return an object that no controller writes to, so that its version is ours to know."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": "web", "labels": labels},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]},
    }


async def test_an_object_goes_through_its_whole_life(server: Cluster, namespace: str) -> None:
    made = await server.create(service(namespace))
    uid, version = made["metadata"]["uid"], made["metadata"]["resourceVersion"]
    assert await server.get("Service", namespace, "web") == made

    made["spec"]["publishNotReadyAddresses"] = True
    replaced = await server.replace(made)
    assert replaced["spec"]["publishNotReadyAddresses"] is True
    with pytest.raises(errors.Conflict):
        await server.replace(made)

    test = {"op": "test", "path": "/metadata/resourceVersion", "value": version}
    remove = {"op": "remove", "path": "/spec/publishNotReadyAddresses"}
    with pytest.raises(errors.Rejected):
        await server.json_patch("Service", namespace, "web", [test, remove])
    test["value"] = replaced["metadata"]["resourceVersion"]
    patched = await server.json_patch("Service", namespace, "web", [test, remove])
    assert "publishNotReadyAddresses" not in patched["spec"]

    with pytest.raises(errors.Conflict):
        await server.delete(
            "Service", namespace, "web", uid="somebody-else", propagation="Background"
        )
    await server.delete("Service", namespace, "web", uid=uid, propagation="Background")
    with pytest.raises(errors.NotFound):
        await server.get("Service", namespace, "web")
    with pytest.raises(errors.NotFound):
        await server.delete("Service", namespace, "web", uid=uid, propagation="Background")


async def test_a_create_refuses_a_twin(server: Cluster, namespace: str) -> None:
    await server.create(service(namespace))
    with pytest.raises(errors.AlreadyExists):
        await server.create(service(namespace))


async def test_an_apply_is_made_by_our_field_manager(server: Cluster, namespace: str) -> None:
    applied = await server.apply(service(namespace), force=False)
    managers = {one["manager"] for one in applied["metadata"]["managedFields"]}
    assert managers == {names.OPERATOR}


@pytest.mark.parametrize("contradicts", [True, False])
async def test_an_apply_without_force_leaves_whatever_has_the_name_as_it_is(
    server: Cluster, namespace: str, contradicts: bool
) -> None:
    made = await server.create(service(namespace, owner="somebody"))
    ours = service(namespace, ours="yes", **({"owner": "us"} if contradicts else {}))
    with pytest.raises(errors.Conflict):
        await server.apply(ours, force=False)
    assert await server.get("Service", namespace, "web") == made


_SPECS: Mapping[str, Manifest] = {
    "Service": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]},
    "CronJob": {
        "schedule": "0 0 1 1 *",
        "suspend": True,
        "jobTemplate": {
            "spec": {
                "template": {
                    "spec": {
                        "restartPolicy": "Never",
                        "containers": [{"name": "app", "image": "example.invalid/app:1"}],
                    }
                }
            }
        },
    },
    "HorizontalPodAutoscaler": {
        "maxReplicas": 2,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
    },
    "PodDisruptionBudget": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    "Ingress": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
    names.PROCESS_KIND: {"applicationRef": {"name": "shop"}, "key": "web", "type": "web"},
}


@pytest.mark.parametrize("kind", _SPECS)
async def test_an_apply_without_force_makes_an_object_of_any_kind_and_only_once(
    server: Cluster, namespace: str, kind: str
) -> None:
    manifest = {
        "apiVersion": KINDS[kind].api_version,
        "kind": kind,
        "metadata": {"namespace": namespace, "name": "web"},
        "spec": _SPECS[kind],
    }
    made = await server.apply(manifest, force=False)
    assert made["metadata"]["resourceVersion"] != "1"
    with pytest.raises(errors.Conflict):
        await server.apply(manifest, force=False)
    again = await server.apply(manifest, force=True, uid=made["metadata"]["uid"])
    assert again["metadata"]["uid"] == made["metadata"]["uid"]


async def test_an_apply_at_a_version_that_is_gone_changes_nothing(
    server: Cluster, namespace: str
) -> None:
    made = await server.apply(service(namespace), force=False)
    old = made["metadata"]["resourceVersion"]
    changed = await server.apply(service(namespace, tier="a"), force=True)
    with pytest.raises(errors.Conflict):
        await server.apply(service(namespace, tier="b"), force=True, resource_version=old)
    left = await server.get("Service", namespace, "web")
    assert left["metadata"]["labels"] == changed["metadata"]["labels"] == {"tier": "a"}


async def test_an_apply_to_an_object_that_is_gone_does_not_make_it_again(
    server: Cluster, namespace: str
) -> None:
    made = await server.apply(service(namespace), force=False)
    uid, version = made["metadata"]["uid"], made["metadata"]["resourceVersion"]
    await server.delete("Service", namespace, "web", uid=uid, propagation="Background")
    with pytest.raises(errors.Conflict):
        await server.apply(service(namespace), force=True, uid=uid, resource_version=version)
    with pytest.raises(errors.NotFound):
        await server.get("Service", namespace, "web")


async def test_a_refused_object_tells_each_cause_with_its_field(
    server: Cluster, namespace: str
) -> None:
    wrong = deployment(namespace)
    wrong["spec"]["template"]["spec"]["containers"][0]["image"] = ""
    wrong["spec"]["replicas"] = -1
    with pytest.raises(errors.Rejected) as caught:
        await server.apply(wrong, force=False)
    assert caught.value.status == 422
    assert {cause.field for cause in caught.value.causes} == {
        "spec.replicas",
        "spec.template.spec.containers[0].image",
    }


async def test_a_field_that_the_server_does_not_know_is_refused(
    server: Cluster, namespace: str
) -> None:
    wrong = deployment(namespace)
    wrong["spec"]["replica"] = 1
    with pytest.raises(errors.Rejected, match="replica"):
        await server.apply(wrong, force=False)


async def test_a_write_into_a_namespace_that_is_missing_is_not_found(server: Cluster) -> None:
    with pytest.raises(errors.NotFound):
        await server.create(deployment("there-is-no-such-namespace"))


async def test_a_write_into_a_namespace_that_is_being_deleted_says_so(
    server: Cluster, namespace: str, kubectl: Callable[..., str]
) -> None:
    name = f"{namespace}-going"
    held = {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
    kubectl("create", "namespace", name)
    body = {"apiVersion": "v1", "kind": "ConfigMap", **held}
    kubectl("-n", name, "create", "-f", "-", stdin=json.dumps(body))
    kubectl("delete", "namespace", name, "--wait=false")
    try:
        for write in (server.create(deployment(name)), server.apply(service(name), force=False)):
            with pytest.raises(errors.NamespaceTerminating, match="being terminated"):
                await write
    finally:
        kubectl("-n", name, "patch", "cm", "held", "-p", '{"metadata":{"finalizers":null}}')


@pytest.fixture
def note(
    api: plain.ApiServer, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Resource]:
    """Make a custom kind with a status that no controller writes; return it."""
    group, plural = f"{namespace}.example.test", "notes"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": anything},
        "subresources": {"status": {}},
    }
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    status, _ = api.send(
        "POST",
        definitions,
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {
                "group": group,
                "names": {"kind": "Note", "plural": plural},
                "scope": "Namespaced",
                "versions": [version],
            },
        },
    )
    assert status == 201
    resource = Resource(kind="Note", api_version=f"{group}/v1", plural=plural)
    monkeypatch.setattr(client, "KINDS", {"Note": resource})
    yield resource
    assert api.send("DELETE", f"{definitions}/{plural}.{group}")[0] == 200


async def made_when_served(server: Cluster, manifest: Manifest) -> Manifest:
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(errors.NotFound):
                return await server.create(manifest)
            await asyncio.sleep(0.1)


async def test_a_status_is_replaced_and_nothing_else_changes(
    server: Cluster, namespace: str, note: Resource
) -> None:
    manifest = {
        "apiVersion": note.api_version,
        "kind": note.kind,
        "metadata": {"namespace": namespace, "name": "a", "annotations": {"kept": "yes"}},
        "spec": {"kept": True},
    }
    metadata = (await made_when_served(server, manifest))["metadata"]

    async def publish(status: dict[str, Any], **changed: str) -> Manifest:
        precondition = {
            "uid": metadata["uid"],
            "resource_version": metadata["resourceVersion"],
            **changed,
        }
        return await server.replace_status(note.kind, namespace, "a", status=status, **precondition)

    answer = await publish({"observedGeneration": 1, "replicas": 3})
    assert answer["status"] == {"observedGeneration": 1, "replicas": 3}
    assert answer["spec"] == {"kept": True}
    assert answer["metadata"]["annotations"] == {"kept": "yes"}
    assert answer["metadata"]["generation"] == 1
    with pytest.raises(errors.Conflict):
        await publish({"observedGeneration": 1})
    version = answer["metadata"]["resourceVersion"]
    with pytest.raises(errors.Conflict):
        await publish({"observedGeneration": 1}, resource_version=version, uid="another")
    shorter = await publish({"observedGeneration": 1}, resource_version=version)
    assert shorter["status"] == {"observedGeneration": 1}


async def test_an_event_can_be_told_and_found_by_its_object(
    server: Cluster, namespace: str
) -> None:
    made = await server.create(service(namespace))
    metadata = made["metadata"]
    regarding = {
        "apiVersion": made["apiVersion"],
        "kind": made["kind"],
        "namespace": namespace,
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    await server.create(
        {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"namespace": namespace, "generateName": "web-"},
            "eventTime": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "action": "Reconcile",
            "reason": "Tried",
            "note": "a test",
            "type": "Normal",
            "regarding": regarding,
            "reportingController": names.GROUP,
            "reportingInstance": names.OPERATOR,
        }
    )
    found = await everything(
        server, "Event", namespace=namespace, field_selector=f"regarding.uid={metadata['uid']}"
    )
    # The API server may have a word about a Service's address as well.
    ours = [one["note"] for one in found if one["reportingController"] == names.GROUP]
    assert ours == ["a test"]


async def test_a_list_comes_in_pages_and_by_label(server: Cluster, namespace: str) -> None:
    for number in range(5):
        await server.create(deployment(namespace, f"web-{number}", parity=str(number % 2)))
    pages = [page async for page in server.list("Deployment", namespace=namespace, limit=2)]
    assert [len(items) for items, _ in pages] == [2, 2, 1]
    assert len({version for _, version in pages}) == 1
    odd = await everything(
        server, "Deployment", namespace=namespace, label_selector="parity=1", metadata_only=True
    )
    assert [item["metadata"]["name"] for item in odd] == ["web-1", "web-3"]
    assert all("spec" not in item for item in odd)


async def test_a_watch_tells_what_happens_and_ends_by_itself(
    server: Cluster, namespace: str
) -> None:
    version = await version_of_now(server, "Deployment")
    label = f"run={namespace}"
    made = await server.create(deployment(namespace, run=namespace))
    await server.create(deployment(namespace, "other"))
    await server.apply(deployment(namespace, run=namespace, more="yes"), force=True)
    uid = made["metadata"]["uid"]
    await server.delete("Deployment", namespace, "web", uid=uid, propagation="Background")
    async with asyncio.timeout(8):
        events = [
            (what, found["metadata"].get("name"))
            async for what, found in server.watch(
                "Deployment", resource_version=version, label_selector=label, seconds=4
            )
            if what != "BOOKMARK"
        ]
    changes = [what for what, _ in events]
    assert (changes[0], changes[-1]) == ("ADDED", "DELETED")
    assert set(changes[1:-1]) == {"MODIFIED"}
    assert {name for _, name in events} == {"web"}


async def test_a_watch_takes_objects_of_any_size(server: Cluster, namespace: str) -> None:
    version = await version_of_now(server, "Deployment")
    big = deployment(namespace)
    big["spec"]["template"]["metadata"]["annotations"] = {"big": "x" * 200_000}
    await server.create(big)
    async for what, found in server.watch("Deployment", resource_version=version):
        if found["metadata"].get("namespace") == namespace:
            annotations = found["spec"]["template"]["metadata"]["annotations"]
            assert (what, len(annotations["big"])) == ("ADDED", 200_000)
            break
