"""A leader that stands still in a release, and goes on when another one has ended that."""

import contextlib
import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import audit
import local_cluster
import operate
import running
from userside import Namespace, application, process

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "build" / "cluster-faults" / "two-leaders"


class Stopped(running.Operator):
    """An operator that stops itself before it makes its first Job."""

    program = (str(Path(__file__).with_name("stopped.py")),)


def said(replica: running.Operator, words: str, *, times: int = 1) -> None:
    """Wait until a replica has logged something."""
    running.until(lambda: replica.log.read_text().count(words) >= times)


def stands_still(replica: running.Operator) -> bool:
    """Whether its process is stopped."""
    status = Path(f"/proc/{replica.pid}/status").read_text()
    return "State:\tT" in status


@contextlib.contextmanager
def two_replicas(kubeconfig: Path) -> Iterator[tuple[running.Operator, running.Operator]]:
    """Start two replicas, of which the first leads."""
    logs = [DIRECTORY / "logs" / f"replica-{number}.log" for number in (1, 2)]
    for log in logs:
        log.unlink(missing_ok=True)
    first, second = Stopped(kubeconfig, logs[0]), running.Operator(kubeconfig, logs[1])
    try:
        first.start()
        said(first, "won the lead")
        second.start()
        yield first, second
    finally:
        for replica in (first, second):
            with contextlib.suppress(ProcessLookupError):
                replica.kill()


@pytest.mark.fault("F17")
def test_a_job_that_another_leader_has_run_is_not_made_again() -> None:
    try:
        cluster = local_cluster.up("kwok", DIRECTORY)
        assert cluster.audit_log is not None
        kubectl = running.kubectl(cluster.kubectl, cluster.kubeconfig)
        here = Namespace(kubectl, f"two-{uuid.uuid4().hex[:8]}")
        kubectl("create", "namespace", here.name)
        with two_replicas(operate.install(cluster)) as (first, second):
            migrate = process("migrate", "job", jobStartPolicy="beforeDeployment")
            here.apply(application(), process("web", "web"), migrate)
            running.until(lambda: stands_still(first))
            said(second, "won the lead")
            here.wait_reason("papp/shop", "Released")
            here.kubectl("delete", "job", "--all", "--wait")
            os.kill(first.pid, signal.SIGCONT)
            # It begins anew, as one of those who wait.
            said(first, "knew all objects", times=2)
        writes = audit.writes(cluster.audit_log, here.name)
        made = [one for one in writes if one.startswith("create jobs")]
        assert len(made) == 1, made
    finally:
        local_cluster.down(DIRECTORY)
