"""Runs by hand: what each ProcessRun needs now, and which old ones go.

A run takes the serving release's image and environment, becomes one Job, and its status is a
record as a release's is: the uid of the Job is written right after it was made, its result once.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from process_operator.controller.observe import masking
from process_operator.controller.observe.records import (
    ChildKey,
    CustomResource,
    InvalidObject,
    ObservedState,
    Pod,
    Process,
    Run,
)
from process_operator.controller.release import job_verdict, repeated
from process_operator.controller.release.restored import HAS_RUN, STATUS_COMES_WITHIN
from process_operator.kube import conditions, names
from process_operator.kube.conditions import Condition
from process_operator.kube.reasons import Reason
from process_operator.models import snapshot
from process_operator.models.process import ProcessType
from process_operator.models.release import Result
from process_operator.models.run import RunSpec, RunStatus
from process_operator.models.snapshot import RunLimits, Snapshot, SnapshotProcess
from process_operator.models.status import ServingRelease

DEFAULT_LIMIT = 10
DEFAULT_MAX_AGE = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What a run runs with."""

    name: str
    number: int
    snapshot: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDecision:
    """What one run needs now; nothing, if all is empty."""

    run: Run
    start: SnapshotProcess | None = None
    """The entry whose Job is to be made."""
    process: Process | None = None
    record: RunStatus | None = None
    """The status to write before anything else."""
    ended: Pod | None = None
    """The pod whose last lines belong into that record."""
    secrets: frozenset[str] = frozenset()
    """Values that are masked in them."""
    waits: tuple[str, str] | None = None
    """Reason and message of why it does not start yet."""
    refused: tuple[str, str] | None = None
    """Reason and message of why it never will."""
    wake_at: datetime | None = None


def decide(
    observed: ObservedState, serving: Serving | None, run: Run, *, suspended: bool, grace: timedelta
) -> RunDecision:
    """Return what a run needs.

    Args:
        observed: All that is seen.
        serving: What serves; None where no release has succeeded yet.
        run: The run.
        suspended: Whether its application stands still.
        grace: How long its Job may take until its container runs for the first time.
    """
    if run.status.finished_at is not None:
        return RunDecision(run=run)
    if run.is_copy and run.status.job_uid is None:
        due = run.seen_at + STATUS_COMES_WITHIN
        if observed.now < due:
            return RunDecision(run=run, wake_at=due)
        return RunDecision(run=run, record=_skipped(observed, run, Reason.RESTORED, HAS_RUN))
    if run.status.job_uid is not None:
        return _watch(observed, serving, run, grace)
    process = _process(observed, run.spec.process_ref.name)
    if process is None:
        missing = f'spec.processRef.name: there is no Process "{run.spec.process_ref.name}" in '
        return RunDecision(
            run=run, waits=(Reason.PROCESS_NOT_FOUND, missing + "this namespace; create it")
        )
    if process.spec.type not in {ProcessType.CRON, ProcessType.JOB}:
        message = (
            f'spec.processRef.name: Process "{process.name}" is of type {process.spec.type}; only '
            "cron and job processes can be run, make a ProcessRun for one of those"
        )
        return RunDecision(run=run, refused=(Reason.NOT_RUNNABLE, message))
    if suspended:
        message = "the application is suspended; set its spec.suspend to false"
        return RunDecision(run=run, waits=(Reason.SUSPENDED, message))
    entry = serving.snapshot.process(process.spec.key, process.spec.type) if serving else None
    if entry is None:
        message = "no release that has this process serves; it runs as soon as one does"
        return RunDecision(run=run, waits=(Reason.AWAITING_RELEASE, message))
    again = repeated.has_run(observed, run, serving.snapshot.inputs_hash) if serving else ""
    if again:
        return RunDecision(run=run, record=_skipped(observed, run, Reason.ALREADY_RUN, again))
    refused = observed.refused.get(job_key(run, process))
    if refused is not None:
        return RunDecision(run=run, refused=(refused.reason, refused.message))
    return RunDecision(run=run, start=_changed(entry, run.spec), process=process)


def _skipped(observed: ObservedState, run: Run, reason: str, message: str) -> RunStatus:
    """Return the record of a run that does nothing: what it stands for has happened."""
    ended = run.status.changed(
        outcome=Result.SKIPPED,
        reason=reason,
        message=message,
        finished_at=conditions.whole_seconds(observed.now),
    )
    said = conditions.ready(reason, message)
    return _saying(run, ended, said, observed.now)


