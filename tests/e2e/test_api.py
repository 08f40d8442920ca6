"""The REST API before a cluster with real pods: what is asked for there is what runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import restside
import running
from clients import Http
from restside import Api, App, Client
from userside import IMAGE, Namespace


@pytest.fixture(scope="module")
def rest(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with restside.serving(kubeconfig, "node", tmp_path_factory.mktemp("api")) as started:
        yield started


def test_what_is_deployed_by_the_api_answers_and_is_measured(
    rest: Api, kubeconfig: Path, namespace: str, here: Namespace, tiny: None
) -> None:
    del tiny
    me = restside.user(rest, kubeconfig, namespace)
    app = App(me)
    probe = {"httpGet": {"path": "/readyz"}, "periodSeconds": 1}
    size = {"resource_type_id": app.sizes["tiny"], "readiness_probe": probe}
    me.done("PATCH", app.web_path, size)
    me.done("POST", f"{app.path}/env-vars", {"key": "GREETING", "value": "hello from the API"})
    assert app.deploy()["status"] == "success"
    address = here.get("service", "shop-web")["spec"]["clusterIP"]
    client = Http(f"http://{address}/env", "shop")
    assert "hello from the API" in client()
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
