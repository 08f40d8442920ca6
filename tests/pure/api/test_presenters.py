"""What callers see of our objects, and what is told to wait."""

import dataclasses
import re
from typing import Any

import pydantic
import pytest

from process_operator.api.access import identity
from process_operator.api.payloads import base
from process_operator.api.payloads.applications import Application
from process_operator.api.payloads.deployments import Deployment
from process_operator.api.payloads.logs import LogEntry
from process_operator.api.payloads.processes import Process
from process_operator.api.presenters import pages, times, views, waiting
from process_operator.api.presenters import processes as presenters_processes
from process_operator.api.presenters.applications import application, application_status
from process_operator.api.presenters.deployments import deployment, log_lines
from process_operator.api.presenters.views import ReplyContext
from process_operator.api.reads import cache
from process_operator.api.reads.cache import Record
from process_operator.kube import names
from process_operator.models.release import ReleaseTrigger

UID = "9c6bd8ab-17a6-4cef-9696-0ee30a983156"
APP_UID = "58227794-89e1-4397-af1d-8876d41b586a"
CREATED = "2026-01-05T12:00:00Z"


def record(
    kind: str, name: str, spec: Any, status: Any = None, uid: str = UID, **about: Any
) -> Record:
    metadata = {
        "namespace": "demo",
        "name": name,
        "uid": uid,
        "resourceVersion": "7",
        "generation": 3,
        "creationTimestamp": CREATED,
        **about,
    }
    return cache.record(kind, {"metadata": metadata, "spec": spec, "status": status or {}})


def process(kind: str = "web", status: Any = None, **spec: Any) -> Record:
    base = {"applicationRef": {"name": "shop"}, "key": kind, "type": kind}
    return record("Process", f"shop-{kind}", base | spec, status)


def size(name: str, **spec: Any) -> Record:
    base = {"cpu": "500m", "memory": "1Gi", "category": "standard"}
    return record("ProcessResourceType", name, base | spec)


APPLICATION = record("ProcessApplication", "shop", {"image": "shop:1"}, uid=APP_UID)
RESOURCE_TYPES = views.resource_types(size(name, default=name == "s1") for name in ("s1", "s2"))


def view(*entries: dict[str, Any], application: Record = APPLICATION) -> ReplyContext:
    snapshot = {"image": "shop:1", "processes": list(entries)} if entries else None
    return ReplyContext(application=application, resource_types=RESOURCE_TYPES, snapshot=snapshot)


def entry(kind: str = "web", **more: Any) -> dict[str, Any]:
    base = {
        "key": kind,
        "type": kind,
        "size": {"name": "s1", "cpu": "500m", "memory": "1Gi"},
        "scaling": {"instances": 1},
        "terminationGracePeriodSeconds": 30,
    }
    if kind == "web":
        base["port"] = 8080
    if kind in ("cron", "job"):
        base["run"] = {"retries": 0}
    return base | more


SERVED = view(*(entry(kind) for kind in ("web", "worker", "cron", "job")))


def shown(one: Record, around: ReplyContext = SERVED) -> dict[str, Any]:
    reply = presenters_processes.process(one, around)
    Process.model_validate(reply)
    return reply


@pytest.mark.parametrize("kind", ["web", "worker", "cron"])
def test_a_process_with_nothing_set_shows_the_defaults_of_its_type(kind: str) -> None:
    reply = shown(process(kind))
    is_web = kind == "web"
    assert reply["port"] == (8080 if is_web else None)
    assert reply["is_ingress_enabled"] is is_web
    assert reply["ingress_protocol"] == ("http" if is_web else None)
    assert reply["scaling_strategy"] == {"type": "manual", "config": {"instanceCount": 1}}
    assert (reply["resource_type_name"], reply["cpu_limit"], reply["memory_limit"]) == (
        "s1",
        500,
        1024,
    )
    assert reply["internal_hostname"] == ("shop-web.demo.svc.cluster.local" if is_web else None)
    assert reply["display_name"] == kind
    assert reply["entrypoint"] == ""
    assert reply["pending"] == []
    assert (reply["routing_status"] is not None) is is_web


