"""Every alert has its runbook, and every metric that is asked for is told."""

import re
from pathlib import Path

import yaml

import dashboard
import reference

ROOT = Path(__file__).parents[3]
ALERTS = [
    rule
    for group in yaml.safe_load((reference.CHART / "files" / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
_NAME = re.compile(r"\b(?:process|workqueue|controller|rest|leader)_[a-z_]+\b(?!=)")
_SUFFIX = re.compile(r"_(?:bucket|count|sum)$")


def test_every_alert_has_a_runbook_of_its_name_and_every_runbook_an_alert() -> None:
    runbooks = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert runbooks == {one["alert"] for one in ALERTS}
    for one in ALERTS:
        assert one["annotations"]["runbook"] == f"docs/runbooks/{one['alert']}.md"
        assert {"summary", "description"} <= set(one["annotations"])


def test_every_metric_that_is_asked_for_is_told() -> None:
    told = set(re.findall(r"^\| `([a-z_]+)`", dict(reference.pages())["metrics.md"], re.MULTILINE))
    told |= {"process_resident_memory_bytes", "process_cpu_seconds_total"}
    for query in [*dashboard.queries(), *(one["expr"] for one in ALERTS)]:
        asked = {_SUFFIX.sub("", name) for name in _NAME.findall(query)}
        assert asked, query
        assert asked <= told, query
