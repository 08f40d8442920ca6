"""What waits for the next release is told exactly, field by field; what acts at once never is."""

from typing import Any

import pytest

import make
from process_operator.controller.plan import plan
from process_operator.models import staging
from process_operator.models.application import ApplicationSpec
from process_operator.models.base import Model
from process_operator.models.process import ProcessSpec
from process_operator.models.staging import Class, Difference

WEB_PROBE = {"httpGet": {"path": "/healthz"}}
JOB = {"key": "migrate", "type": "job", "job_start_policy": "beforeDeployment"}
CRON = {"key": "tidy", "type": "cron", "schedule": "0 6 * * *"}
M1 = make.resource_type(name="m1", cpu="1", memory="2Gi", default=False)

# What a process was released as (on top of a plain one), what was saved since, what waits for it.
STAGED: dict[str, tuple[dict[str, Any], dict[str, Any], list[Difference]]] = {
    "entrypoint": (
        {"entrypoint": "bin/old"},
        {"entrypoint": "bin/new"},
        [Difference("entrypoint", "bin/old", "bin/new")],
    ),
    "command": (
        {},
        {"command": ["/app", "serve"]},
        [Difference("command", None, '["/app","serve"]')],
    ),
    "resourceTypeRef": (
        {},
        {"resource_type_ref": {"name": "m1"}},
        [Difference("resourceTypeRef.name", "s1", "m1")],
    ),
    "scalingStrategy": (
        {},
        {"scaling_strategy": make.MANUAL_2},
        [Difference("scalingStrategy.manual.instanceCount", "1", "2")],
    ),
    "port": ({}, {"port": 9000}, [Difference("port", "8080", "9000")]),
    "scalingSchedules": (
        {},
        {"scaling_schedules": [{"name": "night", "schedule": "@daily", "maxInstanceCount": 0}]},
        [Difference("scalingSchedules[night]", None, '{"schedule":"@daily","maxInstanceCount":0}')],
    ),
    "ports": (
        {},
        {"ports": [{"name": "metrics", "port": 9090}]},
        [Difference("ports[metrics]", None, '{"port":9090}')],
    ),
    "livenessProbe": (
        {},
        {"liveness_probe": WEB_PROBE},
        [Difference("livenessProbe", None, '{"httpGet":{"path":"/healthz"}}')],
    ),
    "readinessProbe": (
        {"readiness_probe": WEB_PROBE},
        {"readiness_probe": {"httpGet": {"path": "/ready"}, "periodSeconds": 5}},
        [
            Difference("readinessProbe.httpGet.path", "/healthz", "/ready"),
            Difference("readinessProbe.periodSeconds", None, "5"),
        ],
    ),
    "startupProbe": (
        {"startup_probe": WEB_PROBE},
        {},
        [Difference("startupProbe", '{"httpGet":{"path":"/healthz"}}', None)],
    ),
    "env": (
        {"env": [{"name": "KEPT", "value": "1"}, {"name": "GONE", "value": "secret"}]},
        {"env": [{"name": "KEPT", "value": "1"}, {"name": "NEW", "value": "secret"}]},
        [Difference("env[GONE]", "***", None), Difference("env[NEW]", None, "***")],
    ),
    "envFrom": (
        {},
        {"env_from": [{"secretRef": {"name": "keys"}}]},
        [Difference("envFrom", None, '[{"secretRef":{"name":"keys"}}]')],
    ),
    "volumes": (
        {},
        {"volumes": [{"name": "tmp", "mountPath": "/data", "emptyDir": {}}]},
        [Difference("volumes[tmp]", None, '{"mountPath":"/data","emptyDir":{}}')],
    ),
    "securityContext": (
        {"security_context": {"runAsUser": 1000}},
        {"security_context": {"runAsUser": 1001}},
        [Difference("securityContext.runAsUser", "1000", "1001")],
    ),
    "pod": (
        {"pod": {"labels": {"team": "a"}, "priorityClassName": "high"}},
        {"pod": {"labels": {"team": "b"}, "imagePullPolicy": "Always"}},
        [
            Difference("pod.imagePullPolicy", None, "Always"),
            Difference("pod.labels.team", "a", "b"),
            Difference("pod.priorityClassName", "high", None),
        ],
    ),
    "updateStrategy": (
        {"update_strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}},
        {"update_strategy": {"type": "Recreate"}},
        [
            Difference(
                "updateStrategy",
                '{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}}',
                '{"type":"Recreate"}',
            )
        ],
    ),
    "terminationGracePeriodSeconds": (
        {},
        {"termination_grace_period_seconds": 60},
        [Difference("terminationGracePeriodSeconds", "30", "60")],
    ),
    "jobStartPolicy": (
        JOB,
        JOB | {"job_start_policy": "afterSuccessDeployment"},
        [Difference("jobStartPolicy", "beforeDeployment", "afterSuccessDeployment")],
    ),
    "runWith": (JOB, JOB | {"run_with": "serving"}, [Difference("runWith", None, "serving")]),
    "run": (JOB, JOB | {"run": {"retries": 3}}, [Difference("run.retries", "0", "3")]),
}

IMMEDIATE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "displayName": ({}, {"display_name": "Front"}),
    "revision": ({}, {"revision": "2"}),
    "ingress": ({}, {"ingress": {"hosts": [{"host": "a.example.com"}], "protocol": "grpc"}}),
    "schedule": (CRON, CRON | {"schedule": "5 6 * * *"}),
    "timeZone": (CRON, CRON | {"time_zone": "Europe/Berlin"}),
    "suspend": (CRON, CRON | {"suspend": True}),
    "concurrencyPolicy": (CRON, CRON | {"concurrency_policy": "Allow"}),
    "startingDeadlineSeconds": (CRON, CRON | {"starting_deadline_seconds": 60}),
}
IN_NO_CHILD = {"displayName", "revision"}


