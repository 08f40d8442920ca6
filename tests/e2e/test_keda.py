"""The real KEDA drives a Process by its scale subresource, from nothing and back to nothing."""

from collections.abc import Iterator

import pytest

import external_metrics
from external_metrics import Metrics
from local_cluster import DIRECTORY, Cluster, certificates, keda, state
from running import until
from userside import Body, Namespace, application, process

pytestmark = pytest.mark.keda

QUEUE = "queue_length"


@pytest.fixture
def metrics(cluster: Cluster) -> Iterator[Metrics]:
    network = state.load(DIRECTORY).network
    assert network is not None
    keda.ensure(cluster, network)
    store = certificates.Store(DIRECTORY / "certificates")
    name = "metrics-server-serving"
    with external_metrics.serve(
        network.gateway, store.certificate(name), store.key(name)
    ) as served:
        yield served
    keda.stop(cluster)


def scaled_object(here: Namespace, metrics: Metrics) -> Body:
    """Return what wants five entries of the queue for each instance, and none for an empty one."""
    asked = {
        "url": metrics.url(here.name, QUEUE),
        "valueLocation": "value",
        "targetValue": "5",
        "unsafeSsl": "true",
    }
    at_once = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "mail"},
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "process-operator.dev/v1alpha1",
                "kind": "Process",
                "name": "mail",
            },
            "pollingInterval": 1,
            "cooldownPeriod": 1,
            "minReplicaCount": 0,
            "maxReplicaCount": 4,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": at_once}},
            "triggers": [{"type": "metrics-api", "metadata": asked}],
        },
    }


def size(here: Namespace) -> int:
    found: int = here.get("deployment", "shop-mail")["spec"]["replicas"]
    return found


def test_keda_starts_a_process_for_a_queue_and_ends_it_with_it(
    here: Namespace, metrics: Metrics, tiny: None
) -> None:
    del tiny
    one = {"type": "manual", "manual": {"instanceCount": 1}}
    mail = process("mail", "worker", resourceTypeRef={"name": "tiny"}, scalingStrategy=one)
    here.release(application(scalingPolicy="immediate"), mail)
    here.apply(scaled_object(here, metrics))
    until(lambda: size(here) == 0, seconds=120)
    here.wait_reason("pproc/mail", "ScaledToZero", of="Available")
    metrics.values[here.name, QUEUE] = 14
    until(lambda: size(here) == 3, seconds=120)
    here.wait("pproc/mail", "jsonpath={.status.instances}=3/3")
    # A release in between takes nothing of that away.
    here.patch("papp", "shop", {"spec": {"revision": "2"}})
    here.wait("prel/shop-2", "jsonpath={.status.state}=success")
    assert size(here) == 3
    metrics.values[here.name, QUEUE] = 0
    until(lambda: size(here) == 0, seconds=120)
    here.wait_reason("pproc/mail", "ScaledToZero", of="Available")
