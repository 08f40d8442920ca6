"""The REST API over real HTTP, before a real API server, with the operator at work."""

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import restside
import running
import serve_api
from restside import App, Client, Served
from userside import IMAGE, Namespace, application, process

UNKNOWN = "11111111-1111-4111-8111-111111111111"
PROBE = {"httpGet": {"path": "/ready", "port": 8080, "scheme": "HTTP"}}


@pytest.fixture
def me(rest: Served, kubeconfig: Path, namespace: str) -> Client:
    """Return a user whose key may write in the test's namespace."""
    return restside.user(rest, kubeconfig, namespace)


@pytest.fixture
def app(me: Client) -> App:
    return App(me)


# What the contract is about.


def test_the_seeds_patch_is_saved_told_as_pending_and_deployed(
    app: App, me: Client, here: Namespace
) -> None:
    assert app.deploy()["status"] == "success"
    change = {
        "resource_type_id": app.sizes["s2"],
        "scaling_strategy": {"type": "manual", "config": {"instanceCount": 2}},
        "readiness_probe": PROBE,
        "ingress_protocol": "grpc",
    }
    saved = me.done("PATCH", app.web_path, change)
    assert {name: saved[name] for name in change} == change
    assert (saved["resource_type_name"], saved["cpu_limit"]) == ("s2", 1000)
    waits = ["resource_type_id", "scaling_strategy", "readiness_probe"]
    assert [one["field"] for one in saved["pending"]] == waits
    # Protocol changes are applied asynchronously, the others with the next deployment only.
    here.wait("service/shop-web", "jsonpath={.spec.ports[0].appProtocol}=kubernetes.io/h2c")
    assert here.get("deployment", "shop-web")["spec"]["replicas"] == 1
    assert app.deploy()["status"] == "success"
    after = here.get("deployment", "shop-web")["spec"]
    container = after["template"]["spec"]["containers"][0]
    assert (after["replicas"], container["resources"]["limits"]["cpu"]) == (2, "1")
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
    running.until(lambda: me.get(app.web_path).body["pending"] == [])


def test_nothing_runs_before_a_deployment_is_asked_for(app: App, here: Namespace) -> None:
    here.wait_reason("papp/shop", "AwaitingRelease")
    assert here.kubectl("get", "deployments", "-o", "name") == ""
    assert app.made["status"] is None


def test_an_empty_patch_changes_nothing_and_does_not_move_updated_at(app: App, me: Client) -> None:
    before = me.get(app.web_path)
    time.sleep(1.1)  # times are kept in seconds
    after = me.patch(app.web_path, {})
    assert after.status == 200
    assert after.body["updated_at"] == before.body["updated_at"]
    assert after.headers["etag"] == before.headers["etag"]
    moved = me.patch(app.web_path, {"display_name": "Other"})
    assert moved.body["updated_at"] > before.body["updated_at"]


def test_reads_are_never_behind_the_own_writes(app: App, me: Client) -> None:
    for number in range(1, 30):
        me.done("PATCH", app.web_path, {"port": number})
        assert me.get(app.web_path).body["port"] == number