def test_a_process_shows_what_is_saved_as_it_was_sent() -> None:
    horizontal = {"minInstanceCount": 1, "maxInstanceCount": 2, "targetCPUPercent": 70}
    reply = shown(
        process(
            displayName="Web",
            command=["/bin/web", "--name", "a b"],
            resourceTypeRef={"name": "s2"},
            scalingStrategy={"type": "horizontal", "horizontal": horizontal},
            livenessProbe={"httpGet": {"path": "/"}},
        )
    )
    assert reply["entrypoint"] == "/bin/web --name 'a b'"
    assert reply["scaling_strategy"] == {
        "type": "horizontal",
        "config": {"minInstanceCount": 1, "maxInstanceCount": 2, "targetCpuPercent": 70},
    }
    assert reply["resource_type_id"] == identity.resource_type("s2")
    assert reply["liveness_probe"] == {"httpGet": {"path": "/"}}


def test_a_size_that_was_stored_before_its_bounds_spoils_no_reply() -> None:
    assert [*views.resource_types([size("endless", memory="1e999999"), size("s1")])] == ["s1"]


def test_a_size_that_is_not_there_is_shown_by_its_name() -> None:
    reply = shown(process(resourceTypeRef={"name": "gone"}))
    assert (reply["resource_type_id"], reply["resource_type_name"]) == (None, "gone")
    assert reply["cpu_limit"] is None


def test_updated_at_moves_with_the_spec_and_not_with_the_status() -> None:
    managed = [
        {"manager": "a", "time": "2026-01-06T00:00:00Z"},
        {"manager": "b", "time": "2026-01-07T00:00:00Z", "subresource": "status"},
    ]
    one = record("Process", "w", {"key": "web", "type": "web"}, managedFields=managed)
    assert shown(one)["updated_at"] == "2026-01-06T00:00:00.000Z"


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-30T00:00:00Z",
        "2025-01-30T01:00:00+01:00",
        "2025-01-30T00:00:00.000000Z",
    ],
)
def test_times_are_written_as_the_contract_writes_them(text: str) -> None:
    assert times.time(text) == "2025-01-30T00:00:00.000Z"
    assert re.fullmatch(base.TIME_PATTERN, times.time(text))


def test_every_id_has_the_form_of_the_contract() -> None:
    made = [
        identity.resource_type("s1"),
        identity.variable(UID, "A"),
        identity.domain(UID, "a.example.com"),
        identity.of_key("x"),
    ]
    assert len(set(made)) == len(made)
    for one in [*made, UID]:
        assert re.fullmatch(identity.PATTERN, one)


def pending(one: Record, around: ReplyContext) -> dict[str, tuple[Any, Any]]:
    told = shown(one, around)["pending"]
    return {item["field"]: (item["from"], item["to"]) for item in told}


def test_what_differs_from_what_serves_waits() -> None:
    saved = process(
        entrypoint="new",
        port=3000,
        resourceTypeRef={"name": "s2"},
        scalingStrategy={"type": "manual", "manual": {"instanceCount": 2}},
        readinessProbe={"tcpSocket": {"port": 1}},
    )
    one, two = ({"type": "manual", "config": {"instanceCount": count}} for count in (1, 2))
    assert pending(saved, SERVED) == {
        "entrypoint": ("", "new"),
        "port": (8080, 3000),
        "resource_type_id": (identity.resource_type("s1"), identity.resource_type("s2")),
        "scaling_strategy": (one, two),
        "readiness_probe": (None, {"tcpSocket": {"port": 1}}),
    }


def test_what_acts_at_once_does_not_wait() -> None:
    saved = process(displayName="x", ingress={"enabled": False, "protocol": "grpc"})
    assert pending(saved, SERVED) == {}
    assert pending(process("cron", schedule="@daily", timeZone="UTC"), SERVED) == {}


def test_scaling_does_not_wait_where_the_application_says_so() -> None:
    application = record("ProcessApplication", "shop", {"scalingPolicy": "immediate"}, uid=APP_UID)
    around = view(entry(), application=application)
    scaled = {"type": "manual", "manual": {"instanceCount": 5}}
    assert pending(process(scalingStrategy=scaled), around) == {}


