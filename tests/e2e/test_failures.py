"""What goes wrong in a pod is told above, in its own words, and what served goes on serving."""

from typing import Any

import pytest

from userside import IMAGE, Body, Namespace, application, process

IMPATIENT = 12
"""Seconds within which a release must be ready, once one has served."""
TINY = {"name": "tiny"}


@pytest.fixture(autouse=True)
def _tiny(tiny: None) -> None:
    del tiny


def serves(here: Namespace, *processes: Body, grace: int = IMPATIENT) -> None:
    """Let a first version serve, however long its start takes, and have less patience then."""
    here.release(application(release={"settleSeconds": 0}), *processes)
    here.deadline(grace)


def worker(**spec: Any) -> Body:
    plain: Body = {"resourceTypeRef": TINY, "command": RUN}
    return process("worker", "worker", **(plain | spec))


RUN = ["/sample", "worker"]


def failed(here: Namespace, release: str = "shop-2") -> Body:
    """Wait until a release has failed; return its report."""
    ended = here.wait(f"prel/{release}", "jsonpath={.status.state}=failed")
    report: Body = ended["status"]["failure"]
    return report


def serves_the_first_version(here: Namespace) -> None:
    here.wait_reason("papp/shop", "ReleaseFailed")
    spec = here.get("deployment", "shop-worker")["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"] == f"{IMAGE}:v1"
    assert spec["containers"][0]["command"] == RUN
    here.wait("pproc/worker", "condition=Available")


def test_an_image_that_cannot_be_pulled(here: Namespace) -> None:
    serves(here, worker())
    here.patch("papp", "shop", {"spec": {"image": "localhost/no/such:image"}})
    report = failed(here)
    assert (report["reason"], report["process"]) == ("ImagePullFailed", "worker")
    assert report["containerState"] == "Waiting: ImagePullBackOff"
    assert "localhost/no/such:image" in report["message"]
    serves_the_first_version(here)


@pytest.mark.parametrize(
    ("reason", "words", "image", "command"),
    [
        ("ImagePullFailed", "localhost/no/such:image", "localhost/no/such:image", RUN),
        ("CrashLoop", "exited with code 3", f"{IMAGE}:v1", ["/sample", "job", "--exit", "3"]),
    ],
)
def test_a_process_says_why_its_first_version_does_not_come_up(
    here: Namespace, reason: str, words: str, image: str, command: list[str]
) -> None:
    here.apply(application(image=image), worker(command=command))
    assert words in here.wait_reason("pproc/worker", reason)


def test_a_process_that_exits(here: Namespace) -> None:
    serves(here, worker())
    here.patch(
        "pproc",
        "worker",
        {
            "spec": {
                "command": ["/sample", "job", "--print", "the key is sesame42", "--exit", "3"],
                "env": [{"name": "KEY", "value": "sesame42"}],
            }
        },
    )
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
    report = failed(here)
    assert (report["reason"], report["exitCode"]) == ("CrashLoop", 3)
    assert report["log"] == "the key is ***"
    assert any(event.startswith("BackOff: ") for event in report["events"])
    serves_the_first_version(here)


HUNGRY = """
apiVersion: process-operator.dev/v1alpha1
kind: ProcessResourceType
metadata: {name: hungry}
spec: {category: hobby, cpu: 300m, memory: 64Mi}
"""


def test_a_process_that_takes_too_much_memory(here: Namespace) -> None:
    # With CPU enough to take it at once.
    size = {"name": "hungry"}
    here.kubectl("apply", "--server-side", "-f", "-", stdin=HUNGRY)
    serves(here, worker(resourceTypeRef=size))
    here.patch("pproc", "worker", {"spec": {"command": ["/sample", "job", "--memory", "96"]}})
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
    report = failed(here)
    assert (report["exitCode"], report["signal"]) == (137, 9)
    assert report["containerState"] == "Terminated: OOMKilled"
    assert "want of memory" in report["message"]
    serves_the_first_version(here)


