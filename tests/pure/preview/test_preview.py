"""What `process-operator plan` says, as texts that a person has read: `golden/plan/*.txt`."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import yaml

import make
from process_operator.controller.observe.records import (
    ConfigurationObject,
    CustomResource,
    ObservedState,
)
from process_operator.controller.release import rollout
from process_operator.kube import names
from process_operator.models.configuration import GLOBAL
from process_operator.preview import diff, outcome, simulation
from process_operator.preview.outcome import Preview
from process_operator.preview.overlay import Live
from process_operator.schema import documents

Golden = Callable[[str, str], None]

WEB = make.process(
    scaling_strategy=make.MANUAL_2,
    readiness_probe={"http_get": {"path": "/readyz"}},
    ingress={"hosts": [{"host": "shop.example.com"}]},
    env=[{"name": "PASSWORD", "value": "hunter2"}],
)
WORKER = make.process(key="worker", type="worker")
TICK = make.process(
    key="tick", type="cron", schedule="0 6 * * 1-5", time_zone="Europe/Berlin", run={"retries": 2}
)
MIGRATE = make.process(
    key="migrate", type="job", job_start_policy="beforeDeployment", entrypoint="bin/migrate --all"
)
WARM = make.process(
    key="warm",
    type="job",
    job_start_policy="afterSuccessDeployment",
    command=["/bin/warm", "the cache"],
    run={"timeout_seconds": 60, "retries": 3},
)
ALERT = make.process(key="alert", type="job", job_start_policy="afterFailedDeployment")
EVERYTHING = (WEB, WORKER, TICK, MIGRATE, WARM, ALERT)
SMALL = make.resource_type()
LARGE = make.resource_type(name="s2", cpu="1", memory="2Gi", default=None)


def _body(one: CustomResource[Any, Any]) -> dict[str, Any]:
    """Return an object as the API server holds it."""
    owner = {"controller": True, "uid": one.owner_uid}
    return {
        "apiVersion": names.API_VERSION,
        "kind": one.kind,
        "metadata": {
            "name": one.name,
            "uid": one.uid,
            "resourceVersion": one.resource_version,
            "generation": one.generation,
            "creationTimestamp": one.created_at.isoformat(),
            **({"namespace": one.namespace} if one.namespace else {}),
            **({"ownerReferences": [owner]} if one.owner_uid else {}),
        },
        "spec": _spec(one),
        "status": make.stored(one, one.status),
    }


def _spec(one: CustomResource[Any, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = one.spec.model_dump(
        by_alias=True, exclude_none=True, exclude_defaults=True, mode="json"
    )
    return spec


def _live(seen: ObservedState) -> Live:
    own = (seen.application, *seen.processes, *seen.releases, *seen.resource_types.values())
    return Live(
        own=tuple(_body(one) for one in own if isinstance(one, CustomResource)),
        children=tuple(seen.children.values()),
        ingress_classes=seen.ingress_classes,
        configuration=(),
    )


def _served(*processes: CustomResource[Any, Any], **of_the_application: Any) -> ObservedState:
    return make.served(
        make.observed(
            application=make.application(**of_the_application),
            processes=processes or EVERYTHING,
            resource_types=(SMALL, LARGE),
        )
    )


def _changed(one: CustomResource[Any, Any], **spec: Any) -> CustomResource[Any, Any]:
    """Return an object with some fields of its spec set anew; None takes a field away."""
    merged = _spec(one) | spec
    kept = {name: value for name, value in merged.items() if value is not None}
    return dataclasses.replace(one, spec=type(one.spec).model_validate(kept))


def _texts(objects: Iterable[CustomResource[Any, Any]]) -> str:
    return yaml.safe_dump_all(
        {
            "apiVersion": names.API_VERSION,
            "kind": one.kind,
            "metadata": {"name": one.name},
            "spec": _spec(one),
        }
        for one in objects
    )


def _preview(text: str, live: Live | None, source: str = "shop.yaml") -> Preview:
    return outcome.preview(
        documents.read(text, source),
        live,
        namespace=make.NAMESPACE,
        now=make.NOW,
        allowed_annotations=(),
    )


def _told(live: ObservedState | None, *objects: CustomResource[Any, Any]) -> Preview:
    return _preview(_texts(objects), _live(live) if live is not None else None)


def _text(told: Preview) -> str:
    return "\n".join((*told.lines, f"exit code {told.code}", ""))


AUTOSCALED = _changed(WEB, scalingStrategy=make.HORIZONTAL)
SERVED = _served()
NEW_IMAGE = make.application(image="registry.example.com/shop:2")
ROLLING = make.started(
    2,
    make.candidate(make.observed(SERVED, application=NEW_IMAGE)),
    state="inProgress",
    status={"step": "rollout"},
)
SECOND = make.released(make.observed(SERVED, application=NEW_IMAGE))

CASES: dict[str, tuple[ObservedState | None, tuple[CustomResource[Any, Any], ...]]] = {
    "first-release": (None, (make.application(), *EVERYTHING, SMALL)),
    "first-release-by-hand": (
        None,
        (make.application(release={"initial": "manual"}), WORKER, SMALL),
    ),
    "nothing-to-do": (SERVED, (make.application(), *EVERYTHING, SMALL, LARGE)),
    "no-image": (None, (make.application(image=None), WORKER, SMALL)),
    "no-processes": (None, (make.application(), SMALL)),
    "new-image": (SERVED, (NEW_IMAGE,)),
    "new-image-and-staged-changes": (
        SERVED,
        (
            NEW_IMAGE,
            _changed(WEB, resourceTypeRef={"name": "s2"}, scalingStrategy=make.HORIZONTAL),
            make.process(key="mailer", type="worker"),
        ),
    ),
    "staged-and-not-asked-for": (
        SERVED,
        (
            _changed(
                WEB,
                resourceTypeRef={"name": "s2"},
                scalingStrategy={"type": "manual", "manual": {"instanceCount": 3}},
                readinessProbe=None,
            ),
        ),
    ),
    "environment-is-masked": (
        SERVED,
        (
            _changed(
                WEB,
                env=[{"name": "PASSWORD", "value": "hunter3"}, {"name": "TOKEN", "value": "hush"}],
            ),
        ),
    ),
    "immediate-fields": (
        SERVED,
        (
            _changed(
                WEB,
                ingress={
                    "protocol": "grpc",
                    "hosts": [{"host": "shop.example.com"}, {"host": "api.example.com"}],
                },
            ),
            _changed(TICK, schedule="30 7 * * *", suspend=True),
        ),
    ),
    "immediate-and-staged-together": (
        SERVED,
        (
            make.application(revision="a1b2c3"),
            _changed(WEB, port=9000, ingress={"hosts": [{"host": "other.example.com"}]}),
        ),
    ),
    "autoscaler-goes": (
        _served(AUTOSCALED),
        (_changed(AUTOSCALED, scalingStrategy=make.MANUAL_2),),
    ),
    "scaling-at-once": (
        _served(WEB, scaling_policy="immediate"),
        (_changed(WEB, scalingStrategy={"type": "manual", "manual": {"instanceCount": 5}}),),
    ),
    "automatic": (
        _served(WORKER, release_policy="automatic"),
        (_changed(WORKER, entrypoint="bin/worker --fast"),),
    ),
    "suspended": (SERVED, (make.application(suspend=True, image="registry.example.com/shop:2"),)),
    "without-rollback": (
        SERVED,
        (make.application(image="registry.example.com/shop:2", release={"rollback": False}),),
    ),
    "release-by-hand": (SERVED, (make.request(restart=True, jobs="skip"),)),
    "rollback-by-hand": (
        make.with_children(SECOND),
        (make.request(rollback_to="shop-1"),),
    ),
    "while-a-release-is-in-progress": (
        make.observed(SERVED, application=NEW_IMAGE, releases=(*SERVED.releases, ROLLING)),
        (make.application(image="registry.example.com/shop:3"),),
    ),
    "size-edited": (SERVED, (make.resource_type(memory="4Gi"),)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_plan_reads_as_it_was_written(case: str, golden: Golden) -> None:
    live, objects = CASES[case]
    golden(f"plan/{case}.txt", _text(_told(live, *objects)))


@pytest.mark.parametrize("case", CASES)
def test_no_value_of_a_variable_is_ever_printed(case: str) -> None:
    live, objects = CASES[case]
    text = _text(_told(live, *objects))
    assert not [secret for secret in ("hunter2", "hunter3", "hush") if secret in text]


def test_what_is_there_already_changes_nothing() -> None:
    told = _told(SERVED, make.application(), *EVERYTHING)
    assert told.code == outcome.NOTHING


def test_a_plan_says_the_same_however_often_it_is_asked() -> None:
    live, objects = CASES["new-image-and-staged-changes"]
    assert _told(live, *objects) == _told(live, *objects)


BAD = """\
apiVersion: process-operator.dev/v1alpha1
kind: ProcessApplication
metadata: {name: shop}
spec: {image: "shop:1"}
---
apiVersion: process-operator.dev/v1alpha1
kind: Process
metadata: {name: web}
spec:
  applicationRef: {name: shop}
  key: web
  type: worker
  resourceTypRef: {name: s1}
