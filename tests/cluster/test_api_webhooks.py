"""Deployments are told to the addresses that users name, over real HTTP, signed and again."""

import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import receiving
import restside
import running
from receiving import Receiver
from restside import Api, App, Client, Served

PATH = "/v3/webhooks"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving.receiver() as made:
        yield made


def webhook(me: Client, endpoint: str) -> dict[str, Any]:
    body = {"endpoint": endpoint, "allowed_events": ["APP_DEPLOY"], "description": "chat"}
    made: dict[str, Any] = me.done("POST", PATH, body)
    return made


def test_a_deployment_is_told_when_it_begins_and_when_it_has_ended(
    app: App, me: Client, receiver: Receiver
) -> None:
    app.deploy()  # what was before is not told
    hook = webhook(me, receiver.endpoint)
    deployed = app.deploy(docker_image="process-operator.dev/sample:v2")
    running.until(lambda: len(receiver.received) == 2)
    assert receiver.statuses() == ["inProgress", "success"]
    began, ended = receiver.received
    assert began.body["event_id"] != ended.body["event_id"]
    assert (ended.body["webhook_id"], ended.body["type"]) == (hook["id"], "APP_DEPLOY")
    assert ended.body["data"]["id"] == app.made["id"]
    told = ended.body["data"]["deployment"]
    assert (told["id"], told["docker_image_url"]) == (
        deployed["id"],
        "process-operator.dev/sample:v2",
    )
    assert all(one.is_signed_with(hook["secret"]) for one in receiver.received)
    assert not any(one.is_signed_with(hook["secret"][:-4] + "AAAA") for one in receiver.received)
    # The contract's own header is the secret: it goes through TLS only.
    assert "svl-signature" not in ended.headers
    kept = me.done("GET", f"{PATH}/{hook['id']}/deliveries")["data"]
    assert [(one["status"], one["response_status"]) for one in kept] == [("SUCCESS", 204)] * 2
    assert [one["id"] for one in kept] == [one.body["event_delivery_id"] for one in (ended, began)]
    assert me.done("GET", f"{PATH}/{hook['id']}/deliveries/{kept[0]['id']}") == kept[0]


@pytest.mark.first
def test_what_failed_and_what_happened_meanwhile_is_told_by_the_next_process(
    kubeconfig: Path, namespace: str, tmp_path: Path, receiver: Receiver
) -> None:
    api = Api(kubeconfig, tmp_path / "log", *receiving.ALLOWED, keys_namespace=namespace)
    key = restside.new_key(kubeconfig, namespace, keys_namespace=namespace)
    api.start()
    try:
        me = Client(api, key)
        app = App(me)
        hook = webhook(me, receiver.endpoint)
        receiver.answers = 503
        app.deploy()
        path = f"{PATH}/{hook['id']}/deliveries"
        running.until(lambda: me.get(path).body["total"] == 2)
        first = [one["event_id"] for one in me.get(path).body["data"]]
        receiver.answers = 200
        last = me.done("POST", f"{app.path}/deployments", {"is_restart": True})
        api.stop()
        receiver.received.clear()
        api.start()
        running.until(lambda: me.get(f"{app.path}/deployments").status == 200, seconds=10)
        running.until(
            lambda: me.get(f"{app.path}/deployments/{last['id']}").body["status"] == "success"
        )
        # After a minute what had failed is tried again, with the ids of then.
        running.until(lambda: len(receiver.received) == 4, seconds=100)
        told = {one.body["event_id"]: one.body["data"]["status"] for one in receiver.received}
        assert sorted(told.values()) == ["inProgress", "inProgress", "success", "success"]
        assert {*first} < told.keys()
    finally:
        api.stop()


def test_a_redirect_is_not_followed(app: App, me: Client, receiver: Receiver) -> None:
    receiver.answers, receiver.headers = 307, {"location": receiver.endpoint + "&again=1"}
    hook = webhook(me, receiver.endpoint)
    app.deploy()
    path = f"{PATH}/{hook['id']}/deliveries"
    running.until(lambda: me.get(path).body["total"] == 2)
    assert {one["response_status"] for one in me.get(path).body["data"]} == {307}
    assert len(receiver.received) == 2


def test_a_disabled_webhook_is_told_nothing_of_what_happens_meanwhile(
    app: App, me: Client, receiver: Receiver
) -> None:
    hook = webhook(me, receiver.endpoint)
    assert me.done("POST", f"{PATH}/{hook['id']}/toggle")["is_enabled"] is False
    app.deploy()
    assert me.done("POST", f"{PATH}/{hook['id']}/toggle")["is_enabled"] is True
    running.until(lambda: app.deploy(is_restart=True)["status"] == "success")
    running.until(lambda: len(receiver.received) == 2)
    assert {one.body["data"]["deployment"]["number"] for one in receiver.received} == {2}


