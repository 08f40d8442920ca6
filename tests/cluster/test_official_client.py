"""What a user's own program sees, through the official Python client and nothing of ours."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config, watch

from userside import IMAGE, process

GROUP, VERSION = "process-operator.dev", "v1alpha1"
OF = {"applicationRef": {"name": "shop"}}


@pytest.fixture
def api(kubeconfig: Path) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(str(kubeconfig)) as made:
        yield made


@pytest.fixture
def place(api: client.ApiClient) -> str:
    """Return a new namespace."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    client.CoreV1Api(api).create_namespace({"metadata": {"name": name}})
    return name


def test_a_program_declares_an_application_and_watches_it_become_ready(
    api: client.ApiClient, place: str
) -> None:
    ours, apps = client.CustomObjectsApi(api), client.AppsV1Api(api)

    def create(plural: str, kind: str, name: str, spec: dict[str, Any]) -> None:
        body = {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, "metadata": {"name": name}}
        ours.create_namespaced_custom_object(GROUP, VERSION, place, plural, {**body, "spec": spec})

    def await_condition(plural: str, name: str, kind: str, reason: str) -> dict[str, Any]:
        """Return the first state of an object in which a condition has a reason."""
        seen = watch.Watch().stream(
            ours.list_namespaced_custom_object,
            *(GROUP, VERSION, place, plural),
            field_selector=f"metadata.name={name}",
            timeout_seconds=60,
        )
        for event in seen:
            found: dict[str, Any] = event["object"]
            for one in found.get("status", {}).get("conditions", ()):
                if (one["type"], one["reason"]) == (kind, reason):
                    return found
        raise AssertionError(f"{plural} {name} was never {reason}")

    create("processapplications", "ProcessApplication", "shop", {"image": f"{IMAGE}:v1"})
    one = {"type": "manual", "manual": {"instanceCount": 1}}
    create("processes", "Process", "web", process("web", "web", scalingStrategy=one)["spec"])
    told = await_condition("processapplications", "shop", "Ready", "Released")
    assert told["status"]["servingRelease"] == {"name": "shop-1", "number": 1}
    deployment = apps.read_namespaced_deployment("shop-web", place)
    assert deployment.spec.template.spec.containers[0].image == f"{IMAGE}:v1"
    assert deployment.metadata.owner_references[0].kind == "Process"
    # Scaling waits, unless the application says that it acts at once.
    ours.patch_namespaced_custom_object(
        *(GROUP, VERSION, place, "processapplications", "shop"),
        {"spec": {"scalingPolicy": "immediate"}},
    )
    ours.patch_namespaced_custom_object_scale(
        *(GROUP, VERSION, place, "processes", "web"), {"spec": {"replicas": 2}}
    )
    for event in watch.Watch().stream(apps.list_namespaced_deployment, place, timeout_seconds=60):
        if event["object"].spec.replicas == 2:
            break
    else:
        raise AssertionError("the Deployment was never scaled")
    scale = ours.get_namespaced_custom_object_scale(GROUP, VERSION, place, "processes", "web")
    assert scale["spec"]["replicas"] == 2
    # What is wrong is told as an event that any tool shows.
    ours.patch_namespaced_custom_object(
        *(GROUP, VERSION, place, "processes", "web"),
        {"spec": {"resourceTypeRef": {"name": "gone"}}},
    )
    await_condition("processes", "web", "Ready", "ResourceTypeNotFound")
    with pytest.raises(client.ApiException) as refused:
        create("processes", "Process", "odd", {**OF, "key": "odd", "type": "daemon"})
    assert refused.value.status == 422
    assert "spec.type" in str(refused.value.body)
