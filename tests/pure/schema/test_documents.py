"""What `plan` refuses is what the API server refuses, in the same field and by the same rule.

`tests/cluster/bad_input.yaml` holds every rule broken once, with what a real server answered.
"""

import copy
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from process_operator.kube import names
from process_operator.schema import cel, crds, documents, kinds, validation

_CLUSTER = pathlib.Path(__file__).parents[2] / "cluster"
CASES = yaml.safe_load((_CLUSTER / "bad_input.yaml").read_text())
OBJECTS = list(yaml.safe_load_all((_CLUSTER / "every_field.yaml").read_text()))

_SHOP = {"applicationRef": {"name": "shop"}}
MINIMAL: dict[str, tuple[str, dict[str, Any]]] = {
    "application": (names.APPLICATION_KIND, {}),
    "web": (names.PROCESS_KIND, {**_SHOP, "key": "web", "type": "web"}),
    "worker": (names.PROCESS_KIND, {**_SHOP, "key": "worker", "type": "worker"}),
    "cron": (names.PROCESS_KIND, {**_SHOP, "key": "cron", "type": "cron"}),
    "job": (
        names.PROCESS_KIND,
        {**_SHOP, "key": "job", "type": "job", "jobStartPolicy": "beforeDeployment"},
    ),
    "release": (names.RELEASE_KIND, _SHOP),
    "size": (names.RESOURCE_TYPE_KIND, {"cpu": "500m", "memory": "1Gi", "category": "standard"}),
}


def _object(label: str, changes: dict[str, Any], name: str | None = None) -> dict[str, Any]:
    kind, spec = MINIMAL[label]
    merged = {**copy.deepcopy(spec), **changes}
    return {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "metadata": {"name": name or label},
        "spec": {field: value for field, value in merged.items() if value is not None},
    }


def _cases(section: str) -> list[Any]:
    known = (case for case in CASES[section] if case["object"] in MINIMAL)
    return [pytest.param(case, id=case["case"]) for case in known]


def _rules(node: dict[str, Any]) -> Iterator[dict[str, str]]:
    yield from node.get("x-kubernetes-validations", ())
    for inner in (*node.get("properties", {}).values(), node.get("items")):
        if isinstance(inner, dict):
            yield from _rules(inner)
    if isinstance(inner := node.get("additionalProperties"), dict):
        yield from _rules(inner)


RULES = [
    rule
    for kind in kinds.KINDS
    for rule in _rules(
        crds.manifest(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"],
    )
]


def test_every_rule_of_the_models_can_be_read() -> None:
    assert len(RULES) > 50
    for rule in RULES:
        cel.compiled(rule["rule"])


@pytest.mark.parametrize("rule", ["self.foo(1)", "self ^ 1", "max(self)", "self.a == 'x", "1 +"])
def test_a_rule_that_uses_more_of_cel_is_an_error_and_not_a_guess(rule: str) -> None:
    with pytest.raises(cel.UnknownRule):
        cel.compiled(rule)


@pytest.mark.parametrize("case", _cases("refused"))
def test_bad_input_is_refused_in_the_field_in_which_the_server_refuses_it(
    case: dict[str, Any],
) -> None:
    found = validation.problems(_object(case["object"], case.get("set", {}), case.get("name")))
    [problem] = found
    assert problem.field == case["field"]
    if case["message"] in {rule["message"] for rule in RULES}:
        assert problem.message == case["message"]


@pytest.mark.parametrize("case", _cases("unchangeable"))
def test_what_cannot_be_changed_is_refused_against_what_is_there(case: dict[str, Any]) -> None:
    old = _object(case["object"], case.get("from", {}))
    new = _object(case["object"], {**case.get("from", {}), **case["to"]})
    [problem] = validation.problems(new, old)
    assert problem.field == case["field"]
    if case["message"] in {rule["message"] for rule in RULES}:
        assert problem.message == case["message"]


@pytest.mark.parametrize("manifest", OBJECTS, ids=lambda one: one["metadata"]["name"])
def test_every_field_is_accepted(manifest: dict[str, Any]) -> None:
    assert validation.problems(manifest) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kind: a\nb: [", "shop.yaml, line 2: not YAML: "),
        ("- a\n- b", "shop.yaml, document 1: not a manifest; it needs apiVersion, kind,"),
        ("a: 1\n---\njust text", "shop.yaml, document 2: not a manifest"),
        pytest.param(f"a: {'9' * 5000}", "shop.yaml: it holds what no manifest", id="digits"),
        pytest.param("[" * 5000, "shop.yaml: it holds what no manifest", id="nests"),
    ],
)
def test_a_file_that_holds_no_manifests_is_told_with_its_line(text: str, says: str) -> None:
    with pytest.raises(documents.Unreadable) as refusal:
        documents.read(text, "shop.yaml")
    assert str(refusal.value).startswith(says)


