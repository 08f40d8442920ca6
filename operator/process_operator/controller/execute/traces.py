"""Traces of releases for OpenTelemetry: nothing of it is there until it is switched on.

A release is told when it ends, from its record; the writes that are made for it are told as they
are made, in the same trace. Where they go is for OpenTelemetry's own variables to say
(`OTEL_EXPORTER_OTLP_ENDPOINT` and the like), whose default is a collector on this machine:
https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

import contextlib
import importlib.util
import logging
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

from process_operator import __version__, logs
from process_operator.controller.observe.records import InvalidObject, ObservedState, Release
from process_operator.controller.plan.model import (
    Action,
    Apply,
    CleanForeignItems,
    Concede,
    CreateJob,
    CreateRelease,
    Delete,
    Prune,
    RecordStatus,
    Show,
    TakeUp,
)
from process_operator.controller.status import spans
from process_operator.controller.status.spans import Span
from process_operator.kube import names
from process_operator.kube.errors import ApiError
from process_operator.models.release import ReleaseState

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


class MissingPackagesError(Exception):
    """What is needed for traces is not installed."""


class Tracer:
    """Tells spans to a collector, in batches and beside the work."""

    def __init__(self) -> None:
        """Begin to tell.

        Raises:
            MissingPackagesError: There is nothing to tell them with.
        """
        if importlib.util.find_spec("opentelemetry.exporter") is None:
            raise MissingPackagesError("install process-operator[traces] for traces")
        from opentelemetry.exporter.otlp.proto.http import trace_exporter  # noqa: PLC0415
        from opentelemetry.sdk.trace import export  # noqa: PLC0415

        # A collector that is away is no news every second.
        logging.getLogger("opentelemetry").setLevel(logging.ERROR)
        self._processor = export.BatchSpanProcessor(trace_exporter.OTLPSpanExporter())

    def tell(self, found: Iterable[Span]) -> None:
        """Tell spans; this waits for nobody."""
        for span in found:
            self._processor.on_end(_readable(span))

    def end(self) -> None:
        """Tell what is left, for some seconds at most, and no more."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]


class Traces:
    """What is told of the releases of one operator: nothing without a tracer."""

    def __init__(self, tracer: Tracer | None) -> None:
        self._tracer = tracer

    def ended(self, release: Release) -> None:
        """Tell the course of a release that has ended."""
        if self._tracer is not None:
            self._tracer.tell(spans.course(release))

    @contextlib.contextmanager
    def write(self, observed: ObservedState, action: Action) -> Iterator[None]:
        """Tell a write that is made for a release; log lines meanwhile bear the id of its trace."""
        release = _release(observed, action) if self._tracer is not None else None
        if release is None or self._tracer is None:
            yield
            return
        started, error = datetime.now(UTC), None
        token = logs.TRACE_ID.set(spans.trace_id(release))
        try:
            yield
        except ApiError as failure:
            error = type(failure).__name__
            raise
        finally:
            logs.TRACE_ID.reset(token)
            self._tracer.tell([_write(release, action, started, error)])


def _release(observed: ObservedState, action: Action) -> Release | None:
    """Return the release that a write is made for: the one it records, or the one under way."""
    if isinstance(action, RecordStatus) and action.of.kind == names.RELEASE_KIND:
        return next((one for one in _releases(observed) if one.uid == action.of.uid), None)
    under_way = ReleaseState.IN_PROGRESS
    return next((one for one in _releases(observed) if one.status.state is under_way), None)


def _releases(observed: ObservedState) -> Iterator[Release]:
    return (one for one in observed.releases if not isinstance(one, InvalidObject))


def _write(release: Release, action: Action, started: datetime, error: str | None) -> Span:
    return Span(
        trace_id=spans.trace_id(release),
        span_id=secrets.token_hex(8),
        parent_id=spans.span_id(release, spans.ROOT),
        name=_name(action),
        start=started,
        end=datetime.now(UTC),
        attributes=spans.attributes(release),
        error=error,
    )


def _name(action: Action) -> str:
    match action:
        case Apply() | CleanForeignItems():
            return f"apply {action.key.kind} {action.key.name}"
        case Show():
            return f"judge {action.key.kind} {action.key.name}"
        case CreateJob():
            return f"create Job {action.key.name}"
        case CreateRelease():
            return f"create {names.RELEASE_KIND}"
        case Delete() | Concede():
            verb = "delete" if isinstance(action, Delete) else "look at"
            return f"{verb} {action.child.kind} {action.child.name}"
        case RecordStatus() | TakeUp():
            verb = "record" if isinstance(action, RecordStatus) else "mark"
            return f"{verb} {action.of.kind} {action.of.name}"
        case Prune():
            return f"delete {action.old.kind} {action.old.name}"
        case _:
            assert_never(action)


def _readable(span: Span) -> "ReadableSpan":
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415

    def context(span_id: str) -> trace.SpanContext:
        return trace.SpanContext(
            trace_id=int(span.trace_id, 16),
            span_id=int(span_id, 16),
            is_remote=False,
            trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
        )

    code = trace.StatusCode.OK if span.error is None else trace.StatusCode.ERROR
    return ReadableSpan(
        span.name,
        context=context(span.span_id),
        parent=context(span.parent_id) if span.parent_id is not None else None,
        resource=Resource.create({"service.name": names.OPERATOR, "service.version": __version__}),
        attributes=dict(span.attributes),
        status=trace.Status(code, span.error),
        start_time=_nanoseconds(span.start),
        end_time=_nanoseconds(span.end),
    )


def _nanoseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000) * 1000