WEB_FIELDS: list[tuple[str, list[Any], list[Any], int]] = [
    # field, values that are taken, values that are not, what null is answered with
    ("display_name", ["x", "x" * 255], ["", "x" * 256, 1], 400),
    ("entrypoint", ["x" * 1024, "npm start", ""], ["x" * 1025, 1], 400),
    ("port", [1, 65_535, 8080], [65_536, -1, 0, "80", 1.5, True], 400),
    ("is_ingress_enabled", [False, True], ["true", 1], 400),
    ("ingress_protocol", ["grpc", "http"], ["tcp", "", 1], 400),
    ("liveness_probe", [PROBE], [1, [], {"exec": {"command": []}}, {"nothing": 1}], 200),
    ("readiness_probe", [PROBE, {"tcpSocket": {"port": 1}}], ["x", {"tcpSocket": {}}], 200),
    (
        "scaling_strategy",
        [
            {"type": "manual", "config": {"instanceCount": 0}},
            {"type": "manual", "config": {"instanceCount": 50}},
            {"type": "horizontal", "config": {"minInstanceCount": 0, "maxInstanceCount": 50}},
            {
                "type": "horizontal",
                "config": {
                    "minInstanceCount": 1,
                    "maxInstanceCount": 50,
                    "targetCpuPercent": 100,
                    "targetMemoryPercent": 1,
                    "scaleUpIntervalSeconds": 60_000,
                    "scaleUpIncrement": 5,
                    "scaleDownIntervalSeconds": 1,
                    "scaleDownIncrement": 1,
                },
            },
        ],
        [
            {"type": "manual", "config": {"instanceCount": 51}},
            {"type": "manual", "config": {"instanceCount": -1}},
            {"type": "none"},
            "manual",
        ],
        400,
    ),
]
CRON_FIELDS: list[tuple[str, list[Any], list[Any], int]] = [
    ("schedule", ["0 */6 * * *", "@daily"], ["x" * 101, 1], 200),
    ("time_zone", ["America/New_York", "UTC"], ["x" * 101, 1], 200),
]
JOB_FIELDS: list[tuple[str, list[Any], list[Any], int]] = [
    ("job_start_policy", ["afterSuccessDeployment", "beforeDeployment"], ["before", "", 1], 400),
]


def test_every_field_takes_what_is_within_its_bounds_and_nothing_else(app: App, me: Client) -> None:
    cron = app.process("cron", schedule="0 4 * * *")
    job = app.process("job", job_start_policy="beforeDeployment")
    by_type = {app.web_path: WEB_FIELDS}
    by_type[f"{app.path}/processes/{cron['id']}"] = CRON_FIELDS
    by_type[f"{app.path}/processes/{job['id']}"] = JOB_FIELDS
    for path, fields in by_type.items():
        for field, good, bad, null in fields:
            for value in good:
                answer = me.patch(path, {field: value})
                assert (answer.status, answer.body.get(field)) == (200, value), answer.text
                untouched = me.patch(path, {})
                assert untouched.body[field] == value, f"{field} changed though it was absent"
            for value in bad:
                answer = me.patch(path, {field: value})
                assert answer.status == 400, (field, value, answer.text)
                assert field in answer.body["message"]
            answer = me.patch(path, {field: None})
            assert answer.status == null, (field, answer.text)
            if null == 200:
                assert answer.body[field] is None
                assert me.get(path).body[field] is None
    size = me.patch(app.web_path, {"resource_type_id": app.sizes["h1"]})
    assert size.body["resource_type_name"] == "h1"
    assert me.patch(app.web_path, {"resource_type_id": None}).status == 400
    assert me.patch(app.web_path, {"resource_type_id": "h1"}).status == 400
    assert me.patch(app.web_path, {"resource_type_id": UNKNOWN}).status == 422
    assert me.patch(app.web_path, {"unknown": 1}).status == 400


# Every path with every sort of caller.

CREATE = {"display_name": "x", "type": "worker", "resource_type_id": UNKNOWN}
BODIES: dict[tuple[str, str], Any] = {
    ("post", "/v3/applications/{id}/processes"): CREATE,
    ("post", "/v3/applications/{id}/env-vars"): {"key": "A", "value": "1"},
    ("post", "/v3/applications/{id}/domains"): {"domain_name": "a.example.com"},
}


