"""A key has a namespace made for it, over real HTTP and with the rights that the chart gives."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import restside
import running
from restside import Api, Client

PATH = "/v3/projects"


@pytest.fixture
def making(
    kubeconfig: Path, kubectl: Callable[..., str], me: Client, tmp_path: Path
) -> Iterator[Client]:
    """Return the same user before an API that makes projects."""
    kubectl("apply", "-f", "-", stdin=restside.NEW_PROJECTS)
    own = kubeconfig.parent / "rest-api" / "kubeconfig"
    started = Api(own, tmp_path / "log", "--projects", "on")
    started.start()
    try:
        client = Client(started, me.key)
        running.until(lambda: client.get(PATH).body["total"] == 1, seconds=10)
        yield client
    finally:
        started.stop()


def test_a_new_project_is_a_namespace_that_its_key_may_use_at_once(
    making: Client, me: Client, kubectl: Callable[..., str]
) -> None:
    foretold = making.done("POST", f"{PATH}?dry_run=true", {"display_name": "My Shop"})
    assert foretold["display_name"] == "My Shop"
    asked = {"display_name": "My Shop"}
    made = [making.done("POST", PATH, asked, idempotency_key="once") for _ in range(2)]
    assert made[0]["id"] == made[1]["id"]
    assert made[0]["name"].startswith("my-shop-")
    assert len(made[0]["name"]) == len("my-shop-abc12")
    assert {one["display_name"] for one in making.done("GET", PATH)["data"]} >= {"My Shop"}
    labels = kubectl("get", "namespace", made[0]["name"], "-o", "jsonpath={.metadata.labels}")
    assert '"process-operator.dev/project":"true"' in labels
    assert '"pod-security.kubernetes.io/enforce":"baseline"' in labels
    application = {
        "display_name": "Shop",
        "cluster_id": making.done("GET", "/v3/resources/clusters")[0]["id"],
        "source": "dockerImage",
        "project_id": made[0]["id"],
    }
    assert making.done("POST", "/v3/applications", application)["namespace"] == made[0]["name"]
    # And with every other process of the API that knows the key.
    running.until(lambda: me.get(PATH).body["total"] == 2, seconds=10)
    odd = making.done("POST", PATH, {"display_name": "!"})
    assert odd["name"].startswith("project-")


def test_projects_are_made_only_where_the_platform_wants_that(me: Client) -> None:
    refused = me.post(PATH, {"display_name": "My Shop"})
    assert (refused.status, refused.body["message"]) == (
        403,
        "new projects are off on this platform (--projects of the API)",
    )
