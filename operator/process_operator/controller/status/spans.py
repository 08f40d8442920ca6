"""The course of a release as a trace: its steps and jobs as spans, told from its record.

The record says when everything began and ended, in whole seconds. So a trace is whole even when
several replicas took part in a release one after the other. Its id is the release's uid without the
hyphens: nothing has to be remembered for it, and whoever has one has the other.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from process_operator.controller.observe.records import Release
from process_operator.controller.release import steps
from process_operator.models.release import JobRecord, ReleaseState, ReleaseStep, Result

ROOT = "release"
_TRACE_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span, in the terms of OpenTelemetry."""

    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """16 hexadecimal digits."""
    parent_id: str | None
    """Id of the span that this one is part of; None for the root."""
    name: str
    start: datetime
    end: datetime
    attributes: Mapping[str, str | int]
    error: str | None = None
    """Why it failed, if it did."""


def trace_id(release: Release) -> str:
    """Return the id of the trace of a release."""
    digits = release.uid.replace("-", "")
    if _TRACE_ID.fullmatch(digits):
        return digits
    return hashlib.blake2b(release.uid.encode(), digest_size=16).hexdigest()


def span_id(release: Release, name: str) -> str:
    """Return the id of the span of that name, which a release has once."""
    return hashlib.blake2b(f"{release.uid}/{name}".encode(), digest_size=8).hexdigest()


def attributes(release: Release) -> dict[str, str | int]:
    """Return what every span of a release says of it."""
    return {
        "k8s.namespace.name": release.namespace,
        "process_operator.application": release.spec.application_ref.name,
        "process_operator.release": release.name,
    }


def course(release: Release) -> Iterator[Span]:
    """Yield the spans of a release that has ended, the whole of it first."""
    status = release.status
    if status.started_at is None or status.finished_at is None:
        return
    about = attributes(release)
    told = {
        "process_operator.release.number": status.number,
        "process_operator.release.trigger": status.trigger,
        "process_operator.release.state": status.state,
        "process_operator.image": status.requested.image if status.requested else None,
    }
    failure = status.failure
    failed = status.state is ReleaseState.FAILED
    yield Span(
        trace_id=trace_id(release),
        span_id=span_id(release, ROOT),
        parent_id=None,
        name=ROOT,
        start=status.started_at,
        end=status.finished_at,
        attributes=about | {name: value for name, value in told.items() if value is not None},
        error=(failure.sentence if failure else None) or "it failed" if failed else None,
    )
    for step, start, end in steps.taken(status):
        yield Span(
            trace_id=trace_id(release),
            span_id=span_id(release, step),
            parent_id=span_id(release, ROOT),
            name=step,
            start=start,
            end=end,
            attributes=about,
            error=failure.reason if failure is not None and failure.step is step else None,
        )
    for job in status.jobs:
        if job.started_at is not None and job.policy in steps.OF_JOBS:
            yield _job(release, job, steps.OF_JOBS[job.policy], job.started_at)


def _job(release: Release, job: JobRecord, step: ReleaseStep, started: datetime) -> Span:
    finished = job.finished_at or release.status.finished_at or started
    told = {
        "process_operator.process": job.key,
        "process_operator.job.result": job.result,
        "process_operator.job.exit_code": job.exit_code,
        "k8s.job.name": job.job_name,
    }
    known = {name: value for name, value in told.items() if value is not None}
    return Span(
        trace_id=trace_id(release),
        span_id=span_id(release, f"job {job.key}"),
        parent_id=span_id(release, step),
        name=f"job {job.key}",
        start=started,
        end=max(started, finished),
        attributes=attributes(release) | known,
        error=job.reason if job.result is Result.FAILED else None,
    )
