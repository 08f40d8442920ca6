"""Variables of all applications of a project, over real HTTP: one ConfigMap, and releases."""

from collections.abc import Callable
from pathlib import Path

import pytest

import restside
import running
from restside import App, Client, Served
from userside import Namespace

PATH = "/v3/applications/global-env-vars"
GLOBAL = "process-operator-global-env"
SOURCE = {"configMapRef": {"name": GLOBAL, "optional": True}}


def waiting(app: App) -> list[str]:
    return [one["field"] for one in app.me.get(app.path).body["pending"]]


def sources(here: Namespace) -> list[dict[str, object]]:
    container = here.get("deployment", "shop-web")["spec"]["template"]["spec"]["containers"][0]
    found: list[dict[str, object]] = container.get("envFrom", [])
    return found


def test_a_global_variable_waits_for_the_next_deployment_of_every_application(
    app: App, me: Client, here: Namespace
) -> None:
    app.deploy()
    assert sources(here) == []
    made = me.done("POST", PATH, {"key": "REGION", "value": "eu"})
    project = me.get("/v3/projects").body["data"][0]["id"]
    assert (made["project_id"], made["key"], made["value"]) == (project, "REGION", "eu")
    running.until(lambda: waiting(app) == ["envFrom"])
    app.deploy()
    assert sources(here) == [SOURCE]
    running.until(lambda: waiting(app) == [])

    changed = me.ask("PUT", f"{PATH}/{made['id']}", {"value": "us"}).body
    assert (changed["id"], changed["value"]) == (made["id"], "us")
    running.until(lambda: waiting(app) == [f"ConfigMap/{GLOBAL}"])
    before = here.get("deployment", "shop-web")["metadata"]["generation"]
    app.deploy()
    assert here.get("deployment", "shop-web")["metadata"]["generation"] > before
    running.until(lambda: waiting(app) == [])


def test_global_variables_come_are_renamed_and_go(me: Client, here: Namespace) -> None:
    first = me.done("POST", PATH, {"key": "A", "value": "1"})
    second = me.done("POST", PATH, {"key": "B", "value": ""})
    assert here.get("configmap", GLOBAL)["data"] == {"A": "1", "B": ""}
    twice = me.post(PATH, {"key": "A", "value": "2"})
    assert (twice.status, twice.body["message"]) == (
        422,
        "key: there is a global variable A already in this project; update that one",
    )
    once = {"key": "C", "value": "3"}
    made = [me.done("POST", PATH, once, idempotency_key="c")["id"] for _ in range(2)]
    assert made[0] == made[1]
    renamed = me.ask("PUT", f"{PATH}/{first['id']}", {"key": "Z"}).body
    assert (renamed["id"], renamed["key"], renamed["value"]) == (first["id"], "Z", "1")
    assert me.ask("PUT", f"{PATH}/{first['id']}", {"key": "B"}).status == 422
    assert [one["key"] for one in me.get(PATH).body["data"]] == ["B", "C", "Z"]
    assert me.get(PATH, limit=1, offset=2).body["data"][0]["id"] == first["id"]
    assert me.delete(f"{PATH}/{second['id']}").status == 200
    assert me.delete(f"{PATH}/{second['id']}").status == 404
    # Its name is free, and its id is another one's no more.
    again = me.done("POST", PATH, {"key": "A", "value": "new"})
    assert again["id"] != renamed["id"]
    assert me.ask("PUT", f"{PATH}/{renamed['id']}", {"key": "Y"}).body["id"] == renamed["id"]


@pytest.mark.parametrize("key", [".", "..a", "A" * 254], ids=["a dot", "two dots", "too long"])
def test_a_name_that_no_config_map_can_hold_is_refused(me: Client, key: str) -> None:
    answer = me.post(PATH, {"key": key, "value": "x"})
    assert answer.status == 422
    assert answer.body["message"].startswith("key: a global variable is a key of a ConfigMap")


def test_what_a_config_map_cannot_hold_together_is_refused_with_its_size(me: Client) -> None:
    for number in range(31):
        me.done("POST", PATH, {"key": f"A{number:02}", "value": "x" * 32_768})
    last = {"key": "LAST", "value": "x" * 32_768}
    answer = me.post(PATH, last)
    assert answer.status == 422
    assert answer.body["message"].startswith("value: all global variables of a project may have")


def test_a_dry_run_tells_the_variable_and_writes_nothing(me: Client, here: Namespace) -> None:
    told = me.done("POST", f"{PATH}?dry_run=true", {"key": "A", "value": "1"})
    assert told["key"] == "A"
    assert here.kubectl("get", "configmap", "-o", "name").count(GLOBAL) == 0


def test_a_variable_that_a_manifest_declares_is_the_manifests(me: Client, here: Namespace) -> None:
    declared = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": GLOBAL},
        "data": {"A": "declared"},
    }
    here.apply(declared)
    (found,) = me.get(PATH).body["data"]
    me.done("POST", PATH, {"key": "B", "value": "mine"})
    refused = me.ask("PUT", f"{PATH}/{found['id']}", {"value": "x"})
    assert refused.status == 422
    assert refused.body["message"].startswith("data.A is declared by ")
    assert me.delete(f"{PATH}/{found['id']}").status == 422
    forced = me.ask("PUT", f"{PATH}/{found['id']}?force=true", {"value": "x"})
    assert (forced.status, forced.body["value"]) == (200, "x")


def test_a_key_sees_the_variables_of_its_own_projects(
    me: Client, rest: Served, kubeconfig: Path, namespace: str
) -> None:
    made = me.done("POST", PATH, {"key": "SECRET_PLAN", "value": "1"})
    foreign = Client(rest, restside.new_key(kubeconfig, "kube-public", name=namespace))
    running.until(lambda: foreign.get("/v3/api-keys/validate").status == 200, seconds=10)
    assert b"SECRET_PLAN" not in foreign.get(PATH).text
    assert foreign.ask("PUT", f"{PATH}/{made['id']}", {"value": "2"}).status == 404
    assert foreign.delete(f"{PATH}/{made['id']}").status == 404
    project = me.get("/v3/projects").body["data"][0]["id"]
    body = {"key": "X", "value": "1", "project_id": project}
    assert foreign.post(PATH, body).status == 422
    assert me.post(PATH, body).status == 201


def test_the_api_may_touch_no_other_config_map(me: Client, kubectl: Callable[..., str]) -> None:
    del me  # its rights are there then
    who = "--as=system:serviceaccount:process-operator:process-operator-api"
    rights = [line for line in kubectl("auth", "can-i", "--list", who).splitlines() if line]
    (found,) = (line for line in rights if line.startswith("configmaps"))
    assert found.split() == ["configmaps", "[]", f"[{GLOBAL}]", "[get", "create", "patch]"]
