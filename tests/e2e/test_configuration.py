"""A changed ConfigMap waits for a release, which restarts exactly the pods that use it."""

import json
from typing import Any

from userside import Namespace, application, process

SMALL: dict[str, Any] = {"resourceTypeRef": {"name": "tiny"}}


def pods(here: Namespace, key: str) -> list[str]:
    found = here.kubectl("get", "pods", "-l", f"process-operator.dev/process={key}", "-o", "json")
    return [
        one["metadata"]["name"]
        for one in json.loads(found)["items"]
        if "deletionTimestamp" not in one["metadata"]
    ]


def greeting(here: Namespace) -> str:
    return here.kubectl("exec", "deploy/shop-mail", "-c", "process", "--", "sh", "-c", "echo $TEXT")


def test_a_changed_config_map_restarts_whom_it_concerns_with_the_next_release(
    here: Namespace, tiny: None
) -> None:
    del tiny
    here.kubectl("create", "configmap", "settings", "--from-literal=TEXT=old")
    settings = [{"configMapRef": {"name": "settings"}}]
    here.release(
        application(),
        process("web", "web", **SMALL),
        process("mail", "worker", envFrom=settings, **SMALL),
    )
    before = {key: pods(here, key) for key in ("web", "mail")}
    here.patch("configmap", "settings", {"data": {"TEXT": "new"}})
    here.wait("pproc/mail", "jsonpath={.status.pendingCount}=1")
    here.wait_reason("pproc/mail", "Staged")
    assert greeting(here) == "old\n"
    here.kubectl(
        "create",
        "-f",
        "-",
        stdin=json.dumps(
            {
                "apiVersion": "process-operator.dev/v1alpha1",
                "kind": "ProcessRelease",
                "metadata": {"name": "now"},
                "spec": {"applicationRef": {"name": "shop"}},
            }
        ),
    )
    here.wait("prel/now", "jsonpath={.status.state}=success")
    here.wait("pproc/mail", "jsonpath={.status.pendingCount}=0")
    assert pods(here, "web") == before["web"]
    assert not set(pods(here, "mail")) & set(before["mail"])
    assert greeting(here) == "new\n"
    [kept] = here.get("prel", "now")["status"]["configuration"]
    live = here.get("configmap", "settings")["metadata"]["resourceVersion"]
    assert (kept["name"], kept["resourceVersion"]) == ("settings", live)