def test_every_path_is_closed_to_whoever_has_no_key_for_it(
    app: App, me: Client, rest: Served, kubeconfig: Path
) -> None:
    app.process("cron", schedule="0 4 * * *")
    release = me.done("POST", f"{app.path}/deployments", {})
    variable = me.done("POST", f"{app.path}/env-vars", {"key": "A", "value": "1"})
    domain = me.done("POST", f"{app.path}/domains", {"domain_name": "a.example.com"})
    foreign = Client(rest, restside.new_key(kubeconfig, "kube-public", name=str(uuid.uuid4())))
    running.until(lambda: foreign.get("/v3/api-keys/validate").status == 200, seconds=10)
    project = me.done("GET", "/v3/projects")["data"][0]
    mine = {
        "id": app.made["id"],
        "process_id": app.web["id"],
        "deployment_id": release["id"],
        "env_var_id": variable["id"],
        "domain_id": domain["id"],
        "measurement": "cpu-limit",
    }
    paths = Client(rest).done("GET", "/v3/openapi.json")["paths"]
    asked = 0
    for template, operations in paths.items():
        names = [part.strip("{}") for part in template.split("/") if part.startswith("{")]
        known = mine | ({"id": project["id"]} if "projects" in template else {})
        for method in operations:
            body = BODIES.get(
                (method, template), {} if method in ("post", "patch", "put") else None
            )

            def status(
                client: Client,
                method: str = method,
                template: str = template,
                body: Any = body,
                **ids: str,
            ) -> int:
                return client.ask(method.upper(), template.format(**ids), body).status

            asked += 1
            assert status(Client(rest), **known) == 401, (method, template)
            assert status(Client(rest, "pop_wrong"), **known) == 401, (method, template)
            if "id" not in names:
                continue
            place = (method, template)
            assert status(foreign, **known) == 404, place
            for name in names:
                if name == "measurement":
                    continue
                assert status(me, **{**known, name: UNKNOWN}) == 404, place
                for malformed in ("x", UNKNOWN + "0", UNKNOWN.replace("-", "")):
                    assert status(me, **{**known, name: malformed}) == 400, place
    assert asked > 30


def test_a_key_sees_nothing_of_other_namespaces(app: App, rest: Served, kubeconfig: Path) -> None:
    foreign = Client(rest, restside.new_key(kubeconfig, "kube-public", name=str(uuid.uuid4())))
    running.until(lambda: foreign.get("/v3/api-keys/validate").status == 200, seconds=10)
    assert app.made["id"] not in foreign.get("/v3/applications", limit=100).text.decode()
    assert {one["name"] for one in foreign.get("/v3/projects").body["data"]} <= {"kube-public"}


def test_a_key_that_may_only_read_cannot_write(
    app: App, me: Client, rest: Served, kubeconfig: Path, namespace: str
) -> None:
    reader = Client(rest, restside.new_key(kubeconfig, namespace, "read"))
    running.until(lambda: reader.get(app.web_path).status == 200, seconds=10)
    assert reader.patch(app.web_path, {"port": 1}).status == 403
    assert reader.delete(app.path).status == 403
    assert me.get(app.web_path).body["port"] == 8080


def test_keys_are_made_listed_and_revoked_within_five_seconds_and_kept_nowhere(
    rest: Served, kubeconfig: Path, namespace: str, kubectl: Callable[..., str]
) -> None:
    named = ("--name", f"{namespace} by hand")
    more = ("--namespace", namespace, "--role", "write", "--expires", "1h")
    made = restside.keys(kubeconfig, "create", *named, *more)
    assert made.returncode == 0, made.stderr
    assert restside.keys(kubeconfig, "create", *named, *more).returncode == 1
    key = made.stdout.strip()
    me = Client(rest, key)
    running.until(lambda: me.get("/v3/projects").status == 200, seconds=5)
    listed = restside.keys(kubeconfig, "list").stdout
    assert named[1] in listed
    assert key not in listed
    assert key not in kubectl("-n", serve_api.NAMESPACE, "get", "secrets", "-o", "json")
    assert restside.keys(kubeconfig, "revoke", *named).returncode == 0
    running.until(lambda: me.get("/v3/projects").status == 401, seconds=5)
    assert restside.keys(kubeconfig, "revoke", *named).returncode == 1
    assert key not in rest.log.read_text()


def test_the_api_has_no_other_right_than_it_needs(
    kubectl: Callable[..., str], namespace: str
) -> None:
    account = f"system:serviceaccount:{serve_api.NAMESPACE}:{serve_api.SERVICE_ACCOUNT}"
    told = kubectl("auth", "can-i", "--list", "--as", account, "-n", namespace)
    granted = {line.split()[0] for line in told.splitlines()[1:]}
    assert "pods.metrics.k8s.io" in granted
    for other in ("secrets", "*.*", "deployments.apps", "services", "pods", "jobs.batch"):
        assert other not in granted


# Processes and applications.


