"""Inputs and outcome in; new statuses, and the events of their transitions, out.

Statuses follow kstatus: observedGeneration and `Ready` always, `Reconciling` or `Stalled` only
while true. An object is *open* while its answer will change by itself; progress of an open
object is written only after two seconds, so that a change that settles at once costs one write.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from process_operator import (
    bounds,
    conditions,
    contests,
    cron,
    failure,
    jobs,
    names,
    quantities,
    release,
    resolve,
    rollout,
    routing,
    runs,
    staging,
)
from process_operator.builders import autoscaler, pod
from process_operator.conditions import Condition
from process_operator.models.application import Backend, ScalingPolicy
from process_operator.models.process import (
    Host,
    JobStartPolicy,
    ProcessSpec,
    ProcessType,
    Protocol,
)
from process_operator.models.release import ReleaseState
from process_operator.models.resource_type import ResourceTypeSpec
from process_operator.models.status import MAX_SHORT_TEXT
from process_operator.observed import Broken, Child, Owned, World
from process_operator.plan import Plan, Subject, View
from process_operator.release import Course, Decision, Release
from process_operator.resolve import Refusal, Route, Target
from process_operator.rollout import State
from process_operator.runs import Attention, Run

PATIENCE = timedelta(seconds=60)
"""How long a missing reference is taken to be on its way: objects arrive in any order."""
PROGRESS_AFTER = timedelta(seconds=2)
"""How long a change may stay open before its progress is worth a write."""
NEXT_RUNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One transition to tell, as a Kubernetes event on the object."""

    regarding: Owned[Any] | Broken
    warning: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One status to write, with the resourceVersion that it was computed from."""

    of: Owned[Any] | Broken
    status: Mapping[str, Any]
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The statuses to write now, and what is still open."""

    writes: tuple[Write, ...]
    open: frozenset[str]
    """uids of the objects whose answer will change by itself."""
    wake_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What is to be said of one object."""

    of: Owned[Any] | Broken
    fields: Mapping[str, Any]
    said: Sequence[Condition]
    open: bool = False
    hushed: bool = False
    """Open, and not worth a write however long it takes: it settles with its release."""
    wake_at: datetime | None = None


def report(world: World, plan: Plan) -> Report:
    """Return what is to be written of an application, its processes and its waiting release."""
    answers = [_process(world, plan, view) for view in plan.views if not view.process.deleting]
    answers += (_waiting_run(world, one) for one in plan.runs.attended if one.waits or one.refused)
    if plan.subject is None:
        answers += _releases_without_application(world)
    else:
        answers.append(_application(world, plan.subject, plan.decision, answers))
        answers += _waiting_releases(plan.subject, plan.decision)
    return _report(world, answers)


def resource_types(
    types: Mapping[str, Owned[ResourceTypeSpec] | Broken], now: datetime
) -> tuple[Write, ...]:
    """Return the statuses of resource types that are not as they should be."""
    defaults = sorted(n for n, one in types.items() if isinstance(one, Owned) and one.spec.default)
    writes = []
    for one in types.values():
        if one.deleting:
            continue
        if isinstance(one, Broken):
            said = conditions.stalled("InvalidSpec", one.message)
        elif one.spec.default and len(defaults) > 1:
            others = ", ".join(name for name in defaults if name != one.name)
            said = conditions.stalled(
                "AmbiguousDefault",
                f"spec.default is also true for {others}; leave it true for one of them",
            )
        else:
            said = conditions.ready("Available", "can be used by processes")
        write = _write(one, _status(one, {}, said, now))
        if write is not None:
            writes.append(write)
    return tuple(writes)


def _waiting_run(world: World, one: Attention) -> _Answer:
    """Tell a run why it does not start."""
    reason, message = one.waits or one.refused or ("", "")
    refusal = Refusal(reason=reason, message=message, patient=one.waits is not None)
    said, wake_at = _impatient(one.run, refusal, world.now)
    return _Answer(of=one.run, fields={}, said=said, open=wake_at is not None, wake_at=wake_at)


def _report(world: World, answers: Iterable[_Answer]) -> Report:
    writes: list[Write] = []
    open_now: set[str] = set()
    wakes: list[datetime] = []
    for answer in answers:
        if answer.wake_at is not None:
            wakes.append(answer.wake_at)
        if answer.open and not answer.hushed:
            open_now.add(answer.of.uid)
        write = _write(answer.of, _status(answer.of, answer.fields, answer.said, world.now))
        if write is None:
            continue
        if answer.hushed:
            continue
        if answer.open:
            since = world.open_since.get(answer.of.uid, world.now)
            if world.now < since + PROGRESS_AFTER:
                wakes.append(since + PROGRESS_AFTER)
                continue
        writes.append(write)
    return Report(writes=tuple(writes), open=frozenset(open_now), wake_at=min(wakes, default=None))


def _status(
    one: Owned[Any] | Broken,
    fields: Mapping[str, Any],
    said: Sequence[Condition],
    now: datetime,
) -> dict[str, Any]:
    kept = {name: value for name, value in fields.items() if value not in (None, [], {})}
    merged = conditions.merge(one.status, said, generation=one.generation, now=now)
    whole = {**kept, "observedGeneration": one.generation, "conditions": merged}
    # As it will be stored, or the next look would find a difference for ever.
    return bounds.fitted(one.kind, whole)


def _write(one: Owned[Any] | Broken, status: Mapping[str, Any]) -> Write | None:
    if status == one.status:
        return None
    return Write(of=one, status=status, events=_events(one, status))


def _events(one: Owned[Any] | Broken, status: Mapping[str, Any]) -> tuple[Event, ...]:
    """Tell the transitions that somebody should act on, and their end.

    Whatever goes well is told by status and releases; an event for it would be a write of its own.
    """
    return (*_changes_by_others(one, status), *_transitions(one, status))


def _changes_by_others(one: Owned[Any] | Broken, status: Mapping[str, Any]) -> Iterable[Event]:
    """Yield an event for each child that somebody else has begun to keep otherwise."""
    known = set(one.status.get("warnings", ()))
    for warning in status.get("warnings", ()):
        if warning.startswith(contests.REASON) and warning not in known:
            _, _, message = warning.partition(": ")
            yield Event(regarding=one, warning=True, reason=contests.REASON, message=message)


def _transitions(one: Owned[Any] | Broken, status: Mapping[str, Any]) -> tuple[Event, ...]:
    before = conditions.find(one.status, conditions.STALLED)
    after = conditions.find(status, conditions.STALLED)
    told = set(one.status.get("warnings", ()))
    if one.kind == names.APPLICATION_KIND:
        for warning in status.get("warnings", ()):
            if warning not in told:
                return (Event(regarding=one, warning=True, reason="JobFailed", message=warning),)
    if after is not None and (before is None or _differs(one.status, status)):
        return (
            Event(regarding=one, warning=True, reason=after["reason"], message=after["message"]),
        )
    ready = conditions.find(status, conditions.READY)
    was = conditions.find(one.status, conditions.READY)
    if ready is not None and ready["reason"] == "Unavailable":
        if was is None or was["reason"] != "Unavailable":
            return (
                Event(regarding=one, warning=True, reason="Unavailable", message=ready["message"]),
            )
    elif (
        was is not None
        and ready is not None
        and ready["status"] == "True"
        and (before is not None or was["reason"] == "Unavailable")
    ):
        message = f"{was['reason']} is over: {ready['message']}"
        return (Event(regarding=one, warning=False, reason="Recovered", message=message),)
    return ()


def _differs(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether an object that is stalled is so for another reason, or because of another release."""
    was, now = (conditions.find(one, conditions.STALLED) or {} for one in (before, after))
    number = "lastReleaseNumber"
    another = before.get(number) != after.get(number)
    return was.get("reason") != now["reason"] or (now["reason"] == "ReleaseFailed" and another)


