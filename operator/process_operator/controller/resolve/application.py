"""Specs and references in, a defaulted, checked and frozen application out, or a refusal.

Parse, do not validate: what leaves this module cannot hold a bad value, so that builders cannot
fail. Operational defaults live here and not in the CRDs, because a default of a CRD changes the
meaning of objects that are already stored.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from process_operator.controller.observe.records import CustomResource, InvalidObject, ObservedState
from process_operator.controller.resolve import defaults, resource_type
from process_operator.controller.resolve.defaults import Settings
from process_operator.controller.resolve.refusal import Refusal
from process_operator.cron import expression, zones
from process_operator.models.application import ApplicationSpec
from process_operator.models.process import ProcessSpec, ProcessType
from process_operator.models.security import PodSecurity
from process_operator.models.snapshot import MachineSize, RunLimits, Snapshot, SnapshotProcess


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """An application as it stands now, checked."""

    settings: Settings
    entries: Mapping[str, SnapshotProcess]
    """By uid: what a release that started now would freeze of each process."""
    refusals: Mapping[str, Refusal]
    """By uid: the processes that cannot be released, and why."""
    candidate: Snapshot | None
    """What a release that started now would freeze; None without an image."""


def resolve(observed: ObservedState, application: CustomResource[ApplicationSpec]) -> Resolved:
    """Return the application with its processes, each resolved or refused."""
    entries: dict[str, SnapshotProcess] = {}
    refusals: dict[str, Refusal] = {}
    holders: dict[str, str] = {}
    for process in observed.processes:
        if process.deleting:
            continue
        outcome = _process(process, observed, holders)
        if isinstance(outcome, Refusal):
            refusals[process.uid] = outcome
        else:
            entries[process.uid] = outcome
    return Resolved(
        settings=defaults.settings(application.spec),
        entries=entries,
        refusals=refusals,
        candidate=_snapshot(application.spec, entries.values()),
    )


def _process(
    process: CustomResource[ProcessSpec] | InvalidObject,
    observed: ObservedState,
    holders: dict[str, str],
) -> SnapshotProcess | Refusal:
    if isinstance(process, InvalidObject):
        return Refusal(reason="InvalidSpec", message=process.message)
    spec = process.spec
    holder = holders.setdefault(spec.key, process.name)
    if holder != process.name:
        return Refusal(
            reason="KeyTaken",
            message=f'spec.key "{spec.key}" is taken by the older Process "{holder}" of this '
            "application; give this one another key (make it anew: a key cannot be changed)",
            transient=True,
        )
    size = resource_type.resource_type_of(spec, observed.resource_types)
    if isinstance(size, Refusal):
        return size
    return _invalid_timetable(spec) or _entry(spec, size)


def _invalid_timetable(spec: ProcessSpec) -> Refusal | None:
    if spec.type != ProcessType.CRON:
        return None
    try:
        if spec.schedule is not None:
            expression.parse(spec.schedule)
        if spec.time_zone is not None:
            zones.zone(spec.time_zone)
    except expression.InvalidSchedule as error:
        return Refusal(reason="InvalidSchedule", message=f"spec.schedule: {error}")
    except zones.InvalidTimeZone as error:
        return Refusal(reason="InvalidSchedule", message=f"spec.timeZone: {error}")
    return None


def _entry(spec: ProcessSpec, size: MachineSize) -> SnapshotProcess:
    return SnapshotProcess(
        key=spec.key,
        type=spec.type,
        entrypoint=spec.entrypoint,
        command=spec.command or (),
        size=size,
        scaling=defaults.scaling(spec.scaling_strategy),
        port=spec.port or (defaults.DEFAULT_PORT if spec.type == ProcessType.WEB else None),
        liveness_probe=spec.liveness_probe,
        readiness_probe=spec.readiness_probe,
        startup_probe=spec.startup_probe,
        env=spec.env,
        env_from=spec.env_from,
        volumes=spec.volumes,
        security_context=spec.security_context,
        termination_grace_period_seconds=defaults.or_default(
            spec.termination_grace_period_seconds, defaults.DEFAULT_GRACE_SECONDS
        ),
        job_start_policy=spec.job_start_policy,
        run=_run_limits(spec),
    )


def _run_limits(spec: ProcessSpec) -> RunLimits | None:
    if spec.type not in {ProcessType.JOB, ProcessType.CRON}:
        return None
    return RunLimits(
        timeout_seconds=spec.run and spec.run.timeout_seconds,
        retries=defaults.or_default(spec.run and spec.run.retries, 0),
    )


def _snapshot(spec: ApplicationSpec, entries: Iterable[SnapshotProcess]) -> Snapshot | None:
    if spec.image is None:
        return None
    return Snapshot(
        profile=defaults.PROFILE,
        image=spec.image,
        env=spec.env,
        env_from=spec.env_from,
        image_pull_secrets=tuple(one.name for one in spec.image_pull_secrets),
        service_account_name=spec.service_account_name,
        volumes=spec.volumes,
        security_context=spec.security_context,
        pod_security=spec.pod_security or PodSecurity.RESTRICTED,
        processes=tuple(sorted(entries, key=lambda entry: entry.key)),
    )
