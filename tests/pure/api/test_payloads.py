"""What callers may send: each field with each sort of value, and what becomes of a spec."""

import json
from collections.abc import Callable
from typing import Any

import pydantic
import pytest

from process_operator.api.payloads import (
    applications,
    base,
    commands,
    deployments,
    domains,
    processes,
    resources,
    runs,
    variables,
    webhooks,
)
from process_operator.api.problems import Problem
from process_operator.api.writes import changes

SIZE = "fb5e5168-4281-4bec-94c5-0d1584e9e657"
RESOURCE_TYPES = {SIZE: "s2"}
NO_FIELDS: Any = {}
NO_ITEMS: Any = []


def manual(count: Any) -> dict[str, Any]:
    return {"type": "manual", "config": {"instanceCount": count}}


def horizontal(**config: Any) -> dict[str, Any]:
    return {
        "type": "horizontal",
        "config": {"minInstanceCount": 1, "maxInstanceCount": 2, **config},
    }


def http_get(**probe: Any) -> dict[str, Any]:
    return {"httpGet": {"path": "/"}, **probe}


GOOD: list[tuple[str, Any]] = [
    *(("display_name", value) for value in ("x", "x" * 255)),
    *(("entrypoint", value) for value in ("", "x", "x" * 1024)),
    ("resource_type_id", SIZE),
    ("resource_type_id", "00000000-0000-0000-0000-000000000000"),
    ("resource_type_id", "FFFFFFFF-FFFF-4FFF-8FFF-FFFFFFFFFFFF"),
    *(("scaling_strategy", manual(value)) for value in (0, 50)),
    *(("scaling_strategy", horizontal(targetCpuPercent=value)) for value in (1, 100)),
    *(("scaling_strategy", horizontal(targetMemoryPercent=value)) for value in (1, 100)),
    *(("scaling_strategy", horizontal(scaleUpIntervalSeconds=value)) for value in (1, 60_000)),
    *(("scaling_strategy", horizontal(scaleDownIntervalSeconds=value)) for value in (1, 60_000)),
    *(("scaling_strategy", horizontal(scaleUpIncrement=value)) for value in (1, 5)),
    *(("scaling_strategy", horizontal(scaleDownIncrement=value)) for value in (1, 5)),
    *(("port", value) for value in (0, 1, 65_535)),
    *(("is_ingress_enabled", value) for value in (True, False)),
    *(("ingress_protocol", value) for value in ("http", "grpc")),
    *(("schedule", value) for value in (None, "", "0 */6 * * *")),
    *(("time_zone", value) for value in (None, "", "America/New_York")),
    *(
        ("job_start_policy", value)
        for value in ("beforeDeployment", "afterSuccessDeployment", "afterFailedDeployment")
    ),
    *((f"{name}_probe", None) for name in ("liveness", "readiness")),
    *((f"{name}_probe", http_get(periodSeconds=3600)) for name in ("liveness", "readiness")),
    ("readiness_probe", {"tcpSocket": {"port": 1}}),
    ("readiness_probe", {"exec": {"command": ["x"]}}),
]
BAD: list[tuple[str, Any]] = [
    *(("display_name", value) for value in (None, "", "x" * 256, 1, ["x"])),
    *(("entrypoint", value) for value in (None, "x" * 1025, 1, NO_FIELDS)),
    *(("resource_type_id", value) for value in (None, "", "s1", SIZE + "0", 1)),
    ("resource_type_id", "fb5e5168-4281-9bec-94c5-0d1584e9e657"),
    *(("scaling_strategy", value) for value in (None, 1, "manual", {}, {"type": "manual"})),
    *(("scaling_strategy", manual(value)) for value in (-1, 51, 1.0, "1", None, True)),
    ("scaling_strategy", {"type": "hpa", "config": {}}),
    ("scaling_strategy", {**manual(1), "more": 1}),
    ("scaling_strategy", {"type": "manual", "config": {"instanceCount": 1, "more": 1}}),
    *(("scaling_strategy", horizontal(minInstanceCount=value)) for value in (-1, 51, None)),
    *(("scaling_strategy", horizontal(targetCpuPercent=value)) for value in (0, 101, None)),
    *(("scaling_strategy", horizontal(scaleUpIntervalSeconds=value)) for value in (0, 60_001)),
    *(("scaling_strategy", horizontal(scaleDownIncrement=value)) for value in (0, 6)),
    *(("port", value) for value in (None, -1, 65_536, "80", 1.5, True)),
    *(("is_ingress_enabled", value) for value in (None, 0, "true")),
    *(("ingress_protocol", value) for value in (None, "HTTP", "tcp", 1)),
    *(("schedule", value) for value in ("x" * 101, 1, NO_ITEMS)),
    *(("time_zone", value) for value in ("x" * 101, 1, NO_ITEMS)),
    *(("job_start_policy", value) for value in (None, "", "before", 1)),
    *(("liveness_probe", value) for value in (1, NO_ITEMS, http_get(periodSeconds=0))),
    ("liveness_probe", {"grpc": {}}),
    *(("readiness_probe", http_get(timeoutSeconds=value)) for value in (0, 3601, None, "1")),
    *(("readiness_probe", http_get(initialDelaySeconds=value)) for value in (-1, 3601)),
    ("readiness_probe", {"tcpSocket": {}}),
    ("readiness_probe", {"tcpSocket": {"port": 65_536}}),
    ("readiness_probe", {"exec": {"command": []}}),
    ("readiness_probe", {"httpGet": {"scheme": "http"}}),
    ("readiness_probe", {"httpGet": {"httpHeaders": [{"name": "X"}]}}),
    ("unknown", 1),
    ("type", "web"),
    ("key", "web"),
]


