"""The chart before a real API server: every variant is accepted, and both Helms really use it."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import installation
import render
from installation import CHART, Helm
from local_cluster import Cluster, ClusterError, build, foreign_kinds

KUBE_VERSION = f"--kube-version={build.KUBERNETES_VERSION}"
POD = "nodeSelector.disk=fast,tolerations[0].operator=Exists,priorityClassName=high,podLabels.a=b"
NODES = (
    "operator.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
    ".nodeSelectorTerms[0].matchExpressions[0]"
)
VARIANTS: dict[str, list[str]] = {
    "the defaults": [],
    "one replica": ["operator.replicas=1", "operator.podDisruptionBudget=false"],
    "by digest": [f"image.digest=sha256:{'a' * 64}", "imagePullSecrets[0].name=registry"],
    "other names": ["fullnameOverride=ops", "commonLabels.team=blue", "commonAnnotations.a=b"],
    "without CRDs and sizes": ["crds.install=false", "resourceTypes.install=false"],
    "CRDs that go": ["crds.keep=false"],
    "rights by somebody else": [
        "rbac.create=false",
        "serviceAccount.create=false",
        "serviceAccount.name=mine",
    ],
    "not aggregated": ["rbac.aggregate=false"],
    "pods of a choosy platform": [
        *(f"operator.{one}" for one in POD.split(",")),
        f"{NODES}.key=a",
        f"{NODES}.operator=Exists",
        "operator.topologySpreadConstraints[0].maxSkew=1",
        "operator.topologySpreadConstraints[0].topologyKey=zone",
        "operator.topologySpreadConstraints[0].whenUnsatisfiable=DoNotSchedule",
        "operator.extraArgs[0]=--election=true",
        "operator.extraEnv[0].name=A",
        "operator.extraEnv[0].value=b",
        "operator.extraVolumes[0].name=more",
        "operator.extraVolumes[0].emptyDir.medium=Memory",
        "operator.extraVolumeMounts[0].name=more",
        "operator.extraVolumeMounts[0].mountPath=/more",
        "operator.allowedIngressAnnotations[0]=example.com/*",
    ],
    "some namespaces": ["watchNamespaces={default,kube-public}", "rbac.aggregate=false"],
    "egress to the API server only": ["networkPolicy.egress[0].ports[0].port=6443"],
    "no policy of ours": ["networkPolicy.enabled=false", "policies.records=false"],
    "tenants": ["policies.tenants=true"],
    "traces": ["traces.enabled=true", "traces.endpoint=http://collector.monitoring:4318"],
    "the API": ["api.enabled=true"],
    "the API with commands": ["api.enabled=true", "api.exec.enabled=true"],
    "the API with new projects": ["api.enabled=true", "api.projects.enabled=true"],
    "the API with webhooks": [
        "api.enabled=true",
        "api.webhooks.enabled=true",
        "api.webhooks.networks={10.1.0.0/16,fd00::/8}",
    ],
    "the API behind an Ingress": [
        "api.enabled=true",
        "api.ingress.enabled=true",
        "api.ingress.host=api.example.com",
        "api.ingress.className=traefik",
        "api.ingress.tlsSecretName=certificate",
        "api.ingress.annotations.a=b",
    ],
    "the API with TLS of its own": [
        "api.enabled=true",
        "api.tlsSecretName=certificate",
        "api.service.type=LoadBalancer",
        "api.service.annotations.a=b",
        *(f"api.{one}" for one in POD.split(",")),
    ],
}
LINTED = (
    "pods of a choosy platform",
    "egress to the API server only",
    "some namespaces",
    "tenants",
    "the API behind an Ingress",
)
"""Variants that go together: one look at them is one at all templates."""
REFUSED = {
    "operator.replicas=many": "replicas",
    "operator.replica=2": "replica",
    "image.digest=sha256:short": "digest",
    "operator.logLevel=loud": "logLevel",
    "serviceAccount.create=false": "serviceAccount.name is required",
    "api.enabled=true,api.ingress.enabled=true": "api.ingress.host is required",
}


MONITORED = {
    "found by the Prometheus operator": [
        "metrics.podMonitor.enabled=true",
        "metrics.podMonitor.labels.release=prometheus",
        "metrics.alerts=true",
        "metrics.dashboard=true",
        "metrics.perApplication=true",
        "api.enabled=true",
    ],
}
"""With kinds of the Prometheus operator."""


def settings(values: list[str]) -> list[str]:
    return [part for one in values for part in ("--set", one)]


@pytest.fixture(scope="session")
def foreign(cluster: Cluster) -> None:
    """Install the kinds that the chart makes objects of where a platform has them."""
    foreign_kinds.ensure(cluster, foreign_kinds.PROMETHEUS_OPERATOR)


@pytest.mark.parametrize("variant", [*VARIANTS, *MONITORED])
def test_every_variant_is_accepted_by_the_server(
    variant: str, kubectl: Callable[..., str], namespace: str, foreign: None
) -> None:
    del foreign
    text = render.template(*settings((VARIANTS | MONITORED)[variant])).replace(
        f"namespace: {render.NAMESPACE}", f"namespace: {namespace}"
    )
    assert text.count("\nkind: ") > 5
    how = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
    kubectl("apply", *how, "-f", "-", stdin=text)


def test_the_rendered_file_is_accepted_and_can_be_a_base(
    kubectl: Callable[..., str], tmp_path: Path
) -> None:
    rendered = installation.CHECKOUT / "deploy" / "install.yaml"
    (tmp_path / "install.yaml").write_text(rendered.read_text())
    (tmp_path / "kustomization.yaml").write_text(
        "resources: [install.yaml]\nimages: [{name: process-operator.dev/process-operator, "
        "newName: registry.example.com/process-operator, newTag: v9}]\n"
    )
    made = kubectl("kustomize", str(tmp_path))
    assert "image: registry.example.com/process-operator:v9" in made


def test_the_alerts_ask_for_the_lease_that_the_operator_takes() -> None:
    text = render.template(*settings(["fullnameOverride=ops", "metrics.alerts=true"]))
    made = {one["kind"]: one["spec"] for one in yaml.safe_load_all(text) if one and "spec" in one}
    (operator,) = made["Deployment"]["template"]["spec"]["containers"]
    assert "--lease-name=ops" in operator["args"]
    rules = [one["expr"] for group in made["PrometheusRule"]["groups"] for one in group["rules"]]
    of_leaders = [one for one in rules if "leader_election_master_status" in one]
    assert len(of_leaders) == 2
    assert all('{name="ops"}' in one and "process-operator" not in one for one in of_leaders)


@pytest.mark.parametrize("version", [3, 4])
def test_helm_finds_nothing_to_complain_of(version: int, cluster: Cluster) -> None:
    for values in ([], [one for variant in LINTED for one in VARIANTS[variant]]):
        Helm(cluster, version)("lint", "--strict", str(CHART), KUBE_VERSION, *settings(values))


@pytest.mark.parametrize("value", REFUSED)
def test_a_wrong_value_is_refused_by_its_name(value: str, cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match=REFUSED[value]):
        Helm(cluster)("template", str(CHART), KUBE_VERSION, *settings([value]))


@pytest.mark.parametrize("version", [3, 4])
def test_helm_installs_upgrades_goes_back_and_uninstalls(
    version: int, cluster: Cluster, kubectl: Callable[..., str], namespace: str
) -> None:
    """Without what the whole cluster has once: this one has an operator already."""
    helm, name = Helm(cluster, version), f"own{version}-{uuid.uuid4().hex[:6]}"
    shared = settings(["crds.install=false", "policies.records=false", "rbac.aggregate=false"])
    where = ("--namespace", namespace)

    def here(kind: str) -> list[str]:
        found = json.loads(
            kubectl(
                *("get", kind, "--all-namespaces", "-o", "json"),
                *("-l", f"app.kubernetes.io/instance={name}"),
            )
        )
        return [one["metadata"]["name"] for one in found["items"]]

    def deployments() -> list[str]:
        return here("deployment")

    full = f"{name}-process-operator"
    wait = ("--wait", "--timeout=120s")
    said = helm("install", name, str(CHART), *where, *shared, *wait)
    assert "Your first application" in said
    assert deployments() == [full]
    helm("upgrade", name, str(CHART), *where, *shared, *settings(["api.enabled=true"]), *wait)
    assert sorted(deployments()) == [full, f"{full}-api"]
    helm("rollback", name, "1", *where, *wait)
    assert deployments() == [full]
    helm("uninstall", name, *where, "--wait")
    kinds = "deployment,configmap,serviceaccount,clusterrole,clusterrolebinding,networkpolicy,pdb"
    assert here(kinds) == []