def differences(
    before: dict[str, Any], after: dict[str, Any], *, scaling_is_staged: bool = True
) -> list[Difference]:
    types = [make.resource_type(), M1]
    one, other = (
        make.candidate(
            make.observed(processes=[make.process(**spec)], resource_types=types)
        ).processes[0]
        for spec in (before, after)
    )
    return list(staging.process_differences(one, other, scaling_is_staged=scaling_is_staged))


def test_what_is_said_of_pods_is_told_without_what_is_not_said() -> None:
    assert differences({}, {"pod": {}}) == []
    assert differences({}, {"pod": {"priorityClassName": "high"}}) == [
        Difference("pod", None, '{"priorityClassName":"high"}')
    ]


def test_a_size_that_is_given_away_is_pending() -> None:
    after = {"scaling_strategy": {"type": "external"}}
    assert differences({"scaling_strategy": make.MANUAL_2}, after) == [
        Difference(
            "scalingStrategy",
            '{"type":"manual","manual":{"instanceCount":2}}',
            '{"type":"external"}',
        )
    ]


@pytest.mark.parametrize("field", STAGED)
def test_a_staged_field_is_pending_exactly(field: str) -> None:
    before, after, expected = STAGED[field]
    assert differences(before, after) == expected


@pytest.mark.parametrize("field", IMMEDIATE)
def test_an_immediate_field_is_never_pending(field: str) -> None:
    assert differences(*IMMEDIATE[field]) == []


@pytest.mark.parametrize("field", sorted(IMMEDIATE.keys() - IN_NO_CHILD))
def test_an_immediate_field_changes_a_child_without_a_release(field: str) -> None:
    before, after = IMMEDIATE[field]
    served = make.served(make.observed(processes=[make.process(**before)]))
    changed = make.observed(served, processes=[make.process(**after)])
    name = before.get("key", "web")
    assert plan.plan(changed).decision.create is None
    assert make.manifests(changed, name) != make.manifests(served, name)


