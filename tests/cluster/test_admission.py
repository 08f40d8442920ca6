"""What the operator does where somebody else changes what it writes, on a real API server.

`count` returns when nothing more is written, so that each test also shows that this happens. As
a child is tried again after a minute at the earliest, what is counted here is what a minute sees.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import audit
import running
import userside
from userside import IMAGE, Namespace, application, process

Count = Callable[[], int]
WORKER = process("worker", "worker")
DEPLOYMENT = "shop-worker"
CONTAINER = "spec.template.spec.containers[process]"
_EVENTS = "reason=ChangedByAdmission,involvedObject.name=worker"
REMEDY = "exempt the object from that, or declare the value that is set"
_PATH = "/spec/template/spec"
_SIDECAR = (
    'Object.spec.template.spec.containers{name: "mesh", image: "registry.example.com/mesh:1"}'
)


def _policy(group: str, name: str, patches: str) -> tuple[userside.Body, userside.Body]:
    """Return a policy that patches the Deployments of one namespace, by CEL, and its binding."""
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["deployments"],
    }
    policy = {
        "apiVersion": group,
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
                "resourceRules": [rule],
            },
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patches}}],
        },
    }
    binding = {
        "apiVersion": group,
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name},
    }
    return policy, binding


@pytest.fixture
def mutate(here: Namespace, kubectl: Callable[..., str]) -> Iterator[Callable[[str], None]]:
    """Return what lets the server patch every Deployment of the test's namespace from now on."""

    def begin(patches: str) -> None:
        mark = 'JSONPatch{op: "add", path: "/metadata/annotations", value: {"probe": "seen"}}'
        probed = f'object.metadata.name == "probe" ? [{mark}] : {patches}'
        policy, binding = _policy(_group(kubectl), here.name, probed)
        kubectl("create", "-f", "-", stdin=json.dumps(policy))
        kubectl("create", "-f", "-", stdin=json.dumps(binding))
        probe = ("create", "deployment", "probe", "--image=x", "--dry-run=server", "-o", "json")
        running.until(lambda: '"seen"' in here.kubectl(*probe))

    yield begin
    _end(kubectl, here.name)


def _group(kubectl: Callable[..., str]) -> str:
    """Return the newest version of the group that has such policies."""
    listed = kubectl("api-resources", "--api-group=admissionregistration.k8s.io", "--no-headers")
    (found,) = (
        line.split() for line in listed.splitlines() if "MutatingAdmissionPolicy" in line.split()
    )
    return found[1]


def _end(kubectl: Callable[..., str], name: str) -> None:
    for kind in ("mutatingadmissionpolicybinding", "mutatingadmissionpolicy"):
        kubectl("delete", kind, name, "--ignore-not-found")


def _warning(here: Namespace) -> str:
    """Wait until the process is ready and warns of one thing; return the warning."""
    here.wait("pproc/worker", "condition=Ready")
    found = here.wait("pproc/worker", "jsonpath={.status.warnings[0]}")
    (warning,) = found["status"]["warnings"]
    return str(warning)


def _said(paths: str, verb: str = "is", by: str = "an admission webhook or policy") -> str:
    return (
        f'ChangedByAdmission: Deployment "{DEPLOYMENT}": {paths} {verb} changed by {by} whenever '
        f"it is written, and left so; {REMEDY}"
    )


@pytest.fixture
def count(kubeconfig: Path, here: Namespace) -> Count:
    """Return how often the Deployment has been written, when nothing more is."""

    def taken() -> int:
        found = audit.taken(kubeconfig.parent / "audit.log", here.name)
        return found.count(f"patch deployments/{DEPLOYMENT}")

    return taken


def _replaced(path: str, value: str) -> str:
    return f'[JSONPatch{{op: "replace", path: "{path}", value: {value}}}]'


def _removed(path: str) -> str:
    return f'[JSONPatch{{op: "remove", path: "{path}"}}]'


def _added(path: str, value: str) -> str:
    return f'[JSONPatch{{op: "add", path: "{path}", value: {value}}}]'


