"""`process-operator plan --live`: what it says beside a real cluster, and that it only reads."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from userside import IMAGE, Body, Namespace, application, process

MIGRATE = process("migrate", "job", jobStartPolicy="beforeDeployment", command=["/sample", "job"])
Plan = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def plan(kubeconfig: Path, here: Namespace, tmp_path: Path) -> Plan:
    """Run the command on manifests in a file, as the administrator."""

    def run(*manifests: Body, live: bool = True) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "shop.yaml"
        file.write_text(yaml.safe_dump_all(manifests))
        command = [sys.executable, "-m", "process_operator", "plan", "-f", str(file)]
        command += ["--namespace", here.name, *(["--live"] if live else [])]
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def test_what_runs_already_is_nothing_to_do(here: Namespace, plan: Plan) -> None:
    here.release(application(), here.web(), MIGRATE)
    done = plan(application(), here.web(), MIGRATE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:] == [
        "  nothing to do",
        "  release shop-1 runs; 3 objects stay",
    ]


def test_a_staged_change_is_told_field_by_field_and_nothing_is_written(
    here: Namespace, plan: Plan, kubeconfig: Path
) -> None:
    here.release(application(), here.web(), MIGRATE)
    before = here.kubectl("get", "papp,pproc,prel,deployment,service,ingress", "-o", "yaml")
    changed = process(
        "web",
        "web",
        ingress={"hosts": [{"host": here.host("shop")}, {"host": here.host("api")}]},
        resourceTypeRef={"name": "s2"},
        scalingStrategy={"type": "manual", "manual": {"instanceCount": 3}},
    )
    done = plan(changed)
    assert (done.returncode, done.stderr) == (2, "")
    text = done.stdout
    assert text.startswith(f"{here.name}/shop\n  at once, when the manifests are applied:\n")
    container = "spec.template.spec.containers[process]"
    for line in (
        f'+ spec.rules[1].host: "{here.host("api")}"',
        "web: resourceTypeRef.name: s1 -> s2",
        "web: scalingStrategy.manual.instanceCount: 1 -> 3",
        "release 2, which nobody has asked for yet",
        "1. job migrate, before the rollout:",
        "~ Deployment shop-web (web) is changed and restarts",
        f'- {container}.resources.limits.cpu: "500m"',
        f'+ {container}.resources.limits.cpu: "1"',
        "+ spec.replicas: 3",
        "= Service shop-web (web) stays",
        "if it fails: back to release shop-1",
    ):
        assert line in text
    after = here.kubectl("get", "papp,pproc,prel,deployment,service,ingress", "-o", "yaml")
    assert after == before
    verbs = _verbs(kubeconfig, here.name)
    assert verbs == {"list"}


def _verbs(kubeconfig: Path, namespace: str) -> set[str]:
    """Return what the command has done in a namespace, by the API server's own account."""
    found = set()
    with (kubeconfig.parent / "audit.log").open() as lines:
        for line in lines:
            if namespace not in line:
                continue
            event = json.loads(line)
            is_operator = event["user"]["username"].endswith(":process-operator")
            if event.get("userAgent", "").startswith("process-operator/") and not is_operator:
                found.add(event["verb"])
    return found


def test_what_is_applied_then_is_what_was_told(here: Namespace, plan: Plan) -> None:
    here.release(application(), here.web())
    printed = plan(application(image=f"{IMAGE}:v2"), process("worker", "worker"))
    assert printed.returncode == 2
    assert "release shop-2, asked for by spec.image:" in printed.stdout
    assert "+ Deployment shop-worker (worker) is made" in printed.stdout
    assert f'+ spec.template.spec.containers[process].image: "{IMAGE}:v2"' in printed.stdout
    here.apply(application(image=f"{IMAGE}:v2"), process("worker", "worker"))
    here.wait("prel/shop-2", "jsonpath={.status.state}=success")
    here.wait_reason("papp/shop", "Released")
    done = plan(application(image=f"{IMAGE}:v2"), process("worker", "worker"))
    assert (done.returncode, "nothing to do" in done.stdout) == (0, True)


def test_what_the_server_would_refuse_is_an_error(here: Namespace, plan: Plan) -> None:
    here.release(application(), here.web())
    other = {**process("other", "web"), "metadata": {"name": "web"}}
    done = plan(other)
    assert (done.returncode, done.stdout) == (1, "")
    assert 'document 1, Process "web": spec.key cannot be changed; make a new' in done.stderr


def test_a_cluster_is_not_asked_without_live(here: Namespace, plan: Plan) -> None:
    done = plan(application(), here.web(), live=False)
    assert done.returncode == 1
    assert "add them, for example by -f deploy/resource-types.yaml, or compare" in done.stderr
    assert here.kubectl("get", "papp,pproc,prel") == ""
