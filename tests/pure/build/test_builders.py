"""Golden manifests, one folder per case, and the rules that span cases.

`target.yaml` says how a case differs from the plain web process of `_PLAIN`; `expected.yaml` holds
all that is built from it (or only the kinds in `show`, where the rest is beside the point).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

import make
from process_operator.controller import build
from process_operator.controller.build import autoscaler, pod
from process_operator.controller.resolve.target import Target
from process_operator.models.snapshot import Horizontal, Scaling

MANIFESTS = Path(__file__).parents[1] / "golden" / "manifests"
CASES = sorted(path.parent.name for path in MANIFESTS.glob("*/target.yaml"))
_EVERY_FIELD = "every-field"
_NOT_BUILT = {
    "run_with",  # whose snapshot a job is built of is decided in plan/
    "job_start_policy",  # when a release runs a job is decided in release/
    "scaling",  # a target has its own, because scaling may act at once
}

_TARGET = TypeAdapter(Target)
_PLAIN: dict[str, Any] = {
    "namespace": "demo",
    "application": "shop",
    "process": "shop-front",
    "uid": "6f1c7a52-0c0e-4f6c-9d55-0d0c6a3f0001",
    "snapshot": {
        "profile": 1,
        "image": "registry.example.com/shop:1.4.2",
        "podSecurity": "restricted",
        "processes": [],
    },
    "entry": {
        "key": "web",
        "type": "web",
        "size": {"name": "s1", "cpu": "500m", "memory": "1Gi"},
        "port": 8080,
        "terminationGracePeriodSeconds": 30,
    },
    "scaling": {"instances": 1},
    "protocol": "http",
    "route": None,
    "timetable": None,
    "suspended": False,
    "progressDeadlineSeconds": 600,
}
_ROUTE: dict[str, Any] = {
    "backend": "ingress",
    "hosts": [{"host": "shop.example.com"}],
    "annotations": {},
    "className": None,
    "controller": None,
    "gateways": (),
    "issuer": None,
}
_TIMETABLE: dict[str, Any] = {
    "schedule": "0 6 * * 1-5",
    "timeZone": "UTC",
    "suspend": False,
    "concurrencyPolicy": "Forbid",
    "startingDeadlineSeconds": None,
}


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    made = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        made[key] = _merged(base[key], value) if both else value
    return made


def _snake(fields: dict[str, Any]) -> dict[str, Any]:
    return {re.sub("[A-Z]", lambda m: "_" + m[0].lower(), key): v for key, v in fields.items()}


def target(**over: Any) -> Target:
    made = _merged(_PLAIN, over)
    for part, plain in (("route", _ROUTE), ("timetable", _TIMETABLE)):
        if made[part] is not None:
            made[part] = _snake(_merged(plain, made[part]))
    made["scaled"] = {"scaling": made.pop("scaling")}
    return _TARGET.validate_python(_snake(made))


def _given(case: str) -> dict[str, Any]:
    given: dict[str, Any] = yaml.safe_load((MANIFESTS / case / "target.yaml").read_text())
    return given


def _rendered(case: str) -> list[dict[str, Any]]:
    given = _given(case)
    children = [child for one in given["targets"] for child in build.children(target(**one))]
    return [child for child in children if child["kind"] in given.get("show", [child["kind"]])]


def _paths(value: Any, at: str = "") -> Iterator[str]:
    if isinstance(value, dict) and not at.endswith(("abels", "annotations", "elector")):
        for key, item in value.items():
            yield from _paths(item, f"{at}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from _paths(item, f"{at}[]")
    else:
        yield at


def _plain(value: Any) -> bool:
    if type(value) is dict:
        return all(type(key) is str and _plain(item) for key, item in value.items())
    if type(value) is list:
        return all(_plain(item) for item in value)
    return type(value) in (str, int, bool)


def _only_container(over: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = pod.template(target(**over))["spec"]["containers"][0]
    return container


@pytest.mark.parametrize("case", CASES)
def test_golden_manifests(case: str, golden: Callable[[str, str], None]) -> None:
    manifests = _rendered(case)
    actual = yaml.safe_dump_all(manifests, sort_keys=False, width=100)
    golden(f"manifests/{case}/expected.yaml", actual)


def test_the_case_of_every_field_shows_each_field_that_any_case_shows() -> None:
    shown = {
        case: {f"{one['kind']}{path}" for one in _rendered(case) for path in _paths(one)}
        for case in CASES
    }
    missing = set().union(*shown.values()) - shown[_EVERY_FIELD]
    assert missing == set()


@pytest.mark.parametrize("part", ["snapshot", "entry"])
def test_every_field_that_a_snapshot_freezes_is_built_into_something(part: str) -> None:
    """A staged field that no builder reads would wait for a release, and then change nothing."""
    every = [target(**one) for case in CASES for one in _given(case)["targets"]]
    frozen = type(getattr(every[0], part))
    for name, field in frozen.model_fields.items():
        if field.is_required() or name in _NOT_BUILT:
            continue
        unset = {name: field.get_default()}
        assert any(
            build.children(one)
            != build.children(replace(one, **{part: getattr(one, part).model_copy(update=unset)}))
            for one in every
        ), f"{frozen.__name__}.{name}: build it, and set it in {_EVERY_FIELD}/target.yaml"


@pytest.mark.parametrize("case", CASES)
def test_manifests_are_plain_json(case: str) -> None:
    assert all(_plain(manifest) for manifest in _rendered(case))


@pytest.mark.parametrize("case", CASES)
def test_nothing_empty_is_declared_because_the_server_would_leave_it_out(case: str) -> None:
    def walk(value: Any, at: str) -> Iterator[str]:
        if value in ("", [], {}, None) and not at.endswith(".emptyDir"):
            yield at
        for key, item in value.items() if isinstance(value, dict) else ():
            yield from walk(item, f"{at}.{key}")
        for item in value if isinstance(value, list) else ():
            yield from walk(item, f"{at}[]")

    assert [at for manifest in _rendered(case) for at in walk(manifest, "")] == []


@pytest.mark.parametrize("case", CASES)
def test_the_number_of_replicas_is_left_to_the_plan(case: str) -> None:
    assert not any("replicas" in manifest["spec"] for manifest in _rendered(case))


def test_services_are_applied_first_then_workloads_then_routes() -> None:
    made = build.children(target(scaling={"instances": 2}, route={}))
    assert [one["kind"] for one in made] == [
        "Service",
        "Deployment",
        "PodDisruptionBudget",
        "Ingress",
    ]


def test_a_job_process_has_no_children_of_its_own() -> None:
    assert build.children(target(entry={"key": "migrate", "type": "job", "port": None})) == ()


@pytest.mark.parametrize(
    "over",
    [
        {"protocol": "grpc"},
        {"route": {"className": "traefik", "controller": "traefik.io/ingress-controller"}},
        {"scaling": {"instances": 7}},
        {"suspended": True},
        {"progressDeadlineSeconds": 30},
    ],
)
def test_nothing_that_acts_at_once_changes_the_pod_template(over: dict[str, Any]) -> None:
    assert pod.template(target(**over)) == pod.template(target())


@pytest.mark.parametrize(
    ("entrypoint", "passed"),
    [
        ("bin/web --port $PORT", "bin/web --port $PORT"),
        ("echo $(date)", "echo $$(date)"),
        ("kill $$", "kill $$$"),
        ("echo $$(x)", "echo $$$$(x)"),
        ("echo $((1+1)) '$'", "echo $$((1+1)) '$'"),
    ],
)
def test_the_shell_gets_the_entrypoint_as_it_was_written(entrypoint: str, passed: str) -> None:
    container = _only_container({"entry": {"entrypoint": entrypoint}})
    assert container["command"] == ["/bin/sh", "-c", passed]


def test_a_command_is_run_without_a_shell_and_may_use_kubernetes_variables() -> None:
    container = _only_container({"entry": {"command": ["/app", "--port=$(PORT)"]}})
    assert container["command"] == ["/app", "--port=$(PORT)"]


def test_without_entrypoint_and_command_the_image_says_what_runs() -> None:
    assert "command" not in _only_container({})


@pytest.mark.parametrize(
    ("grace", "seconds"), [(30, 5), (6, 5), (5, 4), (2, 1), (1, None), (0, None)]
)
def test_draining_leaves_time_to_stop_within_the_grace_period(
    grace: int, seconds: int | None
) -> None:
    container = _only_container({"entry": {"terminationGracePeriodSeconds": grace}})
    expected = {"preStop": {"sleep": {"seconds": seconds}}} if seconds else None
    assert container.get("lifecycle") == expected


def test_the_port_is_the_first_variable_and_wins_over_one_that_was_given() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "PORT", "value": "9"}]
    container = _only_container({"snapshot": {"env": env}, "entry": {"env": env}})
    assert container["env"] == [{"name": "PORT", "value": "8080"}, {"name": "A", "value": "1"}]


def test_without_a_port_a_given_variable_of_that_name_is_kept() -> None:
    env = [{"name": "PORT", "value": "9"}]
    over = {"key": "mail", "type": "worker", "port": None, "env": env}
    assert _only_container({"entry": over})["env"] == env


def test_a_volume_of_the_process_takes_the_place_of_one_at_the_same_path() -> None:
    container = _only_container(
        {
            "snapshot": {"volumes": [{"name": "a", "mountPath": "/data", "emptyDir": {}}]},
            "entry": {"volumes": [{"name": "b", "mountPath": "/data", "emptyDir": {}}]},
        }
    )
    assert container["volumeMounts"] == [{"name": "b", "mountPath": "/data"}]


def test_a_probe_of_another_host_asks_the_pod_and_says_so() -> None:
    entry = {
        "livenessProbe": {"tcpSocket": {"host": "db.example.com", "port": 5432}},
        "readinessProbe": {"httpGet": {"host": "shop.example.com"}},
        "startupProbe": {
            "httpGet": {
                "host": "shop.example.com",
                "httpHeaders": [{"name": "host", "value": "own.example.com"}],
            }
        },
    }
    made = target(entry=entry)
    container = pod.template(made)["spec"]["containers"][0]
    assert container["livenessProbe"] == {"tcpSocket": {"port": 5432}}
    assert container["readinessProbe"]["httpGet"] == {
        "port": "http",
        "httpHeaders": [{"name": "Host", "value": "shop.example.com"}],
    }
    assert container["startupProbe"]["httpGet"] == {
        "port": "http",
        "httpHeaders": [{"name": "host", "value": "own.example.com"}],
    }
    reason = "is not connected to, because Pod Security allows probes of the pod itself only"
    assert pod.redirected_probes(made.entry) == (
        f"livenessProbe.tcpSocket.host db.example.com {reason}",
        f"readinessProbe.httpGet.host shop.example.com {reason}",
        f"startupProbe.httpGet.host shop.example.com {reason}",
    )


_CLAMPED = "was clamped to 1800, the longest period that Kubernetes allows"


def _horizontal(**over: int) -> Scaling:
    settings = {
        "min_instances": 1,
        "max_instances": 3,
        "cpu_percent": 80,
        "memory_percent": None,
        "scale_up_interval_seconds": 60,
        "scale_up_increment": 1,
        "scale_down_interval_seconds": 600,
        "scale_down_increment": 1,
    }
    return Scaling(horizontal=Horizontal.model_validate(settings | over))


@pytest.mark.parametrize(
    ("scaling", "told"),
    [
        pytest.param(Scaling(instances=0), (), id="manual-0-is-held"),
        pytest.param(_horizontal(), (), id="nothing-clamped"),
        pytest.param(
            _horizontal(scale_up_interval_seconds=1800, scale_down_interval_seconds=1800),
            (),
            id="the-longest-period",
        ),
        pytest.param(
            _horizontal(min_instances=0),
            ("minInstanceCount 0 runs as 1, because an autoscaler cannot leave 0",),
            id="no-instances",
        ),
        pytest.param(
            _horizontal(scale_up_interval_seconds=60000, scale_down_interval_seconds=1801),
            (
                f"scaleUpIntervalSeconds 60000 {_CLAMPED}",
                f"scaleDownIntervalSeconds 1801 {_CLAMPED}",
            ),
            id="long-intervals",
        ),
    ],
)
def test_what_an_autoscaler_does_not_hold_is_told(scaling: Scaling, told: tuple[str, ...]) -> None:
    assert autoscaler.clamped(scaling) == told


@pytest.mark.parametrize(("deadline", "proving"), [(1, None), (2, 1)])
def test_an_instance_without_a_probe_proves_itself_for_less_than_the_deadline(
    deadline: int, proving: int | None
) -> None:
    shop = make.application(release={"progressDeadlineSeconds": deadline})
    seen = make.served(make.observed(application=shop))
    assert make.manifests(seen)["Deployment"]["spec"].get("minReadySeconds") == proving