_IMAGE = "object.spec.template.spec.containers[0].image"
_PART_OF = "/metadata/labels/app.kubernetes.io~1part-of"
_VERSION = 'oldObject == null ? "0" : oldObject.metadata.resourceVersion'
CHANGES = {
    "an image": (
        f'{_IMAGE}.startsWith("mirror") ? [] : '
        + _replaced(f"{_PATH}/containers/0/image", f'"mirror.example.com/" + {_IMAGE}'),
        f"{CONTAINER}.image",
    ),
    "a variable": (
        _added(f"{_PATH}/containers/0/env", '[{"name": "PROXY", "value": "http://proxy"}]'),
        f"{CONTAINER}.env[PROXY]",
    ),
    "our annotation": (
        _removed("/metadata/annotations/process-operator.dev~1intent"),
        "metadata.annotations[process-operator.dev/intent]",
    ),
    "a label": (
        _replaced(_PART_OF, '"somebody-else"'),
        "metadata.labels[app.kubernetes.io/part-of]",
    ),
    "the owner": (_removed("/metadata/ownerReferences"), "metadata.ownerReferences"),
    "a container": (
        'object.spec.template.spec.containers.exists(one, one.name == "mesh") ? [] : '
        + _added(f"{_PATH}/containers/1", _SIDECAR),
        "spec.template.spec.containers[mesh]",
    ),
    "the size": (_replaced("/spec/replicas", "2"), "spec.replicas"),
    "another value each time": (
        _replaced(_PART_OF, f'"v" + ({_VERSION})'),
        "metadata.labels[app.kubernetes.io/part-of]",
    ),
}
"""What is changed: the patches in CEL, and the path that is told."""


@pytest.mark.parametrize("change", CHANGES)
def test_what_admission_changes_is_told_and_not_written_again_and_again(
    here: Namespace, count: Count, mutate: Callable[[str], None], change: str
) -> None:
    patches, path = CHANGES[change]
    mutate(patches)
    here.release(application(), WORKER)
    assert _warning(here) == _said(path)
    assert count() <= 3
    assert here.kubectl("get", "events", "-o", "name", "--field-selector", _EVENTS).count("\n") == 1


def test_without_the_policy_the_next_write_heals_it(
    here: Namespace, kubectl: Callable[..., str], mutate: Callable[[str], None]
) -> None:
    mutate(CHANGES["an image"][0])
    here.release(application(), WORKER)
    assert _warning(here) == _said(f"{CONTAINER}.image")
    _end(kubectl, here.name)
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
    here.wait("prel/shop-2", "jsonpath={.status.state}=success")
    live = here.get("deployment", DEPLOYMENT)["spec"]["template"]["spec"]
    assert live["containers"][0]["image"] == f"{IMAGE}:v2"
    running.until(lambda: "warnings" not in here.get("pproc", "worker")["status"])


def test_a_client_that_changes_it_back_each_time_is_told_by_name(
    here: Namespace, count: Count
) -> None:
    here.release(application(), WORKER)
    manual = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 7}}}}

    def fight() -> bool:
        live = here.get("deployment", DEPLOYMENT)["spec"]["template"]["spec"]
        if live["terminationGracePeriodSeconds"] != 7:
            change = ("patch", "deployment", DEPLOYMENT, "-p", json.dumps(manual))
            here.kubectl(*change, "--field-manager=rewriter")
        return "warnings" in here.get("pproc", "worker")["status"]

    running.until(fight)
    path = "spec.template.spec.terminationGracePeriodSeconds"
    assert _warning(here) == _said(path, by="rewriter")
    assert count() <= 4  # the first, and three repairs


def test_one_edit_by_hand_is_still_put_right_at_once(here: Namespace) -> None:
    here.release(application(), WORKER)
    here.kubectl("set", "image", f"deployment/{DEPLOYMENT}", "process=mine")
    path = "jsonpath={.spec.template.spec.containers[0].image}"
    here.wait(f"deployment/{DEPLOYMENT}", f"{path}={IMAGE}:v1")
    here.wait("pproc/worker", "condition=Ready")
    assert "warnings" not in here.get("pproc", "worker")["status"]