def _impatient(
    one: Owned[Any] | Broken, refusal: Refusal, now: datetime
) -> tuple[list[Condition], datetime | None]:
    """Say Reconciling for a minute of what may end by itself, then Stalled."""
    if not refusal.patient:
        return conditions.stalled(refusal.reason, refusal.message), None
    since = conditions.holding_since(one.status, conditions.READY, refusal.reason, now)
    if now >= since + PATIENCE:
        return conditions.stalled(refusal.reason, refusal.message), None
    return conditions.reconciling(refusal.reason, refusal.message), since + PATIENCE


def _process(world: World, plan: Plan, view: View) -> _Answer:
    process = view.process
    if isinstance(process, Broken):
        return _Answer(
            of=process, fields={}, said=conditions.stalled("InvalidSpec", process.message)
        )
    subject = plan.subject
    if subject is None:
        return _without_application(world, process)
    refusal = subject.resolved.refusals.get(process.uid)
    pending = _pending(subject, process, view, world.now)
    fields = _process_fields(world, subject, process, view) | {
        "pending": pending,
        "pendingCount": len(pending),
    }
    available = _availability(view)
    if refusal is not None:
        said, wake_at = _impatient(process, refusal, world.now)
        return _Answer(of=process, fields=fields, said=[*said, available], wake_at=wake_at)
    if view.target is None:
        return _awaiting(subject, plan.decision, process, fields)
    said = [
        *_readiness(subject, view, view.target, pending),
        available,
        *_route_conditions(view.target),
    ]
    if pending:
        said.append(Condition(conditions.STAGED, "True", "AwaitingRelease", _staged(len(pending))))
    return _Answer(
        of=process,
        fields=fields,
        said=said,
        # What a job process tells changes with every step of a release: it can wait for the end.
        open=conditions.is_true(said, conditions.RECONCILING)
        or (process.spec.type == ProcessType.JOB and subject.course.active is not None),
        wake_at=view.refused.retry_at if view.refused is not None else None,
    )


