"""What is said of the application: of its releases, and the worst of its processes."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from process_operator.controller.observe.records import Owned, World
from process_operator.controller.plan.model import Subject
from process_operator.controller.release import failure, record
from process_operator.controller.release.decision import Decision
from process_operator.controller.release.history import Course
from process_operator.controller.release.record import Release
from process_operator.controller.resolve.refusal import Refusal
from process_operator.controller.status import model
from process_operator.controller.status.model import Answer
from process_operator.controller.status.pending import changes_wait, dated
from process_operator.kube import conditions
from process_operator.kube.conditions import Condition
from process_operator.models import staging
from process_operator.models.process import JobStartPolicy, ProcessSpec, ProcessType
from process_operator.models.release import ReleaseState


def application(
    world: World, subject: Subject, decision: Decision, processes: Sequence[Answer]
) -> Answer:
    """Return what is to be said of the application."""
    starts = decision.create is not None or bool(decision.records)
    settling = decision.waiting is not None and decision.waiting.settling
    fields = _application_fields(world, subject, processes)
    said, wake_at = _application_readiness(world, subject, decision, processes)
    said = [*said, _serving(subject)]
    if fields["pending"]:
        waits = changes_wait(len(fields["pending"]))
        said.append(Condition(conditions.STAGED, "True", "AwaitingRelease", waits))
    return Answer(
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


def _moves(answer: Answer) -> bool:
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
    world: World, subject: Subject, decision: Decision, processes: Sequence[Answer]
) -> tuple[list[Condition], datetime | None]:
    application, course = subject.application, subject.course
    if course.active is not None and not application.spec.suspend:
        reason, message = record.doing(course.active)
        return conditions.reconciling(reason, f'release "{course.active.name}": {message}'), None
    if application.spec.suspend:
        return conditions.ready("Suspended", "nothing runs until spec.suspend is false"), None
    if decision.waiting is not None:
        why = decision.waiting
        message = f'release "{course.waiting[-1].name}" waits: {why.message}'
        refusal = Refusal(reason=why.reason, message=message, patient=True)
        return model.impatient(application, refusal, world.now)
    if course.missing is not None:
        message = (
            f'the record of the serving release "{course.missing}" is gone or cannot be read; what '
            "runs is left as it is. Ask for a new release, by spec.revision or a ProcessRelease"
        )
        return conditions.stalled("ServingReleaseMissing", message), None
    last = course.newest
    if last is not None and record.state(last) == ReleaseState.FAILED:
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
    return record.state(one) == ReleaseState.CANCELLED


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
            return model.impatient(subject.application, named, world.now)
    if not subject.resolved.entries:
        message = "no Process names this application in spec.applicationRef.name; create one"
        return conditions.ready("AwaitingRelease", message), None
    message = "spec.release.initial is manual; create a ProcessRelease to release it"
    return conditions.ready("AwaitingRelease", message), None


def _summary(
    processes: Sequence[Answer], otherwise: list[Condition], *, first: str = ""
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
    world: World, subject: Subject, processes: Sequence[Answer]
) -> dict[str, Any]:
    application, course, frozen = subject.application, subject.course, subject.snapshot
    pending: list[dict[str, Any]] = []
    if frozen is not None and subject.resolved.candidate is not None:
        found = staging.application_differences(frozen, subject.resolved.candidate)
        pending = dated(found, application.status, world.now)
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
            "number": record.number(course.serving),
        }
    elif course.missing is not None:
        fields["servingRelease"] = application.status.get("servingRelease")
    if course.active is not None:
        fields["activeRelease"] = {
            "name": course.active.name,
            "number": record.number(course.active),
            "state": str(record.state(course.active)),
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
