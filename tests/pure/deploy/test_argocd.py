"""The health that Argo CD is taught, run as Argo CD runs it: Lua 5.1, hardly any library."""

import pathlib
from typing import Any

import pytest
import yaml
from lupa import lua51

import make
from gitops import scripts
from process_operator.controller.observe.records import CustomResource, ObservedState
from process_operator.controller.plan import plan
from process_operator.controller.status import report
from process_operator.kube import names
from process_operator.schema import kinds, validation

FOLDER = scripts.FOLDER
KINDS = [kind.kind for kind in kinds.KINDS]


def _health(kind: str, found: dict[str, Any]) -> tuple[str, str]:
    lua = lua51.LuaRuntime()
    text = (FOLDER / names.GROUP / kind / "health.lua").read_text()
    run = lua.eval(
        "function(text, given) local script = loadstring(text); "
        "setfenv(script, {obj = given, ipairs = ipairs}); return script() end"
    )
    answer = run(text, lua.table_from(found, recursive=True))
    return answer["status"], answer["message"]


def _object(*conditions: tuple[str, str, str], observed: int = 3, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "generation": 3},
        "spec": spec,
        "status": {
            "observedGeneration": observed,
            "conditions": [
                {"type": kind, "status": value, "reason": reason, "message": "what to do"}
                for kind, value, reason in conditions
            ],
        },
    }


READY = ("Ready", "True", "Available")
MOVING = (("Ready", "False", "RolloutInProgress"), ("Reconciling", "True", "RolloutInProgress"))
STUCK = (("Ready", "False", "InvalidSchedule"), ("Stalled", "True", "InvalidSchedule"))
EXAMPLES: list[tuple[str, str, dict[str, Any]]] = [
    ("no status yet", "Progressing", {"metadata": {"generation": 1}, "spec": {}}),
    (
        "the status that every object begins with",
        "Progressing",
        {"metadata": {"generation": 1}, "spec": {}, "status": {"observedGeneration": -1}},
    ),
    ("no condition that is known", "Progressing", _object(("Available", "True", "Available"))),
    ("ready", "Healthy", _object(READY)),
    ("ready once, and changed since", "Progressing", _object(READY, observed=2)),
    ("stuck once, and changed since", "Progressing", _object(*STUCK, observed=2)),
    (
        "staged",
        "Healthy",
        _object(("Ready", "True", "Staged"), ("Staged", "True", "AwaitingRelease")),
    ),
    (
        "waiting for a release",
        "Healthy",
        _object(("Ready", "True", "AwaitingRelease"), ("Available", "False", "AwaitingRelease")),
    ),
    ("rolling out", "Progressing", _object(*MOVING)),
    ("stuck", "Degraded", _object(*STUCK)),
    ("suspend taken back", "Healthy", _object(READY, suspend=False)),
    ("suspended, and stuck", "Degraded", _object(*STUCK, suspend=True)),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("expected", "found"),
    [pytest.param(expected, found, id=name) for name, expected, found in EXAMPLES],
)
def test_health_follows_the_conditions(kind: str, expected: str, found: dict[str, Any]) -> None:
    health, message = _health(kind, found)
    assert health == expected
    assert message


@pytest.mark.parametrize("kind", [names.APPLICATION_KIND, names.PROCESS_KIND])
def test_what_git_asks_to_be_suspended_is_healthy_so_that_a_sync_ends(kind: str) -> None:
    suspended = _object(("Ready", "True", "Suspended"), suspend=True)
    assert _health(kind, suspended) == ("Healthy", "Suspended: what to do")


def test_a_process_in_an_earlier_wave_than_its_application_does_not_hold_the_sync_up() -> None:
    waits = (
        ("Ready", "False", "ApplicationNotFound"),
        ("Reconciling", "True", "ApplicationNotFound"),
    )
    assert _health(names.PROCESS_KIND, _object(*waits))[0] == "Healthy"
    stuck = (("Ready", "False", "ApplicationNotFound"), ("Stalled", "True", "ApplicationNotFound"))
    assert _health(names.PROCESS_KIND, _object(*stuck))[0] == "Degraded"


@pytest.mark.parametrize("kind", [names.RELEASE_KIND, names.RUN_KIND])
def test_a_request_that_its_application_holds_is_suspended(kind: str) -> None:
    paused = _object(("Ready", "False", "Suspended"), ("Reconciling", "True", "Suspended"))
    assert _health(kind, paused) == ("Suspended", "Suspended: what to do")


@pytest.mark.parametrize("kind", KINDS)
def test_the_message_says_why_and_what_to_do(kind: str) -> None:
    assert _health(kind, _object(*STUCK)) == ("Degraded", "InvalidSchedule: what to do")
    assert _health(kind, _object(*MOVING)) == ("Progressing", "RolloutInProgress: what to do")


SERVED = make.served()
LARGE = make.resource_type(name="s2", default=None)
_FAILURE = {
    "step": "rollout",
    "process": "web",
    "reason": "CrashLoop",
    "message": "it ended",
    "sentence": "it ended with 3",
}