def _without_application(world: World, process: Owned[ProcessSpec]) -> _Answer:
    wanted = process.spec.application_ref.name
    refusal = Refusal(
        reason="ApplicationNotFound",
        message=f'spec.applicationRef.name: there is no ProcessApplication "{wanted}" in this '
        "namespace; create it. What runs is left as it is",
        patient=True,
    )
    said, wake_at = _impatient(process, refusal, world.now)
    kept = {
        name: value
        for name, value in process.status.items()
        if name not in {"conditions", "observedGeneration"}
    }
    return _Answer(
        of=process,
        fields=kept,
        said=said,
        open=wake_at is not None,
        wake_at=wake_at,
    )


def _awaiting(
    subject: Subject, decision: Decision, process: Owned[ProcessSpec], fields: Mapping[str, Any]
) -> _Answer:
    """Answer for a process that the running release does not know."""
    course = subject.course
    unavailable = Condition(
        conditions.AVAILABLE, "False", "AwaitingRelease", "nothing of this process runs yet"
    )
    if course.missing is not None:
        message = (
            f'the record of the serving release "{course.missing}" is gone or cannot be read; what '
            "runs is left as it is until a new release is asked for and succeeds"
        )
        said = conditions.ready("ServingReleaseMissing", message)
        return _Answer(of=process, fields=fields, said=[*said, unavailable])
    settling = decision.waiting is not None and decision.waiting.settling
    if process.spec.type == ProcessType.JOB:
        said = _job_readiness(course, process.spec.key, process.spec.job_start_policy)
    elif course.active is not None:
        message = f'runs with release "{course.active.name}": {release.doing(course.active)[1]}'
        said = conditions.ready("AwaitingRelease", message)
    else:
        message = "runs with the next release; set spec.image or spec.revision of the application, "
        said = conditions.ready("AwaitingRelease", message + "or create a ProcessRelease")
    said = [*said, unavailable]
    return _Answer(of=process, fields=fields, said=said, open=True, hushed=settling)


def _readiness(
    subject: Subject, view: View, target: Target, pending: Sequence[Mapping[str, Any]]
) -> list[Condition]:
    progress = view.progress
    if view.refused is not None:
        return conditions.stalled(view.refused.reason, view.refused.message)
    course = subject.course
    if target.entry.type == ProcessType.JOB:
        return _job_readiness(course, target.entry.key, target.entry.job_start_policy)
    releasing = course.active is not None and subject.running is course.active
    if progress.state is State.FAILED:
        return conditions.stalled(progress.reason, progress.message)
    if progress.state is State.READY or _only_scaling(view, releasing=releasing):
        if target.suspended:
            return conditions.ready("Suspended", "the application is suspended; nothing runs")
        message = progress.message + _blamed(course, target.entry.key)
        if pending:
            return conditions.ready("Staged", f"{_staged(len(pending))}; {message}")
        return conditions.ready(progress.reason, message)
    if progress.current and not releasing and progress.available == 0 and _served(view):
        # It was up to date before and serves no more: nothing that was asked for is under way.
        return [
            Condition(conditions.READY, "False", "Unavailable", progress.message),
            Condition(conditions.RECONCILING, "True", "Unavailable", progress.message),
        ]
    return conditions.reconciling(progress.reason, progress.message)


def _blamed(course: Course, key: str) -> str:
    """Return in short why the last rollout failed, to each process that went back with it.

    A release that failed before its rollout has not touched what runs.
    """
    last = course.rolled
    why = last.status.get("failure") if last is not None else None
    if last is None or why is None:
        return ""
    if why["process"] == key:
        return f'; release "{last.name}" failed here: {why["message"]}'
    return f'; release "{last.name}" failed: {why["sentence"]}'