def test_processes_are_created_listed_and_deleted(app: App, me: Client, here: Namespace) -> None:
    worker = app.process("worker", display_name="Mail Sender", port=9000)
    second = app.process("worker", display_name="Mail Sender")
    cron = app.process("cron", schedule="0 4 * * *", time_zone="Europe/Berlin")
    assert [one["key"] for one in (worker, second, cron)] == [
        "mail-sender",
        "mail-sender-2",
        "cron",
    ]
    assert len(app.processes()) == 4
    page = me.get(f"{app.path}/processes", limit=2, offset=1).body
    assert (page["total"], page["offset"], page["limit"], len(page["data"])) == (4, 1, 2, 2)
    assert here.get("pproc", "shop-cron")["spec"]["timeZone"] == "Europe/Berlin"
    answer = me.delete(f"{app.path}/processes/{second['id']}")
    assert answer.body == {"message": "Process is being deleted"}
    assert me.get(f"{app.path}/processes/{second['id']}").status == 404
    assert len(app.processes()) == 3


def test_there_is_one_web_process_and_creating_it_takes_over_the_one_that_came_along(
    app: App, me: Client
) -> None:
    made = app.process("web", display_name="Front", entrypoint="npm start", port=3000)
    assert (made["id"], made["key"], made["port"]) == (app.web["id"], "web", 3000)
    body = {"display_name": "Again", "type": "web", "resource_type_id": app.sizes["s1"]}
    answer = me.post(f"{app.path}/processes", body)
    assert answer.status == 422
    assert "web" in answer.body["message"]


def test_domains_stay_when_the_web_process_is_taken_over_and_go_with_it(
    app: App, me: Client
) -> None:
    # Public clients make, and remove, a domain and the web process at the same time.
    domain = me.done("POST", f"{app.path}/domains", {"domain_name": "shop.example.com"})
    place = f"{app.path}/domains/{domain['id']}"
    assert app.process("web")["id"] == app.web["id"]
    assert me.done("GET", place) | {"updated_at": ""} == domain | {"updated_at": ""}
    me.done("DELETE", app.web_path)
    assert me.get(place).status == 404
    assert me.delete(place).status == 200


def test_what_kubectl_makes_is_there_and_what_is_made_here_is_there_for_kubectl(
    me: Client, here: Namespace
) -> None:
    here.apply(application(release={"initial": "manual"}), process("mail", "worker"))
    running.until(lambda: me.get("/v3/applications").body["total"] == 1, seconds=10)
    (found,) = me.get("/v3/applications").body["data"]
    place = f"/v3/applications/{found['id']}/processes"
    running.until(lambda: me.get(place).body["total"] == 1, seconds=10)
    (worker,) = me.get(place).body["data"]
    me.done("PATCH", f"{place}/{worker['id']}", {"entrypoint": "mail"})
    assert here.get("pproc", "mail")["spec"]["entrypoint"] == "mail"


def test_an_application_is_changed_suspended_activated_and_deleted(
    app: App, me: Client, here: Namespace
) -> None:
    app.deploy()
    changed = me.done("PATCH", app.path, {"display_name": "The Shop", "build_type": "dockerfile"})
    assert (changed["display_name"], changed["name"]) == ("The Shop", "shop")
    assert me.patch(app.path, {"auto_deploy": True}).status == 422
    me.done("POST", f"{app.path}/suspend")
    assert me.get(app.path).body["is_suspended"] is True
    here.wait("deployment/shop-web", "jsonpath={.spec.replicas}=0")
    me.done("POST", f"{app.path}/activate")
    here.wait("deployment/shop-web", "jsonpath={.spec.replicas}=1")
    running.until(lambda: me.get(app.path).body["status"] == "deploymentSuccess")
    me.done("DELETE", app.path)
    assert me.get(app.path).status == 404
    for kind in ("papp", "pproc", "prel", "deployment", "service"):
        running.until(partial(_none_left, here, kind))


def _none_left(here: Namespace, kind: str) -> bool:
    # Each namespace has the Service of the API server itself.
    ours = "--field-selector=metadata.name!=kubernetes"
    return not here.kubectl("get", kind, "-o", "name", ours)


