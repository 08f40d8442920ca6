"""What comes back from a backup, or is applied as `kubectl get` printed it, does not run again.

A backup tool (these are Velero's rules) makes objects anew without owner references, uid, status
and generateName, into the same namespace or another one; where it is asked to it writes the status
of each right after the object. What bears its label `velero.io/exclude-from-backup` it leaves out.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

import userside
from userside import Body, Namespace, application, process

OWN = ("processapplications", "processes", "processreleases", "processruns")
CHILDREN = ("deployments", "services", "cronjobs", "jobs")
KEPT = ("name", "labels", "annotations")
TICK = process("tick", "cron", schedule="0 4 1 1 *")
MIGRATE = process("migrate", "job", jobStartPolicy="beforeDeployment")
EXIT_3 = [{"name": "KWOK_EXIT_CODE", "value": "3"}]


def saved(here: Namespace, kinds: Iterable[str]) -> list[Body]:
    """Return what a backup of a namespace holds."""
    found = json.loads(here.kubectl("get", ",".join(kinds), "-o", "json"))["items"]
    return [
        one
        for one in found
        if "velero.io/exclude-from-backup" not in one["metadata"].get("labels", {})
    ]


def restore(there: Namespace, backup: Iterable[Body], *, statuses: bool) -> None:
    """Make all of it anew, one after the other."""
    for body in backup:
        about = {name: body["metadata"][name] for name in KEPT if name in body["metadata"]}
        bare = {name: value for name, value in body.items() if name != "status"}
        bare["metadata"] = about
        if body["kind"] == "Service":
            bare["spec"] = {k: v for k, v in body["spec"].items() if not k.startswith("clusterIP")}
        there.kubectl("create", "-f", "-", stdin=json.dumps(bare))
        if statuses and body["kind"].startswith("Process"):
            # All of it, whatever the operator has written there meanwhile.
            whole = json.dumps([{"op": "add", "path": "/status", "value": body["status"]}])
            how = ("--subresource=status", "--type=json", "-p", whole)
            there.kubectl("patch", body["kind"], about["name"], *how)


def with_a_history(here: Namespace) -> None:
    """Serve the second release, have run something by hand, and let a size wait."""
    here.release(application(), process("web", "web"), TICK, MIGRATE)
    run = {"processRef": {"name": "tick"}}
    here.apply(
        {
            "apiVersion": "process-operator.dev/v1alpha1",
            "kind": "ProcessRun",
            "metadata": {"name": "by-hand"},
            "spec": run,
        }
    )
    here.wait("prun/by-hand", "jsonpath={.status.finishedAt}")
    here.patch("papp", "shop", {"spec": {"image": f"{userside.IMAGE}:v2"}})
    here.wait("prel/shop-2", "jsonpath={.status.state}=success")
    manual = {"type": "manual", "manual": {"instanceCount": 3}}
    here.patch("pproc", "web", {"spec": {"scalingStrategy": manual}})
    here.wait_reason("pproc/web", "Staged")


@pytest.fixture
def there(kubectl: Callable[..., str], namespace: str) -> Namespace:
    """Return another namespace, as empty as one in another cluster."""
    name = f"{namespace}-there"
    kubectl("create", "namespace", name)
    return Namespace(kubectl, name)


def image(there: Namespace) -> tuple[str, int]:
    """Return what serves, and at which size."""
    spec: dict[str, Any] = there.get("deployment", "shop-web")["spec"]
    return spec["template"]["spec"]["containers"][0]["image"], spec["replicas"]


def history_is_told(there: Namespace) -> None:
    """Wait until each copy of what has run says what it is."""
    for name in ("shop-1", "shop-2"):
        told = there.wait(f"prel/{name}", "jsonpath={.status.state}=skipped")["status"]
        assert told["conditions"][0]["reason"] == "Restored"
    run = there.wait("prun/by-hand", "jsonpath={.status.outcome}=skipped")["status"]
    assert run["reason"] == "Restored"


@pytest.mark.parametrize("kinds", [OWN, CHILDREN + OWN], ids=["own kinds", "with children"])
def test_without_statuses_it_serves_the_same_image_and_runs_nothing(
    here: Namespace, there: Namespace, kinds: tuple[str, ...]
) -> None:
    with_a_history(here)
    restore(there, saved(here, kinds), statuses=False)
    there.wait_reason("papp/shop", "Released")
    history_is_told(there)
    assert image(there)[0] == f"{userside.IMAGE}:v2"
    assert there.kubectl("get", "jobs", "-o", "name") == ""
    there.wait("pproc/web", "condition=Ready")


@pytest.mark.parametrize("kinds", [OWN, CHILDREN + OWN], ids=["own kinds", "with children"])
def test_with_statuses_the_same_release_serves_and_what_waited_waits(
    here: Namespace, there: Namespace, kinds: tuple[str, ...]
) -> None:
    with_a_history(here)
    backup = saved(here, kinds)
    restore(there, backup, statuses=True)
    there.wait("deployment/shop-web", "jsonpath={.status.availableReplicas}=1")
    there.wait_reason("papp/shop", "Released")
    there.wait_reason("pproc/web", "Staged")
    assert image(there) == (f"{userside.IMAGE}:v2", 1)
    releases = json.loads(there.kubectl("get", "prel", "-o", "json"))["items"]
    assert [one["status"]["state"] for one in releases] == ["success", "success"]
    assert there.kubectl("get", "jobs", "-o", "name") == ""
    # The next one is released as ever, with its jobs.
    there.patch("papp", "shop", {"spec": {"image": f"{userside.IMAGE}:v3"}})
    there.wait("prel/shop-3", "jsonpath={.status.state}=success")
    assert image(there) == (f"{userside.IMAGE}:v3", 3)
    assert there.kubectl("get", "jobs", "-o", "name").count("job.batch/shop-migrate") == 1


def test_a_release_that_had_failed_is_not_asked_for_again(
    here: Namespace, there: Namespace
) -> None:
    here.release(application(), process("web", "web"), MIGRATE)
    here.patch("pproc", "migrate", {"spec": {"env": EXIT_3}})
    here.patch("papp", "shop", {"spec": {"image": f"{userside.IMAGE}:v2"}})
    here.wait("prel/shop-2", "jsonpath={.status.state}=failed")
    restore(there, saved(here, CHILDREN + OWN), statuses=True)
    there.wait_reason("papp/shop", "ReleaseFailed")
    there.wait("deployment/shop-web", "jsonpath={.status.availableReplicas}=1")
    assert image(there)[0] == f"{userside.IMAGE}:v1"
    assert there.kubectl("get", "jobs,prel", "-o", "name").split() == [
        "processrelease.process-operator.dev/shop-1",
        "processrelease.process-operator.dev/shop-2",
    ]


def test_what_kubectl_has_printed_and_applies_elsewhere_runs_nothing(
    here: Namespace, there: Namespace
) -> None:
    with_a_history(here)
    for body in saved(here, OWN):
        about = body["metadata"]
        for name in ("uid", "resourceVersion", "namespace", "ownerReferences"):
            about.pop(name, None)
        there.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(_managed_by_none(body)))
    there.wait_reason("papp/shop", "Released")
    history_is_told(there)
    assert there.kubectl("get", "jobs", "-o", "name") == ""


def _managed_by_none(body: Body) -> Body:
    body["metadata"].pop("managedFields", None)
    return body


def test_what_was_asked_for_by_hand_goes_with_its_application(here: Namespace) -> None:
    with_a_history(here)
    back = {"applicationRef": {"name": "shop"}, "rollbackTo": "shop-1"}
    here.apply(
        {
            "apiVersion": "process-operator.dev/v1alpha1",
            "kind": "ProcessRelease",
            "metadata": {"name": "back"},
            "spec": back,
        }
    )
    here.wait("prel/back", "jsonpath={.status.state}=success")
    here.kubectl("delete", "papp", "shop")
    here.kubectl("wait", "prel/back", "prun/by-hand", "--for=delete", "--timeout=60s")
    assert here.kubectl("get", "prel,prun", "-o", "name") == ""