def _job_readiness(course: Course, key: str, policy: JobStartPolicy | None) -> list[Condition]:
    """Say of a job process what became of its last run."""
    found = _last_run(course, key)
    if found is None:
        message = f"runs {policy} of the next release that runs jobs; none has yet"
        return conditions.ready("AwaitingRelease", message)
    run, entry = found
    if "result" not in entry:
        return conditions.reconciling("JobRunning", f'runs for release "{run.name}"')
    message = f'its last run, for release "{run.name}", {entry["message"]}'
    return conditions.ready(_RUN_REASONS[entry["result"]], message)


_RUN_REASONS = {"success": "RunSucceeded", "failed": "RunFailed", "cancelled": "RunCancelled"}


def _last_run(course: Course, key: str) -> tuple[Release, Mapping[str, Any]] | None:
    """Return the newest release that ran this job process, and the entry that tells of it."""
    newest = [one for one in (course.active, *reversed(course.ended)) if one is not None]
    for one in newest:
        for entry in one.status.get("jobs", ()):
            if entry["key"] == key and "jobUID" in entry:
                return one, entry
    return None


def _only_scaling(view: View, *, releasing: bool) -> bool:
    """An autoscaler that adds instances is no change that anybody waits for."""
    return (
        not releasing
        and view.target is not None
        and view.target.scaling.horizontal is not None
        and view.progress.available > 0
        and view.progress.state is State.MOVING
        and view.progress.trouble is None
        and view.progress.reason != "RolloutInProgress"
    )


def _served(view: View) -> bool:
    before = conditions.find(view.process.status, conditions.AVAILABLE)
    was_ready = conditions.find(view.process.status, conditions.READY)
    return (before is not None and before["status"] == "True") or (
        was_ready is not None and was_ready["reason"] == "Unavailable"
    )


def _staged(count: int) -> str:
    waiting = f"{count} changes wait" if count != 1 else "1 change waits"
    return f"{waiting} for the next release"


def _availability(view: View) -> Condition:
    progress = view.progress
    if view.target is None:
        kept = view.kept
        if kept is not None and (kept.kind == "CronJob" or rollout.instances(kept) > 0):
            return Condition(
                conditions.AVAILABLE, "True", "Available", "what was made last goes on"
            )
        return Condition(
            conditions.AVAILABLE, "False", "AwaitingRelease", "nothing of this process runs yet"
        )
    if view.target.entry.type == ProcessType.JOB:
        return Condition(
            conditions.AVAILABLE, "False", "AwaitingRelease", "it runs only with a release"
        )
    if view.target.suspended:
        return Condition(conditions.AVAILABLE, "False", "Suspended", "the application is suspended")
    if progress.available > 0:
        return Condition(conditions.AVAILABLE, "True", "Available", "it serves")
    if view.size == 0 and view.workload is not None and view.target.timetable is None:
        return Condition(conditions.AVAILABLE, "False", "ScaledToZero", "0 instances are wanted")
    return Condition(conditions.AVAILABLE, "False", progress.reason, progress.message)


def _route_conditions(target: Target) -> list[Condition]:
    if target.route is None or target.protocol != Protocol.GRPC:
        return []
    if target.route.backend != Backend.INGRESS:
        return []
    profile = routing.profile(target.route.controller, target.route.class_name)
    if profile is None:
        return [
            Condition(
                conditions.ROUTE_PROGRAMMED,
                "Unknown",
                "UnknownIngressController",
                f"the ingress controller {target.route.controller or '(no class was found)'} is "
                "not in the table of known ones, so nothing tells it to speak gRPC; set "
                "spec.ingress.annotations as its manual says, or use another class",
            )
        ]
    if not profile.serves_grpc:
        return [
            Condition(
                conditions.ROUTE_PROGRAMMED,
                "False",
                "ProtocolNotSupported",
                f"{profile.name} cannot reach a gRPC process; use another class",
            )
        ]
    return []


def _pending(
    subject: Subject, process: Owned[ProcessSpec], view: View, now: datetime
) -> list[dict[str, Any]]:
    """Return the staged differences between what is saved and what runs, oldest `since` kept."""
    if view.target is None:
        return []
    saved = subject.resolved.entries.get(process.uid)
    if saved is None:
        return list(process.status.get("pending", ()))
    staged = subject.application.spec.scaling_policy != ScalingPolicy.IMMEDIATE
    found = staging.process_differences(view.target.entry, saved, scaling_is_staged=staged)
    return _dated(found, process.status, now)


