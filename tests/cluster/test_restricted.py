"""What the builders make, before a real API server: it is admitted, and kept as it is declared.

Input is random but valid: drawn from the schemas of the CRDs, and put before the server first,
whose rules throw out what a schema alone cannot.
"""

import json
import string
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import plain
import schema_strategies
from process_operator.controller.build import pod
from process_operator.controller.observe.records import (
    ApplicationKey,
    CustomResource,
    ObservedState,
)
from process_operator.controller.resolve import target
from process_operator.controller.resolve.application import resolve
from process_operator.controller.resolve.refusal import Refusal
from process_operator.kube import names
from process_operator.models.application import ApplicationSpec
from process_operator.models.process import ProcessSpec
from process_operator.models.resource_type import ResourceTypeSpec
from process_operator.models.status import Status
from process_operator.schema import kinds

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/pure/golden/manifests"

RUNTIME: dict[str, Any] = {
    "apiVersion": "node.k8s.io/v1",
    "kind": "RuntimeClass",
    "metadata": {"name": "runtime-under-test"},
    "handler": "runc",
}
_NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
_CPU = st.one_of(
    st.from_regex(r"[1-9][0-9]{0,3}m|[1-9][0-9]?(\.[0-9]{1,3})?|0\.[1-9][0-9]?", fullmatch=True),
    st.integers(1, 64),
)
_BYTES = st.one_of(
    st.from_regex(r"[1-9][0-9]{0,3}(\.[0-9]{1,2})?(Gi|G)|[1-9][0-9]{1,5}(Mi|M)", fullmatch=True),
    st.sampled_from(["1e9", "123456Ki", "20000k", "1024Mi", "3E+7"]),
    st.integers(2**24, 2**40),
)
_TOLERATIONS = st.lists(
    st.sampled_from(
        [
            {"operator": "Exists"},
            {"key": "example.com/pool", "operator": "Equal", "value": "fast"},
            {"key": "pool", "value": "", "effect": "NoSchedule"},
            {"key": "pool", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 0},
        ]
    ),
    max_size=3,
)
_PATH = st.lists(
    st.text(string.ascii_lowercase + ".-_", min_size=1, max_size=6), min_size=1, max_size=3
)
_ITEM: dict[str, Any] = {"image": "a", "resources": {"cpu": "10m", "memory": "16Mi"}}
_WAYS: list[dict[str, Any]] = [
    {},
    {"securityContext": {"runAsUser": 0}},
    {"securityContext": {"runAsGroup": 0, "readOnlyRootFilesystem": False}},
    {"env": [{"name": "A", "value": ""}], "envFrom": [{"prefix": "", "secretRef": {"name": "a"}}]},
    {"command": ["a"], "args": [""], "resources": {"cpu": 1, "memory": "0.5Gi"}},
]
_RUNNING: list[dict[str, Any]] = [
    *_WAYS,
    {"startupProbe": {"tcpSocket": {"port": 1}}, "readinessProbe": {"grpc": {"port": 2}}},
    {"livenessProbe": {"httpGet": {"port": 3, "host": "a"}, "initialDelaySeconds": 0}},
]


def _beside(name: str, ways: list[dict[str, Any]]) -> st.SearchStrategy[Any]:
    return st.lists(st.sampled_from(ways), max_size=2).map(
        lambda found: [{**_ITEM, "name": f"{name}-{i}", **one} for i, one in enumerate(found)]
    )


