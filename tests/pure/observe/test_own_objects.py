"""Own objects that come back as others: under the same name, or with a version that was once."""

from typing import Any

import pytest

import make
import userside
from process_operator.controller.observe import own_objects
from process_operator.controller.observe.records import ApplicationKey, CustomResource
from process_operator.controller.observe.store import Informers, ObjectCache
from process_operator.kube import names

OLD, NEW = ApplicationKey("demo", "old"), ApplicationKey("demo", "new")


class Nothing:
    def of(self, _namespace: str, _application: str) -> Any:
        return iter(())

    def all(self) -> Any:
        return iter(())


@pytest.fixture
def store() -> ObjectCache:
    nothing = Nothing()
    return ObjectCache(
        informers=Informers(children=(), pods=nothing, ingress_classes=nothing),
        clock=lambda: make.NOW,
        allowed_annotations=(),
    )


def given(body: userside.Body, uid: str, version: int) -> userside.Body:
    about = {
        **body["metadata"],
        "namespace": "demo",
        "uid": uid,
        "resourceVersion": str(version),
        "generation": 1,
        "creationTimestamp": "2026-01-05T12:00:00Z",
    }
    return {**body, "metadata": about}


def run(of: str) -> userside.Body:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.RUN_KIND,
        "metadata": {"name": "now"},
        "spec": {"processRef": {"name": of}},
    }


def uids(store: ObjectCache, key: ApplicationKey) -> list[str]:
    observed = store.gather(key)
    return [one.uid for one in (*observed.processes, *observed.runs)]


def test_a_process_made_again_under_another_application_leaves_the_first_unseen_deletion_or_not(
    store: ObjectCache,
) -> None:
    store.observe(given(userside.process("web", "web", of="old"), "first", 10))
    keys = store.observe(given(userside.process("web", "web", of="new"), "second", 20))
    assert set(keys) == {OLD, NEW}
    assert (uids(store, OLD), uids(store, NEW)) == ([], ["second"])
    assert store.applications() == (NEW,)
    assert store.evict(names.PROCESS_KIND, "demo", "web", "first") == ()
    assert uids(store, NEW) == ["second"]


def test_a_process_that_is_told_late_stays_where_its_successor_is(store: ObjectCache) -> None:
    store.observe(given(userside.process("web", "web", of="new"), "second", 20))
    assert store.observe(given(userside.process("web", "web", of="old"), "first", 10)) == ()
    assert (uids(store, OLD), uids(store, NEW)) == ([], ["second"])


def test_a_run_made_again_belongs_to_the_process_that_it_names(store: ObjectCache) -> None:
    store.observe(given(userside.process("web", "web", of="old"), "web", 10))
    store.observe(given(userside.process("tick", "cron", of="new"), "tick", 11))
    store.observe(given(run("web"), "first", 12))
    assert set(store.observe(given(run("tick"), "second", 20))) == {OLD, NEW}
    assert (uids(store, OLD), uids(store, NEW)) == (["web"], ["tick", "second"])


def test_of_two_contents_with_one_version_the_one_that_is_known_is_read(
    store: ObjectCache,
) -> None:
    """The versions of a server that was set back are given anew."""
    for image in ("shop:1", "shop:2"):
        body = userside.application("new", image=image)
        store.observe(given(body, "the same", 10))
        found = store.gather(NEW).application
        assert isinstance(found, CustomResource)
        assert found.spec.image == image
        store.evict(names.APPLICATION_KIND, "demo", "new", "the same")


@pytest.mark.parametrize(
    ("about", "goes_with_another"),
    [
        ({}, False),
        ({"annotations": {"example.com/tracking-id": "x"}}, False),
        ({"ownerReferences": [{"kind": "ConfigMap", "uid": "1", "name": "a"}]}, True),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "shop:..."}}, True),
        ({"annotations": {"argocd.argoproj.io/hook": "PostSync"}}, True),
        ({"labels": {"app.kubernetes.io/instance": "shop"}}, True),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "shop"}}, True),
        ({"annotations": {"meta.helm.sh/release-name": "shop"}}, True),
    ],
)
def test_what_a_tool_has_applied_goes_with_the_tool(
    about: dict[str, Any], goes_with_another: bool
) -> None:
    body = given(run("task"), "uid-1", 1)
    entry = own_objects.entry_of({**body, "metadata": {**body["metadata"], **about}}, make.NOW)
    assert entry.is_owned is goes_with_another


def test_the_operator_is_not_whoever_has_asked_for_what_it_took_up() -> None:
    managers = [{"manager": names.OPERATOR}, {"manager": "kustomize-controller"}]
    body = given(run("task"), "uid-1", 1)
    made = {**body, "metadata": {**body["metadata"], "managedFields": managers}}
    assert own_objects.entry_of(made, make.NOW).maker == "kustomize-controller"
