"""An operator that is killed and started again, or only looks again, has nothing to write."""

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import audit
import local_cluster
import operate
import running
from userside import Namespace, application, process

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "build" / "cluster-faults" / "restart"
RESYNC_SECONDS = 60
"""The shortest that there is."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A namespace in which everything is as it is to be, and the operator that brought it there."""

    here: Namespace
    operator: running.Operator
    audit_log: Path

    def look(self) -> tuple[dict[str, Any], list[str]]:
        """Return, when nothing more is written, all statuses, and what was written."""
        written = audit.writes(self.audit_log, self.here.name)
        found = json.loads(self.here.kubectl("get", "papp,pproc,prel", "-o", "json"))["items"]
        statuses = {f"{one['kind']} {one['metadata']['name']}": one["status"] for one in found}
        return statuses, written


@pytest.fixture
def settled() -> Iterator[Settled]:
    try:
        made = local_cluster.up("kwok", DIRECTORY)
        assert made.audit_log is not None
        log = DIRECTORY / "logs" / "operator-that-restarts.log"
        resync = ("--resync-seconds", str(RESYNC_SECONDS))
        operator = running.Operator(operate.install(made), log, "--election", "false", *resync)
        kubectl = running.kubectl(made.kubectl, made.kubeconfig)
        here = Namespace(kubectl, f"restart-{uuid.uuid4().hex[:8]}")
        kubectl("create", "namespace", here.name)
        try:
            operator.start()
            everything(here)
            yield Settled(here, operator, made.audit_log)
        finally:
            operator.kill()
    finally:
        local_cluster.down(DIRECTORY)


def everything(here: Namespace) -> None:
    """Bring up what could tempt a newly started operator to write."""
    horizontal = {"minInstanceCount": 2, "maxInstanceCount": 4}
    by_itself = {"type": "horizontal", "horizontal": horizontal}
    hosts = {"hosts": [{"host": here.host("shop")}]}
    # What lacks something is told so after a minute, which passes meanwhile.
    here.apply(process("lost", "worker", of="nowhere"))
    here.release(
        application(),
        process("web", "web", ingress=hosts, scalingStrategy=by_itself),
        process("worker", "worker"),
        process("tick", "cron", schedule="0 4 1 1 *"),
        process("migrate", "job", jobStartPolicy="beforeDeployment"),
    )
    # A change that waits, a size that an autoscaler found, and one that is to be found again.
    here.patch("pproc", "worker", {"spec": {"terminationGracePeriodSeconds": 7}})
    here.wait_reason("pproc/worker", "Staged")
    here.kubectl("scale", "deployment", "shop-web", "--replicas=3")
    here.wait("pproc/web", "jsonpath={.status.instances}=3/3")
    here.apply(
        application("asleep"), process("sleeper", "worker", of="asleep", scalingStrategy=by_itself)
    )
    here.wait_reason("papp/asleep", "Released")
    here.patch("papp", "asleep", {"spec": {"suspend": True}})
    here.wait_reason("pproc/sleeper", "Suspended")
    here.wait("pproc/lost", "condition=Stalled")


@pytest.mark.first
@pytest.mark.fault("F1", "F22")
def test_a_restart_a_resync_and_a_foreign_label_write_nothing(settled: Settled) -> None:
    before = settled.look()
    assert "update processes/status/sleeper" in before[1]
    settled.operator.kill()
    settled.operator.start()
    started = time.monotonic()
    assert settled.look() == before
    for kind in ("papp", "pproc", "prel", "deployment", "service", "cronjob", "hpa", "ingress"):
        settled.here.kubectl("label", kind, "--all", "team=blue")
        settled.here.kubectl("annotate", kind, "--all", "somebody.example/else=cares")
    assert settled.look() == before
    time.sleep(max(0.0, started + RESYNC_SECONDS + 5 - time.monotonic()))
    assert settled.look() == before