_AFFINITIES: list[dict[str, Any]] = [
    {},
    {"nodeAffinity": {}, "podAffinity": {}},
    {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}
                ]
            }
        },
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 1,
                    "podAffinityTerm": {
                        "labelSelector": {"matchLabels": {}},
                        "topologyKey": "kubernetes.io/hostname",
                    },
                }
            ]
        },
    },
]
_BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    # What only a rule says, and is worth drawing well rather than often.
    "applicationRef": st.just({"name": "shop"}),
    "resourceTypeRef": st.just({"name": "s1"}),
    "cpu": _CPU,
    "memory": _BYTES,
    "sizeLimit": _BYTES,
    "tolerations": _TOLERATIONS,
    "divisor": st.sampled_from(["1", 1]),
    "mountPath": _PATH.map(lambda parts: "/" + "/".join(parts)),
    "subPath": _PATH.map("/".join),
    "path": _PATH.map("/".join),
    "schedule": st.sampled_from(["0 6 * * 1-5", "@daily", "*/5 * * * *"]),
    "timeZone": st.sampled_from(["UTC", "Europe/Berlin"]),
    "host": st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8}){0,2}", fullmatch=True),
    "annotations": st.just({}),
    "routing": st.just({}),
    # Pods of other levels are not for a namespace that enforces `restricted`.
    "podSecurity": st.just("restricted"),
    # Root is refused, and drawn often enough to be tried.
    "runAsUser": st.one_of(st.just(0), st.integers(1, 2**31 - 1)),
    # The server refuses pods of a ServiceAccount that does not exist.
    "serviceAccountName": st.just("default"),
    # As it does those of a class that does not.
    "priorityClassName": st.just("system-cluster-critical"),
    "runtimeClassName": st.just(RUNTIME["metadata"]["name"]),
    "ip": st.sampled_from(["192.0.2.7", "2001:db8::7"]),
    "nameservers": st.lists(st.sampled_from(["192.0.2.53", "2001:db8::53"]), max_size=2),
    "sidecars": _beside("side", _RUNNING),
    "initContainers": _beside("init", _WAYS),
    "affinity": st.sampled_from(_AFFINITIES),
    "storage": _BYTES,
    "labels": st.sampled_from([{}, {"team": "a"}, {"example.com/team": ""}]),
}
_KINDS = {kind.kind: kind for kind in kinds.KINDS}
_APPLICATIONS, _PROCESSES, _RESOURCE_TYPES = (
    schema_strategies.Drawing(by_name=_BY_NAME).value(schema_strategies.spec_schema(kind))
    for kind in (names.APPLICATION_KIND, names.PROCESS_KIND, names.RESOURCE_TYPE_KIND)
)


@pytest.fixture(scope="module", autouse=True)
def _installed(kubeconfig: Path, kubectl: Callable[..., str]) -> None:
    assert kubeconfig.exists()
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(RUNTIME))
    kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(ROOT / "crds"))


@pytest.fixture
def restricted(api: plain.ApiServer, namespace: str) -> str:
    """Return a namespace that enforces `restricted`, with the ServiceAccount that pods need."""
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    own = f"/api/v1/namespaces/{namespace}"
    status, _ = api.send("PATCH", own, {"metadata": {"labels": label}}, kind=plain.MERGE)
    assert status == 200
    # Where a controller makes it too, it may have come first.
    status, _ = api.send(
        "POST",
        f"{own}/serviceaccounts",
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}},
    )
    assert status in {201, 409}
    return namespace


def _dry_run(api: plain.ApiServer, path: str, body: Any) -> tuple[int, dict[str, Any]]:
    return api.send("POST", path, body, dryRun="All", fieldValidation="Strict")


def _valid(api: plain.ApiServer, kind: str, namespace: str, name: str, spec: Any) -> bool:
    """Return whether the server takes an object of ours."""
    found = _KINDS[kind]
    scope = f"/namespaces/{namespace}" if found.namespaced else ""
    made = {"apiVersion": names.API_VERSION, "kind": kind, "metadata": {"name": name}}
    path = f"/apis/{names.API_VERSION}{scope}/{found.plural}"
    status, answer = _dry_run(api, path, made | {"spec": spec})
    assert status in {201, 422}, answer
    return status == 201


def _owned(kind: str, namespace: str, name: str, spec: Any) -> CustomResource[Any, Any]:
    return CustomResource(
        kind=kind,
        namespace=namespace,
        name=name,
        uid=f"uid-of-{name}",
        resource_version="1",
        generation=1,
        created_at=_NOW,
        seen_at=_NOW,
        deleting=False,
        owner_uid=None,
        generated=False,
        spec=spec,
        status=Status(),
    )


