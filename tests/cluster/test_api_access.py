"""Who may ask for what: keys, roles, namespaces, what needs no key; secrets are told nowhere."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import restside
import running
import serve_api
from process_operator.api.access.keys import SECRET
from restside import App, Client, Served
from userside import Namespace

HOOKS = "/v3/hooks/"
UNKNOWN = "11111111-1111-4111-8111-111111111111"


CREATE = {"display_name": "x", "type": "worker", "resource_type_id": UNKNOWN}


WEBHOOK = {"endpoint": "https://chat.example.com/", "allowed_events": ["APP_DEPLOY"]}
BODIES: dict[tuple[str, str], Any] = {
    ("post", "/v3/applications/{id}/processes"): CREATE,
    ("post", "/v3/applications/{id}/processes/{process_id}/exec"): {"command": ["true"]},
    ("post", "/v3/applications/{id}/clone"): {"display_name": "x"},
    ("post", "/v3/applications/{id}/env-vars"): {"key": "A", "value": "1"},
    ("post", "/v3/webhooks"): WEBHOOK,
    ("post", "/v3/applications/{id}/domains"): {"domain_name": "a.example.com"},
}


def test_every_path_is_closed_to_whoever_has_no_key_for_it(
    app: App, me: Client, rest: Served, kubeconfig: Path
) -> None:
    app.process("cron", schedule="0 4 * * *")
    release = me.done("POST", f"{app.path}/deployments", {})
    variable = me.done("POST", f"{app.path}/env-vars", {"key": "A", "value": "1"})
    host = f"{uuid.uuid4()}.example.com"
    domain = me.done("POST", f"{app.path}/domains", {"domain_name": host})
    foreign = Client(rest, restside.new_key(kubeconfig, "kube-public", name=str(uuid.uuid4())))
    running.until(lambda: foreign.get("/v3/api-keys/validate").status == 200, seconds=10)
    project = me.done("GET", "/v3/projects")["data"][0]
    hook = me.done("POST", "/v3/webhooks", WEBHOOK)
    mine = {
        "id": app.made["id"],
        "process_id": app.web["id"],
        "deployment_id": release["id"],
        "env_var_id": variable["id"],
        "domain_id": domain["id"],
        "measurement": "cpu-limit",
        "delivery_id": UNKNOWN,
    }
    paths = Client(rest).done("GET", "/v3/openapi.json")["paths"]
    asked = 0
    for template, operations in paths.items():
        if template.startswith(HOOKS):
            continue  # its address is the key, see test_a_hook_deploys_for_whoever_knows_it
        names = [part.strip("{}") for part in template.split("/") if part.startswith("{")]
        of = {"projects": project["id"], "webhooks": hook["id"]}.get(template.split("/")[2])
        known = mine | ({"id": of} if of is not None else {})
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
            operation = (method, template)
            assert status(foreign, **known) == 404, operation
            for name in names:
                if name == "measurement":
                    continue
                assert status(me, **{**known, name: UNKNOWN}) == 404, operation
                for malformed in ("x", UNKNOWN + "0", UNKNOWN.replace("-", "")):
                    assert status(me, **{**known, name: malformed}) == 400, operation
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
    for one in (reader, me):
        assert one.post(f"{app.web_path}/exec", {"command": ["true"]}).status == 403
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


def test_keys_that_are_made_at_once_are_all_kept(kubeconfig: Path, here: Namespace) -> None:
    def make(number: int) -> str:
        return restside.new_key(
            kubeconfig, here.name, name=f"ci-{number}", keys_namespace=here.name
        )

    with ThreadPoolExecutor(20) as pool:
        made = set(pool.map(make, range(20)))
    kept = [name for name in here.get("secret", SECRET)["data"] if name.startswith("key-")]
    assert len(made) == len(kept) == 20


def test_the_api_has_no_other_right_than_it_needs(
    kubectl: Callable[..., str], namespace: str
) -> None:
    account = f"system:serviceaccount:{serve_api.NAMESPACE}:{serve_api.SERVICE_ACCOUNT}"
    listed = kubectl("auth", "can-i", "--list", "--as", account, "-n", namespace)
    granted = {line.split()[0]: line.rpartition("[")[2] for line in listed.splitlines()[1:]}
    assert granted["pods.metrics.k8s.io"] == "list]"
    assert (granted["pods"], granted["pods/log"]) == ("list watch]", "get]")
    for other in ("secrets", "*.*", "deployments.apps", "services", "pods/exec", "jobs.batch"):
        assert other not in granted


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


def test_metrics_are_told_where_no_caller_comes(app: App, me: Client, rest: Served) -> None:
    me.get(app.path)
    told = restside.metrics(rest)
    counted = 'process_operator_api_request_duration_seconds_count{method="GET",'
    assert f'{counted}route="/v3/applications/{{id}}",status="200"}}' in told
    assert "process_operator_build_info{" in told
    assert "rest_client_requests_total{" in told
    assert me.get("/metrics").status == 404


def test_what_is_not_there_is_one_clear_404(me: Client) -> None:
    for path in ("/v3/databases", f"/v3/applications/{UNKNOWN}/cdn/toggle", "/v3/nothing"):
        answer = me.get(path)
        assert (answer.status, answer.body["status"]) == (404, 404)
        assert answer.body["data"]["code"] == answer.headers["x-request-id"]


def test_secrets_are_in_no_log_and_no_metric(app: App, me: Client, rest: Served) -> None:
    me.done("POST", f"{app.path}/env-vars", {"key": "PASSWORD", "value": "hunter2-hunter2"})
    me.patch(app.web_path, {"entrypoint": ["hunter2-hunter2"]})
    assert me.key is not None
    written = rest.log.read_text() + restside.metrics(rest)
    assert me.key not in written
    assert "hunter2" not in written


def test_a_key_is_told_in_the_words_of_every_client_that_asks(app: App, me: Client) -> None:
    valid = me.get("/v3/api-keys/validate").body
    assert (valid["is_valid"], valid["status"]) == (True, "active")
    assert valid["company"] == valid["company_id"] == app.cluster
    own = me.get("/v3/api-keys/me").body
    assert (own["id"], own["name"]) == (valid["id"], valid["name"])
    assert {one["permission"] for one in own["capabilities"]} == {
        *("APP:CREATE", "APP:READ", "APP:UPDATE", "APP:DELETE")
    }
    # What is secret of a key is told nowhere.
    assert own["token"] is None