def test_defaults_that_a_snapshot_has_filled_in_are_no_difference() -> None:
    running = {
        "minInstances": 1,
        "maxInstances": 2,
        "cpuPercent": 80,
        "memoryPercent": None,
        "scaleUpIntervalSeconds": 60,
        "scaleUpIncrement": 1,
        "scaleDownIntervalSeconds": 600,
        "scaleDownIncrement": 1,
    }
    probe: dict[str, Any] = {
        "httpGet": {"path": "/", "httpHeaders": [], "port": None},
        "exec": None,
    }
    around = view(entry(scaling={"instances": 1, "horizontal": running}, livenessProbe=probe))
    saved = process(
        scalingStrategy={
            "type": "horizontal",
            "horizontal": {"minInstanceCount": 1, "maxInstanceCount": 2},
        },
        livenessProbe={"httpGet": {"path": "/"}},
    )
    assert pending(saved, around) == {}


def test_before_the_first_deployment_all_that_is_staged_waits() -> None:
    told = pending(process("worker", entrypoint="work"), view())
    assert told["entrypoint"] == (None, "work")
    assert set(told) == {"entrypoint", "resource_type_id", "scaling_strategy"}


def test_what_has_no_field_here_is_told_in_the_operators_words() -> None:
    around = view(entry(env=[{"name": "A", "value": "old"}]))
    saved = process(env=[{"name": "A", "value": "new"}], terminationGracePeriodSeconds=10)
    assert pending(saved, around) == {
        "env[A]": ("***", "***"),
        "terminationGracePeriodSeconds": ("30", "10"),
    }


def test_an_edit_of_the_machine_size_itself_waits() -> None:
    small = {"name": "s1", "cpu": "250m", "memory": "1Gi"}
    assert pending(process(), view(entry(size=small))) == {"resourceType.cpu": ("250m", "500m")}


def test_a_size_that_is_gone_waits_to_be_chosen_anew() -> None:
    told = pending(process(resourceTypeRef={"name": "gone"}), SERVED)
    assert told == {"resource_type_id": (identity.resource_type("s1"), None)}


@pytest.mark.parametrize(
    "unreadable",
    [
        (process(status={"pending": [{"field": "port", "to": "1"}]}, port="x"), SERVED),
        (process(status={"pending": [{"field": "port", "to": "1"}]}), view(entry(size={}))),
    ],
)
def test_what_cannot_be_compared_is_told_as_the_operator_told_it(
    unreadable: tuple[Record, ReplyContext],
) -> None:
    saved, around = unreadable
    told = waiting.of_process(saved.spec, saved.status, around)
    assert told == [{"field": "port", "from": None, "to": "1"}]


def test_values_of_variables_are_masked_where_they_wait() -> None:
    env = [{"name": "A", "value": "secret"}, {"name": "B", "value": "secret"}]
    spec = {"image": "shop:2", "env": env}
    snapshot = {
        "profile": 1,
        "image": "shop:1",
        "env": [{"name": "A", "value": "old"}],
        "podSecurity": "restricted",
    }
    assert waiting.of_application(spec, {}, snapshot) == [
        {"field": "env[A]", "from": "***", "to": "***"},
        {"field": "env[B]", "from": None, "to": "***"},
        {"field": "docker_image", "from": "shop:1", "to": "shop:2"},
    ]


def test_before_the_first_deployment_of_an_application_what_it_says_waits() -> None:
    assert waiting.of_application({"image": "shop:1", "releasePolicy": "staged"}, {}, None) == [
        {"field": "docker_image", "from": None, "to": "shop:1"}
    ]
    assert waiting.of_application({}, {}, None) == []


HOSTS = {"hosts": [{"host": "shop.example.com"}]}
SYNCED = {"observedGeneration": 3, "urls": ["http://shop.example.com"]}
STALLED = [{"type": "Stalled", "status": "True", "message": "in the way"}]


