"""The dashboard: rows of panels, each a sentence, a unit and a query."""

import json
from typing import Any

_ROWS: tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...] = (
    (
        "What runs",
        (
            (
                "Applications by reason",
                "short",
                "{{reason}}",
                "sum by (reason) (process_operator_applications)",
            ),
            (
                "Processes by reason",
                "short",
                "{{reason}}",
                "sum by (reason) (process_operator_processes)",
            ),
            (
                "Processes by type",
                "short",
                "{{type}}",
                "sum by (type) (process_operator_processes)",
            ),
            (
                "Staged changes that wait",
                "short",
                "changes",
                "sum(process_operator_pending_changes)",
            ),
        ),
    ),
    (
        "Releases",
        (
            (
                "Ended by outcome, an hour",
                "short",
                "{{outcome}}",
                "sum by (outcome) (increase(process_operator_releases_total[1h]))",
            ),
            (
                "Duration, 9 of 10",
                "s",
                "{{outcome}}",
                "histogram_quantile(0.9, sum by (le, outcome) (rate(process_operator_release_duration_seconds_bucket[1h])))",
            ),
            (
                "Duration of a step, 9 of 10",
                "s",
                "{{step}}",
                "histogram_quantile(0.9, sum by (le, step) (rate(process_operator_release_step_duration_seconds_bucket[1h])))",
            ),
            (
                "Jobs by result, an hour",
                "short",
                "{{policy}} {{result}}",
                "sum by (policy, result) (increase(process_operator_release_jobs_total[1h]))",
            ),
            (
                "Age of the oldest that waits",
                "s",
                "age",
                "max(process_operator_waiting_release_age_seconds)",
            ),
        ),
    ),
    (
        "The operator",
        (
            ("Who leads", "short", "{{pod}}", "leader_election_master_status"),
            (
                "Looks by result",
                "ops",
                "{{result}}",
                "sum by (result) (rate(controller_runtime_reconcile_total[5m]))",
            ),
            (
                "Length of a look, 99 of 100",
                "s",
                "look",
                "histogram_quantile(0.99, sum by (le) (rate(controller_runtime_reconcile_time_seconds_bucket[5m])))",
            ),
            (
                "Wait for a turn, 99 of 100",
                "s",
                "wait",
                "histogram_quantile(0.99, sum by (le) (rate(workqueue_queue_duration_seconds_bucket[5m])))",
            ),
            ("Applications in the queue", "short", "waiting", "sum(workqueue_depth)"),
            (
                "Put back after a failure",
                "ops",
                "retries",
                "sum(rate(workqueue_retries_total[5m]))",
            ),
        ),
    ),
    (
        "The API server",
        (
            (
                "Requests by code",
                "reqps",
                "{{code}}",
                "sum by (code) (rate(rest_client_requests_total[5m]))",
            ),
            (
                "Writes by resource",
                "reqps",
                "{{verb}} {{resource}}",
                'sum by (verb, resource) (rate(rest_client_requests_total{verb=~"POST|PUT|PATCH|DELETE"}[5m]))',
            ),
            (
                "Answer to a write, 99 of 100",
                "s",
                "{{verb}}",
                'histogram_quantile(0.99, sum by (le, verb) (rate(rest_client_request_duration_seconds_bucket{verb=~"POST|PUT|PATCH|DELETE"}[5m])))',
            ),
            (
                "Silence of a kind",
                "s",
                "{{kind}}",
                "max by (kind) (process_operator_informer_silence_seconds)",
            ),
            (
                "Watches lost, an hour",
                "short",
                "{{kind}}",
                "sum by (kind) (increase(process_operator_informer_restarts_total[1h]))",
            ),
            (
                "Objects known",
                "short",
                "{{kind}}",
                "max by (kind) (process_operator_informer_objects)",
            ),
        ),
    ),
    (
        "The REST API",
        (
            (
                "Requests by status",
                "reqps",
                "{{status}}",
                "sum by (status) (rate(process_operator_api_request_duration_seconds_count[5m]))",
            ),
            (
                "Answer by method, 99 of 100",
                "s",
                "{{method}}",
                "histogram_quantile(0.99, sum by (le, method) (rate(process_operator_api_request_duration_seconds_bucket[5m])))",
            ),
            ("Connections", "short", "{{pod}}", "process_operator_api_connections"),
        ),
    ),
    (
        "The process",
        (
            ("Memory", "bytes", "{{pod}}", "process_resident_memory_bytes"),
            ("Processor", "percentunit", "{{pod}}", "rate(process_cpu_seconds_total[5m])"),
        ),
    ),
)
_WIDTH, _HEIGHT, _ACROSS = 8, 7, 24


def queries() -> list[str]:
    """Return the query of each panel."""
    return [query for _, panels in _ROWS for *_, query in panels]


def text() -> str:
    """Return the dashboard as Grafana reads it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in _ROWS:
        panels.append(_row(len(panels) + 1, title, top))
        top += 1
        for place, panel in enumerate(row):
            across = place * _WIDTH % _ACROSS
            panels.append(_panel(len(panels) + 1, panel, across, top))
            if across + _WIDTH == _ACROSS or place == len(row) - 1:
                top += _HEIGHT
    document = {
        "title": "process-operator",
        "uid": "process-operator",
        "tags": ["process-operator"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {"name": "source", "label": "Source", "type": "datasource", "query": "prometheus"}
            ]
        },
        "panels": panels,
    }
    return json.dumps(document, indent=1) + "\n"


def _row(number: int, title: str, top: int) -> dict[str, Any]:
    place = {"x": 0, "y": top, "w": _ACROSS, "h": 1}
    return {"id": number, "type": "row", "title": title, "gridPos": place, "panels": []}


def _panel(number: int, panel: tuple[str, str, str, str], across: int, top: int) -> dict[str, Any]:
    title, unit, legend, query = panel
    return {
        "id": number,
        "type": "timeseries",
        "title": title,
        "gridPos": {"x": across, "y": top, "w": _WIDTH, "h": _HEIGHT},
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [{"refId": "A", "expr": query, "legendFormat": legend}],
    }
