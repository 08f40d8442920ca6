"""Thousands of objects that are wrong, each in its way: the right ones beside them do not wait."""

import statistics
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import local_cluster
import operate
import running
from userside import Namespace, application, process

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "build" / "cluster-faults" / "wrong-objects"
MANY = 5000
EDITS = 40
LONGEST_SECONDS = 5.0
"""The clock runs for kubectl too, and on a machine on which other tests run."""


def wrong(number: int) -> dict[str, object]:
    """Return a process that waits for ever, for one of five reasons."""
    key = f"wrong{number}"
    match number % 5:
        case 0:
            return process(key, "worker", of="nobody")
        case 1:
            return process(key, "worker", of="sick", resourceTypeRef={"name": "nowhere"})
        case 2:
            return process(key, "cron", of="sick", schedule="0 0 31 2 *")
        case 3:
            return process(key, "worker", of="sick", securityContext={"runAsUser": 0})
        case _:
            return process(key, "job", of=f"nobody{number}", jobStartPolicy="beforeDeployment")


def edited(here: Namespace, number: int) -> float:
    """Change a schedule; return the seconds until the CronJob has it."""
    schedule = f"{number} 3 1 1 *"
    begun = time.monotonic()
    here.patch("pproc", "tick", {"spec": {"schedule": schedule}})
    here.wait("cronjob/shop-tick", f"jsonpath={{.spec.schedule}}={schedule}")
    return time.monotonic() - begun


@pytest.mark.fault("F28", quick=False)
def test_wrong_objects_hold_nobody_else_up(show: Callable[[str], None]) -> None:
    try:
        cluster = local_cluster.up("kwok", DIRECTORY)
        kubectl = running.kubectl(cluster.kubectl, cluster.kubeconfig)
        log = DIRECTORY / "logs" / "operator.log"
        log.unlink(missing_ok=True)
        operator = running.Operator(operate.install(cluster), log, "--election", "false")
        healthy, sick = (Namespace(kubectl, f"{one}-{uuid.uuid4().hex[:8]}") for one in ("a", "b"))
        for one in (healthy, sick):
            kubectl("create", "namespace", one.name)
        try:
            operator.start()
            healthy.release(application(), process("tick", "cron", schedule="0 3 1 1 *"))
            alone = [edited(healthy, number) for number in range(1, 11)]
            sick.apply(application("sick"))
            for start in range(0, MANY, 500):
                batch = [wrong(number) for number in range(start, min(start + 500, MANY))]
                sick.kubectl("create", "-f", "-", stdin=yaml.safe_dump_all(batch))
            beside = [edited(healthy, number) for number in range(11, 11 + EDITS)]
        finally:
            operator.kill()
        show(
            f"{MANY} wrong objects: an edit took {statistics.median(alone):.2f} s alone, "
            f"{statistics.median(beside):.2f} s (at most {max(beside):.2f} s) beside them"
        )
        assert max(beside) < LONGEST_SECONDS
        assert "Traceback" not in log.read_text()
    finally:
        local_cluster.down(DIRECTORY)