def _target(namespace: str, application: Any, process: Any, size: Any) -> target.Target | Refusal:
    shop = _owned(
        names.APPLICATION_KIND, namespace, "shop", ApplicationSpec.model_validate(application)
    )
    front = _owned(names.PROCESS_KIND, namespace, "front", ProcessSpec.model_validate(process))
    s1 = _owned(names.RESOURCE_TYPE_KIND, "", "s1", ResourceTypeSpec.model_validate(size))
    observed = ObservedState(
        key=ApplicationKey(namespace, "shop"),
        now=_NOW,
        application=shop,
        processes=(front,),
        releases=(),
        resource_types={"s1": s1},
        ingress_classes=(),
        children={},
        pods=(),
        probe_failures={},
        changed_at=_NOW,
        in_progress_since={},
        refused={},
        allowed_annotations=(),
    )
    resolved = resolve(observed, shop)
    if front.uid in resolved.refusals:
        return resolved.refusals[front.uid]
    assert resolved.candidate is not None
    return target.target(observed, shop, front, resolved.candidate, resolved.entries[front.uid])


def _lost(declared: Any, live: Any, at: str = "") -> Iterator[str]:
    """Yield each place where the live object does not hold what was declared."""
    if isinstance(declared, dict) and isinstance(live, dict):
        for key, value in declared.items():
            yield from _lost(value, live.get(key), f"{at}.{key}")
    elif isinstance(declared, list) and isinstance(live, list) and len(declared) <= len(live):
        for index, value in enumerate(declared):
            yield from _lost(value, live[index], f"{at}[{index}]")
    elif declared != live or type(declared) is not type(live):
        yield f"{at}: {declared!r} became {live!r}"


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)
@given(application=_APPLICATIONS, process=_PROCESSES, size=_RESOURCE_TYPES)
def test_pods_of_any_valid_process_are_admitted_where_restricted_is_enforced(
    api: plain.ApiServer,
    restricted: str,
    application: dict[str, Any],
    process: dict[str, Any],
    size: dict[str, Any],
) -> None:
    application["image"] = application.get("image", "registry.example.com/shop:1")
    process["resourceTypeRef"] = {"name": "s1"}
    assume(_valid(api, names.APPLICATION_KIND, restricted, "shop", application))
    assume(_valid(api, names.PROCESS_KIND, restricted, "front", process))
    assume(_valid(api, names.RESOURCE_TYPE_KIND, "", "size-under-test", size))

    found = _target(restricted, application, process, size)
    if isinstance(found, Refusal):
        assert found.reason == "PodSecurityRefused"
        assert '"runAsUser": 0' in json.dumps([application, process, size])
        return
    template = pod.template(found)
    made = {"apiVersion": "v1", "kind": "Pod", **template}
    made["metadata"] = {**template["metadata"], "name": "pod"}
    status, live = _dry_run(api, f"/api/v1/namespaces/{restricted}/pods", made)
    assert status == 201, live["message"]
    assert [*_lost(template, live)] == []


def test_every_golden_manifest_is_kept_as_it_is_declared(
    kubectl: Callable[..., str], namespace: str
) -> None:
    declared = [
        {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}
        for file in sorted(GOLDEN.glob("*/expected.yaml"))
        for manifest in yaml.safe_load_all(file.read_text())
        if manifest["kind"] != "HTTPRoute"
    ]
    text = yaml.safe_dump_all(declared)
    arguments = ("--server-side", "--dry-run=server", "--validate=strict", "-o", "json")
    live = json.loads(kubectl("apply", *arguments, "-f", "-", stdin=text))["items"]
    assert len(live) == len(declared)
    assert [
        lost for mine, its in zip(declared, live, strict=True) for lost in _lost(mine, its)
    ] == []


def test_a_pod_of_root_is_what_restricted_refuses(api: plain.ApiServer, restricted: str) -> None:
    """So that a process of root is refused before it is released, and for no other reason."""
    found = _target(
        restricted,
        {"image": "registry.example.com/shop:1"},
        {
            "applicationRef": {"name": "shop"},
            "key": "front",
            "type": "worker",
            "resourceTypeRef": {"name": "s1"},
            "securityContext": {"runAsUser": 1},
        },
        {"cpu": "1", "memory": "1Gi", "category": "standard"},
    )
    assert not isinstance(found, Refusal)
    made = {"apiVersion": "v1", "kind": "Pod", **pod.template(found)}
    made["metadata"] = {**made["metadata"], "name": "pod"}
    path = f"/api/v1/namespaces/{restricted}/pods"
    assert _dry_run(api, path, made)[0] == 201
    made["spec"]["securityContext"]["runAsUser"] = 0
    status, live = _dry_run(api, path, made)
    assert status == 403
    assert "runAsUser=0" in live["message"]
