"""What is said of one process."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from process_operator.controller.build import ingress_controllers
from process_operator.controller.observe.records import Broken, Owned, World
from process_operator.controller.plan.model import Plan, Subject, View
from process_operator.controller.release import record, rollout
from process_operator.controller.release.decision import Decision
from process_operator.controller.release.history import Course
from process_operator.controller.release.rollout import State
from process_operator.controller.resolve.refusal import Refusal
from process_operator.controller.resolve.target import Target
from process_operator.controller.status import model, process_fields, runs
from process_operator.controller.status.model import Answer
from process_operator.controller.status.pending import changes_wait, dated
from process_operator.kube import conditions
from process_operator.kube.conditions import Condition
from process_operator.models import staging
from process_operator.models.application import Backend, ScalingPolicy
from process_operator.models.process import ProcessSpec, ProcessType, Protocol


def process(world: World, plan: Plan, view: View) -> Answer:
    """Return what is to be said of a process."""
    process = view.process
    if isinstance(process, Broken):
        return Answer(
            of=process, fields={}, said=conditions.stalled("InvalidSpec", process.message)
        )
    subject = plan.subject
    if subject is None:
        return _without_application(world, process)
    refusal = subject.resolved.refusals.get(process.uid)
    pending = _pending(subject, process, view, world.now)
    fields = process_fields.process_fields(world, subject, process, view) | {
        "pending": pending,
        "pendingCount": len(pending),
    }
    available = _availability(view)
    if refusal is not None:
        said, wake_at = model.impatient(process, refusal, world.now)
        return Answer(of=process, fields=fields, said=[*said, available], wake_at=wake_at)
    if view.target is None:
        return _awaiting(subject, plan.decision, process, fields)
    said = [
        *_readiness(subject, view, view.target, pending),
        available,
        *_route_conditions(view.target),
    ]
    if pending:
        said.append(
            Condition(conditions.STAGED, "True", "AwaitingRelease", changes_wait(len(pending)))
        )
    return Answer(
        of=process,
        fields=fields,
        said=said,
        # What a job process tells changes with every step of a release: it can wait for the end.
        open=conditions.is_true(said, conditions.RECONCILING)
        or (process.spec.type == ProcessType.JOB and subject.course.active is not None),
        wake_at=view.refused.retry_at if view.refused is not None else None,
    )


def _without_application(world: World, process: Owned[ProcessSpec]) -> Answer:
    wanted = process.spec.application_ref.name
    refusal = Refusal(
        reason="ApplicationNotFound",
        message=f'spec.applicationRef.name: there is no ProcessApplication "{wanted}" in this '
        "namespace; create it. What runs is left as it is",
        patient=True,
    )
    said, wake_at = model.impatient(process, refusal, world.now)
    kept = {
        name: value
        for name, value in process.status.items()
        if name not in {"conditions", "observedGeneration"}
    }
    return Answer(
        of=process,
        fields=kept,
        said=said,
        open=wake_at is not None,
        wake_at=wake_at,
    )


def _awaiting(
    subject: Subject, decision: Decision, process: Owned[ProcessSpec], fields: Mapping[str, Any]
) -> Answer:
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
        return Answer(of=process, fields=fields, said=[*said, unavailable])
    settling = decision.waiting is not None and decision.waiting.settling
    if process.spec.type == ProcessType.JOB:
        said = runs.job_readiness(course, process.spec.key, process.spec.job_start_policy)
    elif course.active is not None:
        message = f'runs with release "{course.active.name}": {record.doing(course.active)[1]}'
        said = conditions.ready("AwaitingRelease", message)
    else:
        message = "runs with the next release; set spec.image or spec.revision of the application, "
        said = conditions.ready("AwaitingRelease", message + "or create a ProcessRelease")
    said = [*said, unavailable]
    return Answer(of=process, fields=fields, said=said, open=True, hushed=settling)


def _readiness(
    subject: Subject, view: View, target: Target, pending: Sequence[Mapping[str, Any]]
) -> list[Condition]:
    progress = view.progress
    if view.refused is not None:
        return conditions.stalled(view.refused.reason, view.refused.message)
    course = subject.course
    if target.entry.type == ProcessType.JOB:
        return runs.job_readiness(course, target.entry.key, target.entry.job_start_policy)
    releasing = course.active is not None and subject.running is course.active
    if progress.state is State.FAILED:
        return conditions.stalled(progress.reason, progress.message)
    if progress.state is State.READY or _only_scaling(view, releasing=releasing):
        if target.suspended:
            return conditions.ready("Suspended", "the application is suspended; nothing runs")
        message = progress.message + _blamed(course, target.entry.key)
        if pending:
            return conditions.ready("Staged", f"{changes_wait(len(pending))}; {message}")
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
    profile = ingress_controllers.profile(target.route.controller, target.route.class_name)
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
    return dated(found, process.status, now)