def test_lists_and_empty_documents_are_read_as_kubectl_reads_them() -> None:
    text = "---\n---\nkind: List\nitems: [{kind: A}, {kind: B}]\n---\nkind: C\n"
    found = documents.read(text, "shop.yaml")
    assert [(one.number, one.manifest["kind"]) for one in found] == [(2, "A"), (2, "B"), (3, "C")]


def test_dates_and_times_are_texts_as_they_are_for_kubectl() -> None:
    (found,) = documents.read("a: 2026-11-23\nb: 12:30\nc: 0644\nd: 12\ne: 1.5", "-")
    assert found.manifest == {"a": "2026-11-23", "b": "12:30", "c": 0o644, "d": 12, "e": 1.5}


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"resourceTypRef": {"name": "s1"}}, "spec.resourceTypRef", "did you mean resourceTypeRef"),
        ({"displayName": 5}, "spec.displayName", "must be a text; put it in quotes"),
        ({"port": "80"}, "spec.port", "must be a whole number, without quotes"),
        ({"env": {"A": "b"}}, "spec.env", "must be a list"),
        ({"env": [{"name": "A"}, {"name": "A"}]}, "spec.env[1]", "has the same name as another"),
        ({"readinessProbe": "/"}, "spec.readinessProbe", "must be an object"),
        ({"ingress": {"enabled": "no"}}, "spec.ingress.enabled", "must be true or false"),
        ({"key": None}, "spec.key", "is required; add it"),
        ({"type": None}, "spec.type", "is required; add it: web, worker, cron, job"),
    ],
)
def test_a_field_of_the_wrong_form_is_told_with_the_remedy(
    changes: dict[str, Any], field: str, says: str
) -> None:
    [problem] = validation.problems(_object("web", changes))
    assert problem.field == field
    assert says in problem.message


@pytest.mark.parametrize(
    ("manifest", "field"),
    [
        ({"kind": "Proces"}, "kind"),
        ({"apiVersion": "process-operator.dev/v2"}, "apiVersion"),
        ({"metadata": {}}, "metadata.name"),
        ({"metadata": {"name": "No"}}, "metadata.name"),
        ({"metadata": {"name": "web", "namespace": "a.b"}}, "metadata.namespace"),
        ({"spec": None}, "spec"),
        ({"sepc": {}}, "sepc"),
    ],
)
def test_an_object_as_a_whole_is_checked_too(manifest: dict[str, Any], field: str) -> None:
    [problem] = validation.problems({**_object("web", {}), **manifest})
    assert problem.field == field


@pytest.mark.parametrize("cpu", [True, 0.5, ["1"]])
def test_a_quantity_is_a_whole_number_or_a_text(cpu: Any) -> None:
    [problem] = validation.problems(_object("size", {"cpu": cpu}))
    assert problem.field == "spec.cpu"
    assert "must be a whole number or a text" in problem.message


@pytest.mark.parametrize(
    ("cpu", "is_beyond"), [(2**63 - 1, False), (1 - 2**63, False), (2**63, True), (-(2**63), True)]
)
def test_a_quantity_that_is_a_number_has_64_bits(cpu: int, *, is_beyond: bool) -> None:
    found = [str(one) for one in validation.problems(_object("size", {"cpu": cpu}))]
    assert any("at most 64 bits" in one for one in found) is is_beyond