---
apiVersion: process-operator.dev/v1alpha1
kind: Process
metadata: {name: tick}
spec: {applicationRef: {name: shop}, key: tick, type: worker, schedule: "@daily"}
---
apiVersion: process-operator.dev/v1alpha1
kind: Proces
metadata: {name: oops}
"""


def test_everything_that_the_server_would_refuse_is_told_with_its_place(golden: Golden) -> None:
    golden("plan/refused-by-the-schema.txt", _text(_preview(BAD, None, "shop/all.yaml")))


@pytest.mark.parametrize(
    ("objects", "says"),
    [
        ((make.application(), WORKER), "among the manifests; add them, for example by -f deploy/"),
        ((WORKER, SMALL), 'there is no ProcessApplication "shop" in namespace demo; add its'),
        (
            (make.application(), _changed(WORKER, resourceTypeRef={"name": "xl"}), SMALL),
            'spec.resourceTypeRef.name: there is no ProcessResourceType "xl"',
        ),
        (
            (make.application(), _changed(TICK, schedule="0 0 * * 7"), SMALL),
            'spec.schedule: schedule "0 0 * * 7": day of week "7" is out of range; write 0 to 6',
        ),
        (
            (make.application(), WORKER, make.process(key="worker", type="web", name="b"), SMALL),
            'spec.key "worker" is taken by the older Process "worker"',
        ),
        (
            (make.application(), SMALL, make.resource_type(name="s3"), WORKER),
            "the ProcessResourceTypes s1, s3 all have default: true; leave it on one of them",
        ),
        (
            (make.application(), SMALL, WORKER, make.request(rollback_to="shop-7")),
            'spec.rollbackTo: there is no ProcessRelease "shop-7" in namespace demo; see',
        ),
        ((make.application(), SMALL, SMALL), "stands a second time, after shop.yaml, document 2"),
    ],
)
def test_what_no_release_could_start_with_is_an_error_with_the_remedy(
    objects: tuple[CustomResource[Any, Any], ...], says: str
) -> None:
    told = _told(None, *objects)
    assert told.code == outcome.ERROR
    assert any(says in line and line.startswith("shop.yaml, document ") for line in told.lines)


def test_what_cannot_be_changed_is_refused_against_the_cluster() -> None:
    told = _told(SERVED, make.process(key="other", name="web"))
    assert told.code == outcome.ERROR
    (line,) = told.lines
    assert line == (
        'shop.yaml, document 1, Process "web": spec.key cannot be changed; make a new Process and '
        "delete this one"
    )


def test_an_application_in_the_cluster_needs_no_manifest() -> None:
    assert _told(SERVED, make.process(key="mailer", type="worker")).code == outcome.CHANGES


def test_a_process_that_only_the_cluster_has_can_be_what_is_wrong() -> None:
    broken = make.observed(SERVED, processes=(*SERVED.processes, make.process(name="z", key="web")))
    told = _told(broken, NEW_IMAGE)
    assert told.code == outcome.ERROR
    assert told.lines[0].startswith('Process "z" in namespace demo of the cluster: spec.key "web"')


@pytest.mark.parametrize("field", ["spec", "metadata", "kind", "apiVersion"])
@pytest.mark.parametrize("value", [None, 0, "", [], {}, [{}], {"name": 1}, {1: 2}])
def test_no_manifest_is_too_odd_to_be_told_what_is_wrong(field: str, value: Any) -> None:
    objects = list(yaml.safe_load_all(_texts((make.application(), WORKER, SMALL))))
    for index in range(len(objects)):
        text = yaml.safe_dump_all(
            {**one, field: value} if place == index else one for place, one in enumerate(objects)
        )
        assert _preview(text, None).code in {outcome.ERROR, outcome.NOTHING, outcome.CHANGES}


@pytest.mark.parametrize("text", ["", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n"])
def test_manifests_of_other_kinds_alone_are_an_error(text: str) -> None:
    told = _preview(text, None)
    assert told.code == outcome.ERROR
    source = "shop.yaml" if text else "what was given"
    assert told.lines[0].startswith(f"there are no manifests of process-operator.dev in {source};")


def test_the_namespaces_to_look_at_are_those_of_the_manifests() -> None:
    there = documents.read(
        "{kind: Process, metadata: {name: a, namespace: x}}\n---\n"
        "{kind: Process, metadata: {name: a}}\n---\n"
        "{kind: ConfigMap, metadata: {name: a, namespace: z}}",
        "-",
    )
    assert outcome.namespaces(there, "y") == {"x", "y"}
    assert outcome.namespaces([], "y") == {"y"}


def test_of_what_is_live_only_the_items_that_are_wanted_are_compared() -> None:
    live = [{"name": "a", "value": "1", "more": "x"}, {"name": "b", "value": "2"}]
    wanted = [{"name": "a", "value": "3"}, {"name": "c", "value": "4"}]
    assert diff.projected(live, wanted) == [{"name": "a", "value": "1"}]


def test_a_size_that_a_manifest_does_not_say_stays_and_one_that_it_says_counts() -> None:
    wanted = make.manifests(make.released(make.observed()), "web")["Deployment"]
    seven = {**wanted, "spec": {**wanted["spec"], "replicas": 7}}
    grown = make.child_of(seven)
    said = {**wanted, "spec": {**wanted["spec"], "replicas": 2}}
    unsaid = {**wanted, "spec": {k: v for k, v in wanted["spec"].items() if k != "replicas"}}
    for manifest, size in ((said, 2), (unsaid, 7)):
        assert rollout.replicas(simulation.made(manifest, grown, make.NOW)) == size


def test_a_release_that_has_gone_back_long_ago_needs_its_target_no_more() -> None:
    back = make.started(
        2, make.candidate(SERVED), name="back", rollbackTo="gone", status={"trigger": "rollback"}
    )
    seen = make.observed(SERVED, releases=(*SERVED.releases, back))
    assert _told(seen, back).code != outcome.ERROR


def test_global_variables_that_have_come_are_planned_where_the_cluster_has_them() -> None:
    there = ConfigurationObject(
        kind=GLOBAL.kind, namespace=make.NAMESPACE, name=GLOBAL.name, version="12"
    )
    live = dataclasses.replace(_live(SERVED), configuration=(there,))
    told = _preview(_texts((make.application(), *EVERYTHING, SMALL, LARGE)), live)
    assert told.code == outcome.CHANGES
    assert "envFrom" in _text(told)
