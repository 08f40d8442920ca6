"""Lines of logs as replies tell them, and which of them are asked for."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from process_operator.api.access import identity
from process_operator.api.payloads.logs import LogFilter
from process_operator.api.presenters import times
from process_operator.api.presenters.views import Reply
from process_operator.api.reads.cache import Record
from process_operator.api.reads.runtime_logs import Line

_SAYS_LEVEL = re.compile(
    r"""["']?\b(?:level|severity|lvl|levelname)["']?\s*[=:]\s*["']?([a-z]+)""", re.IGNORECASE
)
"""A field of JSON, of logfmt, or of what a person has arranged like these."""
_NAMES_LEVEL = re.compile(r"\b(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL|PANIC)\b")
"""A word that stands for the level in most plain formats."""
_WITHIN = 200
"""Characters at the beginning of a line in which its level is looked for."""
_SEVERITIES = {
    "trace": "DEBUG",
    "debug": "DEBUG",
    "info": "INFO",
    "warn": "WARN",
    "warning": "WARN",
    "err": "ERROR",
    "error": "ERROR",
    "fatal": "ERROR",
    "critical": "ERROR",
    "panic": "ERROR",
}


def severity(text: str) -> str:
    """Return how bad a line says that it is; `INFO` where it does not say."""
    begins = text[:_WITHIN]
    found = _SAYS_LEVEL.search(begins) or _NAMES_LEVEL.search(begins)
    return _SEVERITIES.get(found[1].lower(), "INFO") if found else "INFO"


def runtime_line(line: Line, application: Record, process: str) -> Reply:
    """Return a line that an instance wrote.

    Args:
        line: The line.
        application: Whose instance it was.
        process: Key of the process.
    """
    place = f"{line.pod} {line.at.isoformat()} {line.place}"
    return entry(
        identity.log_entry(application.uid, place),
        line.at,
        line.text,
        service="APP_RUNTIME",
        severity=severity(line.text),
        tags={"idApp": application.uid, "container": process, "pod": line.pod},
    )


def entry(
    id: str,  # noqa: A002
    at: datetime,
    message: str,
    *,
    service: str,
    severity: str,
    tags: Reply,
) -> Reply:
    """Return one line of any log."""
    moment = at.astimezone(UTC)
    return {
        "id": id,
        "message": message,
        "service": service,
        "severity": severity,
        "timestamp": times.in_log(moment),
        "unix_timestamp": int(moment.timestamp()) * 1_000_000 + moment.microsecond,
        "tags": tags,
        "attributes": {},
    }


def passes(line: Reply, filters: Iterable[LogFilter]) -> bool:
    """Whether a line is one of those that are asked for."""
    return all(_holds(line, one) for one in filters)


def _holds(line: Reply, asked: LogFilter) -> bool:
    where, _, tag = asked.key.partition(".")
    said = str((line[where][tag] if tag else line[where]) or "")
    match asked.operator:
        case "EQUALS":
            return said in asked.choices
        case "NOT_EQUALS":
            return said not in asked.choices
        case "CONTAINS":
            return any(one in said for one in asked.choices)
        case "NOT_CONTAINS":
            return not any(one in said for one in asked.choices)