@pytest.mark.parametrize(
    ("expected", "seen"),
    [
        pytest.param({"shop": "Healthy", "web": "Healthy"}, SERVED, id="served"),
        pytest.param(
            {"shop": "Healthy", "web": "Healthy"},
            make.observed(
                SERVED,
                resource_types=(make.resource_type(), LARGE),
                processes=[make.process(resource_type_ref={"name": "s2"})],
            ),
            id="staged",
        ),
        pytest.param(
            {"shop": "Healthy", "web": "Healthy"},
            make.observed(
                application=make.application(release={"initial": "manual"}),
                in_progress_since=dict.fromkeys(("uid-of-shop", "uid-of-web"), make.LONG_AGO),
            ),
            id="awaiting a release",
        ),
        pytest.param(
            {"shop": "Healthy", "web": "Healthy"},
            make.with_children(make.observed(SERVED, application=make.application(suspend=True))),
            id="suspended",
        ),
        pytest.param(
            {"shop": "Degraded", "web": "Healthy"},
            make.released(SERVED, state="failed", status={"failure": _FAILURE}),
            id="a failed release",
        ),
    ],
)
def test_what_the_operator_says_leads_to_the_health_that_is_meant(
    expected: dict[str, str], seen: ObservedState
) -> None:
    found = {}
    for write in report.report(seen, plan.plan(seen)).writes:
        one = write.of
        assert isinstance(one, CustomResource)
        spec = one.spec.model_dump(by_alias=True, exclude_none=True, mode="json")
        metadata = {"name": one.name, "generation": one.generation}
        manifest = {"metadata": metadata, "spec": spec, "status": make.stored(one, write.status)}
        found[one.name] = _health(one.kind, manifest)[0]
    assert found == expected


def _lua(path: pathlib.Path, found: dict[str, Any]) -> Any:
    """Run a script as Argo CD runs actions."""
    lua = lua51.LuaRuntime()
    run = lua.eval(
        "function(text, given) local script = loadstring(text); "
        "setfenv(script, {obj = given, ipairs = ipairs}); return script() end"
    )
    return _plain(run(path.read_text(), lua.table_from(found, recursive=True)))


def _plain(found: Any) -> Any:
    if lua51.lua_type(found) != "table":
        return found
    items = {key: _plain(value) for key, value in found.items()}
    return list(items.values()) if items and all(isinstance(key, int) for key in items) else items


def _actions(kind: str) -> pathlib.Path:
    return FOLDER / names.GROUP / kind / "actions"


# The tests that lie beside the scripts, in the form in which Argo CD's own repository has them.


@pytest.mark.parametrize(("folder", "test"), scripts.tests(*scripts.HEALTH))
def test_health_as_argo_cd_tests_it(folder: pathlib.Path, test: dict[str, Any]) -> None:
    found = scripts.read(folder, test["inputPath"])
    assert found["kind"] == folder.name
    assert validation.problems(found) == []
    wanted = test["healthStatus"]
    assert _health(folder.name, found) == (wanted["status"], wanted["message"])


@pytest.mark.parametrize(("folder", "test"), scripts.tests(*scripts.MENU))
def test_the_menu_as_argo_cd_tests_it(folder: pathlib.Path, test: dict[str, Any]) -> None:
    offered = _lua(folder / "discovery.lua", scripts.read(folder, test["inputPath"]))
    assert offered == {one["name"]: {"disabled": one["disabled"]} for one in test["result"]}


@pytest.mark.parametrize(("folder", "test"), scripts.tests(*scripts.ACTIONS))
def test_an_action_as_argo_cd_tests_it(folder: pathlib.Path, test: dict[str, Any]) -> None:
    given = scripts.read(folder, test["inputPath"])
    answer = _lua(folder / test["action"] / "action.lua", given)
    wanted = scripts.read(folder, test["expectedOutputPath"])
    if isinstance(wanted, dict):  # the changed object itself
        assert answer["spec"] == wanted["spec"]
        assert validation.problems(wanted) == []
        return
    assert answer == [
        {"operation": one["k8sOperation"], "resource": one["unstructuredObj"]} for one in wanted
    ]
    for one in wanted:
        made = one["unstructuredObj"]
        assert validation.problems({**made, "metadata": {"name": "made"}}) == []


def test_every_script_is_tested() -> None:
    root = FOLDER / names.GROUP
    assert {path.parent.name for path in root.glob("*/health_test.yaml")} == set(KINDS)
    tested = {
        (file.parts[-3], test["action"])
        for file in root.glob("*/actions/action_test.yaml")
        for test in yaml.safe_load(file.read_text())["actionTests"]
    }
    assert tested == {(p.parts[-4], p.parts[-2]) for p in root.glob("*/actions/*/action.lua")}


def _definitions(kind: str) -> dict[str, Any]:
    folder = _actions(kind)
    return {
        "discovery.lua": (folder / "discovery.lua").read_text(),
        "definitions": {path.parent.name: path.read_text() for path in folder.glob("*/action.lua")},
    }


def test_the_snippet_for_argocd_cm_holds_the_same_texts() -> None:
    snippet = yaml.safe_load((FOLDER / "argocd-cm.yaml").read_text())
    assert snippet["metadata"]["name"] == "argocd-cm"
    prefix = "resource.customizations.actions."
    health = {name: text for name, text in snippet["data"].items() if not name.startswith(prefix)}
    assert health == {
        f"resource.customizations.health.{names.GROUP}_{kind}": (
            FOLDER / names.GROUP / kind / "health.lua"
        ).read_text()
        for kind in KINDS
    }
    actions = {
        name.rpartition("_")[2]: yaml.safe_load(text)
        for name, text in snippet["data"].items()
        if name.startswith(prefix)
    }
    assert {
        kind: {
            **found,
            "definitions": {one["name"]: one["action.lua"] for one in found["definitions"]},
        }
        for kind, found in actions.items()
    } == {kind: _definitions(kind) for kind in KINDS if _actions(kind).exists()}
