"""Containers beside the process in real pods: before it, along with it, and refused in time."""

import json
from typing import Any

from running import until
from userside import IMAGE, Namespace, application, process

TINY: dict[str, Any] = {"resourceTypeRef": {"name": "tiny"}}
SIZE = {"cpu": "10m", "memory": "32Mi"}
SHARED = {"name": "shared", "mountPath": "/var/shared", "emptyDir": {}}
IDENTITY = {
    "name": "identity",
    "mountPath": "/var/identity",
    "projected": {"sources": [{"serviceAccountToken": {"audience": "vault", "path": "token"}}]},
}
MOUNT = {"name": "shared", "mountPath": "/var/shared"}
ASSETS = {
    "name": "assets",
    "image": f"{IMAGE}:v1",
    "command": ["/bin/sh", "-c", "echo made before > /var/shared/note"],
    "resources": SIZE,
    "volumeMounts": [MOUNT],
}
PROXY: dict[str, Any] = {
    "name": "proxy",
    "image": f"{IMAGE}:v1",
    "env": [{"name": "PORT", "value": "9000"}],
    "resources": SIZE,
    "startupProbe": {"httpGet": {"path": "/readyz", "port": 9000}, "periodSeconds": 1},
}


def policy(here: Namespace) -> list[dict[str, Any]]:
    """Return a policy of the platform that refuses an image in Deployments of the namespace."""
    about = {"name": f"images-{here.name}"}
    group = "admissionregistration.k8s.io/v1"
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["deployments"],
    }
    containers = "object.spec.template.spec.?initContainers.orValue([])"
    return [
        {
            "apiVersion": group,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": about,
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [
                    {
                        "expression": f"{containers}.all(one, !one.image.endsWith(':v2'))",
                        "message": "proxies of version 2 are not allowed",
                    }
                ],
            },
        },
        {
            "apiVersion": group,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": about,
            "spec": {
                "policyName": about["name"],
                "validationActions": ["Deny"],
                "matchResources": {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": here.name}}
                },
            },
        },
    ]


def test_containers_run_before_and_beside_the_process_and_jobs_end_all_the_same(
    here: Namespace, tiny: None
) -> None:
    del tiny
    job = process("migrate", "job", jobStartPolicy="beforeDeployment", entrypoint="true", **TINY)
    web = process(
        "web", "web", volumes=[SHARED, IDENTITY], pod={"initContainers": [ASSETS]}, **TINY
    )
    here.release(application(pod={"sidecars": [PROXY]}), web, job)
    (name,) = here.kubectl(
        "get", "pods", "-l", "process-operator.dev/process=web", "-o", "name"
    ).split()
    pod = here.get("pod", name.removeprefix("pod/"))
    beside = {one["name"]: one for one in pod["status"]["initContainerStatuses"]}
    assert [one["name"] for one in pod["spec"]["initContainers"]] == ["proxy", "assets"]
    assert "running" in beside["proxy"]["state"]
    assert beside["assets"]["state"]["terminated"]["exitCode"] == 0

    def read(file: str) -> str:
        lines = f"while read line; do echo $line; done < {file}; echo $line"
        return here.kubectl("exec", name, "-c", "process", "--", "sh", "-c", lines)

    assert "made before" in read("/var/shared/note")
    # A token for one audience, and none of the cluster's.
    assert read("/var/identity/token").startswith("eyJ")
    assert "kube-api-access" not in str(pod["spec"]["volumes"])


def test_what_a_policy_refuses_keeps_the_release_waiting_and_touches_nothing(
    here: Namespace, tiny: None
) -> None:
    del tiny
    here.release(application(), process("web", "web", pod={"sidecars": [PROXY]}, **TINY))
    before = here.get("deployment", "shop-web")["metadata"]["generation"]
    here.apply(*policy(here))
    until(lambda: _is_refused(here))
    newer = {"sidecars": [{**PROXY, "image": f"{IMAGE}:v2"}]}
    here.patch("pproc", "web", {"spec": {"pod": newer}})
    here.patch("papp", "shop", {"spec": {"revision": "2"}})
    message = here.wait_reason("papp/shop", "PodRefused")
    assert "proxies of version 2 are not allowed" in message
    assert 'Process "web"' in message
    assert here.get("prel", "shop-2")["status"]["state"] == "waiting"
    assert here.get("deployment", "shop-web")["metadata"]["generation"] == before
    here.kubectl("delete", "validatingadmissionpolicybinding", f"images-{here.name}")
    here.patch("pproc", "web", {"spec": {"pod": {"sidecars": [PROXY]}}})
    until(lambda: here.get("prel", "shop-2")["status"]["state"] == "success", seconds=120)


def _is_refused(here: Namespace) -> bool:
    """Whether the policy holds by now."""
    image = {"op": "replace", "path": "/spec/template/spec/initContainers/0/image", "value": "a:v2"}
    try:
        here.kubectl(
            *("patch", "deployment", "shop-web", "--type=json", "--dry-run=server"),
            *("-p", json.dumps([image])),
        )
    except AssertionError:
        return True
    return False