def test_applications_of_the_same_name_are_numbered(app: App, me: Client) -> None:
    body = {"display_name": "Shop", "cluster_id": app.cluster, "source": "dockerImage"}
    assert me.done("POST", "/v3/applications", body)["name"] == "shop-2"
    assert me.post("/v3/applications", {**body, "cluster_id": UNKNOWN}).status == 422
    assert me.post("/v3/applications", {**body, "source": "publicGit"}).status == 422
    assert me.post("/v3/applications", {**body, "project_id": UNKNOWN}).status == 422
    project = me.done("GET", "/v3/projects")["data"][0]["id"]
    made = me.done("POST", "/v3/applications", {**body, "project_id": project})
    assert made["project_id"] == project
    names = {one["name"] for one in me.get(f"/v3/projects/{project}").body["services"]}
    assert names == {"shop", "shop-2", "shop-3"}


def test_variables_and_domains_come_and_go(app: App, me: Client, here: Namespace) -> None:
    variables, domains = f"{app.path}/env-vars", f"{app.path}/domains"
    made = me.done("POST", variables, {"key": "LEVEL", "value": "info", "is_runtime": True})
    assert me.post(variables, {"key": "LEVEL", "value": "x"}).status == 422
    renamed = me.ask("PUT", f"{variables}/{made['id']}", {"key": "LOG_LEVEL"}).body
    assert (renamed["id"], renamed["key"], renamed["value"]) == (made["id"], "LOG_LEVEL", "info")
    me.ask("PUT", f"{variables}/{made['id']}", {"value": "debug"})
    assert here.get("papp", "shop")["spec"]["env"] == [{"name": "LOG_LEVEL", "value": "debug"}]
    assert [one["key"] for one in me.get(variables).body["data"]] == ["LOG_LEVEL"]
    assert me.delete(f"{variables}/{made['id']}").status == 200
    assert me.get(variables).body["total"] == 0

    domain = me.done("POST", domains, {"domain_name": here.host("Shop")})
    assert (domain["name"], domain["is_primary"]) == (here.host("shop"), True)
    wild = me.done("POST", domains, {"domain_name": "example.org", "is_wildcard": True})
    assert (wild["name"], wild["is_wildcard"]) == ("*.example.org", True)
    assert me.post(domains, {"domain_name": "http://x"}).status == 422
    app.deploy()
    here.wait("ingress/shop-web", f"jsonpath={{.spec.rules[0].host}}={here.host('shop')}")
    running.until(lambda: me.get(app.web_path).body["routing_status"]["state"] == "synced")
    assert me.get(f"{domains}/{domain['id']}").body["status"] == "active"
    assert me.delete(f"{domains}/{domain['id']}").status == 200
    assert me.get(f"{domains}/{domain['id']}").status == 404


# Deployments and runs.


def test_an_image_is_deployed_and_gone_back_from(app: App, me: Client, here: Namespace) -> None:
    first = app.deploy()
    second = app.deploy(docker_image=f"{IMAGE}:v2")
    assert (second["status"], second["docker_image_url"]) == ("success", f"{IMAGE}:v2")
    assert me.get(app.path).body["docker_image"] == f"{IMAGE}:v2"
    assert len(me.get(f"{app.path}/deployments").body["data"]) == 2
    back = me.done("POST", f"{app.path}/deployments/rollback", {"deployment_id": first["id"]})
    ended = app.ended(back["id"])
    assert (ended["status"], ended["type"], ended["docker_image_url"]) == (
        "success",
        "rollback",
        f"{IMAGE}:v1",
    )
    running.until(lambda: me.get(app.path).body["pending"] != [])
    container = here.get("deployment", "shop-web")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == f"{IMAGE}:v1"
    log = me.get(f"{app.path}/deployments/{back['id']}/logs").body
    assert log[0]["message"] == "deployment requested"
    assert log[-1]["message"] == "deployment ended: success"


def test_a_restart_starts_every_instance_anew(app: App, here: Namespace) -> None:
    app.deploy()
    before = here.get("deployment", "shop-web")["metadata"]["generation"]
    assert app.deploy(is_restart=True)["status"] == "success"
    assert here.get("deployment", "shop-web")["metadata"]["generation"] > before


