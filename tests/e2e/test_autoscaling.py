"""Real CPU load makes a web process grow, and idleness makes it shrink again."""

import json

from clients import Http, Load
from running import until
from userside import Namespace, application, process

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
    with Load(lambda: Http(f"http://{address}/burn?ms=50"), clients=2):
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
