"""The cluster's own autoscaler drives a Process by its scale subresource, on a queue's length."""

from collections.abc import Callable, Iterator

import pytest

import external_metrics
from external_metrics import Metrics
from local_cluster import DIRECTORY, certificates, state
from running import until
from userside import Body, Namespace, application, process

QUEUE = "queue_length"
ONE: Body = {"type": "manual", "manual": {"instanceCount": 1}}


@pytest.fixture(scope="module")
def metrics(kubectl: Callable[..., str]) -> Iterator[Metrics]:
    network = state.load(DIRECTORY).network
    assert network is not None
    store = certificates.Store(DIRECTORY / "certificates")
    name = "metrics-server-serving"
    with external_metrics.serve(
        network.gateway, store.certificate(name), store.key(name)
    ) as served:
        here = Namespace(kubectl, "kube-system")
        here.apply(*map(dict, served.server.manifests()))
        here.wait(f"apiservice/{served.server.api}", "condition=Available")
        yield served
        for one in served.server.manifests():
            here.kubectl("delete", one["kind"], one["metadata"]["name"])


def autoscaler(process: str) -> Body:
    """Return an autoscaler that wants five entries of the queue for each instance."""
    api = "process-operator.dev/v1alpha1"
    at_once = {"stabilizationWindowSeconds": 0}
    target = {"type": "AverageValue", "averageValue": "5"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "by-queue"},
        "spec": {
            "scaleTargetRef": {"apiVersion": api, "kind": "Process", "name": process},
            "minReplicas": 1,
            "maxReplicas": 4,
            "metrics": [
                {"type": "External", "external": {"metric": {"name": QUEUE}, "target": target}}
            ],
            "behavior": {"scaleUp": at_once, "scaleDown": at_once},
        },
    }


def sizes(here: Namespace) -> tuple[int, int]:
    """Return what the Process asks for and what its Deployment has."""
    asked = here.get("pproc", "mail")["spec"]["scalingStrategy"]["manual"]["instanceCount"]
    return asked, here.get("deployment", "shop-mail")["spec"]["replicas"]


@pytest.mark.first
def test_an_autoscaler_drives_a_process_to_zero_and_back(
    here: Namespace, metrics: Metrics, tiny: None
) -> None:
    del tiny
    metrics.values[here.name, QUEUE] = 3
    mail = process("mail", "worker", resourceTypeRef={"name": "tiny"}, scalingStrategy=ONE)
    here.release(application(scalingPolicy="immediate"), mail)
    here.apply(autoscaler("mail"))
    here.wait("hpa/by-queue", "condition=ScalingActive")
    metrics.values[here.name, QUEUE] = 14
    until(lambda: sizes(here) == (3, 3), seconds=90)
    here.wait("pproc/mail", "jsonpath={.status.instances}=3/3")
    # A release in between takes nothing of that away.
    here.patch("papp", "shop", {"spec": {"revision": "2"}})
    here.wait("prel/shop-2", "jsonpath={.status.state}=success")
    assert sizes(here) == (3, 3)
    metrics.values[here.name, QUEUE] = 0
    until(lambda: sizes(here) == (1, 1), seconds=90)
    # To zero it is somebody else who scales: with that the autoscaler rests.
    here.kubectl("scale", "pproc", "mail", "--replicas=0")
    here.wait_reason("pproc/mail", "ScaledToZero", of="Available")
    metrics.values[here.name, QUEUE] = 100
    resting = "{.status.conditions[?(@.type=='ScalingActive')].reason}=ScalingDisabled"
    here.wait("hpa/by-queue", f"jsonpath={resting}")
    assert sizes(here) == (0, 0)
    here.kubectl("scale", "pproc", "mail", "--replicas=1")
    until(lambda: sizes(here) == (4, 4), seconds=90)
    here.wait("pproc/mail", "jsonpath={.status.instances}=4/4")