def _dated(
    found: Iterable[staging.Difference], before: Mapping[str, Any], now: datetime
) -> list[dict[str, Any]]:
    since = {one["field"]: one for one in before.get("pending", ())}
    dated = []
    for one in found:
        # The field is what an entry is known by: two long names must not become one.
        field = bounds.shortened_name(one.field, MAX_SHORT_TEXT)
        old = since.get(field)
        entry = {"field": field}
        if one.before is not None:
            entry["from"] = one.before
        if one.after is not None:
            entry["to"] = one.after
        entry["since"] = old["since"] if old is not None else conditions.timestamp(now)
        dated.append(entry)
    return dated


def _process_fields(
    world: World, subject: Subject, process: Owned[ProcessSpec], view: View
) -> dict[str, Any]:
    target = view.target
    fields: dict[str, Any] = {"warnings": list(_warnings(world, process, view))}
    entry = subject.resolved.entries.get(process.uid) if target is None else target.entry
    if entry is not None:
        fields["cpuMillicores"] = quantities.millicores(entry.size.cpu)
        fields["memoryMegabytes"] = quantities.megabytes(entry.size.memory)
    if process.spec.type == ProcessType.CRON:
        fields |= _cron_fields(world, process, view)
    if process.spec.type == ProcessType.JOB:
        fields["lastRun"] = _job_run(_last_run(subject.course, process.spec.key))
    if process.spec.type in {ProcessType.CRON, ProcessType.JOB}:
        fields["lastManualRun"] = _manual_run(runs.newest(world, process.name))
    if target is None or subject.running is None:
        return fields
    fields["release"] = {"name": subject.running.name, "number": release.number(subject.running)}
    fields["image"] = target.snapshot.image
    fields["internalHostname"] = resolve.internal_hostname(target)
    if target.route is not None and view.route is not None:
        fields["urls"] = [_url(target, target.route, host) for host in target.route.hosts]
    if target.entry.type in {ProcessType.WEB, ProcessType.WORKER}:
        fields |= _size_fields(process, view, target)
    return fields


def _manual_run(run: Run | None) -> dict[str, Any] | None:
    if run is None:
        return None
    told = ("reason", "message", "exitCode", "startedAt", "finishedAt")
    return {
        "name": run.name,
        "result": run.status["outcome"],
        **{field: run.status[field] for field in told if field in run.status},
    }


def _job_run(found: tuple[Release, Mapping[str, Any]] | None) -> dict[str, Any] | None:
    if found is None:
        return None
    run, entry = found
    told = ("result", "reason", "message", "exitCode", "startedAt", "finishedAt")
    return {"name": run.name, **{field: entry[field] for field in told if field in entry}}


def _size_fields(process: Owned[ProcessSpec], view: View, target: Target) -> dict[str, Any]:
    live = view.workload.status if view.workload is not None else {}
    ready = int(live.get("readyReplicas") or 0)
    selector = names.selector(target.application, target.entry.key)
    before = process.status.get("replicasBeforeSuspend")
    return {
        "replicas": int(live.get("replicas") or 0),
        "readyReplicas": ready,
        "instances": f"{ready}/{view.size}",
        "selector": ",".join(f"{name}={value}" for name, value in selector.items()),
        "replicasBeforeSuspend": before if target.suspended else None,
    }


def _warnings(world: World, process: Owned[ProcessSpec], view: View) -> Iterable[str]:
    refused = resolve.refused_annotations(world, process.spec)
    if refused:
        yield (
            f"spec.ingress.annotations: {', '.join(refused)} left out: the operator allows only "
            f"the prefixes {', '.join(world.allowed_annotations) or '(none)'}"
        )
    for contest in view.contested:
        yield contests.told(contest)
    if view.target is not None:
        yield from autoscaler.clamped(view.target.scaling)
        yield from pod.redirected_probes(view.target.entry)
    if process.spec.type == ProcessType.CRON:
        yield from _clock_changes(world, process.spec, view)


def _url(target: Target, route: Route, host: Host) -> str:
    secure = host.tls_secret_name is not None or route.issuer is not None
    scheme = "http" if target.protocol == Protocol.HTTP else "grpc"
    return f"{scheme}{'s' if secure else ''}://{host.host}"


def _cron_fields(world: World, process: Owned[ProcessSpec], view: View) -> dict[str, Any]:
    spec = process.spec
    live = view.workload.status if view.workload is not None else {}
    fields: dict[str, Any] = {
        "lastScheduleTime": live.get("lastScheduleTime"),
        "lastSuccessfulTime": live.get("lastSuccessfulTime"),
    }
    if view.workload is not None:
        fields |= _scheduled_runs(world, process, view.workload)
    fields["nextRuns"] = [
        {
            "time": run.astimezone(ZoneInfo(_zone(spec))).isoformat(),
            "utc": conditions.timestamp(run),
        }
        for run in _next_runs(world, spec, view)
    ]
    return fields


