"""Containers beside the process that could not be what is meant are refused, with the remedy."""

from typing import Any

import pytest

import make
from process_operator.controller.resolve.application import resolve
from process_operator.controller.resolve.refusal import Refusal

SIZE = {"cpu": "10m", "memory": "16Mi"}


def refusal(
    application: dict[str, Any] | None = None,
    process: dict[str, Any] | None = None,
    **more: Any,
) -> Refusal | None:
    shop = make.application(pod=application, **more)
    web = make.process(pod=process)
    return resolve(make.observed(application=shop, processes=[web]), shop).refusals.get(web.uid)


def container(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "a", "resources": SIZE, **more}


def test_one_name_for_an_init_container_and_a_sidecar_is_refused_across_objects() -> None:
    found = refusal({"initContainers": [container()]}, {"sidecars": [container()]})
    assert found is not None
    assert (found.reason, '"a" is an init container and a sidecar' in found.message) == (
        "PodRefused",
        True,
    )
    assert refusal({"sidecars": [container()]}, {"sidecars": [container(image="b")]}) is None


def test_a_mount_of_no_volume_is_refused() -> None:
    mount = [{"name": "cache", "mountPath": "/cache"}]
    found = refusal(process={"sidecars": [container(volumeMounts=mount)]})
    assert found is not None
    assert found.reason == "PodRefused"
    assert found.message.startswith(
        'spec.pod: volumeMounts of container "a" name no volume: "cache"; add it to spec.volumes'
    )
    shared = [{"name": "cache", "mountPath": "/var/cache", "emptyDir": {}}]
    assert refusal(process={"sidecars": [container(volumeMounts=mount)]}, volumes=shared) is None


@pytest.mark.parametrize("level", [None, "restricted"])
def test_a_container_of_root_is_refused_under_restricted(level: str | None) -> None:
    root = {"initContainers": [container(securityContext={"runAsUser": 0})]}
    found = refusal(root, podSecurity=level)
    assert found is not None
    assert found.reason == "PodSecurityRefused"
    assert refusal(root, podSecurity="baseline") is None
