"""The REST API before a cluster with real pods: what is asked for there is what runs."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import restside
import running
from clients import Http
from restside import Answer, Api, App, Client
from userside import IMAGE, Namespace

DONE = ["sample", "job"]
READY = {"httpGet": {"path": "/readyz"}, "periodSeconds": 1}
RIGHT = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: commands, namespace: {namespace}}}
rules:
  - {{apiGroups: [""], resources: [pods/exec], verbs: [get, create]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: commands, namespace: {namespace}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: commands}}
subjects:
  - {{kind: ServiceAccount, name: process-operator-api, namespace: process-operator}}
"""
"""What api.exec.enabled of the chart grants, in one namespace."""


@pytest.fixture(scope="module")
def rest(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with restside.serving(kubeconfig, "node", tmp_path_factory.mktemp("api")) as started:
        yield started


def tiny_app(rest: Api, kubeconfig: Path, namespace: str) -> App:
    """Return an application that is small and tells when it is ready."""
    app = App(restside.user(rest, kubeconfig, namespace))
    size = {"resource_type_id": app.sizes["tiny"], "readiness_probe": READY}
    app.me.done("PATCH", app.web_path, size)
    return app


def test_what_is_deployed_by_the_api_answers_and_is_measured(
    rest: Api, kubeconfig: Path, namespace: str, here: Namespace, tiny: None
) -> None:
    del tiny
    app = tiny_app(rest, kubeconfig, namespace)
    me = app.me
    everywhere = "/v3/applications/global-env-vars"
    for name in ("GREETING", "REGION"):
        me.done("POST", everywhere, {"key": name, "value": "of the whole project"})
    me.done("POST", f"{app.path}/env-vars", {"key": "GREETING", "value": "hello from the API"})
    assert app.deploy()["status"] == "success"
    address = here.get("service", "shop-web")["spec"]["clusterIP"]
    client = Http(f"http://{address}/env", "shop")
    seen = client()
    assert "hello from the API" in seen
    assert seen.count("of the whole project") == 1
    client.close()
    _logs_are_read(me, app)
    # The other front door to the same object: the API has no word for a deadline.
    here.deadline(5)
    failed = app.deploy(docker_image=f"{IMAGE}:no-such-tag")
    assert failed["status"] == "failed"
    assert "no-such-tag" in failed["failure"]

    def used(what: str) -> float:
        points = me.done("GET", f"{app.web_path}/metrics/{what}")
        return float(points[0]["value"]) if points else 0.0

    # An instance is measured some seconds after its start.
    running.until(lambda: 0 < used("memory-usage") <= 64, seconds=120)
    assert 0 <= used("cpu-usage") <= 100


def test_a_command_is_run_for_a_key_that_may_where_the_platform_allows_it(
    rest: Api, kubeconfig: Path, namespace: str, here: Namespace, tiny: None
) -> None:
    del tiny
    app = tiny_app(rest, kubeconfig, namespace)
    me = app.me
    runner = Client(rest, restside.new_key(kubeconfig, namespace, "exec"))
    running.until(lambda: runner.get(app.web_path).status == 200, seconds=10)
    path = f"{app.web_path}/exec"

    def run(*command: str, **more: int) -> Answer:
        return runner.post(path, {"command": command, **more})

    assert "no instance of the process is ready" in run(*DONE).body["message"]
    assert app.deploy()["status"] == "success"
    refused = run(*DONE)
    assert (refused.status, "api.exec.enabled" in refused.body["message"]) == (422, True)
    here.kubectl("apply", "-f", "-", stdin=RIGHT.format(namespace=namespace))
    running.until(lambda: run(*DONE).status == 200, seconds=10)
    both = run("sh", "-c", "echo port $PORT; echo err >&2; exit 3")
    assert both.body == {"stdout": "port 8080\n", "stderr": "err\n", "exit_code": 3}
    missing = run("no-such-program")
    assert (missing.status, "no-such-program" in missing.body["message"]) == (422, True)
    assert "did not end within 1 s" in run(*DONE, "-sleep", "5s", timeout=1).body["message"]
    endless = f"while true; do echo {'x' * 1000}; done"
    assert "more than 1048576 bytes" in run("sh", "-c", endless).body["message"]
    assert me.post(path, {"command": DONE}).status == 403


def test_logs_are_followed_into_the_instances_that_start_later(
    rest: Api, kubeconfig: Path, namespace: str, tiny: None
) -> None:
    del tiny
    app = tiny_app(rest, kubeconfig, namespace)
    app.deploy()
    brief = Client(rest, restside.new_key(kubeconfig, namespace, "read"))
    running.until(lambda: brief.get(app.web_path).status == 200, seconds=10)
    path, since = f"{app.path}/runtime-logs/follow", {"from": "2020-01-01T00:00:00Z"}
    with contextlib.closing(brief.lines(path, **since)) as lines:
        first = next(lines)
        assert (first["service"], first["tags"]["container"]) == ("APP_RUNTIME", "web")
        app.deploy(is_restart=True)
        # What it ends with may be told before what the next one begins with.
        assert any(line["tags"]["pod"] != first["tags"]["pod"] for line in lines)
        assert restside.keys(kubeconfig, "revoke", "--name", f"{namespace}-read").returncode == 0
        revoked = time.monotonic()
        assert all(line["service"] == "APP_RUNTIME" for line in lines)
        assert time.monotonic() - revoked < 20, "it goes on without its key"


def _logs_are_read(me: Client, app: App) -> None:
    """Read what the instance has written, and of that what is asked for."""
    path = f"{app.path}/runtime-logs"
    running.until(lambda: me.get(path).body != [], seconds=30)
    lines = me.get(path).body
    assert {(one["service"], one["tags"]["container"]) for one in lines} == {("APP_RUNTIME", "web")}
    assert [one["unix_timestamp"] for one in lines] == sorted(
        one["unix_timestamp"] for one in lines
    )
    assert len(me.get(path, limit=1).body) == 1
    of_another = '[{"key": "tags.container", "operator": "EQUALS", "value": "worker"}]'
    assert me.get(path, filters=of_another).body == []
    assert me.get(path, to="2020-01-01T00:00:00Z").body == []
    refused = me.get(path, filters='[{"key": "user", "operator": "EQUALS", "value": "a"}]')
    assert refused.status == 400
    assert "filters.0.key must be one of severity" in refused.body["message"]
