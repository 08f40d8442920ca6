import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from process_operator.controller.observe import child, records
from process_operator.controller.observe.child_status import (
    TOO_LATE,
    ChildStatus,
    CronJobStatus,
    DeploymentStatus,
    GatewayName,
    JobEnd,
    JobStatus,
    RouteStatus,
)
from process_operator.controller.observe.records import Child
from process_operator.kube import names
from process_operator.kube.manifest import Manifest
from told import ABOUT, found

MOMENT, LATER = "2026-01-02T03:04:05Z", "2026-01-02T03:05:05Z"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GOLDEN = [
    manifest
    for path in sorted((Path(__file__).parents[1] / "golden" / "manifests").glob("*/expected.yaml"))
    for manifest in yaml.safe_load_all(path.read_text())
    if manifest and manifest.get("metadata", {}).get("labels")
]


def test_a_child_keeps_what_a_comparison_needs_and_nothing_else() -> None:
    owner = {
        "apiVersion": names.API_VERSION,
        "kind": "Process",
        "name": "web",
        "uid": "p-1",
        "controller": True,
    }
    record = child.child(
        "Deployment",
        found(
            metadata={
                "generation": 3,
                "labels": {names.APPLICATION: "shop", names.RELEASE: "12"},
                "annotations": {
                    names.DESIRED_HASH: "abc",
                    "deployment.kubernetes.io/revision": "5",
                    "foreign.example/a": "1",
                },
                "ownerReferences": [{"kind": "Other", "uid": "x"}, owner],
                "managedFields": [],
            },
            spec={"replicas": 2},
        ),
    )
    assert (record.application, record.release, record.desired_hash) == ("shop", 12, "abc")
    assert (record.owner_kind, record.owner_name, record.owner_uid) == (
        f"{names.API_VERSION}/Process",
        "web",
        "p-1",
    )
    assert b'"spec":{"replicas":2}' in record.body
    assert b"foreign.example" not in record.body
    assert b"deployment.kubernetes.io" not in record.body
    assert b"resourceVersion" not in record.body
    assert not record.deleting


def deployment(generation: int, **spec: Any) -> Child:
    labels = {"spec": "is a label here"}
    about = {"generation": generation, "labels": labels}
    return child.child("Deployment", found(metadata=about, spec={"replicas": 2} | spec))


@pytest.mark.parametrize(
    ("after", "since"),
    [
        (deployment(6), 5),
        (deployment(6, replicas=3), 6),
        (deployment(7), 7),
        (dataclasses.replace(deployment(6), uid="another"), 6),
    ],
    ids=["same spec", "another spec", "a generation was missed", "another object"],
)
def test_a_spec_is_as_old_as_the_first_generation_that_is_known_to_have_it(
    after: Child, since: int
) -> None:
    assert child.carry_over(deployment(5), after).spec_generation == since


def test_a_spec_stays_as_old_as_it_is_over_many_generations() -> None:
    kept = deployment(5)
    for generation in (6, 6, 7, 8):
        kept = child.carry_over(kept, deployment(generation))
    assert (kept.generation, kept.spec_generation) == (8, 5)


def differing(old: Child, new: Child) -> set[str]:
    """Return which fields of a record tell that somebody changed something."""
    kept = child.carry_over(old, new)
    return {
        one.name
        for one in dataclasses.fields(Child)
        if getattr(old, one.name) != getattr(kept, one.name)
    } - {"generation", "resource_version"}


def test_labels_and_annotations_of_others_are_no_news_nor_are_the_generations_they_make() -> None:
    theirs = {"labels": {"team.example/name": "them"}, "annotations": {"somebody.example/a": "1"}}
    before = child.child(
        "Deployment",
        found(metadata={"generation": 3}, spec={"replicas": 2}, status={"observedGeneration": 3}),
    )
    marked = found(
        metadata={"generation": 4, "resourceVersion": "8", **theirs},
        spec={"replicas": 2},
        status={"observedGeneration": 3},
    )
    seen = {**marked, "status": {"observedGeneration": 4}}
    assert differing(before, child.child("Deployment", marked)) == set()
    assert differing(before, child.child("Deployment", seen)) == set()
    scaled = {**seen, "spec": {"replicas": 3}}
    assert differing(before, child.child("Deployment", scaled)) == {
        "spec_generation",
        "body",
        "status",
    }


def test_a_verdict_belongs_to_the_generation_that_it_was_first_said_of() -> None:
    def at(generation: int, *, late_since: str | None) -> Child:
        late = {
            "type": "Progressing",
            "status": "False",
            "reason": "ProgressDeadlineExceeded",
            "lastUpdateTime": late_since,
        }
        status = {"observedGeneration": generation, "conditions": [late] if late_since else []}
        spec = {"replicas": generation}
        about = {"generation": generation}
        return child.child("Deployment", found(metadata=about, spec=spec, status=status))

    first, again = "2026-01-05T12:00:00Z", "2026-01-05T12:10:00Z"
    told, kept = [], at(3, late_since=None)
    for new in (
        at(3, late_since=first),
        at(4, late_since=first),
        at(4, late_since=again),
        at(4, late_since=None),
        at(5, late_since=again),
    ):
        kept = child.carry_over(kept, new)
        told.append(records.status(kept, DeploymentStatus).late_at)
    assert told == [3, 3, 4, None, 5]
    # Of one that was there before us that is not known.
    assert records.status(at(4, late_since=first), DeploymentStatus).late_at is None


