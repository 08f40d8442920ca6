"""Log lines: one per action, past tense, with kind, namespace and name of the object."""

import logging
import sys
from contextvars import ContextVar
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from process_operator.settings import LogFormat, LogLevel

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_FOR_OTHERS = frozenset({"settings", "color_message"})
"""What the frameworks below add to records for their own handlers."""


TRACE_ID: ContextVar[str] = ContextVar("trace_id", default="")
"""Id of the trace that the work under way belongs to, "" for none; lines of it bear the id."""


def _add_trace_id(record: logging.LogRecord) -> bool:
    if trace_id := TRACE_ID.get():
        record.trace_id = trace_id
    return True


class _TextFormatter(logging.Formatter):
    """For people: time, level, the object, what was done, and the rest as key=value."""

    def format(self, record: logging.LogRecord) -> str:
        extra: dict[str, Any] = {
            name: value
            for name, value in vars(record).items()
            if name not in _STANDARD and name not in _FOR_OTHERS
        }
        place = "/".join(
            str(extra.pop(name)) for name in ("kind", "namespace", "object") if extra.get(name)
        )
        rest = " ".join(f"{name}={value}" for name, value in extra.items() if value)
        parts = (
            self.formatTime(record, "%H:%M:%S"),
            record.levelname,
            place,
            record.getMessage(),
            rest,
        )
        line = " ".join(part for part in parts if part)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(log_format: LogFormat, log_level: LogLevel) -> None:
    """Write log lines to standard error in the wanted format, from the wanted level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_add_trace_id)
    if log_format is LogFormat.JSON:
        handler.setFormatter(
            JsonFormatter(
                "%(asctime)s %(levelname)s %(name)s %(message)s",
                rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
                reserved_attrs=[*_STANDARD, *_FOR_OTHERS],
            )
        )
    else:
        handler.setFormatter(_TextFormatter())
    logging.basicConfig(level=log_level.upper(), handlers=[handler], force=True)
    logging.getLogger("kopf").setLevel(logging.WARNING)