@pytest.mark.parametrize(("field", "value"), GOOD)
def test_a_value_within_the_bounds_is_taken(field: str, value: Any) -> None:
    assert processes.UpdateProcess.model_validate({field: value}).given() == {field: value}


@pytest.mark.parametrize(("field", "value"), BAD)
def test_a_value_beyond_the_bounds_or_of_another_type_is_not(field: str, value: Any) -> None:
    with pytest.raises(pydantic.ValidationError):
        processes.UpdateProcess.model_validate({field: value})


def test_every_field_of_the_contract_can_be_updated_and_no_other() -> None:
    assert set(processes.UpdateProcess.model_fields) == {field for field, _ in GOOD}


@pytest.mark.parametrize("field", ["display_name", "type", "resource_type_id"])
def test_creating_asks_for_three_fields(field: str) -> None:
    body = {"display_name": "x", "type": "web", "resource_type_id": SIZE}
    processes.CreateProcess.model_validate(body)
    with pytest.raises(pydantic.ValidationError):
        processes.CreateProcess.model_validate({k: v for k, v in body.items() if k != field})


@pytest.mark.parametrize("field", ["is_ingress_enabled", "ingress_protocol", "key"])
def test_creating_does_not_take_what_the_contract_does_not_name(field: str) -> None:
    body = {"display_name": "x", "type": "web", "resource_type_id": SIZE, field: "http"}
    with pytest.raises(pydantic.ValidationError):
        processes.CreateProcess.model_validate(body)


def spec(kind: str, **more: Any) -> dict[str, Any]:
    return {"applicationRef": {"name": "shop"}, "key": "k", "type": kind, **more}


def after(kind: str, given: dict[str, Any], **before: Any) -> dict[str, Any]:
    return changes.process(given, spec(kind, **before), resource_types=RESOURCE_TYPES)


def refusal(kind: str, given: dict[str, Any], **before: Any) -> Problem:
    with pytest.raises(Problem) as raised:
        after(kind, given, **before)
    return raised.value


def test_nothing_given_changes_nothing() -> None:
    before = {"port": 3000, "readinessProbe": {"tcpSocket": {"port": 1}}}
    assert after("web", {}, **before) == spec("web", **before)


def test_each_field_lands_where_our_kind_has_it() -> None:
    given = {
        "display_name": "Web",
        "entrypoint": "npm start",
        "resource_type_id": SIZE,
        "scaling_strategy": horizontal(targetCpuPercent=70),
        "port": 3000,
        "is_ingress_enabled": False,
        "ingress_protocol": "grpc",
        "liveness_probe": http_get(),
        "readiness_probe": {"tcpSocket": {"port": 1}},
    }
    assert after("web", given) == spec(
        "web",
        displayName="Web",
        entrypoint="npm start",
        resourceTypeRef={"name": "s2"},
        scalingStrategy={
            "type": "horizontal",
            "horizontal": {
                "minInstanceCount": 1,
                "maxInstanceCount": 2,
                "targetCPUPercent": 70,
            },
        },
        port=3000,
        ingress={"enabled": False, "protocol": "grpc"},
        livenessProbe=http_get(),
        readinessProbe={"tcpSocket": {"port": 1}},
    )


def test_nested_objects_are_replaced_as_wholes() -> None:
    before = {
        "scalingStrategy": {"type": "manual", "manual": {"instanceCount": 3}},
        "livenessProbe": {**http_get(), "periodSeconds": 5},
    }
    given = {"scaling_strategy": horizontal(), "liveness_probe": {"exec": {"command": ["x"]}}}
    made = after("web", given, **before)
    assert "manual" not in made["scalingStrategy"]
    assert made["livenessProbe"] == {"exec": {"command": ["x"]}}


@pytest.mark.parametrize("value", [None, ""])
def test_schedule_and_zone_are_cleared_by_null_and_by_an_empty_text(value: str | None) -> None:
    before = {"schedule": "@daily", "timeZone": "UTC"}
    assert after("cron", {"schedule": value, "time_zone": value}, **before) == spec("cron")


