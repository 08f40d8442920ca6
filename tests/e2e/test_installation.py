"""The operator as users have it: pods of its image, elected, replaced while it works.

Alone, because one test kills the pod that others look into.
"""

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

import render
import running
from operate import NAMESPACE
from process_operator import __version__
from userside import IMAGE, Namespace, application, process

pytestmark = pytest.mark.alone
LEASE = ("get", "lease", "-n", NAMESPACE, "process-operator")


def leader(kubectl: Callable[..., str]) -> str:
    """Return the name of the pod that leads."""
    holder = kubectl(*LEASE, "-o", "jsonpath={.spec.holderIdentity}")
    return holder.rpartition("-")[0]


def test_the_leader_may_be_killed_in_the_midst_of_a_release(
    kubectl: Callable[..., str], here: Namespace, tiny: None
) -> None:
    del tiny
    small: dict[str, Any] = {"resourceTypeRef": {"name": "tiny"}}
    slow = process(
        "migrate",
        "job",
        jobStartPolicy="beforeDeployment",
        entrypoint="sample job --sleep 4s --print migrated",
        **small,
    )
    here.release(application(), process("web", "web", **small))
    here.apply(slow)
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
    here.wait("prel/shop-2", "jsonpath={.status.jobs[0].jobUID}")
    first = leader(kubectl)
    kubectl("delete", "pod", "-n", NAMESPACE, first, "--grace-period=0", "--force")
    here.wait("prel/shop-2", "jsonpath={.status.state}=success")
    assert leader(kubectl) != first
    jobs = here.kubectl("get", "jobs", "-o", "name").split()
    assert len(jobs) == 1
    image = here.get("deployment", "shop-web")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == f"{IMAGE}:v2"


def test_every_replica_runs_what_was_built_and_nothing_more(kubectl: Callable[..., str]) -> None:
    select = ("-n", NAMESPACE, "-l", "app.kubernetes.io/component=operator")

    def ready() -> bool:
        said = kubectl("get", "pods", *select, "-o", "jsonpath={.items[*].status.phase}")
        return said == "Running Running"

    running.until(ready)
    pods = kubectl("get", "pods", *select, "-o", "name").split()
    version = kubectl(
        *("exec", "-n", NAMESPACE, pods[0], "--"),
        *("/usr/bin/python3.13", "-I", "-m", "process_operator", "--version"),
    )
    assert version.startswith(f"{__version__} (commit ")
    for shell in ("/bin/sh", "/usr/bin/bash"):
        with pytest.raises(AssertionError, match="no such file"):
            kubectl("exec", "-n", NAMESPACE, pods[0], "--", shell, "-c", "true")


def test_the_route_of_the_api_is_one_for_the_gateway_api(
    kubectl: Callable[..., str], namespace: str
) -> None:
    values = (
        "api.enabled=true",
        "api.httpRoute.enabled=true",
        "api.httpRoute.host=api.example.com",
        "api.httpRoute.parentRefs[0].name=public",
        "api.httpRoute.parentRefs[0].sectionName=https",
    )
    made = yaml.safe_load_all(render.template(*(part for one in values for part in ("--set", one))))
    (route,) = (one for one in made if one and one["kind"] == "HTTPRoute")
    route["metadata"]["namespace"] = namespace
    how = ("--server-side", "--dry-run=server", "--validate=strict")
    kubectl("apply", *how, "-f", "-", stdin=yaml.safe_dump(route))


def test_prometheus_learns_who_leads_and_what_runs(
    kubectl: Callable[..., str], here: Namespace, tiny: None
) -> None:
    del tiny
    small: dict[str, Any] = {"resourceTypeRef": {"name": "tiny"}}
    here.release(application(), process("web", "web", **small))
    select = ("-n", NAMESPACE, "-l", "app.kubernetes.io/component=operator")
    pods = kubectl("get", "pods", *select, "-o", "jsonpath={.items[*].metadata.name}").split()
    proxied = f"/api/v1/namespaces/{NAMESPACE}/pods/{{}}:8081/proxy/metrics"
    scraped = {
        pod: {
            (one.name, *sorted(one.labels.values())): one.value
            for family in text_string_to_metric_families(
                kubectl("get", "--raw", proxied.format(pod))
            )
            for one in family.samples
        }
        for pod in pods
    }
    master = ("leader_election_master_status", "process-operator")
    assert sum(found[master] for found in scraped.values()) == 1
    leading = next(found for found in scraped.values() if found[master] == 1)
    assert leading["process_operator_processes", "Available", "web"] >= 1
    assert leading["process_operator_releases_total", "success"] >= 1
    assert leading["rest_client_requests_total", "200", "PUT", "processes/status"] >= 1
    assert leading["process_operator_informer_silence_seconds", "Deployment"] < 30
