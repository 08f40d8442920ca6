"""What is said of pods is so in real ones: where they run, what they are called, whom they know."""

import json
from collections.abc import Callable

from clients import Http
from running import until
from userside import Namespace, application, process

ALIAS = {"ip": "192.0.2.7", "hostnames": ["legacy.example.com"]}
RESOLVER = {"searches": ["shop.example.com"], "options": [{"name": "ndots", "value": "3"}]}
SPREAD = {
    "topologyKey": "kubernetes.io/hostname",
    "maxSkew": 1,
    "whenUnsatisfiable": "DoNotSchedule",
}


def test_pods_have_what_application_and_process_say_of_them(here: Namespace, tiny: None) -> None:
    del tiny
    shared = {"labels": {"team": "a", "tier": "back"}, "hostAliases": [ALIAS]}
    own = {
        "labels": {"team": "b"},
        "annotations": {"example.com/note": "mine"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "topologySpreadConstraints": [SPREAD],
        "dnsConfig": RESOLVER,
        "imagePullPolicy": "IfNotPresent",
    }
    web = process("web", "web", resourceTypeRef={"name": "tiny"}, pod=own)
    here.release(application(pod=shared), web)
    selected = "process-operator.dev/process=web,team=b,tier=back"
    (name,) = here.kubectl("get", "pods", "-l", selected, "-o", "name").split()
    pod = here.get("pod", name.removeprefix("pod/"))
    assert pod["metadata"]["annotations"]["example.com/note"] == "mine"
    assert pod["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"

    def read(file: str) -> str:
        lines = f"while read line; do echo $line; done < {file}"
        return here.kubectl("exec", name, "-c", "process", "--", "sh", "-c", lines)

    assert "192.0.2.7 legacy.example.com" in read("/etc/hosts")
    assert "shop.example.com" in read("/etc/resolv.conf")
    assert "ndots:3" in read("/etc/resolv.conf")


def test_a_pod_that_no_node_takes_fails_its_release_and_the_old_one_serves(
    here: Namespace, tiny: None
) -> None:
    del tiny
    here.release(application(), process("web", "web", resourceTypeRef={"name": "tiny"}))
    here.deadline(5)
    here.patch("pproc", "web", {"spec": {"pod": {"nodeSelector": {"example.com/none": "x"}}}})
    here.wait_reason("pproc/web", "AwaitingRelease", of="Staged")
    here.patch("papp", "shop", {"spec": {"revision": "2"}})
    here.wait("prel/shop-2", "jsonpath={.status.state}=failed")
    failed = here.get("prel", "shop-2")["status"]["failure"]
    assert failed["reason"] in ("Unschedulable", "ProgressDeadlineExceeded")
    assert "node" in failed["sentence"]
    here.wait("pproc/web", "condition=Ready")


def test_a_size_may_request_less_than_it_allows_and_bring_devices(
    here: Namespace, kubectl: Callable[..., str]
) -> None:
    name = f"burst-{here.name}"
    device = f"{here.name}.example.com/gpu"
    size = {
        "apiVersion": "process-operator.dev/v1alpha1",
        "kind": "ProcessResourceType",
        "metadata": {"name": name},
        "spec": {
            "category": "hobby",
            "cpu": "1",
            "memory": "128Mi",
            "requests": {"cpu": "20m", "memory": "32Mi"},
            "cpuLimit": "none",
            "extended": {device: 1},
        },
    }
    here.apply(size)
    try:
        here.apply(application(), process("web", "web", resourceTypeRef={"name": name}))
        here.wait_reason("pproc/web", "Unschedulable")
        # As the plugin of a device would.
        [node] = json.loads(kubectl("get", "nodes", "-o", "json"))["items"]
        change = {"status": {"capacity": {device: "1"}}}
        patch = ("patch", "node", node["metadata"]["name"], "--subresource=status")
        kubectl(*patch, "--type=merge", "--patch", json.dumps(change))
        here.wait("pproc/web", "condition=Ready")
        [pod] = json.loads(here.kubectl("get", "pods", "-o", "json"))["items"]
    finally:
        kubectl("delete", "processresourcetype", name)
    assert pod["status"]["qosClass"] == "Burstable"
    assert pod["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "20m", "memory": "32Mi", device: "1"},
        "limits": {"memory": "128Mi", device: "1"},
    }


def test_a_worker_has_ports_and_a_probe_and_the_service_leads_to_them(
    here: Namespace, tiny: None
) -> None:
    del tiny
    metrics = {"name": "metrics", "port": 8080}
    mail = process(
        "mail",
        "worker",
        entrypoint="sample web",
        ports=[metrics],
        readinessProbe={"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1},
        resourceTypeRef={"name": "tiny"},
    )
    here.release(application(), mail)
    until(lambda: here.get("endpoints", "shop-mail").get("subsets") is not None)
    told = here.get("pproc", "mail")["status"]["internalHostname"]
    assert told.startswith("shop-mail.")
    address = here.get("service", "shop-mail")["spec"]["clusterIP"]
    assert Http(f"http://{address}:8080/version")() == "v1"
