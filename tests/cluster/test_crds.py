"""What the real API server makes of the CRDs: what it takes, what it refuses, in which words."""

import copy
import itertools
import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import plain
from process_operator.kube import names
from process_operator.schema import crds, kinds

HERE = Path(__file__).parent
OBJECTS = [*yaml.safe_load_all((HERE / "every_field.yaml").read_text())]
CASES = yaml.safe_load((HERE / "bad_input.yaml").read_text())
KINDS = {kind.kind: kind for kind in kinds.KINDS}

_SHOP = {"applicationRef": {"name": "shop"}}
MINIMAL: dict[str, tuple[str, dict[str, Any]]] = {
    "application": (names.APPLICATION_KIND, {}),
    "web": (names.PROCESS_KIND, {**_SHOP, "key": "web", "type": "web"}),
    "worker": (names.PROCESS_KIND, {**_SHOP, "key": "worker", "type": "worker"}),
    "cron": (names.PROCESS_KIND, {**_SHOP, "key": "cron", "type": "cron"}),
    "job": (
        names.PROCESS_KIND,
        {**_SHOP, "key": "job", "type": "job", "jobStartPolicy": "beforeDeployment"},
    ),
    "release": (names.RELEASE_KIND, _SHOP),
    "run": (names.RUN_KIND, {"processRef": {"name": "tick"}}),
    "size": (
        names.RESOURCE_TYPE_KIND,
        {"cpu": "500m", "memory": "1Gi", "category": "standard"},
    ),
}

Applied = Callable[..., Any]


@pytest.fixture(scope="session", autouse=True)
def _installed(api: plain.ApiServer) -> None:
    for kind in kinds.KINDS:
        name = f"{kind.plural}.{names.GROUP}"
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
        # As `kubectl apply --server-side` does it, so that the next one meets no other manager.
        _send(api, "PATCH", path, body=crds.manifest(kind), force="true", fieldManager="kubectl")
        deadline = time.monotonic() + 30
        while not _established(_send(api, "GET", path)):
            assert time.monotonic() < deadline, f"{name} was not established within 30 s"
            time.sleep(0.1)


def _established(crd: dict[str, Any]) -> bool:
    conditions = crd.get("status", {}).get("conditions", [])
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


class _RefusedError(Exception):
    """The server has refused a request; its first argument is the `Status` that it answered."""


def _send(
    api: plain.ApiServer,
    method: str,
    path: str,
    body: Any = None,
    *,
    kind: str = plain.APPLY,
    accept: str = plain.JSON,
    **query: str,
) -> Any:
    """Send one request under strict field validation; a PATCH of no other kind is an apply."""
    if method != "GET":
        query = {"fieldManager": "test", "fieldValidation": "Strict", **query}
    if method != "PATCH":
        kind = plain.JSON
    status, answer = api.send(method, path, body, kind=kind, accept=accept, **query)
    if not 200 <= status < 300:
        raise _RefusedError(answer)
    return answer


def _patch_status(
    api: plain.ApiServer, path: str, operation: str, status: Any = None, **how: str
) -> Any:
    """Add or remove a status as a whole, whatever the operator, which runs too, has written."""
    body = [{"op": operation, "path": "/status", "value": status}]
    return _send(api, "PATCH", f"{path}/status", body=body, kind=plain.JSON_PATCH, **how)


def _collection(kind: str, namespace: str) -> str:
    found = KINDS[kind]
    scope = f"/namespaces/{namespace}" if found.namespaced else ""
    return f"/apis/{names.API_VERSION}{scope}/{found.plural}"


def _object(label: str, changes: dict[str, Any], name: str | None = None) -> dict[str, Any]:
    kind, spec = MINIMAL[label]
    return {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "metadata": {"name": name or f"{label}-{uuid.uuid4().hex[:8]}"},
        "spec": _merge(copy.deepcopy(spec), changes),
    }