def test_a_deployment_can_be_cancelled_until_it_is_decided(app: App, me: Client) -> None:
    asked = me.done("POST", f"{app.path}/deployments", {})
    place = f"{app.path}/deployments/{asked['id']}"
    assert me.post(f"{place}/cancel").status == 200
    assert app.ended(asked["id"])["status"] == "cancelled"
    assert me.post(f"{place}/cancel").status == 422


def test_a_deployment_needs_an_image_and_no_branch(me: Client) -> None:
    app = App(me, image=None)
    assert me.post(f"{app.path}/deployments", {}).status == 422
    assert me.post(f"{app.path}/deployments", {"branch": "main"}).status == 422
    assert me.post(f"{app.path}/deployments/rollback", {}).status == 422
    assert app.deploy(docker_image=f"{IMAGE}:v1")["status"] == "success"


def test_a_cron_process_is_triggered_once_it_is_deployed(app: App, me: Client) -> None:
    cron = app.process("cron", schedule="0 4 * * *")
    place = f"{app.path}/processes/{cron['id']}"
    assert me.post(f"{place}/trigger").status == 422
    app.deploy()
    assert me.post(f"{app.web_path}/trigger").status == 422
    assert me.post(f"{place}/trigger").body == {"message": "Cron job triggered"}

    def ended() -> bool:
        return [one["status"] for one in me.get(f"{place}/runs").body["data"]] == ["success"]

    running.until(ended)
    (run,) = me.get(f"{place}/runs").body["data"]
    assert (run["trigger"], run["exit_code"]) == ("manual", 0)
    assert me.get(f"{app.web_path}/runs").body["data"] == []


def test_what_can_be_measured_now_is_one_point(app: App, me: Client) -> None:
    app.deploy()
    running.until(lambda: me.get(f"{app.web_path}/metrics/instance-count").body[0]["value"] == 1)
    assert me.get(f"{app.web_path}/metrics/cpu-limit").body[0]["value"] == 500
    assert me.get(f"{app.web_path}/metrics/memory-limit").body[0]["value"] == 1024
    assert me.get(f"{app.web_path}/metrics/cpu-usage").body == []
    past = {"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"}
    assert me.get(f"{app.web_path}/metrics/cpu-limit", **past).body == []
    assert me.get(f"{app.web_path}/metrics/nothing").status == 400


# Two writers, versions, repetition.


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
    told = me.done("PATCH", f"{app.web_path}?dry_run=true", {"port": 3000})
    assert (told["port"], [one["field"] for one in told["pending"]]) == (3000, ["port"])
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


# Around the contract.


def test_what_needs_no_key_is_there(rest: Served) -> None:
    anybody = Client(rest)
    document = anybody.get("/v3/openapi.json").body
    assert document["openapi"].startswith("3.1")
    port = document["components"]["schemas"]["UpdateProcess"]["properties"]["port"]
    assert (port["minimum"], port["maximum"]) == (1, 65_535)
    page = anybody.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for foreign in (b"http://", b"https://", b"<script"):
        assert foreign not in page.text
    assert anybody.get("/healthz").status == anybody.get("/readyz").status == 200
    assert b"process_operator_api_request_duration_seconds" in anybody.get("/metrics").text


def test_what_is_not_there_is_one_clear_404(me: Client) -> None:
    for path in ("/v3/databases", f"/v3/applications/{UNKNOWN}/cdn/toggle", "/v3/nothing"):
        answer = me.get(path)
        assert (answer.status, answer.body["status"]) == (404, 404)
        assert answer.body["data"]["code"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"null", b"[]", b'"x"', b"\xff", b'{"port":NaN}', b'{"port":1e999}']
)
def test_a_body_that_is_no_such_object_is_400(app: App, me: Client, raw: bytes) -> None:
    answer = me.send("PATCH", app.web_path, raw)
    assert (answer.status, answer.body["status"]) == (400, 400)


def test_secrets_are_in_no_log_and_no_metric(app: App, me: Client, rest: Served) -> None:
    me.done("POST", f"{app.path}/env-vars", {"key": "PASSWORD", "value": "hunter2-hunter2"})
    me.patch(app.web_path, {"entrypoint": ["hunter2-hunter2"]})
    assert me.key is not None
    told = rest.log.read_text() + Client(rest).get("/metrics").text.decode()
    assert me.key not in told
    assert "hunter2" not in told