@pytest.mark.parametrize(
    ("ingress", "status", "around", "state"),
    [
        ({"enabled": False, **HOSTS}, SYNCED, SERVED, "disabled"),
        ({}, SYNCED, SERVED, "disabled"),
        (HOSTS, SYNCED, view(), "pending"),
        (HOSTS, {**SYNCED, "observedGeneration": 2}, SERVED, "pending"),
        (HOSTS, {"observedGeneration": 3}, SERVED, "pending"),
        (HOSTS, {**SYNCED, "conditions": STALLED}, SERVED, "failed"),
        (HOSTS, SYNCED, SERVED, "synced"),
    ],
)
def test_the_routing_status_says_how_far_the_route_is(
    ingress: Any, status: Any, around: ReplyContext, state: str
) -> None:
    told = shown(process(status=status, ingress=ingress), around)["routing_status"]
    assert told["state"] == state


def release(status: Any = None, name: str = "shop-1", **spec: Any) -> Record:
    return record("ProcessRelease", name, {"applicationRef": {"name": "shop"}, **spec}, status)


@pytest.mark.parametrize(
    "state", ["waiting", "inProgress", "success", "failed", "cancelled", "skipped"]
)
def test_a_release_is_a_deployment_in_the_same_words(state: str) -> None:
    reply = deployment(release({"state": state, "startedAt": CREATED}), APPLICATION)
    Deployment.model_validate(reply)
    assert (reply["status"], reply["docker_image_url"]) == (state, "shop:1")
    assert reply["app_id"] == APP_UID


@pytest.mark.parametrize("trigger", ReleaseTrigger)
def test_whatever_asked_for_a_release_is_told_in_the_contracts_words(trigger: str) -> None:
    told = deployment(release({"trigger": str(trigger)}), APPLICATION)
    assert told["type"] in {"automatic", "manual", "rollback"}
    assert told["trigger"].isupper()


@pytest.mark.parametrize(
    ("began", "told"), [({}, "skipped"), ({"startedAt": CREATED}, "cancelled")]
)
def test_a_deployment_that_is_cancelled_while_it_waits_is_skipped(
    began: dict[str, str], told: str
) -> None:
    assert deployment(release({"state": "cancelled", **began}), APPLICATION)["status"] == told


def test_a_deployment_that_has_not_started_shows_the_image_that_it_was_asked_for() -> None:
    waits = dataclasses.replace(release(), marks={cache.IMAGE: "registry.example.com/shop:7"})
    assert deployment(waits, APPLICATION)["docker_image_url"] == "registry.example.com/shop:7"


def test_deployments_of_the_same_second_are_listed_in_the_order_of_their_requests() -> None:
    asked = [
        dataclasses.replace(release(name=name), uid=name, marks={names.REQUESTED_AT: at})
        for name, at in (("b", "12:00:00.000001"), ("a", "12:00:00.000002"))
    ]
    assert [one.name for one in pages.newest_first(asked)] == ["a", "b"]


def test_a_deployment_that_nobody_has_looked_at_waits() -> None:
    reply = deployment(release(), APPLICATION)
    assert (reply["status"], reply["steps"], reply["trigger"]) == (
        "waiting",
        ["rollout"],
        "MANUAL_DEPLOY",
    )


def test_a_deployment_tells_its_steps_and_why_it_failed() -> None:
    status = {
        "state": "failed",
        "trigger": "image",
        "startedAt": "2026-01-05T12:00:02Z",
        "rolloutStartedAt": "2026-01-05T12:00:09Z",
        "rollbackStartedAt": "2026-01-05T12:01:00Z",
        "finishedAt": "2026-01-05T12:01:30Z",
        "jobs": [
            {
                "key": "migrate",
                "policy": "beforeDeployment",
                "result": "success",
                "startedAt": "2026-01-05T12:00:03Z",
                "finishedAt": "2026-01-05T12:00:08Z",
            }
        ],
        "failure": {"process": "web", "sentence": "web did not start", "log": "one\ntwo"},
    }
    one = release(status)
    reply = deployment(one, APPLICATION)
    assert reply["steps"] == ["beforeJobs", "rollout", "rollback"]
    assert (reply["type"], reply["failure"]) == ("automatic", "web did not start")
    assert reply["updated_at"] == reply["finished_at"] == "2026-01-05T12:01:30.000Z"
    lines = log_lines(one, APPLICATION)
    for line in lines:
        LogEntry.model_validate(line)
    last_words = [line for line in lines if line["message"] in ("one", "two")]
    assert [line["tags"]["container"] for line in last_words] == ["web"] * 2
    assert {line["severity"] for line in last_words} == {"ERROR"}
    assert [line["unix_timestamp"] for line in lines] == sorted(
        line["unix_timestamp"] for line in lines
    )