def _zone(spec: ProcessSpec) -> str:
    return spec.time_zone or resolve.DEFAULT_TIME_ZONE


def _next_runs(world: World, spec: ProcessSpec, view: View) -> tuple[datetime, ...]:
    if spec.schedule is None or spec.suspend or view.target is None or view.target.suspended:
        return ()
    try:
        return cron.next_runs(spec.schedule, _zone(spec), world.now, NEXT_RUNS)
    except (cron.InvalidSchedule, cron.InvalidTimeZone):
        return ()


def _clock_changes(world: World, spec: ProcessSpec, view: View) -> Iterable[str]:
    """Yield which of the next runs a change of the clock skips or doubles."""
    next_runs = _next_runs(world, spec, view)
    if spec.schedule is not None and next_runs:
        for change in cron.clock_changes(spec.schedule, _zone(spec), world.now, next_runs[-1]):
            yield change.sentence


def _scheduled_runs(world: World, process: Owned[ProcessSpec], cron_job: Child) -> dict[str, Any]:
    """Return the last run by the schedule, and how many in a row have failed.

    A CronJob keeps few of its Jobs, so the count goes on from what was counted before.
    """
    mine = sorted(
        (
            one
            for one in world.children.values()
            if one.owner_uid == cron_job.uid and "startTime" in one.status
        ),
        key=lambda one: (one.status["startTime"], one.name),
    )
    last = process.status.get("lastScheduledRun")
    failures = int(process.status.get("consecutiveFailures") or 0)
    for one in mine:
        told = _scheduled_run(world, one)
        if last is not None and _place(told) < _place(last):
            continue
        is_counted = last is not None and last["name"] == one.name and "result" in last
        last = told if not is_counted else last
        if not is_counted and "result" in told:
            failures = failures + 1 if told["result"] == "failed" else 0
    return {"lastScheduledRun": last, "consecutiveFailures": failures or None}


def _place(run: Mapping[str, Any]) -> tuple[str, str]:
    """Return what orders runs; two may start in the same second."""
    return run["startedAt"], run["name"]


def _scheduled_run(world: World, job: Child) -> dict[str, Any]:
    started = job.status["startTime"]
    told: dict[str, Any] = {"name": job.name, "startedAt": started}
    if not jobs.is_finished(job):
        return told
    found = jobs.verdict(
        world, job, name=job.name, started=conditions.parse_time(started), patience=PATIENCE
    )
    if found.result is None:
        return told
    said = job.status.get("conditions") or {}
    ended = job.status.get("completionTime") or (said.get("Failed") or {}).get("since")
    return {
        **told,
        "result": str(found.result),
        "reason": found.reason,
        "message": found.message,
        **({} if found.exit_code is None else {"exitCode": found.exit_code}),
        **({} if not ended else {"finishedAt": ended}),
    }


def _application(
    world: World, subject: Subject, decision: Decision, processes: Sequence[_Answer]
) -> _Answer:
    starts = decision.create is not None or bool(decision.records)
    settling = decision.waiting is not None and decision.waiting.settling
    fields = _application_fields(world, subject, processes)
    said, wake_at = _application_readiness(world, subject, decision, processes)
    said = [*said, _serving(subject)]
    if fields["pending"]:
        waits = _staged(len(fields["pending"]))
        said.append(Condition(conditions.STAGED, "True", "AwaitingRelease", waits))
    return _Answer(
        of=subject.application,
        fields=fields,
        said=said,
        # An application comes before its processes: what it lacks may be about to arrive.
        open=starts
        or settling
        or subject.running is None
        or conditions.is_true(said, conditions.RECONCILING)
        or any(_moves(one) for one in processes),
        hushed=settling,
        wake_at=wake_at,
    )


def _moves(answer: _Answer) -> bool:
    """Whether a process is on its way, and what is counted of the application with it.

    Not one of a job: that is so for as long as its job runs.
    """
    spec = answer.of.spec if isinstance(answer.of, Owned) else None
    return (
        isinstance(spec, ProcessSpec)
        and spec.type != ProcessType.JOB
        and conditions.is_true(answer.said, conditions.RECONCILING)
    )


