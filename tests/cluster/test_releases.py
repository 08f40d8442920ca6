"""Releases with jobs at their three moments, on a real API server with real Job controllers."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

import running
from userside import IMAGE, Body, Namespace, application, process

EXIT_3 = [{"name": "KWOK_EXIT_CODE", "value": "3"}]
"""Makes the played pod of a run end with exit code 3."""
AN_HOUR = [{"name": "KWOK_RUNS_FOR", "value": "1h"}]
"""Makes the played pod of a run go on."""
A_WHILE = [{"name": "KWOK_RUNS_FOR", "value": "12s"}]
"""Makes the played pod of a run go on for longer than a user here needs to do something."""

WEB = process("web", "web")


def job(key: str, moment: str, **spec: Any) -> Body:
    return process(key, "job", jobStartPolicy=moment, entrypoint=key, **spec)


MIGRATE = job("migrate", "beforeDeployment")
WARM = job("warm", "afterSuccessDeployment")
ALARM = job("alarm", "afterFailedDeployment")


def results(here: Namespace, release: str) -> dict[str, tuple[str, str]]:
    """Return result and reason of each job of a release."""
    jobs = here.get("prel", release)["status"].get("jobs", ())
    return {one["key"]: (one["result"], one["reason"]) for one in jobs}


def ended(here: Namespace, release: str, state: str) -> Body:
    status: Body = here.wait(f"prel/{release}", f"jsonpath={{.status.state}}={state}")["status"]
    return status


def image(here: Namespace) -> str:
    spec = here.get("deployment", "shop-web")["spec"]["template"]["spec"]
    found: str = spec["containers"][0]["image"]
    return found


def next_release(here: Namespace, **change: Any) -> None:
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2", **change}})


def test_jobs_run_before_and_after_the_rollout_in_order_and_once(
    here: Namespace, writes: Callable[[], list[str]]
) -> None:
    here.release(application(), WEB, MIGRATE, job("create", "beforeDeployment"), WARM, ALARM)
    assert results(here, "shop-1") == {
        "alarm": ("skipped", "NotNeeded"),
        "create": ("success", "Succeeded"),
        "migrate": ("success", "Succeeded"),
        "warm": ("success", "Succeeded"),
    }
    made = [
        one.split("/")[1]
        for one in writes()
        if one.startswith(("create jobs", "patch deployments"))
    ]
    assert [name.rpartition("-")[0] for name in made] == [
        "shop-create",
        "shop-migrate",
        "shop",
        "shop-warm",
    ]


@pytest.mark.fault("F24")
def test_a_job_that_fails_before_the_rollout_leaves_the_running_version_untouched(
    here: Namespace,
) -> None:
    here.release(application(), WEB, MIGRATE, ALARM)
    before = here.get("deployment", "shop-web")
    here.patch("pproc", "migrate", {"spec": {"env": EXIT_3}})
    next_release(here)
    failure = ended(here, "shop-2", "failed")["failure"]
    assert (failure["step"], failure["process"]) == ("beforeJobs", "migrate")
    assert (failure["reason"], failure["exitCode"]) == ("NonZeroExit", 3)
    assert failure["sentence"].startswith("The rollout never started because job process")
    assert results(here, "shop-2") == {
        "alarm": ("success", "Succeeded"),
        "migrate": ("failed", "NonZeroExit"),
    }
    after = here.get("deployment", "shop-web")
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert "shop-1" in here.wait_reason("papp/shop", "ReleaseFailed")
    alarm = here.get("job", here.get("prel", "shop-2")["status"]["jobs"][0]["jobName"])
    variables = alarm["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {one["name"]: one["value"] for one in variables} == {
        "PROCESS_OPERATOR_RELEASE": "shop-2",
        "PROCESS_OPERATOR_FAILED_STEP": "beforeJobs",
        "PROCESS_OPERATOR_FAILED_PROCESS": "migrate",
        "PROCESS_OPERATOR_FAILED_REASON": "NonZeroExit",
    }


@pytest.mark.fault("F24")
def test_a_job_that_is_deleted_by_hand_has_failed(here: Namespace) -> None:
    here.release(application(), WEB, MIGRATE)
    here.patch("pproc", "migrate", {"spec": {"env": AN_HOUR}})
    next_release(here)
    here.wait("prel/shop-2", "jsonpath={.status.jobs[0].jobUID}")
    here.kubectl("delete", "job", here.get("prel", "shop-2")["status"]["jobs"][0]["jobName"])
    assert ended(here, "shop-2", "failed")["failure"]["reason"] == "JobDeleted"
    assert image(here) == f"{IMAGE}:v1"


@pytest.mark.fault("F24")
def test_a_job_that_runs_too_long_is_stopped_and_has_failed(here: Namespace) -> None:
    here.release(application(), WEB, MIGRATE)
    limited = {"env": AN_HOUR, "run": {"timeoutSeconds": 1}}
    here.patch("pproc", "migrate", {"spec": limited})
    next_release(here)
    assert ended(here, "shop-2", "failed")["failure"]["reason"] == "JobTimedOut"
    assert image(here) == f"{IMAGE}:v1"


def test_cancelling_during_a_job_stops_it_and_nothing_is_rolled_out(here: Namespace) -> None:
    here.release(application(), WEB, MIGRATE, ALARM)
    here.patch("pproc", "migrate", {"spec": {"env": AN_HOUR}})
    next_release(here)
    here.wait("prel/shop-2", "jsonpath={.status.jobs[1].jobUID}")
    here.patch("prel", "shop-2", {"spec": {"cancel": True}})
    ended(here, "shop-2", "cancelled")
    assert results(here, "shop-2") == {
        "alarm": ("skipped", "NotNeeded"),
        "migrate": ("cancelled", "Cancelled"),
    }
    assert here.kubectl("get", "jobs", "-o", "name").count("migrate") == 1
    assert image(here) == f"{IMAGE}:v1"


@pytest.mark.fault("F25")
def test_a_rollout_that_fails_goes_back_and_then_runs_the_jobs_after_failure(
    here: Namespace,
) -> None:
    here.release(application(), WEB, ALARM)
    here.deadline(5)
    # No node has this label, so the new pods cannot be scheduled.
    here.patch("pproc", "web", {"spec": {"resourceTypeRef": {"name": "nowhere"}}})
    here.kubectl("apply", "--server-side", "-f", "-", stdin=NOWHERE)
    next_release(here)
    status = ended(here, "shop-2", "failed")
    failure = status["failure"]
    assert (failure["step"], failure["process"]) == ("rollout", "web")
    assert failure["reason"] == "Unschedulable"
    assert results(here, "shop-2") == {"alarm": ("success", "Succeeded")}
    assert status["rolloutStartedAt"] <= status["rollbackStartedAt"]
    assert image(here) == f"{IMAGE}:v1"
    here.wait_reason("pproc/web", "Staged")


NOWHERE = """
apiVersion: process-operator.dev/v1alpha1
kind: ProcessResourceType
metadata: {name: nowhere}
spec: {cpu: "1", memory: 1Gi, category: hobby, nodeSelector: {there.is/none: such}}
"""


def test_a_process_that_came_with_a_failed_release_goes_with_it(here: Namespace) -> None:
    settings = {"settleSeconds": 1, "progressDeadlineSeconds": 5}
    here.release(application(), WEB)
    here.kubectl("apply", "--server-side", "-f", "-", stdin=NOWHERE)
    here.apply(
        application(image=f"{IMAGE}:v2", release=settings),
        process("new", "worker", resourceTypeRef={"name": "nowhere"}),
    )
    ended(here, "shop-2", "failed")
    here.wait_gone("deployment/shop-new")
    here.wait_reason("pproc/new", "AwaitingRelease")


def test_a_job_that_fails_after_success_is_a_warning_and_the_release_stands(
    here: Namespace,
) -> None:
    here.release(application(), WEB, WARM)
    here.patch("pproc", "warm", {"spec": {"env": EXIT_3}})
    next_release(here)
    ended(here, "shop-2", "success")
    assert results(here, "shop-2") == {"warm": ("failed", "NonZeroExit")}
    here.wait("papp/shop", "jsonpath={.status.warnings[0]}")
    assert "the release stands" in here.get("papp", "shop")["status"]["warnings"][0]
    assert image(here) == f"{IMAGE}:v2"
    here.wait_reason("papp/shop", "Released")


def test_a_release_that_is_asked_for_meanwhile_waits_and_then_runs(here: Namespace) -> None:
    here.release(application(), WEB, MIGRATE)
    here.patch("pproc", "migrate", {"spec": {"env": A_WHILE}})
    next_release(here)
    here.wait("prel/shop-2", "jsonpath={.status.state}=inProgress")
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v3"}})
    assert "shop-2" in here.wait_reason("prel/shop-3", "AnotherReleaseActive")
    assert here.get("prel", "shop-3")["status"]["trigger"] == "image"
    ended(here, "shop-2", "success")
    ended(here, "shop-3", "success")
    assert image(here) == f"{IMAGE}:v3"


def test_a_suspended_application_holds_its_release_and_goes_on_with_it(here: Namespace) -> None:
    here.release(application(), WEB, MIGRATE)
    here.patch("pproc", "migrate", {"spec": {"env": A_WHILE}})
    next_release(here)
    here.wait("prel/shop-2", "jsonpath={.status.jobs[0].jobUID}")
    here.patch("papp", "shop", {"spec": {"suspend": True}})
    here.wait_reason("prel/shop-2", "Suspended")
    here.wait("deployment/shop-web", "jsonpath={.spec.replicas}=0")
    here.patch("papp", "shop", {"spec": {"suspend": False}})
    ended(here, "shop-2", "success")
    here.wait("deployment/shop-web", "jsonpath={.status.availableReplicas}=1")
    assert image(here) == f"{IMAGE}:v2"


@pytest.mark.parametrize("mode", ["run", "skip"])
def test_a_release_by_hand_says_whether_jobs_run(here: Namespace, mode: str) -> None:
    here.release(application(), WEB, MIGRATE)
    here.apply(request("by-hand", jobs=mode))
    ended(here, "by-hand", "success")
    wanted = ("success", "Succeeded") if mode == "run" else ("skipped", "JobsSkipped")
    assert results(here, "by-hand") == {"migrate": wanted}


def test_rolling_back_by_hand_runs_no_job_and_keeps_todays_scaling(here: Namespace) -> None:
    here.release(application(), WEB, MIGRATE)
    three = {"type": "manual", "manual": {"instanceCount": 3}}
    here.patch("pproc", "web", {"spec": {"scalingStrategy": three}})
    next_release(here)
    ended(here, "shop-2", "success")
    here.apply(request("back", rollbackTo="shop-1"))
    assert ended(here, "back", "success")["trigger"] == "rollback"
    assert results(here, "back") == {"migrate": ("skipped", "JobsSkipped")}
    assert image(here) == f"{IMAGE}:v1"
    assert here.get("deployment", "shop-web")["spec"]["replicas"] == 3


def request(name: str, **spec: Any) -> Body:
    return {
        "apiVersion": "process-operator.dev/v1alpha1",
        "kind": "ProcessRelease",
        "metadata": {"name": name},
        "spec": {"applicationRef": {"name": "shop"}, **spec},
    }


def forbid_releases(here: Namespace, words: str) -> None:
    """Let a policy refuse every further release of the namespace, and wait until it does."""
    rule = {
        "apiGroups": ["process-operator.dev"],
        "apiVersions": ["*"],
        "operations": ["CREATE"],
        "resources": ["processreleases"],
    }
    only = {"matchLabels": {"kubernetes.io/metadata.name": here.name}}
    group = "admissionregistration.k8s.io/v1"
    policy = {
        "apiVersion": group,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": here.name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule], "namespaceSelector": only},
            "validations": [{"expression": "false", "message": words}],
        },
    }
    binding = {
        "apiVersion": group,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": here.name},
        "spec": {"policyName": here.name, "validationActions": ["Deny"]},
    }
    here.apply(policy, binding)
    probe = yaml.safe_dump(
        {
            "apiVersion": "process-operator.dev/v1alpha1",
            "kind": "ProcessRelease",
            "metadata": {"name": "probe"},
            "spec": {"applicationRef": {"name": "shop"}},
        }
    )

    def refused() -> bool:
        try:
            here.kubectl("create", "--dry-run=server", "-f", "-", stdin=probe)
        except AssertionError as failed:
            return words in str(failed)
        return False

    running.until(refused)


@pytest.mark.fault("F9")
def test_a_release_that_a_policy_refuses_is_told_in_its_words(here: Namespace) -> None:
    here.release(application(), process("web", "web"))
    forbid_releases(here, "no releases on a Friday")
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
    message = here.wait_reason("papp/shop", "Rejected")
    assert 'refused ProcessRelease "shop-2"' in message
    assert "no releases on a Friday" in message