def test_that_a_controller_has_seen_the_spec_at_last_is_news() -> None:
    unseen = child.child(
        "Deployment", found(metadata={"generation": 3}, status={"observedGeneration": 2})
    )
    marked = child.child(
        "Deployment", found(metadata={"generation": 4}, status={"observedGeneration": 4})
    )
    assert differing(unseen, marked) == {"status"}


@pytest.mark.parametrize(
    ("status", "is_on_its_way"),
    [
        ({"replicas": 3, "updatedReplicas": 1, "availableReplicas": 2}, True),
        ({"replicas": 2, "updatedReplicas": 2, "availableReplicas": 1}, True),
        ({"replicas": 2, "updatedReplicas": 2}, True),
        ({"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}, False),
        ({}, False),
    ],
)
def test_a_deployment_is_on_its_way_until_all_its_instances_are_new_and_available(
    status: dict[str, int], is_on_its_way: bool
) -> None:
    def seen(status: dict[str, int], generation: int = 3, replicas: int = 2) -> Child:
        about = {"generation": 3}
        told = status | {"observedGeneration": generation}
        return child.child(
            "Deployment", found(metadata=about, spec={"replicas": replicas}, status=told)
        )

    before, after = seen({"replicas": 1}), seen(status)
    assert child.is_on_its_way(before, after) == is_on_its_way
    assert child.is_on_its_way(before, seen(status, 2))
    # Whatever else has happened to it is looked at soon.
    assert not child.is_on_its_way(None, after)
    assert not child.is_on_its_way(before, None)
    assert not child.is_on_its_way(before, seen(status, replicas=3))


@pytest.mark.parametrize("manifest", GOLDEN, ids=lambda one: f"{one['kind']}")
def test_all_metadata_that_is_declared_is_kept(manifest: Manifest) -> None:
    about = manifest["metadata"]
    record = child.child(manifest["kind"], {**manifest, "metadata": ABOUT | about})
    kept = orjson.loads(record.body)["metadata"]
    for field in ("labels", "annotations", "ownerReferences"):
        assert (kept[field] or {}) == (about.get(field) or {})


def test_an_object_without_labels_owner_or_spec_is_a_child_of_nobody() -> None:
    record = child.child("Service", found())
    assert (record.application, record.release, record.owner_uid) == ("", None, None)
    empty: dict[str, Any] = {"labels": {}, "annotations": None, "ownerReferences": None}
    assert orjson.loads(record.body) == {"metadata": empty, "spec": {}}


@pytest.mark.parametrize("number", ["", "latest", "-1", "1.5"])
def test_a_release_label_that_somebody_broke_is_no_release(number: str) -> None:
    record = child.child("Service", found(metadata={"labels": {names.RELEASE: number}}))
    assert record.release is None


@pytest.mark.parametrize(
    ("manager", "spec", "expected"),
    [
        ("kube-controller-manager", {"f:replicas": {}}, True),
        ("kubectl", {"f:replicas": {}}, True),
        # As after `kubectl scale --replicas=0`.
        ("kubectl", {"f:paused": {}}, True),
        (names.OPERATOR, {"f:replicas": {}}, False),
    ],
)
def test_replicas_belong_to_others_when_another_manager_or_nobody_has_them(
    manager: str, spec: Manifest, expected: bool
) -> None:
    entry = {"manager": manager, "fieldsV1": {"f:metadata": {}, "f:spec": spec}}
    status = {"manager": "kube-controller-manager", "fieldsV1": {"f:status": {}}}
    record = child.child("Deployment", found(metadata={"managedFields": [status, entry]}))
    assert record.others_own_replicas is expected


def condition(kind: str, status: str, message: str = "words", **more: str) -> Manifest:
    return {"type": kind, "status": status, "reason": "R", "message": message} | more


TAKEN = condition("Accepted", "True")


def status_of(kind: str, status: Manifest) -> Any:
    return child.child(kind, found(status=status)).status


def test_a_deployment_keeps_its_counts_and_what_is_wrong_with_it() -> None:
    status = status_of(
        "Deployment",
        {
            "observedGeneration": 2,
            "replicas": 3,
            "updatedReplicas": 3,
            "readyReplicas": 1,
            "availableReplicas": 1,
            "unavailableReplicas": 2,
            "terminatingReplicas": 1,
            "conditions": [
                condition("Progressing", "False", reason=TOO_LATE, lastUpdateTime=MOMENT),
                condition("Available", "True"),
                condition("ReplicaFailure", "True", "forbidden: exceeded quota"),
            ],
        },
    )
    assert status == DeploymentStatus(
        observed_generation=2,
        replicas=3,
        updated_replicas=3,
        ready_replicas=1,
        available_replicas=1,
        is_late=True,
        late_since=AT,
        message="forbidden: exceeded quota",
    )


def test_a_deployment_that_has_not_been_seen_yet_has_nothing() -> None:
    assert status_of("Deployment", {}) == DeploymentStatus()


def test_the_words_of_a_rollout_that_goes_well_do_not_change_the_record() -> None:
    before, after = (
        {
            "replicas": 2,
            "conditions": [
                condition("Progressing", "True", f"ReplicaSet {name} is progressing", reason=reason)
            ],
        }
        for name, reason in (("a", "NewReplicaSetCreated"), ("b", "ReplicaSetUpdated"))
    )
    assert status_of("Deployment", before) == status_of("Deployment", after)


RUN = {"startTime": MOMENT}
TIMED_OUT = condition("Failed", "True", reason="DeadlineExceeded", lastTransitionTime=MOMENT)


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        (
            "CronJob",
            {"active": [{"name": "a"}, {"name": "b"}], "lastScheduleTime": MOMENT},
            CronJobStatus(active=2, last_schedule_time=AT),
        ),
        (
            "CronJob",
            {"lastSuccessfulTime": MOMENT},
            CronJobStatus(active=0, last_successful_time=AT),
        ),
        ("Job", {}, JobStatus()),
        ("Job", RUN | {"active": 1}, JobStatus(started_at=AT)),
        (
            "Job",
            RUN | {"completionTime": LATER, "conditions": [condition("Complete", "True")]},
            JobStatus(started_at=AT, end=JobEnd.COMPLETE, ended_at=AT + timedelta(minutes=1)),
        ),
        (
            "Job",
            RUN | {"conditions": [condition("Failed", "True", lastTransitionTime=LATER)]},
            JobStatus(
                started_at=AT,
                end=JobEnd.FAILED,
                ended_at=AT + timedelta(minutes=1),
                message="words",
            ),
        ),
        (
            "Job",
            {"conditions": [TIMED_OUT]},
            JobStatus(end=JobEnd.TIMED_OUT, ended_at=AT, message="words"),
        ),
        ("Job", {"conditions": [condition("Failed", "False")]}, JobStatus()),
        ("HTTPRoute", {}, RouteStatus()),
        ("HTTPRoute", {"parents": [{"conditions": []}]}, RouteStatus()),
        (
            "HTTPRoute",
            {
                "parents": [
                    {
                        "parentRef": {"name": "public", "sectionName": "web"},
                        "conditions": [TAKEN, condition("ResolvedRefs", "True")],
                    }
                ]
            },
            RouteStatus(accepted=(GatewayName("", "public", "web"),)),
        ),
        (
            "HTTPRoute",
            {
                "parents": [
                    {"conditions": [TAKEN]},
                    {
                        "parentRef": {"name": "shared", "namespace": "infra"},
                        "conditions": [
                            TAKEN,
                            condition("ResolvedRefs", "False", "no Service", reason="NotFound"),
                        ],
                    },
                ]
            },
            RouteStatus(
                refused=GatewayName("infra", "shared", ""), reason="NotFound", message="no Service"
            ),
        ),
    ],
)
def test_each_kind_keeps_its_own_status(kind: str, status: Manifest, expected: ChildStatus) -> None:
    assert status_of(kind, status) == expected


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("Service", {"loadBalancer": {}}),
        ("PodDisruptionBudget", {"currentHealthy": 1}),
        ("HorizontalPodAutoscaler", {"currentReplicas": 2}),
        ("Ingress", {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}),
    ],
)
def test_a_status_that_no_decision_reads_wakes_nobody(kind: str, status: Manifest) -> None:
    assert status_of(kind, status) is status_of(kind, {}) is None