def _merge(target: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    for field, value in changes.items():
        if value is None:
            target.pop(field, None)
        else:
            target[field] = value
    return target


def _refusal(action: Callable[[], Any]) -> list[tuple[str, str]]:
    """Return the causes that the server names: the field, and the message."""
    with pytest.raises(_RefusedError) as caught:
        action()
    [status] = caught.value.args
    assert status["code"] == 422, status
    return [(cause["field"], cause["message"]) for cause in status["details"]["causes"]]


def _assert_single_cause(causes: list[tuple[str, str]], case: dict[str, Any]) -> None:
    # Where a value is of the wrong kind, the server adds that it left the rules unchecked.
    [(field, message)] = [one for one in causes if "rules were not checked" not in one[1]]
    assert field == (case["field"] or "<nil>")
    # A message of ours stands behind the server's own beginning, such as `Forbidden: `.
    assert message == case["message"] or message.endswith(f": {case['message']}"), message


def _cases(section: str) -> list[Any]:
    return [pytest.param(case, id=case["case"]) for case in CASES[section]]


@pytest.mark.parametrize("manifest", OBJECTS, ids=lambda one: one["metadata"]["name"])
def test_every_field_is_accepted_by_a_strict_server_side_apply(
    api: plain.ApiServer, namespace: str, manifest: dict[str, Any]
) -> None:
    collection = _collection(manifest["kind"], namespace)
    path = f"{collection}/{manifest['metadata']['name']}"
    made = _send(api, "PATCH", path, body=manifest, dryRun="All")
    assert made["spec"] == manifest["spec"]
    assert made["status"] == {"observedGeneration": -1}


def test_every_field_is_accepted_by_a_strict_client_side_apply(
    kubectl: Applied, namespace: str
) -> None:
    text = yaml.safe_dump_all(one for one in OBJECTS if KINDS[one["kind"]].namespaced)
    arguments = ("apply", "--validate=strict", "-n", namespace, "-f", "-")
    kubectl(*arguments, stdin=text)
    again = kubectl(*arguments, stdin=text)
    assert all(line.endswith(" unchanged") for line in again.splitlines()), again


@pytest.mark.parametrize("case", _cases("refused"))
def test_bad_input_is_refused_with_the_remedy(
    api: plain.ApiServer, namespace: str, case: dict[str, Any]
) -> None:
    made = _object(case["object"], case.get("set", {}), case.get("name"))
    path = _collection(made["kind"], namespace)
    causes = _refusal(lambda: _send(api, "POST", path, body=made, dryRun="All"))
    _assert_single_cause(causes, case)


@pytest.mark.parametrize("case", _cases("unchangeable"))
def test_what_cannot_be_changed_cannot_be_unset_either(
    api: plain.ApiServer, namespace: str, case: dict[str, Any]
) -> None:
    made = _object(case["object"], case.get("from", {}))
    path = _collection(made["kind"], namespace)
    _send(api, "POST", path, body=made)
    causes = _refusal(
        lambda: _send(
            api,
            "PATCH",
            f"{path}/{made['metadata']['name']}",
            body={"spec": case["to"]},
            kind=plain.MERGE,
        )
    )
    _assert_single_cause(causes, case)


@pytest.mark.parametrize("case", _cases("ratchet"))
def test_what_a_release_recorded_stays_recorded(
    api: plain.ApiServer, namespace: str, case: dict[str, Any]
) -> None:
    made = _object("release", {})
    collection = _collection(made["kind"], namespace)
    path = f"{collection}/{made['metadata']['name']}"
    _send(api, "POST", collection, body=made)
    _send(api, "PATCH", f"{path}/status", body={"status": case["from"]}, kind=plain.MERGE)
    causes = _refusal(
        lambda: _send(api, "PATCH", f"{path}/status", body={"status": case["to"]}, kind=plain.MERGE)
    )
    _assert_single_cause(causes, case)


def test_a_recorded_snapshot_survives_the_removal_of_the_whole_status(
    api: plain.ApiServer, namespace: str
) -> None:
    made = _object("release", {})
    collection = _collection(made["kind"], namespace)
    path = f"{collection}/{made['metadata']['name']}"
    _send(api, "POST", collection, body=made)
    status = {"observedGeneration": 1, "snapshot": '{"image": "a:1", "b": {"c": []}}'}
    live = _patch_status(api, path, "add", status)
    assert live["status"] == status, "an opaque text must stay as it is"
    causes = _refusal(lambda: _patch_status(api, path, "remove"))
    assert [field for field, _ in causes] == ["status"]


def test_a_release_can_be_cancelled(api: plain.ApiServer, namespace: str) -> None:
    made = _object("release", {"jobs": "run"})
    path = _collection(made["kind"], namespace)
    _send(api, "POST", path, body=made)
    live = _send(
        api,
        "PATCH",
        f"{path}/{made['metadata']['name']}",
        body={"spec": {"cancel": True}},
        kind=plain.MERGE,
    )
    assert live["spec"] == {**_SHOP, "jobs": "run", "cancel": True}


@pytest.mark.parametrize("label", ["application", "web", "release", "size"])
def test_every_field_of_a_status_can_be_written(
    api: plain.ApiServer, namespace: str, label: str
) -> None:
    made = _object(label, {})
    collection = _collection(made["kind"], namespace)
    path = f"{collection}/{made['metadata']['name']}"
    schema = crds.manifest(KINDS[made["kind"]])["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    status = _sample(schema["properties"]["status"])
    _send(api, "POST", collection, body=made)
    try:
        live = _patch_status(api, path, "add", status, dryRun="All")
        assert live["status"] == status
    finally:
        _send(api, "DELETE", path)


def _sample(schema: dict[str, Any]) -> Any:
    """Return a value with every field of the schema."""
    match schema["type"]:
        case "object":
            fields = schema.get("properties", {})
            return {name: _sample(part) for name, part in fields.items()} or {"any": ["thing"]}
        case "array":
            return [_sample(schema["items"])]
        case "integer":
            return schema["maximum"]
        case _ if "enum" in schema:
            return schema["enum"][-1]
        case _:
            return "2026-11-23T06:00:00Z" if schema.get("format") == "date-time" else "a"


def test_no_schedule_that_kubernetes_accepts_is_refused(
    api: plain.ApiServer, namespace: str
) -> None:
    oracle = (HERE.parent / "data/cron-oracle.tsv").read_text().splitlines()
    rows = [row.split("\t") for row in oracle if row.startswith('"')]
    schedules = {json.loads(row[0]): row[1] for row in rows if row[3] != "invalid"}
    path = _collection(names.PROCESS_KIND, namespace)
    for schedule, zone in schedules.items():
        made = _object("cron", {"schedule": schedule, "timeZone": zone})
        _send(api, "POST", path, body=made, dryRun="All")


@pytest.mark.parametrize("label", MINIMAL)
def test_a_new_object_has_only_what_the_user_wrote_and_an_unobserved_generation(
    api: plain.ApiServer, namespace: str, label: str
) -> None:
    made = _object(label, {})
    live = _send(api, "POST", _collection(made["kind"], namespace), body=made, dryRun="All")
    assert live["spec"] == made["spec"]
    assert live["status"] == {"observedGeneration": -1}


def test_a_process_is_scaled_through_its_scale_subresource(
    api: plain.ApiServer, kubectl: Applied, namespace: str
) -> None:
    made = _object("web", {"scalingStrategy": {"type": "manual", "manual": {"instanceCount": 1}}})
    collection = _collection(made["kind"], namespace)
    path = f"{collection}/{made['metadata']['name']}"
    _send(api, "POST", collection, body=made)
    _send(
        api,
        "PATCH",
        f"{path}/status",
        body={"status": {"replicas": 2, "selector": "a=b"}},
        kind=plain.MERGE,
    )
    kubectl("scale", "pproc", made["metadata"]["name"], "-n", namespace, "--replicas=4")
    assert _send(api, "GET", path)["spec"]["scalingStrategy"]["manual"] == {"instanceCount": 4}
    assert _send(api, "GET", f"{path}/scale")["status"] == {"replicas": 2, "selector": "a=b"}


def test_processes_can_be_selected_by_application_type_and_key(
    api: plain.ApiServer, namespace: str
) -> None:
    path = _collection(names.PROCESS_KIND, namespace)
    for label in ("web", "worker", "cron"):
        _send(api, "POST", path, body=_object(label, {}, name=label))
    _send(api, "POST", path, body=_object("web", {"applicationRef": {"name": "b"}}, name="other"))

    def select(selector: str) -> list[str]:
        found = _send(api, "GET", path, fieldSelector=selector)
        return sorted(item["metadata"]["name"] for item in found["items"])

    assert select("spec.type=web") == ["other", "web"]
    assert select("spec.type=web,spec.applicationRef.name=shop") == ["web"]
    assert select("spec.key=cron") == ["cron"]


def test_the_cost_of_every_rule_is_far_below_the_servers_limit(api: plain.ApiServer) -> None:
    for kind in kinds.KINDS:
        # A copy without shared parts: each rule is made longer once.
        manifest = json.loads(json.dumps(crds.manifest(kind)))
        for rule in _rules(manifest):
            rule["rule"] = f"[1, 2, 3, 4, 5].all(time, {rule['rule']})"
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        name = manifest["metadata"]["name"]
        _send(api, "PATCH", f"{path}/{name}", body=manifest, dryRun="All", force="true")


def _rules(node: Any) -> Iterator[dict[str, str]]:
    if isinstance(node, dict):
        yield from node.get("x-kubernetes-validations", ())
        for part in node.values():
            yield from _rules(part)
    elif isinstance(node, list):
        for part in node:
            yield from _rules(part)


@pytest.mark.parametrize("kind", kinds.KINDS, ids=lambda kind: kind.kind)
def test_explain_has_a_sentence_for_every_field(kubectl: Applied, kind: kinds.Kind) -> None:
    schema = crds.manifest(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for path in ("spec", "status"):
        shown = kubectl("explain", f"{kind.plural}.{path}", "--api-version", names.API_VERSION)
        assert "<no description>" not in shown
        for field in schema["properties"][path]["properties"]:
            assert f"\n  {field}\t<" in shown


def test_the_table_tells_the_story(api: plain.ApiServer, namespace: str) -> None:
    made = _object("cron", {"schedule": "@daily"}, name="shop-report")
    path = _collection(made["kind"], namespace)
    _send(api, "POST", path, body=made)
    status = {
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "Staged",
                "message": "3 changes wait for the next release",
                "lastTransitionTime": "2026-11-23T06:00:00Z",
            }
        ],
        "instances": "2/3",
        "pendingCount": 3,
        "release": {"name": "shop-7", "number": 7},
    }
    table = _patch_status(
        api, f"{path}/shop-report", "add", status, accept=plain.TABLE, dryRun="All"
    )
    shown = [column["priority"] == 0 for column in table["columnDefinitions"]]
    heading = [column["name"].upper() for column in table["columnDefinitions"]]
    [row] = [row["cells"] for row in table["rows"]]
    assert [*itertools.compress(heading, shown)] == [
        "NAME", "APPLICATION", "TYPE", "READY", "REASON", "REPLICAS", "PENDING", "RELEASE", "AGE",
    ]  # fmt: skip
    assert [*itertools.compress(row, shown)][:-1] == [
        "shop-report", "shop", "cron", "True", "Staged", "2/3", 3, 7,
    ]  # fmt: skip


def test_the_shipped_sizes_are_accepted_and_one_is_default(api: plain.ApiServer) -> None:
    text = (HERE.parents[1] / "deploy/resource-types.yaml").read_text()
    sizes = [size for size in yaml.safe_load_all(text) if size]
    for size in sizes:
        path = f"{_collection(size['kind'], '')}/{size['metadata']['name']}"
        _send(api, "PATCH", path, body=size, dryRun="All", force="true")
    assert [size["metadata"]["name"] for size in sizes if size["spec"].get("default")] == ["s1"]