def _serving(subject: Subject) -> Condition:
    serving = subject.course.serving
    if serving is None:
        message = "no release has succeeded yet"
        return Condition(conditions.AVAILABLE, "False", "AwaitingRelease", message)
    if subject.application.spec.suspend:
        return Condition(conditions.AVAILABLE, "False", "Suspended", "nothing runs")
    return Condition(conditions.AVAILABLE, "True", "Serving", f'release "{serving.name}" serves')


def _application_readiness(
    world: World, subject: Subject, decision: Decision, processes: Sequence[_Answer]
) -> tuple[list[Condition], datetime | None]:
    application, course = subject.application, subject.course
    if course.active is not None and not application.spec.suspend:
        reason, message = release.doing(course.active)
        return conditions.reconciling(reason, f'release "{course.active.name}": {message}'), None
    if application.spec.suspend:
        return conditions.ready("Suspended", "nothing runs until spec.suspend is false"), None
    if decision.waiting is not None:
        why = decision.waiting
        message = f'release "{course.waiting[-1].name}" waits: {why.message}'
        refusal = Refusal(reason=why.reason, message=message, patient=True)
        return _impatient(application, refusal, world.now)
    if course.missing is not None:
        message = (
            f'the record of the serving release "{course.missing}" is gone or cannot be read; what '
            "runs is left as it is. Ask for a new release, by spec.revision or a ProcessRelease"
        )
        return conditions.stalled("ServingReleaseMissing", message), None
    last = course.newest
    if last is not None and release.state(last) == ReleaseState.FAILED:
        return conditions.stalled("ReleaseFailed", _failure(world, subject, last)), None
    cancelled = course.withdrawn or last
    if course.serving is None and cancelled is not None and _is_cancelled(cancelled):
        message = f'release "{cancelled.name}" was cancelled, {_no_way_back(subject)}. {_TRY_AGAIN}'
        said = conditions.ready("AwaitingRelease", message)
        return _summary(processes, said, first=f"{message}. "), None
    if subject.running is None:
        return _unreleased(world, subject)
    said = conditions.ready("Released", f'release "{subject.running.name}" runs')
    return _summary(processes, said), None


def _is_cancelled(one: Release) -> bool:
    return release.state(one) == ReleaseState.CANCELLED


def _no_way_back(subject: Subject) -> str:
    """Say what is left where no release has succeeded yet."""
    nothing = "there is no earlier release to go back to"
    if subject.running is None:
        return f"{nothing}, and nothing runs yet"
    return f'{nothing}, and what release "{subject.running.name}" made stays'


_TRY_AGAIN = "To try again, change spec.image or spec.revision, or create a ProcessRelease"


def _failure(world: World, subject: Subject, failed: Release) -> str:
    sentence = (failed.status.get("failure") or {}).get("sentence", "")
    return (
        f'release "{failed.name}" failed, {_what_runs(world, subject, failed)}. {sentence}. '
        f"{_TRY_AGAIN}"
    )


def _what_runs(world: World, subject: Subject, failed: Release) -> str:
    """Say what a failure has left running, and which processes could not go back."""
    running, serving = subject.running, subject.course.serving
    if serving is None or running is None:
        return _no_way_back(subject)
    if running is failed:
        return (
            "and its instances stay, because spec.release.rollback was false; the last release "
            f'that succeeded is "{serving.name}"'
        )
    if "rolloutStartedAt" not in failed.status:
        return f'release "{running.name}" still {"serves" if running is serving else "runs"}'
    return f'release "{running.name}" serves again{_without_deleted(world, subject)}'


def _without_deleted(world: World, subject: Subject) -> str:
    """Name what the snapshot that was gone back to knows and that is not declared any more."""
    readable = [one for one in world.processes if isinstance(one, Owned)]
    if subject.snapshot is None or len(readable) < len(world.processes):
        return ""
    declared = {(one.spec.key, one.spec.type) for one in readable if not one.deleting}
    gone = [one.key for one in subject.snapshot.processes if (one.key, one.type) not in declared]
    named = ", ".join(f'"{key}"' for key in sorted(gone))
    return f", without the deleted {named}" if gone else ""


def _unreleased(world: World, subject: Subject) -> tuple[list[Condition], datetime | None]:
    """Say why nothing has asked for the first release."""
    if subject.application.spec.image is None:
        message = "spec.image is not set; set it to release"
        return conditions.ready("AwaitingRelease", message), None
    for process in world.processes:
        refusal = subject.resolved.refusals.get(process.uid)
        if refusal is not None:
            named = Refusal(
                reason=refusal.reason,
                message=f'Process "{process.name}": {refusal.message}',
                patient=refusal.patient,
            )
            return _impatient(subject.application, named, world.now)
    if not subject.resolved.entries:
        message = "no Process names this application in spec.applicationRef.name; create one"
        return conditions.ready("AwaitingRelease", message), None
    message = "spec.release.initial is manual; create a ProcessRelease to release it"
    return conditions.ready("AwaitingRelease", message), None


