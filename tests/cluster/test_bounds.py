"""The API server and we agree on which status fits, and what is fitted is taken by it."""

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import atbounds
import checked
import plain
import running
from process_operator.controller.execute import events
from process_operator.controller.observe.records import CustomResource
from process_operator.controller.status.model import Event
from process_operator.kube import names
from process_operator.kube.kinds import KINDS
from process_operator.models.status import Status
from process_operator.schema import bounds
from userside import IMAGE, Body, Namespace, application, process

SPECS: dict[str, Body] = {
    names.APPLICATION_KIND: {"suspend": True},
    names.PROCESS_KIND: {"applicationRef": {"name": "nobody"}, "key": "web", "type": "web"},
    names.RELEASE_KIND: {"applicationRef": {"name": "nobody"}},
    names.RUN_KIND: {"processRef": {"name": "nobody"}},
    names.RESOURCE_TYPE_KIND: {"cpu": "1", "memory": "1Gi", "category": "standard"},
}

Publish = Callable[[Any], tuple[bool, Any]]
"""Sends a status as a dry run; returns whether the server took it, and what it made of it."""


@pytest.fixture(params=SPECS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def publish(api: plain.ApiServer, namespace: str, kind: str) -> Iterator[Publish]:
    """Make an object of a kind, and return how its status is written."""
    name = f"bounds-{namespace}"[:40]
    body = {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "metadata": {"name": name},
        "spec": SPECS[kind],
    }
    assert api.send("POST", KINDS[kind].path(namespace), body)[0] == 201
    path = KINDS[kind].path(namespace, name)

    def send(status: Any) -> tuple[bool, Any]:
        change = [{"op": "add", "path": "/status", "value": status}]
        asked = {"kind": plain.JSON_PATCH, "dryRun": "All"}
        code, answer = api.send("PATCH", f"{path}/status", change, **asked)
        assert code in {200, 422}, answer
        return code == 200, answer.get("status")

    yield send
    api.send("DELETE", path)


def test_the_server_keeps_and_refuses_what_we_think_it_does(kind: str, publish: Publish) -> None:
    """A bound that is counted otherwise, a time that is read otherwise: each would show here.

    What it takes and does not keep, such as null, counts as refused: we would write it for ever.
    """
    found = [*atbounds.cases(checked.SCHEMAS[kind])]
    ours = {title for title, status in found if not checked.refused(kind, status)}
    kept = {title for title, status in found if publish(status) == (True, status)}
    assert sorted(ours ^ kept) == []
    assert 0 < len(ours) < len(found)


def test_what_is_fitted_is_stored_as_it_is(kind: str, publish: Publish) -> None:
    for title, status in atbounds.cases(checked.SCHEMAS[kind]):
        fitted = bounds.fitted(kind, copy.deepcopy(status))
        assert publish(fitted) == (True, fitted), title


@pytest.mark.parametrize("message", ["a" * 5000, "\N{UNICORN FACE}" * 400, "é" * 600 + "!", "a\0b"])
@pytest.mark.parametrize("reason", ["OutOfephemeral-storage", "R" * 200, ""])
def test_an_event_is_taken(api: plain.ApiServer, namespace: str, message: str, reason: str) -> None:
    event = Event(regarding=_regarded(namespace), warning=True, reason=reason, message=message)
    sent = events.manifest(event, event.regarding.created_at)
    code, answer = api.send("POST", KINDS["Event"].path(namespace), sent)
    assert (code, answer["note"]) == (201, sent["note"])


def test_a_longer_note_or_reason_is_not(api: plain.ApiServer, namespace: str) -> None:
    event = Event(regarding=_regarded(namespace), warning=True, reason="R", message="m")
    sent = events.manifest(event, event.regarding.created_at)
    for beyond in ({"note": "é" * 512 + "!"}, {"reason": "R" * 129}):
        code, _ = api.send("POST", KINDS["Event"].path(namespace), sent | beyond)
        assert code == 422


def _regarded(namespace: str) -> CustomResource[None, Any]:
    return CustomResource(
        kind=names.PROCESS_KIND,
        namespace=namespace,
        name="n" * 57 + "." + "n" * 60,
        uid="u",
        resource_version="1",
        generation=1,
        created_at=datetime(2026, 1, 5, tzinfo=UTC),
        seen_at=datetime(2026, 1, 5, tzinfo=UTC),
        deleting=False,
        owner_uid=None,
        generated=False,
        spec=None,
        status=Status(),
    )


# What silenced a whole application once.


def test_fifteen_annotations_that_are_not_allowed_are_told(here: Namespace) -> None:
    annotations = {f"service.beta.kubernetes.io/{'x' * 50}-{one}": "1" for one in range(15)}
    ingress = {"hosts": [{"host": here.host("shop")}], "annotations": annotations}
    here.release(application(), process("web", "web", ingress=ingress))
    (warning,) = here.wait("pproc/web", "jsonpath={.status.warnings[0]}")["status"]["warnings"]
    assert len(warning) == 1024
    assert "left out: not allowed here; remove them" in warning


def test_a_staged_variable_with_a_long_name_is_told(here: Namespace) -> None:
    worker = process("worker", "worker")
    here.release(application(), worker)
    here.patch("pproc", "worker", {"spec": {"env": [{"name": "V" * 249, "value": "1"}]}})
    assert here.wait_reason("pproc/worker", "Staged").startswith("1 change waits")
    (pending,) = here.get("pproc", "worker")["status"]["pending"]
    assert len(pending["field"]) == 253
    # And the rest of the application goes on.
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
    here.wait("prel/shop-2", "jsonpath={.status.state}=success")


def test_a_job_that_finds_no_room_on_its_node_ends_its_release(here: Namespace) -> None:
    an_hour = [{"name": "KWOK_RUNS_FOR", "value": "1h"}]
    migrate = process("migrate", "job", jobStartPolicy="beforeDeployment", env=an_hour)
    here.apply(application(), process("web", "web"), migrate)
    record = here.wait("prel/shop-1", "jsonpath={.status.jobs[0].jobUID}")["status"]
    selector = f"job-name={record['jobs'][0]['jobName']}"
    # What is not there yet cannot be waited for by its label.
    running.until(lambda: here.kubectl("get", "pod", "-l", selector, "-o", "name") != "")
    here.kubectl("wait", "pod", "-l", selector, "--for=jsonpath={.status.phase}=Running")
    pod = here.kubectl("get", "pod", "-l", selector, "-o", "name").strip()
    # As a kubelet says it that finds no room for a pod.
    said = {
        "phase": "Failed",
        "reason": "OutOfephemeral-storage",
        "message": "Pod was rejected: Node didn't have enough resource: ephemeral-storage",
        "containerStatuses": None,
    }
    change = json.dumps({"status": said})
    here.kubectl("patch", pod, "--subresource=status", "--type=merge", "-p", change)
    failed = here.wait("prel/shop-1", "jsonpath={.status.state}=failed")
    failure = failed["status"]["failure"]
    assert failure["reason"] == "OutOfephemeral_storage"
    assert "ephemeral-storage" in failure["message"]
    assert here.wait_reason("prel/shop-1", "OutOfephemeral_storage")


# And if a status is refused all the same.


def test_a_status_that_is_refused_is_told_later_and_the_rest_goes_on(
    here: Namespace, api: plain.ApiServer
) -> None:
    policy = f"refuse-{here.name}"
    for body in refusing(policy, here.name):
        assert api.send("POST", f"{_ADMISSION}/{body.pop('plural')}", body)[0] == 201
    here.apply(process("web", "web"))
    probe = [{"op": "add", "path": "/status", "value": {"observedGeneration": 0}}]
    path = KINDS[names.PROCESS_KIND].path(here.name, "web", "status")
    running.until(lambda: api.send("PATCH", path, probe, kind=plain.JSON_PATCH)[0] == 422)

    here.release(application(), process("worker", "worker"))
    here.wait_reason("pproc/worker", "Available")
    here.wait("deployment/shop-web", "condition=Available")
    assert ready(here.get("pproc", "web")) != "Available"

    api.send("DELETE", f"{_ADMISSION}/validatingadmissionpolicybindings/{policy}")
    here.wait_reason("pproc/web", "Available")


_ADMISSION = "/apis/admissionregistration.k8s.io/v1"


def refusing(name: str, namespace: str) -> Iterator[Body]:
    """Yield a policy that refuses each status of the process `web`, and its binding."""
    about = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}}
    rule = {
        "apiGroups": [names.GROUP],
        "apiVersions": ["*"],
        "operations": ["UPDATE"],
        "resources": ["processes/status"],
    }
    here = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    yield {
        **about,
        "plural": "validatingadmissionpolicies",
        "kind": "ValidatingAdmissionPolicy",
        "spec": {
            "matchConstraints": {"resourceRules": [rule], "namespaceSelector": here},
            "validations": [{"expression": "object.metadata.name != 'web'"}],
        },
    }
    yield {
        **about,
        "plural": "validatingadmissionpolicybindings",
        "kind": "ValidatingAdmissionPolicyBinding",
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }


def ready(body: Body) -> str | None:
    found = (body.get("status") or {}).get("conditions", ())
    return next((one["reason"] for one in found if one["type"] == "Ready"), None)