def test_every_field_of_a_process_was_tried_in_its_class() -> None:
    by_class = {
        type_: {one.path for one in staging.PROCESS_FIELDS if one.type is type_} for type_ in Class
    }
    assert by_class[Class.STAGED] == STAGED.keys()
    assert by_class[Class.IMMEDIATE] == IMMEDIATE.keys()


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (ProcessSpec, staging.PROCESS_FIELDS),
        (ApplicationSpec, staging.APPLICATION_FIELDS),
    ],
)
def test_every_field_of_a_spec_has_one_class(
    model: type[Model], fields: tuple[staging.Field, ...]
) -> None:
    written = [field.alias for field in model.model_fields.values()]
    assert sorted(one.path for one in fields) == sorted(str(alias) for alias in written)


APPLICATION: dict[str, tuple[dict[str, Any], list[Difference]]] = {
    "image": (
        {"image": "registry.example.com/shop:2"},
        [Difference("image", make.IMAGE, "registry.example.com/shop:2")],
    ),
    "env": (
        {"env": [{"name": "KEY", "value": "secret"}]},
        [Difference("env[KEY]", None, "***")],
    ),
    "env from a Secret": (
        {"env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]},
        [Difference("env[KEY]", None, '{"valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}')],
    ),
    "imagePullSecrets": (
        {"image_pull_secrets": [{"name": "registry"}]},
        [Difference("imagePullSecrets", None, '["registry"]')],
    ),
    "serviceAccountName": (
        {"service_account_name": "shop"},
        [Difference("serviceAccountName", None, "shop")],
    ),
    "podSecurity": (
        {"pod_security": "baseline"},
        [Difference("podSecurity", "restricted", "baseline")],
    ),
    "displayName": ({"display_name": "Shop"}, []),
    "releasePolicy": ({"release_policy": "automatic"}, []),
    "suspend": ({"suspend": True}, []),
    "routing": ({"routing": {"ingressClassName": "traefik"}}, []),
    "release": ({"release": {"settleSeconds": 9}}, []),
}


@pytest.mark.parametrize("case", APPLICATION)
def test_staged_fields_of_an_application_are_pending_exactly(case: str) -> None:
    saved, expected = APPLICATION[case]
    before = make.candidate(make.observed())
    after = make.candidate(make.observed(application=make.application(**saved)))
    assert list(staging.application_differences(before, after)) == expected


def test_scaling_is_not_pending_where_it_acts_at_once() -> None:
    schedules = [{"name": "night", "schedule": "@daily"}]
    saved = {"scaling_strategy": make.MANUAL_2, "scaling_schedules": schedules, "port": 9000}
    found = differences({}, saved, scaling_is_staged=False)
    assert [one.field for one in found] == ["port"]


def test_another_form_of_scaling_is_one_difference() -> None:
    (found,) = differences({}, {"scaling_strategy": make.HORIZONTAL})
    assert found.field == "scalingStrategy"
    assert found.before == '{"type":"manual","manual":{"instanceCount":1}}'


def test_what_is_spelt_out_as_its_default_is_no_difference() -> None:
    spelt = {
        "port": 8080,
        "termination_grace_period_seconds": 30,
        "scaling_strategy": {"type": "manual", "manual": {"instanceCount": 1}},
        "resource_type_ref": {"name": "s1"},
    }
    assert differences({}, spelt) == []


def test_a_long_value_is_cut() -> None:
    (found,) = differences({}, {"entrypoint": "x" * 1000})
    assert found.after is not None
    assert len(found.after) == staging.MAX_TEXT


def test_the_table_of_the_readme_names_every_field() -> None:
    lines = staging.table().splitlines()
    assert len(lines) == 2 + len(staging.APPLICATION_FIELDS) + len(staging.PROCESS_FIELDS)
    assert "| Process | `schedule` | a change is" not in lines
    assert "| Process | `schedule` | immediate |  |" in lines


def test_another_kind_of_probe_is_told_as_one_that_goes_and_one_that_comes() -> None:
    before, after = (
        make.candidate(make.observed(processes=[make.process(readiness_probe=probe)]))
        for probe in (WEB_PROBE, {"tcpSocket": {"port": 9000}})
    )
    found = staging.process_differences(
        before.processes[0], after.processes[0], scaling_is_staged=True
    )
    assert list(found) == [
        Difference("readinessProbe.httpGet", '{"path":"/healthz"}', None),
        Difference("readinessProbe.tcpSocket", None, '{"port":9000}'),
    ]
