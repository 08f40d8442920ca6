"""In which order things are written, and what a refused write holds up."""

import dataclasses
from typing import Any

import orjson

import make
from process_operator.controller.observe import records
from process_operator.controller.observe.records import ObservedState, RefusedWrite
from process_operator.controller.plan import order
from process_operator.controller.plan.model import (
    Apply,
    Delete,
    FailureEvidence,
    Prune,
    RecordStatus,
    Runs,
)
from process_operator.controller.release.decision import Decision
from process_operator.controller.release.runs import RunDecision
from process_operator.kube import names
from process_operator.models.process import ProcessStatus
from process_operator.models.release import Failure, ReleaseStatus, Result
from process_operator.models.run import RunSpec, RunStatus
from storytelling import Story, application
from userside import process

BACKEND: dict[str, Any] = {"routing": {"backend": "gateway", "gatewayRef": {"name": "public"}}}
HOSTS = {"hosts": [{"host": "shop.example.com"}], "protocol": "http"}


def autoscaled() -> ObservedState:
    """Return an application that serves at a size that its autoscaler found."""
    served = make.served(make.observed(processes=[make.process(scaling_strategy=make.HORIZONTAL)]))
    deployment = make.child(served, "Deployment")
    body = orjson.loads(deployment.body)
    body["spec"]["replicas"] = 7
    scaled = make.edited(deployment, body=orjson.dumps(body), others_own_replicas=True)
    return make.changed(served, scaled)


def test_records_of_releases_come_first_and_what_is_old_goes_last() -> None:
    releases = make.released(make.released(make.observed())).releases
    first, second = (one for one in releases if isinstance(one, records.CustomResource))
    once: Any = make.request(name="once")
    run = dataclasses.replace(
        once,
        kind=names.RUN_KIND,
        spec=RunSpec.model_validate({"processRef": {"name": "web"}}),
    )
    job = make.child(make.served(), "Service")
    failed, ended = ReleaseStatus(failure=Failure()), RunStatus(outcome=Result.SUCCESS)
    decision = Decision(
        records=((first, ReleaseStatus()), (second, failed)),
        stop=(job,),
        prune=(first,),
        failed_pod=make.pod(),
        note="release shop-2 failed",
    )
    runs = Runs(decisions=(RunDecision(run=run, record=ended),), prune=(run,))
    assert order.of_application(make.observed(), None, decision, runs) == (
        RecordStatus(of=first, status=ReleaseStatus()),
        RecordStatus(
            of=second,
            status=failed,
            evidence=FailureEvidence(pod=make.pod()),
            note="release shop-2 failed",
        ),
        RecordStatus(of=run, status=ended, note="ended: success"),
        Prune(old=run),
        Delete(child=job, waits_for_pods=True),
        Prune(old=first),
    )


def test_a_size_is_remembered_before_any_write_that_takes_it() -> None:
    seen = autoscaled()
    suspended = make.observed(seen, application=make.application(suspend=True))
    first, *then = make.processes(suspended)["web"].stages
    assert [(type(one), one.status) for one in first if isinstance(one, RecordStatus)] == [
        (RecordStatus, ProcessStatus(replicas_before_suspend=7))
    ]
    assert [one for stage in then for one in stage if isinstance(one, Apply)] == []


def test_an_autoscaler_goes_before_the_size_that_it_would_fight() -> None:
    seen = make.released(
        make.observed(autoscaled(), processes=[make.process(scaling_strategy=make.MANUAL_2)])
    )
    ((delete, apply),) = make.processes(seen)["web"].stages
    assert isinstance(delete, Delete)
    assert isinstance(apply, Apply)
    assert (delete.child.kind, apply.key.kind) == ("HorizontalPodAutoscaler", "Deployment")


def test_what_is_wanted_no_more_stays_while_a_write_is_known_to_be_refused() -> None:
    served = make.served(make.observed(processes=[make.process(ingress=HOSTS)]))
    moved = make.observed(served, application=make.application(**BACKEND))
    *_, last = make.processes(moved)["web"].stages
    assert [one.child.kind for one in last if isinstance(one, Delete)] == ["Ingress"]
    (route,) = (one for one in make.applies(moved) if one.key.kind == "HTTPRoute")
    no = RefusedWrite(
        desired_hash=route.desired_hash,
        reason="KindNotInstalled",
        message="kind HTTPRoute is not installed in this cluster",
        retry_at=make.NOW + records.RETRY_REFUSED,
    )
    refused = make.observed(moved, refused={route.key: no})
    assert [*make.processes(refused)["web"].actions] == []


def test_a_write_that_is_refused_holds_up_what_goes_last_and_nothing_else() -> None:
    story = Story("a route that cannot be made")
    story.server.absent.add("HTTPRoute")
    story.applies(application(), process("web", "web", ingress=HOSTS))
    story.settles()
    begun = len(story.lines)
    # The size is written in the same look in which the route is refused.
    story.applies(application(**BACKEND, scalingPolicy="immediate"))
    story.changes(
        names.PROCESS_KIND,
        "web",
        scalingStrategy={"type": "manual", "manual": {"instanceCount": 3}},
    )
    story.settles()
    told = "\n".join(story.lines[begun:])
    assert "operator applies Deployment shop-web" in told
    assert "operator deletes" not in told
    assert [one["metadata"]["name"] for one in story.server.find("Ingress")] == ["shop-web"]
    story.server.absent.clear()
    story.passes(records.RETRY_REFUSED.total_seconds() + 1)
    assert "operator deletes Ingress shop-web" in story.text
