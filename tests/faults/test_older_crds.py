"""A newer operator on the CRDs of an older one: what they know is told, and no write has no end."""

import json
import uuid
from pathlib import Path

import pytest

import audit
import local_cluster
import operate
import running
from userside import Namespace, application, process

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "build" / "cluster-faults" / "older-crds"
UNKNOWN = ("instances", "internalHostname")
"""Fields of a Process's status that the older CRDs do not have."""


@pytest.mark.fault("F27")
def test_statuses_are_published_without_the_fields_that_older_crds_do_not_know() -> None:
    log = DIRECTORY / "logs" / "operator-on-older-crds.log"
    try:
        cluster = local_cluster.up("kwok", DIRECTORY)
        assert cluster.audit_log is not None
        kubeconfig = operate.install(cluster)
        kubectl = running.kubectl(cluster.kubectl, cluster.kubeconfig)
        below = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/"
        older = [{"op": "remove", "path": f"{below}{name}"} for name in UNKNOWN]
        crd = "crd/processes.process-operator.dev"
        kubectl("patch", crd, "--type", "json", "-p", json.dumps(older))
        log.unlink(missing_ok=True)
        operator = running.Operator(kubeconfig, log)
        here = Namespace(kubectl, f"older-{uuid.uuid4().hex[:8]}")
        kubectl("create", "namespace", here.name)
        try:
            operator.start()
            here.release(application(), process("web", "web"))
            here.wait_reason("pproc/web", "Available")
            status = here.get("pproc", "web")["status"]
            assert not status.keys() & set(UNKNOWN)
            assert status["selector"]
            before = audit.writes(cluster.audit_log, here.name)
            # A look has nothing new to say, and what is new is said.
            label = "app.kubernetes.io/part-of=else"
            here.kubectl("label", "--overwrite", "deployment", "shop-web", label)
            after = audit.writes(cluster.audit_log, here.name)
            told = [sum("/status/web" in one for one in some) for some in (before, after)]
            assert told[1] <= told[0] + 1
            assert log.read_text().count("statuses are kept in part") == 1
        finally:
            operator.kill()
    finally:
        local_cluster.down(DIRECTORY)