def _changed(entry: SnapshotProcess, spec: RunSpec) -> SnapshotProcess:
    """Return the entry with what the run says about itself."""
    changes: dict[str, Any] = {}
    if spec.command is not None:
        changes |= {"entrypoint": None, "command": spec.command}
    if spec.timeout_seconds is not None:
        retries = entry.run.retries if entry.run is not None else 0
        changes["run"] = RunLimits(timeout_seconds=spec.timeout_seconds, retries=retries)
    return entry.model_copy(update=changes)


def _process(observed: ObservedState, name: str) -> Process | None:
    for process in observed.processes:
        if process.name == name and isinstance(process, CustomResource) and not process.deleting:
            return process
    return None


def job_key(run: Run, process: Process) -> ChildKey:
    """Return what identifies the Job of a run on the server."""
    application = process.spec.application_ref.name
    return ChildKey(
        job_verdict.KIND, run.namespace, names.job(application, process.spec.key, run.uid)
    )


def _watch(
    observed: ObservedState, serving: Serving | None, run: Run, grace: timedelta
) -> RunDecision:
    record = run.status
    process = _process(observed, run.spec.process_ref.name)
    name = record.job_name or ""
    job = observed.children.get(ChildKey(job_verdict.KIND, run.namespace, name))
    if job is not None and job.uid != record.job_uid:
        job = None
    started = record.started_at or observed.now
    found = job_verdict.verdict(observed, job, name=name, started=started, grace=grace)
    if found.result is None:
        return RunDecision(run=run, wake_at=found.wake_at)
    said = (
        conditions.ready(Reason.SUCCEEDED, f"the run {found.message}")
        if found.result == Result.SUCCESS
        else conditions.stalled(found.reason, f"the run failed: {found.message}")
    )
    ended = record.changed(
        outcome=found.result,
        reason=found.reason,
        message=found.message,
        exit_code=found.exit_code,
        finished_at=conditions.whole_seconds(observed.now),
    )
    label = names.key_label(process.spec.key) if process is not None else None
    return RunDecision(
        run=run,
        record=_saying(run, ended, said, observed.now),
        ended=found.pod,
        secrets=masking.secret_values(_environments(observed, serving, run), label),
    )


def _environments(observed: ObservedState, serving: Serving | None, run: Run) -> Iterator[Snapshot]:
    """Yield what the run was made of, and what serves: another release may have come since."""
    if serving is not None:
        yield serving.snapshot
    made_with = run.status.release.name if run.status.release is not None else ""
    for one in observed.releases:
        if isinstance(one, InvalidObject) or one.name != made_with:
            continue
        if serving is None or one.name != serving.name:
            with suppress(snapshot.Unreadable):
                yield snapshot.read(one.status.snapshot)


def started(
    run: Run, serving: Serving, *, name: str, uid: str, by: str, now: datetime
) -> RunStatus:
    """Return the record of a run whose Job has just been made."""
    said = conditions.reconciling(Reason.RUNNING, f'Job "{name}" runs')
    record = run.status.changed(
        release=ServingRelease(name=serving.name, number=serving.number),
        requested_by=by or run.status.requested_by,
        job_name=name,
        job_uid=uid,
        outcome=Result.IN_PROGRESS,
        started_at=conditions.whole_seconds(now),
    )
    return _saying(run, record, said, now)


def _saying(run: Run, record: RunStatus, said: Sequence[Condition], now: datetime) -> RunStatus:
    told = run.status.saying(said, generation=run.generation, now=now)
    return record.changed(observed_generation=run.generation, conditions=told)


def history(
    found: Sequence[Run | InvalidObject], *, limit: int, max_age: timedelta, now: datetime
) -> tuple[tuple[Run, ...], datetime | None]:
    """Return the runs to remove, and when the next one will be too old.

    Only those count that were made with a generateName, as the API makes them: one that somebody
    named is theirs to remove.
    """
    by_process: dict[str, list[Run]] = {}
    for one in found:
        if isinstance(one, CustomResource) and one.generated and one.status.finished_at:
            by_process.setdefault(one.spec.process_ref.name, []).append(one)
    gone: list[Run] = []
    expiries: list[datetime] = []
    for ended in by_process.values():
        newest_first = sorted(ended, key=lambda one: (one.created_at, one.name), reverse=True)
        for position, one in enumerate(newest_first):
            expiry = (one.status.finished_at or now) + max_age
            if position >= limit or now >= expiry:
                gone.append(one)
            else:
                expiries.append(expiry)
    return tuple(one for one in gone if not one.deleting), min(expiries, default=None)


def newest(observed: ObservedState, process: str) -> Run | None:
    """Return the last run of a process that has started."""
    mine = [
        one
        for one in observed.runs
        if isinstance(one, CustomResource)
        and one.spec.process_ref.name == process
        and one.status.job_uid is not None
    ]
    return max(mine, key=lambda one: (one.created_at, one.name), default=None)
