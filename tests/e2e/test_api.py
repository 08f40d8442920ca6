"""The REST API before a cluster with real pods: what is asked for there is what runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import restside
import running
from clients import Http
from restside import Api, App
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
