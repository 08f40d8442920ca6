"""The operator is replaced, taken away and brought back, under load: applications notice nothing.

It runs alone, because for some seconds no operator is there for anybody.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

import audit
import installation
import released
import running
from clients import Http, Load
from local_cluster import Cluster
from local_cluster.entrance import Entrance
from operate import NAMESPACE
from userside import IMAGE, Namespace, application, process

pytestmark = pytest.mark.alone
SMALL: dict[str, Any] = {"resourceTypeRef": {"name": "tiny"}}


def pods(here: Namespace) -> list[tuple[str, int]]:
    """Return each instance with the times that it was restarted."""
    found = json.loads(
        here.kubectl("get", "pods", "-l", "!batch.kubernetes.io/job-name", "-o", "json")
    )
    return sorted(
        (one["metadata"]["name"], one["status"]["containerStatuses"][0]["restartCount"])
        for one in found["items"]
    )


def served_with_a_slow_migration(
    here: Namespace, entrance: Entrance, *, instances: int
) -> Callable[[], Http]:
    """Serve version 1, let the next release take its time, and return how a client asks."""
    host, url = here.host("shop"), f"{entrance.url}/version"
    count = {"type": "manual", "manual": {"instanceCount": instances}}
    here.release(
        application(routing={"ingressClassName": "traefik"}),
        process("web", "web", scalingStrategy=count, ingress={"hosts": [{"host": host}]}, **SMALL),
        process("mail", "worker", **SMALL),
        process("nightly", "cron", schedule="0 4 1 1 *", **SMALL),
    )
    running.until(lambda: _answers(Http(url, host)))
    slow = "sample job --sleep 8s --print migrated"
    here.apply(
        process("migrate", "job", jobStartPolicy="beforeDeployment", entrypoint=slow, **SMALL)
    )
    return lambda: Http(url, host)


def version(kubectl: Callable[..., str]) -> str:
    """Return the image of each of the operator's pods."""
    images = "jsonpath={.items[*].spec.containers[*].image}"
    found = kubectl("get", "pods", "-n", NAMESPACE, "-o", images).split()
    return " ".join({one.rpartition(":")[2] for one in found})


@pytest.mark.upgrade
def test_an_upgrade_from_the_last_version_and_the_way_back_touch_nothing(
    cluster: Cluster,
    entrance: Entrance,
    kubectl: Callable[..., str],
    here: Namespace,
    tiny: None,
) -> None:
    del tiny
    assert cluster.audit_log is not None
    last = released.version(released.LAST)
    installation.install(cluster, of=last)
    running.until(lambda: version(kubectl) == released.LAST)
    client = served_with_a_slow_migration(here, entrance, instances=1)
    with Load(client) as load:
        for number, image, goes_to in ((2, "v2", None), (3, "v3", last), (4, "v2", None)):
            # In the midst of a release, which the other version ends.
            here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:{image}"}})
            here.wait(f"prel/shop-{number}", "jsonpath={.status.jobs[0].jobUID}")
            installation.install(cluster, of=goes_to)
            here.wait(f"prel/shop-{number}", "jsonpath={.status.state}=success")
        running.until(lambda: len(pods(here)) == 2)
        served, written = pods(here), audit.writes(cluster.audit_log, here.name)
        # And with nothing under way.
        for goes_to in (last, None):
            installation.install(cluster, of=goes_to)
            assert audit.writes(cluster.audit_log, here.name) == written
            assert pods(here) == served
    assert load.tally.answered > 100
    assert load.tally.failures == []
    assert load.tally.answers == {"v1", "v2", "v3"}
    jobs = here.kubectl("get", "jobs", "-o", "name").split()
    assert len(jobs) == 3


def test_an_upgrade_an_uninstallation_and_a_new_one_touch_nothing(
    cluster: Cluster,
    entrance: Entrance,
    kubectl: Callable[..., str],
    here: Namespace,
    tiny: None,
) -> None:
    del tiny
    assert cluster.audit_log is not None
    client = served_with_a_slow_migration(here, entrance, instances=2)
    with Load(client) as load:
        # An upgrade in the midst of a release.
        here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
        here.wait("prel/shop-2", "jsonpath={.status.jobs[0].jobUID}")
        installation.install(cluster, "operator.podAnnotations.upgraded=yes")
        here.wait("prel/shop-2", "jsonpath={.status.state}=success")
        running.until(lambda: len(pods(here)) == 3)
        served, written = pods(here), audit.writes(cluster.audit_log, here.name)
        # Another one, with nothing under way.
        installation.install(cluster, "operator.podAnnotations.upgraded=again")
        assert audit.writes(cluster.audit_log, here.name) == written
        # Away: what runs goes on, and the CRDs with all applications stay.
        installation.uninstall(cluster)
        running.until(lambda: kubectl("get", "pods", "-n", NAMESPACE, "-o", "name") == "")
        assert here.get("papp", "shop")["status"]["servingRelease"]["name"] == "shop-2"
        assert pods(here) == served
        # Back: everything is found as it is.
        installation.install(cluster)
        assert audit.writes(cluster.audit_log, here.name) == written
        assert pods(here) == served
    assert load.tally.answered > 100
    assert load.tally.failures == []
    assert load.tally.answers == {"v1", "v2"}
    jobs = here.kubectl("get", "jobs", "-o", "name").split()
    assert len(jobs) == 1
    # And it works again.
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v3"}})
    here.wait("prel/shop-3", "jsonpath={.status.state}=success")


def _answers(client: Http) -> bool:
    try:
        return client() == "v1"
    except Exception:  # noqa: BLE001 - a route that is not there yet answers in many ways
        return False
    finally:
        client.close()
