"""Real CPU load makes a web process grow, and idleness makes it shrink again."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clients import Http, Load
from running import until
from userside import IMAGE, Namespace, application, process

PACE = {
    "minInstanceCount": 1,
    "maxInstanceCount": 3,
    "targetCPUPercent": 50,
    "scaleUpIntervalSeconds": 5,
    "scaleUpIncrement": 1,
    "scaleDownIntervalSeconds": 5,
    "scaleDownIncrement": 5,
}


def size(here: Namespace) -> int:
    found: int = here.get("deployment", "shop-web")["spec"]["replicas"]
    return found


@pytest.mark.first
def test_load_adds_instances_and_idleness_takes_them_away(here: Namespace, tiny: None) -> None:
    del tiny
    scaling = {"type": "horizontal", "horizontal": PACE}
    probe = {"httpGet": {"path": "/readyz"}, "periodSeconds": 1}
    here.release(
        application(),
        process(
            "web",
            "web",
            resourceTypeRef={"name": "tiny"},
            scalingStrategy=scaling,
            readinessProbe=probe,
        ),
    )
    address = here.get("service", "shop-web")["spec"]["clusterIP"]
    with Load(lambda: Http(f"http://{address}/burn?ms=50", keep=False), clients=2):
        until(lambda: size(here) > 1, seconds=180)
    managers = [
        entry["manager"]
        for entry in json.loads(
            here.kubectl(
                "get", "deployment", "shop-web", "-o", "json", "--show-managed-fields=true"
            )
        )["metadata"]["managedFields"]
        if "f:replicas" in entry["fieldsV1"].get("f:spec", {})
    ]
    assert managers == ["kube-controller-manager"]
    until(lambda: size(here) == 1, seconds=240)
    here.wait("pproc/web", "condition=Ready")


@contextmanager
def sizes(kubeconfig: Path, program: Path, here: Namespace) -> Iterator[list[int]]:
    """Record every size that the Deployment is seen to have, without a gap between two looks."""
    command = [
        *(str(program), "--kubeconfig", str(kubeconfig), "-n", here.name),
        *("get", "deployment", "shop-web", "--watch", "-o", 'jsonpath={.spec.replicas}{"\\n"}'),
    ]
    seen: list[int] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watch:
        try:
            yield seen
        finally:
            watch.terminate()
            output, _ = watch.communicate()
            seen += [int(line) for line in output.split()]


def test_the_hand_over_between_manual_and_horizontal_dips_in_neither_direction(
    here: Namespace, tiny: None, kubeconfig: Path, program: Path
) -> None:
    del tiny
    three = {"type": "manual", "manual": {"instanceCount": 3}}
    pace = PACE | {"minInstanceCount": 3, "maxInstanceCount": 4}
    horizontal = {"type": "horizontal", "horizontal": pace, "manual": None}
    here.release(
        application(scalingPolicy="immediate"),
        process("web", "web", resourceTypeRef={"name": "tiny"}, scalingStrategy=three),
    )
    address = here.get("service", "shop-web")["spec"]["clusterIP"]
    with (
        sizes(kubeconfig, program, here) as seen,
        Load(lambda: Http(f"http://{address}/burn?ms=50", keep=False), clients=4),
    ):
        here.patch("pproc", "web", {"spec": {"scalingStrategy": horizontal}})
        until(lambda: size(here) == 4, seconds=180)
        here.patch("pproc", "web", {"spec": {"scalingStrategy": three | {"horizontal": None}}})
        here.wait_gone("hpa/shop-web")
        until(lambda: size(here) == 3)
        here.wait("pproc/web", "condition=Ready")
    assert (seen[0], seen[-1], min(seen), max(seen)) == (3, 3, 3, 4)


def test_an_autoscaler_of_ones_own_has_the_size_to_itself(here: Namespace, tiny: None) -> None:
    del tiny
    external = {"type": "external"}
    web = process("web", "web", resourceTypeRef={"name": "tiny"}, scalingStrategy=external)
    here.release(application(), web)
    assert size(here) == 1
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop-web"}
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    own = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "mine"},
        "spec": {
            "scaleTargetRef": target,
            "minReplicas": 2,
            "maxReplicas": 2,
            "metrics": [{"type": "Resource", "resource": cpu}],
        },
    }
    here.apply(own)
    until(lambda: size(here) == 2, seconds=90)
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
    here.wait("prel/shop-2", "jsonpath={.status.state}=success")
    assert size(here) == 2
    assert here.get("pproc", "web")["status"]["replicas"] == 2
    # And one that goes down to nothing.
    here.kubectl("delete", "hpa", "mine")
    here.kubectl("scale", "deployment", "shop-web", "--replicas=0")
    here.wait_reason("pproc/web", "ScaledToZero", of="Available")
    assert size(here) == 0