def _summary(
    processes: Sequence[_Answer], otherwise: list[Condition], *, first: str = ""
) -> list[Condition]:
    """Say of the application what the worst of its processes says."""
    for kind, say in (
        (conditions.STALLED, conditions.stalled),
        (conditions.RECONCILING, conditions.reconciling),
    ):
        for answer in processes:
            found = next((c for c in answer.said if c.type == kind), None)
            if found is not None:
                message = f'{first}Process "{answer.of.name}": {found.message}'
                return say(found.reason, message)
    return otherwise


def _application_fields(
    world: World, subject: Subject, processes: Sequence[_Answer]
) -> dict[str, Any]:
    application, course, frozen = subject.application, subject.course, subject.snapshot
    pending: list[dict[str, Any]] = []
    if frozen is not None and subject.resolved.candidate is not None:
        found = staging.application_differences(frozen, subject.resolved.candidate)
        pending = _dated(found, application.status, world.now)
    ready = sum(conditions.is_true(answer.said, conditions.READY) for answer in processes)
    fields: dict[str, Any] = {
        "pending": pending,
        "pendingCount": len(pending)
        + sum(int(answer.fields.get("pendingCount") or 0) for answer in processes),
        "warnings": list(_release_warnings(course)),
        "processesReady": f"{ready}/{len(processes)}",
        "lastReleaseNumber": course.last_number or None,
        **_last_released(subject),
    }
    if course.serving is not None:
        fields["servingRelease"] = {
            "name": course.serving.name,
            "number": release.number(course.serving),
        }
    elif course.missing is not None:
        fields["servingRelease"] = application.status.get("servingRelease")
    if course.active is not None:
        fields["activeRelease"] = {
            "name": course.active.name,
            "number": release.number(course.active),
            "state": str(release.state(course.active)),
            "step": course.active.status.get("step"),
        }
    return fields


def _last_released(subject: Subject) -> dict[str, Any]:
    """Return image and revision of what runs; kept where its record is gone, to compare with."""
    running, frozen = subject.running, subject.snapshot
    if running is None or frozen is None:
        before = subject.application.status
        return {"image": before.get("image"), "revision": before.get("revision")}
    requested = running.status.get("requested") or {}
    return {"image": frozen.image, "revision": requested.get("revision")}


def _release_warnings(course: Course) -> Iterable[str]:
    """Yield what went wrong with the serving release without undoing it."""
    serving = course.serving
    if serving is None:
        return
    for entry in serving.status.get("jobs", ()):
        if (
            entry["policy"] == JobStartPolicy.AFTER_SUCCESS_DEPLOYMENT
            and entry.get("result") == "failed"
        ):
            yield f'release "{serving.name}": {failure.after_success(entry)}'


def _releases_without_application(world: World) -> Iterable[_Answer]:
    """Tell waiting releases that the application they name is not there."""
    refusal = Refusal(
        reason="ApplicationNotFound",
        message=f'spec.applicationRef.name: there is no ProcessApplication "{world.key.name}" in '
        "this namespace; create it",
        patient=True,
    )
    for one in world.releases:
        if not isinstance(one, Owned) or one.deleting:
            continue
        if release.state(one) == ReleaseState.WAITING:
            said, wake_at = _impatient(one, refusal, world.now)
            yield _Answer(
                of=one,
                fields={"state": str(ReleaseState.WAITING)},
                said=said,
                open=wake_at is not None,
                wake_at=wake_at,
            )


def _waiting_releases(subject: Subject, decision: Decision) -> Iterable[_Answer]:
    """Tell waiting releases why they wait, if they do so for more than settling."""
    course = subject.course
    if course.active is not None:
        active = f'release "{course.active.name}" is in progress'
        why = release.Waiting(reason="AnotherReleaseActive", message=active)
    elif decision.waiting is not None:
        why = decision.waiting
    else:
        return
    for one in course.waiting:
        newest = course.waiting[-1]
        said = conditions.reconciling(why.reason, why.message)
        if one is not newest:
            message = f'release "{newest.name}" is newer; when it starts, this one is skipped'
            said = conditions.reconciling("NewerReleaseWaiting", message)
        yield _Answer(
            of=one,
            fields={"state": str(ReleaseState.WAITING)},
            said=said,
            open=True,
            hushed=why.settling,
        )
