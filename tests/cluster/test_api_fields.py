"""What a PATCH of a process takes, saves, tells as pending and deploys, over real HTTP."""

from typing import Any

import pytest

import running
from restside import App, Client
from userside import Namespace

PROBE = {"httpGet": {"path": "/ready", "port": 8080, "scheme": "HTTP"}}


UNKNOWN = "11111111-1111-4111-8111-111111111111"


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


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"null", b"[]", b'"x"', b"\xff", b'{"port":NaN}', b'{"port":1e999}']
)
def test_a_body_that_is_no_such_object_is_400(app: App, me: Client, raw: bytes) -> None:
    answer = me.send("PATCH", app.web_path, raw)
    assert (answer.status, answer.body["status"]) == (400, 400)
