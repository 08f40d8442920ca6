"""Two writers without a war: what another manager declares, and what a change takes from it."""

from typing import Any

import pytest

from process_operator.api.reads import ownership
from process_operator.api.reads.ownership import FieldConflict

BEFORE: dict[str, Any] = {
    "displayName": "web",
    "scalingStrategy": {"type": "manual", "manual": {"instanceCount": 1}},
    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
}
FIELDS: dict[str, Any] = {
    "f:displayName": {},
    "f:scalingStrategy": {"f:type": {}, "f:manual": {"f:instanceCount": {}}},
    "f:env": {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}},
}


def managed(manager: str = "argo", operation: str = "Apply", **more: Any) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": operation,
        "fieldsV1": {"f:spec": FIELDS},
        **more,
    }


def changed(**spec: Any) -> list[tuple[str, str]]:
    found = ownership.conflicts({"argo": FIELDS}, BEFORE, BEFORE | spec)
    return [tuple(one) for one in found]  # type: ignore[misc]


def test_what_is_applied_is_owned_and_what_is_updated_is_not() -> None:
    assert ownership.appliers([managed()]) == {"argo": FIELDS}
    assert ownership.appliers([managed(operation="Update")]) == {}
    assert ownership.appliers([managed(subresource="status")]) == {}
    assert ownership.appliers([managed(ownership.MANAGER)]) == {}


def test_a_manager_owns_what_it_has_written_in_either_way() -> None:
    """Such as Helm 4, after Helm 3 had updated."""
    older = managed("helm", "Update")
    newer = managed("helm", fieldsV1={"f:spec": {"f:port": {}, "f:env": {}}})
    assert ownership.appliers([older, newer]) == {"helm": {**FIELDS, "f:port": {}}}


@pytest.mark.parametrize("manager", ["kubectl-client-side-apply", "argocd-controller", "helm"])
def test_an_apply_without_the_servers_help_counts_too(manager: str) -> None:
    assert ownership.appliers([managed(manager, "Update")]) == {manager: FIELDS}


def test_a_change_names_the_owned_fields_that_it_touches() -> None:
    assert changed(displayName="other") == [("argo", "spec.displayName")]
    manual = {"type": "manual", "manual": {"instanceCount": 2}}
    assert changed(scalingStrategy=manual) == [
        ("argo", "spec.scalingStrategy.manual.instanceCount")
    ]
    horizontal = {"type": "horizontal", "horizontal": {"minInstanceCount": 1}}
    assert {path for _, path in changed(scalingStrategy=horizontal)} == {
        "spec.scalingStrategy.type",
        "spec.scalingStrategy.manual.instanceCount",
    }


def test_items_of_lists_are_told_apart_by_their_keys() -> None:
    assert changed(env=[*BEFORE["env"], {"name": "C", "value": "3"}]) == []
    assert changed(env=[BEFORE["env"][0]]) == []
    assert changed(env=[{"name": "A", "value": "9"}, BEFORE["env"][1]]) == [
        ("argo", "spec.env[A].value")
    ]
    assert {path for _, path in changed(env=[])} == {"spec.env[A].name", "spec.env[A].value"}


def test_what_nobody_declares_or_what_stays_is_free() -> None:
    assert changed() == []
    assert changed(port=1) == []
    assert FieldConflict("a", "b") == ("a", "b")


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {}, {"a": None}),
        ({}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"a": {"b": None, "c": 3}}),
        ({"a": [1]}, {"a": [2]}, {"a": [2]}),
        ({"a": {"b": 1}}, {"a": {}}, {"a": {"b": None}}),
    ],
)
def test_a_merge_patch_holds_just_what_differs(
    before: dict[str, Any], after: dict[str, Any], patch: dict[str, Any]
) -> None:
    assert ownership.merge_patch(before, after) == patch