def test_an_old_secret_signs_too_for_as_long_as_it_was_asked_to(
    app: App, me: Client, receiver: Receiver
) -> None:
    first = webhook(me, receiver.endpoint)["secret"]
    (hook,) = me.done("GET", PATH)["data"]
    roll = f"{PATH}/{hook['id']}/roll-secret"
    second = me.done("POST", roll, {"expire_in_hours": 1})
    assert second["old_secret"] == first != second["secret"]
    app.deploy()
    running.until(lambda: len(receiver.received) == 2)
    for one in receiver.received:
        assert one.is_signed_with(first)
        assert one.is_signed_with(second["secret"])
    third = me.done("POST", roll, {})
    assert third["old_secret"] is None


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://10.0.0.1/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]:8080/",
        "http://[::ffff:10.0.0.1]/",
        "http://[64:ff9b::a00:1]/",
        "http://0.0.0.0/",
        "https://[fd00::1]/",
        "http://224.0.0.1/",
    ],
)
def test_an_address_that_the_platform_does_not_allow_is_refused(me: Client, endpoint: str) -> None:
    answer = me.post(PATH, {"endpoint": endpoint, "allowed_events": ["APP_DEPLOY"]})
    assert answer.status == 422
    assert answer.body["message"].startswith("endpoint: ")


@pytest.mark.parametrize(
    "endpoint", ["ftp://x.example.com/", "http://a:b@x.example.com/", "x.example.com", "http:///"]
)
def test_what_is_no_address_of_the_web_breaks_the_form(me: Client, endpoint: str) -> None:
    answer = me.post(PATH, {"endpoint": endpoint, "allowed_events": ["APP_DEPLOY"]})
    assert answer.status == 400


def test_webhooks_are_changed_bounded_and_deleted(me: Client) -> None:
    endpoint = "https://chat.example.com/a"
    hook = webhook(me, endpoint)
    assert (hook["description"], hook["is_enabled"], hook["updated_by"]) == ("chat", True, None)
    path = f"{PATH}/{hook['id']}"
    changed = me.done("PATCH", path, {"endpoint": "https://chat.example.com/b"})
    assert changed["endpoint"] == "https://chat.example.com/b"
    assert (changed["secret"], changed["updated_by"]) == (hook["secret"], hook["created_by"])
    never = me.patch(path, {"allowed_events": ["APP_DEPLOY", "DATABASE_CREATE"]})
    assert (never.status, "DATABASE_CREATE is never told here" in never.body["message"]) == (
        422,
        True,
    )
    told = me.done("PATCH", f"{path}?dry_run=true", {"description": "other"})
    assert (told["description"], me.get(path).body["description"]) == ("other", "chat")
    asked = {"endpoint": endpoint, "allowed_events": ["APP_DEPLOY"]}
    me.done("POST", f"{PATH}?dry_run=true", asked)
    made = [me.done("POST", PATH, asked, idempotency_key="once")["id"] for _ in range(2)]
    assert made[0] == made[1]
    other = me.post(PATH, {**asked, "description": "x"}, idempotency_key="once")
    assert (other.status, "Idempotency-Key" in other.body["message"]) == (422, True)
    for _ in range(8):
        webhook(me, endpoint)
    refused = me.post(PATH, {"endpoint": endpoint, "allowed_events": ["APP_DEPLOY"]})
    assert refused.body["message"] == "a project has at most 10 webhooks; delete one before"
    assert me.done("GET", PATH)["total"] == 10
    assert me.delete(path).status == 200
    assert me.get(path).status == 404
    for one in me.done("GET", PATH)["data"]:
        me.done("DELETE", f"{PATH}/{one['id']}")


def test_webhooks_have_secrets_and_are_for_those_who_may_write_in_their_project(
    me: Client, rest: Served, kubeconfig: Path, namespace: str
) -> None:
    hook = webhook(me, "https://chat.example.com/a")
    reader = Client(rest, restside.new_key(kubeconfig, namespace, "read"))
    foreign = Client(rest, restside.new_key(kubeconfig, "kube-public", name=str(uuid.uuid4())))
    for one in (reader, foreign):
        running.until(partial(_is_valid, one), seconds=10)
    assert reader.get(PATH).status == 403
    assert reader.get(f"{PATH}/{hook['id']}").status == 403
    assert hook["id"] not in foreign.get(PATH).text.decode()
    assert foreign.get(f"{PATH}/{hook['id']}").status == 404
    me.done("DELETE", f"{PATH}/{hook['id']}")


def _is_valid(client: Client) -> bool:
    return client.get("/v3/api-keys/validate").status == 200
