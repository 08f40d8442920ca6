"""Alerts and dashboard before a real Prometheus that scrapes a real operator at work."""

import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import dashboard
import local_cluster
import operate
import reference
import restside
import running
import serve_api
from local_cluster import build, network
from userside import IMAGE, Namespace, application, process

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "build" / "cluster-monitoring"
ALERTS = reference.CHART / "files" / "alerts.yaml"
TESTED = Path(__file__).with_name("alerts.test.yaml")
SCRAPE_SECONDS = 1
EACH = ("--metrics-per-application", "true")
OF_TROUBLE = ("informer_restarts", "retries")
"""Queries that need not have an answer where all is well."""


@pytest.fixture(scope="session")
def programs() -> Path:
    return build.ensure(["prometheus", "promtool"])


def test_each_alert_fires_when_it_should_and_only_then(programs: Path, tmp_path: Path) -> None:
    for file in (ALERTS, TESTED):
        shutil.copy(file, tmp_path)
    for command in (("check", "rules", ALERTS.name), ("test", "rules", TESTED.name)):
        done = subprocess.run(
            [str(programs / "promtool"), *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_test() -> None:
    rules = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
    tests = yaml.safe_load(TESTED.read_text())["tests"]
    fires = {
        one["alertname"] for test in tests for one in test["alert_rule_test"] if "exp_alerts" in one
    }
    assert fires == {one["alert"] for one in rules}


Ask = Callable[[str], Any]


@pytest.fixture(scope="session")
def ask(programs: Path) -> Iterator[Ask]:
    """Return a real Prometheus that has watched an operator release two versions."""
    port, server = network.free_port(), None
    try:
        cluster = local_cluster.up("kwok", DIRECTORY)
        kubectl = running.kubectl(cluster.kubectl, cluster.kubeconfig)
        here = Namespace(kubectl, f"monitored-{uuid.uuid4().hex[:8]}")
        kubectl("create", "namespace", here.name)
        logs = DIRECTORY / "logs"
        operator = running.Operator(operate.install(cluster), logs / "operator.log", *EACH)
        api = restside.Api(serve_api.install(cluster), logs / "api.log")
        operator.start()
        api.start()
        try:
            shutil.copy(ALERTS, DIRECTORY)
            config = {
                "global": {"scrape_interval": f"{SCRAPE_SECONDS}s"},
                "rule_files": [ALERTS.name],
                "scrape_configs": [
                    {
                        "job_name": "process-operator",
                        "static_configs": [
                            {"targets": [operator.address], "labels": {"pod": "operator"}},
                            {
                                "targets": [f"127.0.0.1:{api.metrics_port}"],
                                "labels": {"pod": "api"},
                            },
                        ],
                    }
                ],
            }
            (DIRECTORY / "prometheus.yaml").write_text(yaml.safe_dump(config))
            server = subprocess.Popen(
                [
                    str(programs / "prometheus"),
                    f"--config.file={DIRECTORY / 'prometheus.yaml'}",
                    f"--storage.tsdb.path={DIRECTORY / 'prometheus'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdout=(DIRECTORY / "logs" / "prometheus.log").open("wb"),
                stderr=subprocess.STDOUT,
            )

            def get(path: str) -> Any:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                    return json.load(answer)["data"]

            running.until(lambda: _answers(get))
            here.release(application(), process("web", "web"))
            here.apply(process("migrate", "job", jobStartPolicy="beforeDeployment"))
            here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
            here.wait("prel/shop-2", "jsonpath={.status.state}=success")
            restside.Client(api).get("/v3/openapi.json")
            time.sleep(5 * SCRAPE_SECONDS)
            yield get
        finally:
            if server is not None:
                server.terminate()
                server.wait(timeout=30)
            api.stop()
            operator.stop()
    finally:
        local_cluster.down(DIRECTORY)


def _answers(get: Ask) -> bool:
    try:
        return bool(get("/api/v1/query?query=up")["result"])
    except OSError:
        return False


@pytest.mark.parametrize("query", dashboard.queries())
def test_every_panel_shows_something(query: str, ask: Ask) -> None:
    found = ask(f"/api/v1/query?query={urllib.parse.quote(query)}")["result"]
    assert found or any(word in query for word in OF_TROUBLE)


def test_an_application_is_told_by_its_name_where_that_was_asked_for(ask: Ask) -> None:
    query = urllib.parse.quote("process_operator_application_ready")
    (found,) = ask(f"/api/v1/query?query={query}")["result"]
    assert (found["metric"]["application"], found["metric"]["reason"]) == ("shop", "Released")
    assert found["value"][1] == "1"


def test_every_rule_is_healthy_and_no_alert_fires_where_all_is_well(ask: Ask) -> None:
    def evaluated() -> bool:
        return all(rule["lastEvaluation"] > "0001-01-02" for rule in rules())

    def rules() -> list[Any]:
        return [rule for group in ask("/api/v1/rules")["groups"] for rule in group["rules"]]

    running.until(evaluated, seconds=90)
    assert len(rules()) == 8
    assert {rule["health"] for rule in rules()} == {"ok"}
    assert {rule["state"] for rule in rules()} == {"inactive"}
