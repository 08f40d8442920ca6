"""The Jobs to make: of the release in progress, and of runs by hand."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from process_operator.controller.build import job as build_job
from process_operator.controller.observe.records import CustomResource, ObservedState
from process_operator.controller.plan.model import (
    ApplicationContext,
    CreateJob,
    JobOfRelease,
    JobOfRun,
    Runs,
)
from process_operator.controller.release import jobs, record
from process_operator.controller.release.decision import Decision
from process_operator.controller.release.runs import (
    DEFAULT_LIMIT,
    DEFAULT_MAX_AGE,
    RunDecision,
    Serving,
    decide,
    history,
    job_key,
)
from process_operator.controller.resolve import target as resolve_target
from process_operator.controller.resolve.target import target
from process_operator.kube import names
from process_operator.models import defaults
from process_operator.models.application import ApplicationSpec
from process_operator.models.process import JobStartPolicy, ProcessType, RunWith


def runs(observed: ObservedState, context: ApplicationContext | None) -> Runs:
    """Return what the runs by hand need; without an application those that run are watched."""
    serving = _serving(context) if context is not None else None
    spec = context.application.spec if context is not None else ApplicationSpec()
    settings = defaults.settings(spec)
    decisions = tuple(
        decide(
            observed,
            serving,
            one,
            suspended=bool(spec.suspend),
            grace=timedelta(seconds=settings.progress_deadline_seconds),
        )
        for one in observed.runs
        if isinstance(one, CustomResource) and not one.deleting
    )
    kept = spec.runs
    limit = kept.history_limit if kept is not None else None
    age = kept.max_age_seconds if kept is not None else None
    old, expiry = history(
        observed.runs,
        limit=DEFAULT_LIMIT if limit is None else limit,
        max_age=DEFAULT_MAX_AGE if age is None else timedelta(seconds=age),
        now=observed.now,
    )
    wakes = [at for at in (*(one.wake_at for one in decisions), expiry) if at is not None]
    return Runs(
        decisions=decisions,
        prune=old,
        wake_at=min(wakes, default=None),
    )


def _serving(context: ApplicationContext) -> Serving | None:
    """Return what serves as a run takes it."""
    serving = context.history.serving
    frozen = record.snapshot(serving) if serving is not None else None
    if serving is None or frozen is None:
        return None
    return Serving(name=serving.name, number=record.number(serving), snapshot=frozen)


def jobs_of_runs(
    observed: ObservedState, context: ApplicationContext | None, decisions: Iterable[RunDecision]
) -> Iterator[CreateJob]:
    """Yield the Jobs of the runs that start now."""
    serving = _serving(context) if context is not None else None
    for one in decisions:
        if one.start is None or one.process is None or context is None or serving is None:
            continue
        manifest = build_job.job(
            target(observed, context.application, one.process, serving.snapshot, one.start),
            name=job_key(one.run, one.process).name,
            owner={"kind": names.RUN_KIND, "name": one.run.name, "uid": one.run.uid},
            timeout_seconds=context.resolved.settings.job_timeout_seconds,
            environment={"PROCESS_OPERATOR_RUN": one.run.name},
        )
        yield CreateJob(record=JobOfRun(owner=one.run, serving=serving), manifest=manifest)


def jobs_of_releases(
    observed: ObservedState, context: ApplicationContext | None, decision: Decision
) -> Iterator[CreateJob]:
    """Yield the Job that the decision asks for, if it does."""
    if decision.start is None or context is None:
        return
    asked, key = decision.start
    job = next(one for one in asked.status.jobs if one.key == key)
    frozen, serving = record.snapshot(asked), _serving(context)
    served = serving.snapshot if serving is not None else None
    of = served if job.undoes is not None else frozen
    entry = of.process(key, ProcessType.JOB) if of is not None else None
    runs_with = served if job.run_with is RunWith.SERVING else of
    process = next(
        one for one in observed.processes if isinstance(one, CustomResource) and one.spec.key == key
    )
    if frozen is None or runs_with is None or entry is None:
        return
    target = resolve_target.target(observed, context.application, process, runs_with, entry)
    environment = record.environment(asked)
    if job.policy is JobStartPolicy.BEFORE_ROLLBACK:
        # One that was asked to go back has frozen where to.
        back = frozen if job.undoes is not None else served
        environment["PROCESS_OPERATOR_ROLLBACK_IMAGE"] = back.image if back is not None else ""
    manifest = build_job.job(
        target,
        name=jobs.name(asked, key),
        owner={"kind": names.RELEASE_KIND, "name": asked.name, "uid": asked.uid},
        timeout_seconds=context.resolved.settings.job_timeout_seconds,
        environment=environment,
    )
    manifest["metadata"]["labels"][names.RELEASE] = str(record.number(asked))
    yield CreateJob(record=JobOfRelease(owner=asked, process=key), manifest=manifest)