@pytest.mark.parametrize("probe", ["readiness", "liveness"])
def test_a_probe_that_fails(here: Namespace, probe: str) -> None:
    path = {"readiness": "/readyz", "liveness": "/healthz"}[probe]
    quick: Body = {"resourceTypeRef": TINY, "terminationGracePeriodSeconds": 1}
    check: Body = {f"{probe}Probe": {"httpGet": {"path": path}, "periodSeconds": 1}}
    unchecked: Body = {"readinessProbe": None}
    plain = process("web", "web", **(unchecked | check | quick))
    # A liveness probe has to fail, and its container to stop, before the deadline.
    serves(here, plain, grace=20)
    here.patch(
        "pproc", "web", {"spec": {"env": [{"name": f"NEVER_{probe.upper()}", "value": "1"}]}}
    )
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
    report = failed(here)
    # One that the kubelet has killed often enough is in a crash loop, and the probe says why.
    words = {"readiness": {"ProbeFailing"}, "liveness": {"ProbeFailing", "CrashLoop"}}
    assert report["reason"] in words[probe]
    # What follows is the kubelet's: the answer, or that a container just started again gives none.
    assert report["probe"].startswith(f"{probe.capitalize()} probe failed: ")
    here.wait("pproc/web", "condition=Available")


def test_a_quota_that_is_full(here: Namespace) -> None:
    serves(here, worker())
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "full"},
        "spec": {"hard": {"pods": "1"}},
    }
    here.apply(quota)
    here.wait("quota/full", "jsonpath={.status.used.pods}=1")
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
    report = failed(here)
    assert report["reason"] == "QuotaExceeded"
    assert "exceeded quota: full" in report["message"]
    serves_the_first_version(here)


def test_pod_security_that_refuses(here: Namespace) -> None:
    serves(here, worker())
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2", "podSecurity": "baseline"}})
    report = failed(here)
    assert report["reason"] == "PodSecurityRefused"
    assert "violates PodSecurity" in report["message"]
    serves_the_first_version(here)


def test_a_migration_that_fails_prints_why(here: Namespace) -> None:
    migrate = process(
        "migrate",
        "job",
        resourceTypeRef=TINY,
        jobStartPolicy="beforeDeployment",
        entrypoint='sample job --print "column price is missing" --exit 3',
    )
    serves(here, worker())
    here.apply(migrate)
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
    report = failed(here)
    assert (report["step"], report["reason"]) == ("beforeJobs", "NonZeroExit")
    assert report["exitCode"] == 3
    assert report["log"] == "column price is missing"
    serves_the_first_version(here)


def test_a_migration_whose_image_cannot_be_pulled_never_starts_the_rollout(
    here: Namespace,
) -> None:
    migrate = process(
        "migrate", "job", resourceTypeRef=TINY, jobStartPolicy="beforeDeployment", command=RUN
    )
    serves(here, worker())
    # The deadline of a rollout acts at once, and makes a generation of its own.
    here.wait("deployment/shop-worker", f"jsonpath={{.spec.progressDeadlineSeconds}}={IMPATIENT}")
    before = here.get("deployment", "shop-worker")["metadata"]["generation"]
    here.apply(migrate)
    here.patch("papp", "shop", {"spec": {"image": "localhost/no/such:image"}})
    assert failed(here)["reason"] == "ImagePullFailed"
    assert here.get("deployment", "shop-worker")["metadata"]["generation"] == before
    here.wait_reason("papp/shop", "ReleaseFailed")


def test_a_run_by_hand_keeps_its_last_lines(here: Namespace) -> None:
    nightly = process(
        "nightly",
        "cron",
        resourceTypeRef=TINY,
        schedule="0 4 * * *",
        command=["/sample", "job", "--print", "the report is done"],
    )
    serves(here, nightly)
    here.apply(
        {
            "apiVersion": "process-operator.dev/v1alpha1",
            "kind": "ProcessRun",
            "metadata": {"name": "now"},
            "spec": {"processRef": {"name": "nightly"}},
        }
    )
    ended = here.wait("prun/now", "jsonpath={.status.outcome}=success")
    assert ended["status"]["log"] == "the report is done"
