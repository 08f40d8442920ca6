"""What the shipped roles allow: no more than README promises, whoever edits them next."""

import functools
from pathlib import Path
from typing import Any

import pytest
import yaml

from process_operator.controller import build
from process_operator.kube.kinds import KINDS

DEPLOY = Path(__file__).parents[3] / "deploy"
FILES = ("install.yaml", "api/install.yaml")
ROLES = {"Role", "ClusterRole"}


@functools.cache
def documents(file: str) -> list[dict[str, Any]]:
    text = (DEPLOY / file).read_text()
    return [one for one in yaml.load_all(text, yaml.CSafeLoader) if one]


def rules(file: str) -> list[tuple[str, dict[str, Any]]]:
    """Return every rule of a file with the kind of role that it stands in."""
    return [
        (one["kind"], rule)
        for one in documents(file)
        if one["kind"] in ROLES
        for rule in one["rules"]
    ]


def about_secrets(file: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (kind, rule)
        for kind, rule in rules(file)
        if any(resource.partition("/")[0] == "secrets" for resource in rule["resources"])
    ]


@pytest.mark.parametrize("file", FILES)
def test_no_rule_has_a_wildcard(file: str) -> None:
    assert len(rules(file)) > 1
    for _, rule in rules(file):
        assert set(rule) <= {"apiGroups", "resources", "resourceNames", "verbs"}
        for field, values in rule.items():
            assert values, f"{field} is empty: {rule}"
            assert not [one for one in values if "*" in one], f"{field}: {rule}"


@pytest.mark.parametrize("file", FILES)
def test_no_rule_lets_anybody_become_more_than_it_is(file: str) -> None:
    for _, rule in rules(file):
        assert not set(rule["verbs"]) & {"bind", "escalate", "impersonate"}
        assert "rbac.authorization.k8s.io" not in rule["apiGroups"]


@pytest.mark.parametrize("kind", sorted(build.KINDS))
def test_the_operator_may_do_with_each_child_all_that_it_does(kind: str) -> None:
    resource = KINDS[kind]
    group = resource.api_version.rpartition("/")[0]
    verbs = {
        verb
        for _, rule in rules("install.yaml")
        if group in rule["apiGroups"] and resource.plural in rule["resources"]
        for verb in rule["verbs"]
    }
    assert verbs == {"get", "list", "watch", "create", "patch", "delete"}


def test_the_operator_reads_no_secret() -> None:
    assert about_secrets("install.yaml") == []


def test_the_operator_may_see_that_config_maps_change_and_nothing_else_of_them() -> None:
    about = [rule for _, rule in rules("install.yaml") if "configmaps" in rule["resources"]]
    assert [rule["verbs"] for rule in about] == [["list", "watch"]]


def test_the_api_reads_the_one_secret_with_its_keys_and_keeps_the_one_of_webhooks() -> None:
    found = about_secrets("api/install.yaml")
    assert {kind for kind, _ in found} == {"Role"}
    assert [(rule["resourceNames"], rule["verbs"]) for _, rule in found] == [
        (["process-operator-api-keys"], ["get"]),
        (["process-operator-api-webhooks"], ["get", "create", "patch"]),
    ]


@pytest.mark.parametrize("file", FILES)
def test_a_file_binds_its_own_roles_only(file: str) -> None:
    made = {(one["kind"], one["metadata"]["name"]) for one in documents(file)}
    bindings = [one for one in documents(file) if one["kind"].endswith("RoleBinding")]
    assert bindings
    for one in bindings:
        assert (one["roleRef"]["kind"], one["roleRef"]["name"]) in made
        for context in one["subjects"]:
            assert (context["kind"], context["name"]) in made


def test_no_role_for_users_reaches_a_status() -> None:
    """Statuses are the operator's records: pods are made of what stands in them."""
    for one in documents("install.yaml"):
        component = (one["metadata"].get("labels") or {}).get("app.kubernetes.io/component")
        if component == "users":
            for rule in one["rules"]:
                assert not [name for name in rule["resources"] if name.endswith("/status")]


def test_a_run_is_a_right_of_its_own() -> None:
    """It starts a command of its author's with the application's Secrets."""
    writers = [
        one["metadata"]["name"]
        for one in documents("install.yaml")
        if one["kind"] == "ClusterRole"
        for rule in one["rules"]
        if "processruns" in rule["resources"] and "create" in rule["verbs"]
    ]
    assert writers == ["process-operator-run"]