def test_null_removes_a_probe() -> None:
    assert after("web", {"liveness_probe": None}, livenessProbe=http_get()) == spec("web")


def test_a_start_command_takes_the_place_of_the_one_of_a_manifest() -> None:
    assert after("web", {"entrypoint": "x"}, command=["y"]) == spec("web", entrypoint="x")
    assert after("web", {"entrypoint": ""}, command=["y"]) == spec("web", command=["y"])


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("worker", {"schedule": "@daily"}),
        ("web", {"time_zone": "UTC"}),
        ("cron", {"job_start_policy": "beforeDeployment"}),
        ("worker", {"liveness_probe": http_get()}),
        ("job", {"readiness_probe": http_get()}),
        ("worker", {"is_ingress_enabled": True}),
        ("cron", {"ingress_protocol": "http"}),
        ("cron", {"port": 80}),
        ("job", {"scaling_strategy": manual(2)}),
        ("cron", {"scaling_strategy": horizontal()}),
        ("web", {"scaling_strategy": horizontal(minInstanceCount=3)}),
        ("web", {"scaling_strategy": horizontal(minInstanceCount=0, maxInstanceCount=0)}),
        ("web", {"resource_type_id": "11111111-1111-4111-8111-111111111111"}),
        ("web", {"port": 15_000}),
        ("cron", {"schedule": "every day"}),
        ("cron", {"time_zone": "Mars/Olympus"}),
        ("web", {"liveness_probe": {}}),
        ("web", {"liveness_probe": {**http_get(), "exec": {"command": ["x"]}}}),
        ("web", {"liveness_probe": http_get(successThreshold=2)}),
    ],
)
def test_what_breaks_a_rule_across_fields_is_422_and_names_the_field(
    kind: str, given: dict[str, Any]
) -> None:
    before = {"jobStartPolicy": "beforeDeployment"} if kind == "job" else {}
    problem = refusal(kind, given, **before)
    assert problem.status == 422
    assert next(iter(given)) in problem.message or "schedule" in problem.message


def test_a_job_needs_a_start_policy() -> None:
    assert "job_start_policy" in refusal("job", {"display_name": "x"}).message


@pytest.mark.parametrize("kind", ["worker", "cron", "job"])
def test_nothing_in_a_field_of_another_type_is_no_change(kind: str) -> None:
    """The public Terraform provider sends such values for all that it does not know."""
    before = {"jobStartPolicy": "beforeDeployment"} if kind == "job" else {}
    given = {"is_ingress_enabled": False, "ingress_protocol": "", "readiness_probe": None}
    given |= {"port": 0}
    assert after(kind, given, **before) == spec(kind, **before)


@pytest.mark.parametrize("given", [{"port": 0}, {"ingress_protocol": ""}])
def test_nothing_in_a_field_of_the_own_type_is_400(given: dict[str, Any]) -> None:
    assert refusal("web", given).status == 400


@pytest.mark.parametrize("kind", ["cron", "job"])
def test_one_manual_instance_is_what_every_run_has(kind: str) -> None:
    before = {"jobStartPolicy": "beforeDeployment"} if kind == "job" else {}
    assert after(kind, {"scaling_strategy": manual(1)}, **before) == spec(kind, **before)


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Web Process", "web-process"),
        ("3 Bären!", "b-ren"),
        ("---", "job"),
        ("日本", "job"),
        ("x" * 100, "x" * 40),
    ],
)
def test_a_key_is_a_slug_of_the_name(text: str, slug: str) -> None:
    assert changes.slug(text, limit=40, instead="job") == slug


def test_a_taken_key_is_numbered() -> None:
    assert changes.numbered("a", (), limit=40) == "a"
    assert changes.numbered("a", {"a", "a-2"}, limit=40) == "a-3"
    assert changes.numbered("x" * 40, {"x" * 40}, limit=40) == f"{'x' * 38}-2"


_SHAPE = ("title", "description", "default", "examples", "discriminator")
"""What of a schema says nothing of what is taken."""


def bounds(schema: Any) -> Any:
    """Return a schema without its words."""
    if isinstance(schema, dict):
        return {name: bounds(part) for name, part in schema.items() if name not in _SHAPE}
    return [bounds(part) for part in schema] if isinstance(schema, list) else schema


def test_what_each_field_takes_reads_as_it_was_written(
    golden: Callable[[str, str], None],
) -> None:
    modules = (
        *(applications, commands, deployments, domains, processes),
        *(resources, runs, variables, webhooks),
    )
    requests = {
        one.__name__: one
        for module in modules
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, base.Request) and one is not base.Request
    }
    lines = [
        f"{name}.{field}: {json.dumps(bounds(part), sort_keys=True)}"
        for name, one in sorted(requests.items())
        for field, part in one.model_json_schema()["properties"].items()
    ]
    golden("api/fields.txt", "\n".join(lines) + "\n")
