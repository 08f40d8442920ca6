"""Several writers of the same objects: manifests, versions, repeated requests, dry runs."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import installation
import running
from local_cluster import Cluster
from restside import App, Client
from userside import IMAGE, Namespace, process


def test_a_field_that_a_manifest_declares_is_refused_unless_it_is_forced(
    app: App, me: Client, here: Namespace
) -> None:
    two = {"type": "manual", "manual": {"instanceCount": 2}}
    web = process("web", "web", scalingStrategy=two)
    web["metadata"]["name"] = "shop-web"
    here.kubectl(
        *("apply", "--server-side", "--force-conflicts", "--field-manager", "argo", "-f", "-"),
        stdin=json.dumps(web),
    )
    running.until(
        lambda: me.get(app.web_path).body["scaling_strategy"]["config"]["instanceCount"] == 2
    )
    change = {"scaling_strategy": {"type": "manual", "config": {"instanceCount": 3}}}
    answer = me.patch(app.web_path, change)
    assert answer.status == 422
    assert "argo" in answer.body["message"]
    assert "force" in answer.body["message"]
    # What the manifest does not declare is free, and so is what stays as it is.
    same = {"scaling_strategy": {"type": "manual", "config": {"instanceCount": 2}}}
    assert me.patch(app.web_path, {"port": 3000, **same}).status == 200
    forced = me.done("PATCH", f"{app.web_path}?force=true", change)
    assert forced["taken_over"] == [
        {"field": "spec.scalingStrategy.manual.instanceCount", "manager": "argo"}
    ]
    owners = here.kubectl("get", "pproc", "shop-web", "-o", "json", "--show-managed-fields")
    by_manager = {
        one["manager"]: json.dumps(one["fieldsV1"])
        for one in json.loads(owners)["metadata"]["managedFields"]
    }
    assert "instanceCount" in by_manager["process-operator-api"]
    assert "instanceCount" not in by_manager["argo"]
    # The manifest no longer has its way without force either.
    with pytest.raises(AssertionError, match="conflict"):
        here.kubectl(
            "apply", "--server-side", "--field-manager", "argo", "-f", "-", stdin=json.dumps(web)
        )


@pytest.mark.parametrize("version", [3, 4])
def test_what_helm_declares_is_refused_however_helm_writes(
    version: int, app: App, me: Client, *, here: Namespace, cluster: Cluster, tmp_path: Path
) -> None:
    """Helm 3 updates, and its next upgrade would leave the change in place in silence."""
    two = {"type": "manual", "manual": {"instanceCount": 2}}
    mail = process("mail", "worker", scalingStrategy=two)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "mail.json").write_text(json.dumps(mail))
    (tmp_path / "Chart.yaml").write_text("{apiVersion: v2, name: mail, version: 0.1.0}")
    installation.Helm(cluster, version)("install", "mail", str(tmp_path), "-n", here.name)
    running.until(lambda: len(app.processes()) == 2)
    (mail_id,) = (one["id"] for one in app.processes() if one["key"] == "mail")
    change = {"scaling_strategy": {"type": "manual", "config": {"instanceCount": 3}}}
    answer = me.patch(f"{app.path}/processes/{mail_id}", change)
    assert answer.status == 422
    assert "is declared by helm" in answer.body["message"]


def test_if_match_lets_only_the_named_version_be_changed(app: App, me: Client) -> None:
    version = me.get(app.web_path).headers["etag"]
    first = me.patch(app.web_path, {"port": 3000}, if_match=version)
    assert first.status == 200
    assert first.headers["etag"] != version
    assert me.patch(app.web_path, {"port": 3001}, if_match=version).status == 412
    assert me.delete(app.web_path, if_match=version).status == 412
    app.deploy()  # What the operator writes is no other version.
    assert me.patch(app.web_path, {"port": 3002}, if_match=first.headers["etag"]).status == 200


def test_a_repeated_request_with_the_same_key_is_done_once(app: App, me: Client) -> None:
    body = {"display_name": "x", "type": "worker", "resource_type_id": app.sizes["s1"]}
    once, twice = (
        me.done("POST", f"{app.path}/processes", body, idempotency_key="a") for _ in range(2)
    )
    assert once["id"] == twice["id"]
    other = me.post(f"{app.path}/processes", {**body, "port": 1}, idempotency_key="a")
    assert other.status == 422
    first, second = (
        me.done("POST", f"{app.path}/deployments", {}, idempotency_key="d") for _ in range(2)
    )
    assert first["id"] == second["id"]
    again = {"display_name": "Again", "cluster_id": app.cluster, "source": "dockerImage"}
    one, two = (me.done("POST", "/v3/applications", again, idempotency_key="x") for _ in range(2))
    assert one["id"] == two["id"]


def test_a_dry_run_tells_what_would_be_and_writes_nothing(
    app: App, me: Client, here: Namespace
) -> None:
    app.deploy()
    before = here.get("pproc", "shop-web")["metadata"]["resourceVersion"]
    foretold = me.done("PATCH", f"{app.web_path}?dry_run=true", {"port": 3000})
    assert (foretold["port"], [one["field"] for one in foretold["pending"]]) == (3000, ["port"])
    assert me.get(app.web_path).body["port"] == 8080
    body = {"display_name": "x", "type": "worker", "resource_type_id": app.sizes["s1"]}
    assert me.done("POST", f"{app.path}/processes?dry_run=true", body)["key"] == "x"
    me.done("POST", f"{app.path}/deployments?dry_run=true", {"docker_image": "other:1"})
    me.done("DELETE", f"{app.web_path}?dry_run=true")
    assert len(app.processes()) == 1
    assert me.get(app.path).body["docker_image"] == f"{IMAGE}:v1"
    assert here.get("pproc", "shop-web")["metadata"]["resourceVersion"] == before


def test_two_users_at_the_same_time_lose_nothing(app: App, me: Client) -> None:
    names = [f"V{number}" for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        statuses = list(
            pool.map(
                lambda name: me.post(f"{app.path}/env-vars", {"key": name, "value": "1"}).status,
                names,
            )
        )
    assert statuses == [201] * len(names)
    found = me.get(f"{app.path}/env-vars").body["data"]
    assert {one["key"] for one in found} == set(names)
