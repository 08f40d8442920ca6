"""Lines of instances: in order, each behind its time, as bad as they say, and chosen by filters."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from process_operator.api.payloads.logs import LogEntry, log_filters
from process_operator.api.presenters import logs
from process_operator.api.reads import cache, runtime_logs
from process_operator.api.reads.cache import Record
from process_operator.api.reads.runtime_logs import Line
from process_operator.kube import names

UID = "fb5e5168-4281-4bec-94c5-0d1584e9e657"
POD = {"metadata": {"name": "shop-web-1", "labels": {names.PROCESS: "web"}}}
OF_ERRORS = '{"key": "severity", "operator": "EQUALS", "value": "ERROR"}'
OF_THE_WORKER = '{"key": "tags.container", "operator": "EQUALS", "value": "worker"}'


def application() -> Record:
    about = {
        "namespace": "shop",
        "name": "shop",
        "uid": UID,
        "resourceVersion": "1",
        "creationTimestamp": "2026-02-22T15:00:00Z",
    }
    return cache.record(names.APPLICATION_KIND, {"metadata": about})


def told(text: str) -> dict[str, Any]:
    at = datetime(2026, 2, 22, 15, 30, 0, 123456, tzinfo=UTC)
    line = Line(at=at, pod="shop-web-1", place=0, process="web", text=text)
    return logs.runtime_line(line, application(), "web")


def test_a_line_is_what_stands_behind_a_time() -> None:
    text = (
        "2026-02-22T15:30:00.123456789Z one\x85 line\n"
        "2026-02-22T15:30:00.2Z \n"
        "2026-02-22T16:30:00.3+01:00 an offset\n"
        "unable to retrieve container logs for containerd://1\n"
    )
    lines = list(runtime_logs.written(POD, text))
    assert [one.text for one in lines] == ["one\x85 line", "", "an offset"]
    assert lines == sorted(lines)
    assert {(one.pod, one.process) for one in lines} == {("shop-web-1", "web")}


def test_lines_of_the_same_time_stay_in_the_order_in_which_they_were_written() -> None:
    text = "".join(f"2026-02-22T15:30:00Z {number}\n" for number in range(12))
    read = list(runtime_logs.written(POD, text))
    read.reverse()
    lines = sorted(read)
    assert [one.text for one in lines] == [str(number) for number in range(12)]


def test_a_line_is_told_in_the_shape_of_the_contract() -> None:
    line = told("hello")
    LogEntry.model_validate(line)
    assert line | {"id": ""} == {
        "id": "",
        "message": "hello",
        "service": "APP_RUNTIME",
        "severity": "INFO",
        "timestamp": "2026-02-22 15:30:00.123",
        "unix_timestamp": 1_771_774_200_123_456,
        "tags": {"idApp": UID, "container": "web", "pod": "shop-web-1"},
        "attributes": {},
    }


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("listening on 8080", "INFO"),
        ('{"time":"12:00","level":"error","msg":"no INFO here"}', "ERROR"),
        ('{"severity": "Warning"}', "WARN"),
        ("ts=12:00 level=debug msg=x", "DEBUG"),
        ("2026-02-22 15:30:00,123 ERROR in app: broken", "ERROR"),
        ("[CRITICAL] worker timeout", "ERROR"),
        ("GET /errors 200", "INFO"),
        ("level=unheard-of", "INFO"),
        ("x" * 500 + " ERROR", "INFO"),
    ],
)
def test_a_line_is_as_bad_as_it_says(text: str, severity: str) -> None:
    assert told(text)["severity"] == severity


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        (f"[{OF_ERRORS}]", True),
        ('[{"key": "severity", "operator": "NOT_EQUALS", "values": ["WARN", "ERROR"]}]', False),
        ('[{"key": "message", "operator": "CONTAINS", "values": ["fire", "broken"]}]', True),
        ('[{"key": "message", "operator": "NOT_CONTAINS", "value": "broken"}]', False),
        (f"[{OF_THE_WORKER}]", False),
        ('[{"key": "tags.pod", "operator": "CONTAINS", "value": "web"}]', True),
        (f"[{OF_ERRORS}, {OF_THE_WORKER}]", False),
        ("[]", True),
    ],
)
def test_of_several_filters_each_has_to_hold(filters: str, *, passes: bool) -> None:
    assert logs.passes(told("ERROR: broken"), log_filters(filters)) == passes


@pytest.mark.parametrize(
    "filters",
    [
        "severity",
        "{}",
        '[{"key": "severity", "operator": "EQUALS"}]',
        '[{"key": "severity", "operator": "EQUALS", "value": "a", "values": ["b"]}]',
        '[{"key": "severity", "operator": "LIKE", "value": "a"}]',
        '[{"key": "user", "operator": "EQUALS", "value": "a"}]',
    ],
)
def test_a_filter_that_says_nothing_is_refused(filters: str) -> None:
    with pytest.raises(ValidationError):
        log_filters(filters)