@pytest.mark.parametrize(
    ("written", "told", "shown_as"),
    [
        ("2026-01-06T00:00:00Z", None, "00:00.000Z"),
        ("2026-01-06T00:00:00Z", "2026-01-06T00:00:00.123456+00:00", "00:00.123Z"),
        ("2026-01-06T00:00:01Z", "2026-01-06T01:00:02.9+01:00", "00:02.900Z"),
        # By another client since, by a clock that is wrong, and no time at all.
        ("2026-01-06T00:00:09Z", "2026-01-06T00:00:00.123456+00:00", "00:09.000Z"),
        ("2026-01-06T00:00:09Z", "2026-01-06T09:00:00+00:00", "00:09.000Z"),
        ("2026-01-06T00:00:09Z", "2026-01-06T00:00:09.1", "00:09.000Z"),
        ("2026-01-06T00:00:09Z", "soon", "00:09.000Z"),
    ],
)
def test_what_the_api_has_changed_is_told_to_the_millisecond(
    written: str, told: str | None, shown_as: str
) -> None:
    about: dict[str, Any] = {"managedFields": [{"manager": "x", "time": written}]}
    if told is not None:
        about["annotations"] = {names.CHANGED_AT: told}
    spec = {"applicationRef": {"name": "shop"}, "key": "web", "type": "web"}
    one = record("Process", "shop-web", spec, **about)
    assert shown(one)["updated_at"] == f"2026-01-06T00:{shown_as}"


@pytest.mark.parametrize(
    ("saved", "state", "serving", "noted"),
    [
        ("shop:1", "inProgress", "other", True),
        ("shop:1", "success", "shop-1", True),
        ("shop:1", "success", "other", False),
        ("shop:1", "failed", "other", False),
        ("shop:0", "success", "shop-1", False),
    ],
)
def test_going_back_tells_that_the_saved_image_is_another_as_long_as_that_matters(
    saved: str, state: str, serving: str, *, noted: bool
) -> None:
    target = release({"state": "success", "requested": {"image": "shop:0"}})
    back = release({"state": state}, rollbackTo="shop-0")
    status = {"servingRelease": {"name": serving, "number": 2}}
    owner = record("ProcessApplication", "shop", {"image": saved}, status, APP_UID)
    note = deployment(back, owner, target)["note"]
    assert ("the saved image is shop:1" in (note or "")) == noted


def test_going_back_shows_the_image_that_it_goes_back_to() -> None:
    target = release({"state": "success", "requested": {"image": "shop:0"}})
    back = release({"requested": {"image": "shop:1"}}, rollbackTo="shop-1")
    reply = deployment(back, APPLICATION, target)
    assert (reply["docker_image_url"], reply["type"]) == ("shop:0", "rollback")


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ([], None),
        (["success"], "deploymentSuccess"),
        (["failed"], "deploymentFailed"),
        (["waiting"], "deploymentInProgress"),
    ],
)
def test_an_application_says_what_became_of_its_newest_deployment(
    states: list[str], told: str | None
) -> None:
    made = [release({"state": state}) for state in states]
    assert application_status(made) == told


def test_an_application_has_every_field_of_the_contract() -> None:
    reply = application(APPLICATION, None, SERVED, cluster_id=UID)
    Application.model_validate(reply)
    documented = set(Application.model_fields) - {"taken_over"}
    assert set(reply) == documented


def test_a_process_has_every_field_of_the_contract() -> None:
    documented = set(Process.model_fields) - {"taken_over"}
    assert set(shown(process())) == documented


def test_an_unknown_reply_field_would_be_noticed() -> None:
    with pytest.raises(pydantic.ValidationError):
        Process.model_validate({})
