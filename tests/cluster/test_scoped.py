"""An operator with rights in two namespaces only: it works there, and nowhere else.

It has a cluster of its own: in the shared one another operator looks after everybody.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import audit
import local_cluster
import operate
import render
import running
from local_cluster import Cluster
from userside import IMAGE, Namespace, application, process

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "build" / "cluster-scoped"
MINE = ("red", "blue")
WHO = f"--as=system:serviceaccount:{operate.NAMESPACE}:process-operator"


@dataclass(frozen=True, slots=True)
class Place:
    cluster: Cluster
    operator: running.Operator

    def namespace(self, name: str) -> Namespace:
        return Namespace(running.kubectl(self.cluster.kubectl, self.cluster.kubeconfig), name)

    def may(self, *what: str) -> bool:
        kubectl = running.kubectl(self.cluster.kubectl, self.cluster.kubeconfig)
        try:
            return kubectl("auth", "can-i", *what, WHO).strip() == "yes"
        except AssertionError:
            return False


@pytest.fixture
def place() -> Iterator[Place]:
    try:
        cluster = local_cluster.up("kwok", DIRECTORY)
        kubectl = running.kubectl(cluster.kubectl, cluster.kubeconfig)
        for name in (*MINE, "green"):
            kubectl("create", "namespace", name)
        operate.apply_kinds(cluster)
        scope = ("--set", f"watchNamespaces={{{','.join(MINE)}}}", "--set", "watchSecrets=true")
        rendered = render.template(*scope)
        operate.apply_rights_of(cluster, rendered)
        kubeconfig = local_cluster.service_account_kubeconfig(
            cluster, operate.NAMESPACE, "process-operator", DIRECTORY / "operator.kubeconfig"
        )
        log = DIRECTORY / "logs" / "operator.log"
        log.unlink(missing_ok=True)
        arguments = ("--watch-namespaces", ",".join(MINE), "--watch-secrets", "true")
        operator = running.Operator(kubeconfig, log, *arguments)
        try:
            operator.start()
            yield Place(cluster, operator)
        finally:
            operator.kill()
    finally:
        local_cluster.down(DIRECTORY)


def it_has_no_right_outside_but_to_read_sizes_and_classes(place: Place) -> None:
    for name in MINE:
        assert place.may("patch", "deployments", "-n", name)
    assert not place.may("patch", "deployments", "-n", "green")
    assert not place.may("list", "deployments", "-A")
    assert not place.may("list", "secrets", "-A")
    assert not place.may("list", "processes.process-operator.dev", "-A")
    assert not place.may("create", "processresourcetypes.process-operator.dev")
    assert place.may("list", "processresourcetypes.process-operator.dev")
    assert place.may("list", "ingressclasses.networking.k8s.io")


def it_works_in_each_of_its_namespaces_and_leaves_the_others_alone(place: Place) -> None:
    green = place.namespace("green")
    green.apply(application(), process("web", "web"))
    for name in MINE:
        here = place.namespace(name)
        migrate = process("migrate", "job", jobStartPolicy="beforeDeployment")
        here.release(application(), here.web(), migrate)
        here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
        here.wait("prel/shop-2", "jsonpath={.status.state}=success")
    for name in MINE:
        here = place.namespace(name)
        here.kubectl("delete", "deployment", "shop-web")
        here.wait("deployment/shop-web", "jsonpath={.status.availableReplicas}=1")
        here.kubectl("scale", "deployment", "shop-web", "--replicas=3")
        here.wait("deployment/shop-web", "jsonpath={.spec.replicas}=1")
    assert green.kubectl("get", "deployment,prel", "-o", "name") == ""
    assert green.get("papp", "shop")["status"]["observedGeneration"] == -1
    assert "Traceback" not in place.operator.log.read_text()


def a_changed_secret_waits_for_a_release_where_that_was_granted(place: Place) -> None:
    here = place.namespace(MINE[1])
    here.kubectl("create", "secret", "generic", "database", "--from-literal=password=old")
    worker = process("mail", "worker", envFrom=[{"secretRef": {"name": "database"}}])
    here.apply(worker)
    here.wait("pproc/mail", "condition=Ready")
    here.patch("papp", "shop", {"spec": {"revision": "with a worker"}})
    here.wait("prel/shop-3", "jsonpath={.status.state}=success")
    value = base64.b64encode(b"new").decode()
    here.patch("secret", "database", {"data": {"password": value}})
    here.wait("pproc/mail", "jsonpath={.status.pending[0].field}=Secret/database")
    here.patch("papp", "shop", {"spec": {"release": {"onConfigChange": True}}})
    here.wait("prel/shop-4", "jsonpath={.status.state}=success")
    assert here.get("prel", "shop-4")["status"]["trigger"] == "configuration"
    text = json.dumps(here.get("prel", "shop-4"))
    assert value not in text
    assert "password" not in text


def a_restart_writes_nothing(place: Place) -> None:
    assert place.cluster.audit_log is not None
    before = [audit.writes(place.cluster.audit_log, name) for name in MINE]
    assert all(before)
    place.operator.kill()
    place.operator.start()
    assert [audit.writes(place.cluster.audit_log, name) for name in MINE] == before


def what_happens_while_its_watches_are_renewed_is_seen(place: Place) -> None:
    """A watch ends every ten seconds, each for itself: nothing falls in between."""
    here, other = (place.namespace(name) for name in MINE)
    for number in range(12):
        here.kubectl("delete", "service", "shop-web", "--wait=false")
        here.wait("service/shop-web", "jsonpath={.spec.type}=ClusterIP")
        other.patch("pproc", "web", {"spec": {"displayName": f"number {number}"}})
    assert "lost the watch" not in place.operator.log.read_text()


@pytest.mark.first
def test_an_operator_of_two_namespaces_works_there_and_nowhere_else(place: Place) -> None:
    it_has_no_right_outside_but_to_read_sizes_and_classes(place)
    it_works_in_each_of_its_namespaces_and_leaves_the_others_alone(place)
    a_changed_secret_waits_for_a_release_where_that_was_granted(place)
    a_restart_writes_nothing(place)
    what_happens_while_its_watches_are_renewed_is_seen(place)