@pytest.mark.parametrize("kind", ["Deployment", "CronJob", "Job"])
def test_children_in_the_same_state_share_one_status(kind: str) -> None:
    status = {"observedGeneration": 1, "startTime": MOMENT, "lastScheduleTime": MOMENT}
    assert status_of(kind, status) is status_of(kind, dict(status))


def test_a_child_of_another_kind_and_one_that_is_not_there_say_nothing() -> None:
    service = child.child("Service", found())
    assert records.status(service, DeploymentStatus) == DeploymentStatus()
    assert records.status(None, JobStatus) == JobStatus()


@pytest.mark.parametrize(("annotation", "default"), [("true", True), ("false", False)])
def test_an_ingress_class_says_who_serves_it(annotation: str, default: bool) -> None:
    marked = {"annotations": {"ingressclass.kubernetes.io/is-default-class": annotation}}
    record = child.ingress_class(found(metadata=marked, spec={"controller": "example/c"}))
    assert (record.name, record.controller, record.default) == ("shop-web", "example/c", default)


def test_names_that_repeat_are_kept_once() -> None:
    text = orjson.dumps({"metadata": {**ABOUT, "namespace": "a-namespace"}})
    one, other = (child.child("Service", orjson.loads(text)) for _ in range(2))
    assert one.namespace is other.namespace
