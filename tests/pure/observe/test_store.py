"""What the observed state keeps of what it is told, whatever the order in which it comes."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

import make
import storytelling
from process_operator.controller.observe.records import (
    RESOURCE_TYPES,
    ApplicationKey,
    Pod,
    ProbeFailure,
)
from process_operator.controller.observe.store import Informers, ObjectCache
from process_operator.kube import errors, names
from storytelling import Story, application
from userside import process

SAID = "Readiness probe failed: connection refused"


class _Pods:
    def __init__(self) -> None:
        self.found: list[Pod] = []

    def of(self, _namespace: str, _application: str) -> Iterator[Pod]:
        return iter(self.found)

    def all(self) -> Iterator[Pod]:
        return iter(self.found)


@pytest.fixture
def pods() -> _Pods:
    return _Pods()


@pytest.fixture
def clock() -> list[datetime]:
    """The one moment that it is."""
    return [make.NOW]


@pytest.fixture
def store(pods: _Pods, clock: list[datetime]) -> ObjectCache:
    return ObjectCache(
        informers=Informers(children=(), pods=pods, ingress_classes=cast("Any", _Pods())),
        clock=lambda: clock[0],
        allowed_annotations=(),
    )


def failing(uid: str, said: str = SAID, namespace: str = make.NAMESPACE) -> ProbeFailure:
    return ProbeFailure(namespace=namespace, pod_uid=uid, resource_version="1", message=said)


def seen(store: ObjectCache, pods: _Pods, pod: Pod) -> tuple[ApplicationKey, ...]:
    pods.found.append(pod)
    return store.pod_changed(None, pod)


def test_what_is_said_of_a_pod_before_it_is_known_is_kept_until_it_is(
    store: ObjectCache, pods: _Pods
) -> None:
    assert store.probe_failed(failing("early")) == ()
    assert seen(store, pods, make.pod(uid="early")) == (storytelling.KEY,)
    assert store.gather(storytelling.KEY).probe_failures == {"early": SAID}


def test_what_is_said_of_other_peoples_pods_does_not_add_up(
    store: ObjectCache, pods: _Pods
) -> None:
    store.probe_failed(failing("long ago"))
    for number in range(10_000):
        store.probe_failed(failing(f"foreign-{number}"))
    for uid in ("long ago", "foreign-9999"):
        seen(store, pods, make.pod(uid=uid))
    assert store.gather(storytelling.KEY).probe_failures == {"foreign-9999": SAID}


@pytest.mark.parametrize("known_first", [True, False])
def test_what_somebody_says_in_another_namespace_of_a_pods_uid_does_not_count(
    store: ObjectCache, pods: _Pods, known_first: bool
) -> None:
    if known_first:
        seen(store, pods, make.pod(uid="p-1"))
    store.probe_failed(failing("p-1"))
    assert store.probe_failed(failing("p-1", "forged", "theirs")) == ()
    if not known_first:
        seen(store, pods, make.pod(uid="p-1"))
    key = ApplicationKey(make.NAMESPACE, "shop")
    assert store.gather(key).probe_failures == {"p-1": SAID}


def test_a_process_whose_deletion_was_missed_is_not_made_again_after_a_failed_look() -> None:
    story = Story("a process that went unseen")
    story.applies(application(), process("web", "web"))
    story.settles()
    server, operator = story.server, story.operator
    deployment = next(operator.children["Deployment"].all())
    server.seen = lambda *_: None
    server.remove((names.PROCESS_KIND, "demo", "web"))
    operator.children["Deployment"].evict("demo", deployment.name, deployment.uid)
    operator.store.child_changed(deployment, None)
    read, writes = server.get, len(story.lines)

    async def away(*_: object) -> Any:
        raise errors.Unavailable("the server is away")

    server.get = away  # type: ignore[assignment, method-assign]
    for _ in range(2):
        with pytest.raises(errors.Unavailable):
            operator.reconcile()
    server.get = read  # type: ignore[method-assign]
    while operator.reconcile().again:
        pass
    assert [line for line in story.lines[writes:] if "applies" in line] == []


# Who is woken.


def known(store: ObjectCache, *objects: Mapping[str, Any]) -> set[ApplicationKey]:
    """Take objects in, and return who was woken by the last of them."""
    woken: tuple[ApplicationKey, ...] = ()
    for number, one in enumerate(objects, start=len(list(store.applications())) * 100 + 1):
        about = {
            "namespace": "demo",
            "uid": f"uid-of-{one['metadata']['name']}",
            "generation": 1,
            "resourceVersion": str(number),
            "creationTimestamp": "2026-01-02T03:04:05Z",
        }
        woken = store.observe({**one, "metadata": about | one["metadata"]})
    return set(woken)


def resource_type(name: str, **spec: Any) -> dict[str, Any]:
    about = {"name": name, "namespace": ""}
    size = {"cpu": "1", "memory": "1Gi", "category": "standard"}
    return {"kind": names.RESOURCE_TYPE_KIND, "metadata": about, "spec": size | spec}


def using(store: ObjectCache, **types: str | None) -> None:
    """Let each application have one process that names a resource type, or none."""
    for name, wanted in types.items():
        ref = {} if wanted is None else {"resourceTypeRef": {"name": wanted}}
        known(store, process(f"{name}-web", "web", of=name, **ref))


def test_an_edit_of_a_resource_type_wakes_those_that_use_it(store: ObjectCache) -> None:
    using(store, large="l", small="s", default=None)
    assert known(store, resource_type("l")) == {RESOURCE_TYPES, ApplicationKey("demo", "large")}


def test_an_edit_of_the_default_resource_type_wakes_those_that_name_none(
    store: ObjectCache,
) -> None:
    using(store, large="l", small="s", default=None)
    expected = {RESOURCE_TYPES, ApplicationKey("demo", "large"), ApplicationKey("demo", "default")}
    assert known(store, resource_type("l", default=True)) == expected
    edited = resource_type("l")
    edited["metadata"]["generation"] = 2
    edited["metadata"]["resourceVersion"] = "1000"
    assert known(store, edited) == expected


def test_a_status_of_a_resource_type_wakes_no_application(store: ObjectCache) -> None:
    using(store, large="l")
    known(store, resource_type("l"))
    told = {**resource_type("l"), "status": {"observedGeneration": 1}}
    told["metadata"]["resourceVersion"] = "1000"
    assert known(store, told) == {RESOURCE_TYPES}


def test_our_own_status_wakes_nobody_even_if_the_watch_brings_it_before_the_answer(
    store: ObjectCache,
) -> None:
    one = process("web", "web")
    known(store, one)
    ours = {**one, "status": {"observedGeneration": 1, "urls": ["http://a.example.com"]}}
    ours["metadata"] = {**one["metadata"], "resourceVersion": "1000"}
    with store.writing("uid-of-web", ours["status"]):
        assert known(store, ours) == set()
    forged = {**ours, "status": {"observedGeneration": 1}}
    forged["metadata"] = {**one["metadata"], "resourceVersion": "1001"}
    assert known(store, forged) == {storytelling.KEY}


def test_of_a_pod_only_its_trouble_wakes_somebody(store: ObjectCache) -> None:
    well = make.pod(problem=None, ready=False, started=False, phase="Pending")
    runs = make.pod(problem=None, ready=True)
    assert store.pod_changed(None, well) == ()
    assert store.pod_changed(well, runs) == ()
    assert store.pod_changed(runs, None) == ()
    crashes = make.pod(ready=False)
    for old, new in [
        (runs, crashes),
        (crashes, make.pod(ready=True)),
        (crashes, make.pod(ready=False, deleting=True)),
        (crashes, well),
        (crashes, None),
    ]:
        assert store.pod_changed(old, new) == (storytelling.KEY,)


def test_that_a_pod_whose_probe_failed_is_ready_again_wakes_somebody(
    store: ObjectCache, pods: _Pods
) -> None:
    well = make.pod(problem=None, ready=True)
    seen(store, pods, well)
    assert store.probe_failed(failing(well.uid)) == (storytelling.KEY,)
    failed = make.pod(problem=None, ready=False)
    assert store.pod_changed(well, failed) == (storytelling.KEY,)
    assert store.pod_changed(failed, well) == (storytelling.KEY,)
    assert store.pod_changed(well, None) == (storytelling.KEY,)


def test_progress_that_was_told_is_kept_back_again(store: ObjectCache) -> None:
    known(store, process("web", "web"))
    both = frozenset({"uid-of-web"})
    later = make.NOW + timedelta(seconds=5)
    store.note_in_progress(storytelling.KEY, both, frozenset(), make.NOW)
    store.note_in_progress(storytelling.KEY, both, frozenset(), later)
    assert store.gather(storytelling.KEY).in_progress_since == {"uid-of-web": make.NOW}
    store.note_in_progress(storytelling.KEY, both, both, later)
    assert store.gather(storytelling.KEY).in_progress_since == {"uid-of-web": later}


def test_the_backlog_counts_who_waits_and_what_has_begun_to_move_lately(
    store: ObjectCache, clock: list[datetime]
) -> None:
    for name in ("a", "b"):
        known(store, process(f"{name}-web", "web", of=name))
        key, uids = ApplicationKey("demo", name), frozenset({f"uid-of-{name}-web"})
        store.note_in_progress(key, uids, frozenset(), clock[0])
        clock[0] += timedelta(seconds=40)
    assert store.gather(storytelling.KEY, waiting=3).backlog == 3 + 1
    store.note_in_progress(ApplicationKey("demo", "b"), frozenset(), frozenset(), clock[0])
    assert store.gather(storytelling.KEY).backlog == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel is asked for the memory")
def test_large_records_of_many_applications_stay_within_the_operators_memory() -> None:
    """205 applications with ten releases of 48 KiB each: 98 MB of text, and 200 MB in all."""
    tests = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, str(tests / "filling.py")], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 200
