"""What is said of runs: by hand, and of the jobs of releases."""

from collections.abc import Mapping
from typing import Any

from process_operator.controller.observe.records import ObservedState
from process_operator.controller.release.history import ReleaseHistory
from process_operator.controller.release.record import Release
from process_operator.controller.release.runs import Run, RunDecision
from process_operator.controller.resolve.refusal import Refusal
from process_operator.controller.status import model
from process_operator.controller.status.model import Answer
from process_operator.kube import conditions
from process_operator.kube.conditions import Condition
from process_operator.models.process import JobStartPolicy


def waiting_run(observed: ObservedState, one: RunDecision) -> Answer:
    """Tell a run why it does not start."""
    reason, message = one.waits or one.refused or ("", "")
    refusal = Refusal(reason=reason, message=message, transient=one.waits is not None)
    said, wake_at = model.reconciling_then_stalled(one.run, refusal, observed.now)
    return Answer(
        of=one.run, fields={}, said=said, in_progress=wake_at is not None, wake_at=wake_at
    )


def job_readiness(
    history: ReleaseHistory, key: str, policy: JobStartPolicy | None
) -> list[Condition]:
    """Say of a job process what became of its last run."""
    found = last_run(history, key)
    if found is None:
        message = f"runs {policy} of the next release that runs jobs; none has yet"
        return conditions.ready("AwaitingRelease", message)
    run, entry = found
    if "result" not in entry:
        return conditions.reconciling("JobRunning", f'runs for release "{run.name}"')
    message = f'its last run, for release "{run.name}", {entry["message"]}'
    return conditions.ready(_RUN_REASONS[entry["result"]], message)


_RUN_REASONS = {"success": "RunSucceeded", "failed": "RunFailed", "cancelled": "RunCancelled"}


def last_run(history: ReleaseHistory, key: str) -> tuple[Release, Mapping[str, Any]] | None:
    """Return the newest release that ran this job process, and the entry that tells of it."""
    newest = [one for one in (history.active, *reversed(history.ended)) if one is not None]
    for one in newest:
        for entry in one.status.get("jobs", ()):
            if entry["key"] == key and "jobUID" in entry:
                return one, entry
    return None


def manual_run(run: Run | None) -> dict[str, Any] | None:
    """Return the last run by hand, as a process tells it."""
    if run is None:
        return None
    told = ("reason", "message", "exitCode", "startedAt", "finishedAt")
    return {
        "name": run.name,
        "result": run.status["outcome"],
        **{field: run.status[field] for field in told if field in run.status},
    }


def job_run(found: tuple[Release, Mapping[str, Any]] | None) -> dict[str, Any] | None:
    """Return the last run of a job process in a release, as the process tells it."""
    if found is None:
        return None
    run, entry = found
    told = ("result", "reason", "message", "exitCode", "startedAt", "finishedAt")
    return {"name": run.name, **{field: entry[field] for field in told if field in entry}}
