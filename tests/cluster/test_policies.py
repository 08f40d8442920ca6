"""The admission policies that ship in deploy/policies, each bound to the test's namespace only."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import running
from userside import Body, Namespace, application, process

FOLDER = Path(__file__).parents[2] / "deploy" / "policies"
GROUP = "process-operator.dev"
KEY = "example.com/gpu"
SIZE = {"cpu": "10m", "memory": "16Mi"}


def bound_to(here: Namespace, file: str) -> list[Body]:
    """Return the policies of a file under names of their own, for one namespace."""
    made: list[Body] = list(yaml.safe_load_all((FOLDER / file).read_text()))
    for one in made:
        one["metadata"]["name"] += f"-{here.name}"
        if "policyName" in one["spec"]:
            one["spec"]["policyName"] += f"-{here.name}"
            only = {"matchLabels": {"kubernetes.io/metadata.name": here.name}}
            one["spec"]["matchResources"] = {"namespaceSelector": only}
    return made


@pytest.fixture
def policies(here: Namespace) -> Iterator[Callable[[str], None]]:
    made: list[Body] = []

    def install(file: str) -> None:
        made.extend(bound_to(here, file))
        here.apply(*made)

    yield install
    for one in made:
        here.kubectl("delete", one["kind"], one["metadata"]["name"], "--wait=false")


def allow(here: Namespace, *labels: str) -> None:
    here.kubectl("label", "namespace", here.name, *(f"{one}=" for one in labels))


def refused(here: Namespace, manifest: Body) -> str:
    """Return the words in which a manifest is refused, "" if it is taken."""
    try:
        here.kubectl(
            *("apply", "--server-side", "--dry-run=server", "-f", "-"), stdin=json.dumps(manifest)
        )
    except AssertionError as error:
        return str(error)
    return ""


def web(host: str) -> Body:
    return process("web", "web", ingress={"hosts": [{"host": host}]})


def in_pods(**settings: Any) -> Body:
    return process("worker", "worker", pod=settings)


def test_what_no_label_of_the_namespace_grants_is_refused_with_the_label_to_ask_for(
    here: Namespace, policies: Callable[[str], None]
) -> None:
    issuer = {"issuerRef": {"kind": "ClusterIssuer", "name": "letsencrypt"}}
    asked = {
        f"hosts.{GROUP}/<domain>": web("shop.example.com"),
        f"registries.{GROUP}/registry.example.com": application(image="registry.example.com/a:1"),
        f"registries.{GROUP}/docker.io": application(image="library/nginx:1"),
        f"resourcetypes.{GROUP}/s2": process("w", "worker", resourceTypeRef={"name": "s2"}),
        f"serviceaccounts.{GROUP}/builder": application(
            image="registry.example.com/a:1", serviceAccountName="builder"
        ),
        f"clusterissuers.{GROUP}/letsencrypt": application(
            image="registry.example.com/a:1", routing=issuer
        ),
        f"priorityclasses.{GROUP}/urgent": in_pods(priorityClassName="urgent"),
        f"runtimeclasses.{GROUP}/gvisor": in_pods(runtimeClassName="gvisor"),
        f"nodes.{GROUP}/<key>": in_pods(
            nodeSelector={KEY: "true"}, tolerations=[{"key": KEY, "operator": "Exists"}]
        ),
        f"csidrivers.{GROUP}/secrets.example.com": process(
            "w",
            "worker",
            volumes=[{"name": "a", "mountPath": "/a", "csi": {"driver": "secrets.example.com"}}],
        ),
    }
    assert [refused(here, one) for one in asked.values()] == [""] * len(asked)
    policies("tenants.yaml")
    running.until(lambda: all(refused(here, one) for one in asked.values()), seconds=30)
    allow(here, f"registries.{GROUP}/registry.example.com")
    registry = asked.pop(f"registries.{GROUP}/registry.example.com")
    running.until(lambda: not refused(here, registry), seconds=30)
    for label, manifest in asked.items():
        assert f"the platform for the label {label} on it" in refused(here, manifest), label
    named = {"<domain>": "example.com", "<key>": KEY.replace("/", "_")}
    for placeholder, name in named.items():
        asked = {label.replace(placeholder, name): one for label, one in asked.items()}
    allow(here, *asked)
    running.until(lambda: not any(refused(here, one) for one in asked.values()), seconds=30)
    assert refused(here, web("*.shop.example.com")) == ""
    assert "spec.ingress.hosts: notexample.com may not" in refused(here, web("notexample.com"))
    assert refused(here, process("worker", "worker")) == ""
    assert "spec.pod.tolerations" in refused(here, in_pods(tolerations=[{"operator": "Exists"}]))
    beside = {"name": "a", "image": "elsewhere.example.com/a", "resources": SIZE}
    for field in ("initContainers", "sidecars"):
        assert "images of elsewhere.example.com" in refused(here, in_pods(**{field: [beside]}))
    for key, words in (("example.com/other", "spec.pod.affinity.nodeAffinity"), (KEY, "")):
        term = {"matchExpressions": [{"key": key, "operator": "Exists"}]}
        needed = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
        liked = [{"weight": 1, "preference": term}]
        for affinity in (needed, {"preferredDuringSchedulingIgnoredDuringExecution": liked}):
            said = refused(here, in_pods(affinity={"nodeAffinity": affinity}))
            assert words in said, affinity
            assert bool(words) == bool(said), said


def test_only_the_operator_writes_records(here: Namespace, policies: Callable[[str], None]) -> None:
    here.release(application(), process("worker", "worker"))
    forger = f"--as=system:serviceaccount:{here.name}:default"
    allowed = f"--clusterrole=status-{here.name}"
    here.kubectl(
        *("create", "clusterrole", f"status-{here.name}", "--verb=get,patch"),
        f"--resource=processreleases.{GROUP},processreleases.{GROUP}/status",
    )
    here.kubectl(
        "create", "rolebinding", "forger", allowed, f"--serviceaccount={here.name}:default"
    )

    def forge() -> str:
        change = json.dumps({"status": {"state": "failed"}})
        try:
            here.kubectl(
                *("patch", "prel", "shop-1", "--subresource=status", "--type=merge"),
                *("-p", change, "--dry-run=server", forger),
            )
        except AssertionError as error:
            return str(error)
        return ""

    running.until(lambda: forge() == "", seconds=30)
    policies("records.yaml")
    running.until(lambda: "only the operator writes them" in forge(), seconds=30)
    here.apply(application(image="process-operator.dev/sample:v2"))
    here.wait("prel/shop-2", "jsonpath={.status.state}=success")
