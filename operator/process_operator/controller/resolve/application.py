"""Specs and references in, a defaulted, checked and frozen application out, or a refusal.

Parse, do not validate: what leaves this module cannot hold a bad value, so that builders cannot
fail.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from process_operator.controller.observe.memory import Memory
from process_operator.controller.observe.records import (
    Application,
    InvalidObject,
    ObservedState,
    Process,
    ResourceTypeObject,
)
from process_operator.controller.resolve import containers, resource_type
from process_operator.controller.resolve.refusal import Refusal
from process_operator.cron import expression, zones
from process_operator.kube.reasons import Reason
from process_operator.models import candidate, configuration, defaults
from process_operator.models.application import ApplicationSpec
from process_operator.models.configuration import Versions
from process_operator.models.defaults import Settings
from process_operator.models.process import ProcessSpec, ProcessType
from process_operator.models.security import PodSecurity
from process_operator.models.snapshot import Snapshot, SnapshotProcess


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
    configuration: Versions = field(default_factory=dict)
    """What configures web and worker processes now, as far as that is watched."""


def resolve(
    observed: ObservedState, application: Application, memory: Memory | None = None
) -> Resolved:
    """Return the application with its processes, each resolved or refused."""
    remembered = memory if memory is not None else Memory()
    entries: dict[str, SnapshotProcess] = {}
    refusals: dict[str, Refusal] = {}
    holders: dict[str, str] = {}
    for process in observed.processes:
        if process.deleting:
            continue
        outcome = _process(process, application.spec, observed, holders, remembered)
        if isinstance(outcome, Refusal):
            refusals[process.uid] = outcome
        else:
            entries[process.uid] = outcome
    return Resolved(
        settings=defaults.settings(application.spec),
        entries=entries,
        refusals=refusals,
        candidate=remembered.recall(
            "",
            "candidate",
            (application.spec, configuration.GLOBAL in observed.configuration, *entries.values()),
            lambda: candidate.application(
                application.spec,
                entries.values(),
                configuration.with_global(application.spec.env_from, observed.configuration),
            ),
        )
        if application.spec.image is not None
        else None,
        configuration=observed.configuration,
    )


def _process(
    process: Process | InvalidObject,
    application: ApplicationSpec,
    observed: ObservedState,
    holders: dict[str, str],
    memory: Memory,
) -> SnapshotProcess | Refusal:
    if isinstance(process, InvalidObject):
        return Refusal(reason=Reason.INVALID_SPEC, message=process.message)
    spec = process.spec
    holder = holders.setdefault(spec.key, process.name)
    if holder != process.name:
        return Refusal(
            reason=Reason.KEY_TAKEN,
            message=f'spec.key "{spec.key}" is taken by the older Process "{holder}" of this '
            "application; give this one another key (make it anew: a key cannot be changed)",
            transient=True,
            renderable=False,
        )
    found = resource_type.resource_type_of(spec, observed.resource_types)
    if isinstance(found, Refusal):
        return found
    return memory.recall(
        process.uid,
        "entry",
        (spec, application, found.spec),
        functools.partial(_checked, application, spec, found),
    )


def _checked(
    application: ApplicationSpec, spec: ProcessSpec, size: ResourceTypeObject
) -> SnapshotProcess | Refusal:
    return (
        _invalid_timetable(spec)
        or _invalid_scaling_schedule(spec)
        or _forbidden_root(application, spec)
        or containers.refusal(application, spec, size.spec.pod)
        or candidate.process(spec, candidate.resource_type(size.name, size.spec))
    )


def _forbidden_root(application: ApplicationSpec, spec: ProcessSpec) -> Refusal | None:
    """Refuse what the kubelet would: no rule of a CRD sees a process beside its application."""
    if (application.pod_security or PodSecurity.RESTRICTED) is not PodSecurity.RESTRICTED:
        return None
    users = [
        one.run_as_user for one in (application.security_context, spec.security_context) if one
    ]
    if next((user for user in reversed(users) if user is not None), None) != 0:
        return None
    return Refusal(
        reason=Reason.POD_SECURITY_REFUSED,
        message="spec.securityContext.runAsUser must not be 0 under spec.podSecurity restricted of "
        "the ProcessApplication; choose another user here, or set podSecurity to baseline there",
    )


def _invalid_timetable(spec: ProcessSpec) -> Refusal | None:
    if spec.type != ProcessType.CRON:
        return None
    found = _unreadable("spec", spec.schedule, spec.time_zone)
    # The CronJob has it from the spec and not from a release.
    return replace(found, renderable=False) if found is not None else None


def _invalid_scaling_schedule(spec: ProcessSpec) -> Refusal | None:
    told = (
        _unreadable(f"spec.scalingSchedules[{one.name}]", one.schedule, one.time_zone)
        for one in spec.scaling_schedules
    )
    return next(filter(None, told), None)


def _unreadable(field: str, schedule: str | None, zone: str | None) -> Refusal | None:
    try:
        if schedule is not None:
            expression.parse(schedule)
        if zone is not None:
            zones.zone(zone)
    except expression.InvalidSchedule as error:
        return _invalid_schedule(f"{field}.schedule: {error}")
    except zones.InvalidTimeZone as error:
        return _invalid_schedule(f"{field}.timeZone: {error}")
    return None


def _invalid_schedule(message: str) -> Refusal:
    return Refusal(reason=Reason.INVALID_SCHEDULE, message=message)
