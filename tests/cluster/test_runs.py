"""Runs by hand and by the schedule, on a real API server with real Job and CronJob controllers."""

import json
from typing import Any

from userside import IMAGE, Body, Namespace, application, process

EXIT_3 = [{"name": "KWOK_EXIT_CODE", "value": "3"}]
AN_HOUR = [{"name": "KWOK_RUNS_FOR", "value": "1h"}]
TICK = process("tick", "cron", schedule="0 4 * * *", entrypoint="tick")


def run(name: str, of: str = "tick", **spec: Any) -> Body:
    return {
        "apiVersion": "process-operator.dev/v1alpha1",
        "kind": "ProcessRun",
        "metadata": {"name": name},
        "spec": {"processRef": {"name": of}, **spec},
    }


def ended(here: Namespace, name: str) -> Body:
    status: Body = here.wait(f"prun/{name}", "jsonpath={.status.finishedAt}")["status"]
    return status


def container(here: Namespace, name: str) -> Body:
    job = here.get("job", here.get("prun", name)["status"]["jobName"])
    found: Body = job["spec"]["template"]["spec"]["containers"][0]
    return found


def test_a_cron_process_runs_once_when_asked_with_what_serves(here: Namespace) -> None:
    here.release(application(), TICK)
    here.apply(run("now"))
    status = ended(here, "now")
    assert (status["outcome"], status["exitCode"]) == ("success", 0)
    assert status["release"] == {"name": "shop-1", "number": 1}
    assert status["requestedBy"] == "kubectl"
    assert container(here, "now")["command"] == ["/bin/sh", "-c", "tick"]
    here.wait("pproc/tick", "jsonpath={.status.lastManualRun.result}=success")


def test_a_run_may_bring_its_own_command_and_time_out(here: Namespace) -> None:
    here.release(application(), TICK)
    here.apply(run("now", command=["/bin/other", "--once"], timeoutSeconds=77))
    ended(here, "now")
    assert container(here, "now")["command"] == ["/bin/other", "--once"]
    job = here.get("job", here.get("prun", "now")["status"]["jobName"])
    assert job["spec"]["activeDeadlineSeconds"] == 77


def test_a_run_that_fails_tells_its_exit_code(here: Namespace) -> None:
    here.release(application(), process("tick", "cron", schedule="0 4 * * *", env=EXIT_3))
    here.apply(run("now"))
    status = ended(here, "now")
    assert (status["outcome"], status["exitCode"]) == ("failed", 3)
    assert status["reason"] == "NonZeroExit"


def test_deleting_a_run_stops_it(here: Namespace) -> None:
    here.release(application(), process("tick", "cron", schedule="0 4 * * *", env=AN_HOUR))
    here.apply(run("now"))
    job = here.wait("prun/now", "jsonpath={.status.jobName}")["status"]["jobName"]
    here.kubectl("delete", "prun", "now")
    here.wait_gone(f"job/{job}")


def test_a_run_that_is_made_again_under_its_name_runs_again_only_with_other_inputs(
    here: Namespace,
) -> None:
    here.release(application(), TICK)
    for outcome, reason in (("success", "Succeeded"), ("skipped", "AlreadyRun")):
        here.apply(run("once"))
        status = ended(here, "once")
        assert (status["outcome"], status["reason"]) == (outcome, reason)
        here.wait("papp/shop", "jsonpath={.status.pastRequests[0].name}=once")
        here.kubectl("delete", "prun", "once")
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
    here.wait("papp/shop", "jsonpath={.status.servingRelease.number}=2")
    here.apply(run("once"))
    assert ended(here, "once")["outcome"] == "success"


def test_a_release_that_is_made_again_under_its_name_does_nothing_again(here: Namespace) -> None:
    here.release(application(), process("web", "web"))
    once = {**run("once"), "kind": "ProcessRelease", "spec": {"applicationRef": {"name": "shop"}}}
    for state in ("success", "skipped"):
        here.apply(once)
        here.wait("prel/once", f"jsonpath={{.status.state}}={state}")
        here.wait("papp/shop", "jsonpath={.status.pastRequests[0].name}=once")
        here.kubectl("delete", "prel", "once")
    assert here.get("papp", "shop")["status"]["lastReleaseNumber"] == 2


def test_a_run_before_its_process_or_its_release_waits_and_says_for_what(here: Namespace) -> None:
    here.apply(run("now"))
    assert "create it" in here.wait_reason("prun/now", "ProcessNotFound")
    here.apply(application(release={"initial": "manual"}), TICK)
    here.wait_reason("prun/now", "AwaitingRelease")
    here.patch("papp", "shop", {"spec": {"release": {"initial": "automatic", "settleSeconds": 0}}})
    assert ended(here, "now")["outcome"] == "success"


def test_only_cron_and_job_processes_can_be_run(here: Namespace) -> None:
    here.release(application(), process("web", "web"))
    here.apply(run("now", of="web"))
    assert "make a ProcessRun for one of those" in here.wait_reason("prun/now", "NotRunnable")


def test_of_runs_with_generated_names_only_the_newest_are_kept(here: Namespace) -> None:
    here.release(application(runs={"historyLimit": 1}), TICK)
    here.apply(run("named"))
    ended(here, "named")
    made = []
    for _ in range(2):
        one = run("tick")
        one["metadata"] = {"generateName": "tick-"}
        answer = here.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(one))
        made.append(json.loads(answer)["metadata"]["name"])
        here.wait(f"prun/{made[-1]}", "jsonpath={.status.finishedAt}")
    here.wait_gone(f"prun/{made[0]}")
    left = here.kubectl("get", "prun", "-o", "name").split()
    assert {one.rpartition("/")[2] for one in left} == {"named", made[1]}


def test_a_run_by_the_schedule_is_told_with_its_outcome(here: Namespace) -> None:
    often = process("tick", "cron", schedule="@every 1s", env=EXIT_3)
    here.release(application(), often)
    here.wait("pproc/tick", "jsonpath={.status.consecutiveFailures}")
    tick = here.wait("pproc/tick", "jsonpath={.status.lastScheduledRun.result}=failed")
    last = tick["status"]["lastScheduledRun"]
    assert (last["reason"], last["exitCode"]) == ("NonZeroExit", 3)
    # The namespace stays, and with it would the schedule.
    here.kubectl("delete", "pproc", "tick", "--wait=false")
