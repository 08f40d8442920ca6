"""What is said of runs: by hand, and of the jobs of releases."""

from process_operator.controller.observe.records import ObservedState, Release, Run
from process_operator.controller.release.history import ReleaseHistory
from process_operator.controller.release.runs import RunDecision
from process_operator.controller.resolve.refusal import Refusal
from process_operator.controller.status import model
from process_operator.controller.status.model import Answer
from process_operator.kube import conditions
from process_operator.kube.conditions import Condition
from process_operator.kube.reasons import Reason
from process_operator.models.process import JobStartPolicy, RunOutcome
from process_operator.models.release import JobRecord, Result
from process_operator.models.run import RunStatus


def waiting_run(observed: ObservedState, one: RunDecision) -> Answer:
    """Tell a run why it does not start."""
    reason, message = one.waits or one.refused or ("", "")
    refusal = Refusal(reason=reason, message=message, transient=one.waits is not None)
    said, wake_at = model.reconciling_then_stalled(one.run, refusal, observed.now)
    return Answer(
        of=one.run,
        status=one.run.status,
        said=said,
        in_progress=wake_at is not None,
        wake_at=wake_at,
    )


def job_readiness(
    history: ReleaseHistory, key: str, policy: JobStartPolicy | None
) -> list[Condition]:
    """Say of a job process what became of its last run."""
    found = last_run(history, key)
    if found is None:
        message = f"runs {policy} of the next release that runs jobs; none has yet"
        if policy is JobStartPolicy.BEFORE_ROLLBACK:
            message = "runs before a way back over a release whose jobs before the rollout ran"
        return conditions.ready(Reason.AWAITING_RELEASE, message)
    run, job = found
    if job.result is None:
        return conditions.reconciling(Reason.JOB_RUNNING, f'runs for release "{run.name}"')
    message = f'its last run, for release "{run.name}", {job.message}'
    return conditions.ready(_RUN_REASONS[job.result], message)


_RUN_REASONS = {
    Result.SUCCESS: Reason.RUN_SUCCEEDED,
    Result.FAILED: Reason.RUN_FAILED,
    Result.CANCELLED: Reason.RUN_CANCELLED,
    Result.SKIPPED: Reason.RUN_SKIPPED,
    Result.IN_PROGRESS: Reason.JOB_RUNNING,
}


def last_run(history: ReleaseHistory, key: str) -> tuple[Release, JobRecord] | None:
    """Return the newest release that ran this job process, and what it tells of it."""
    newest = [one for one in (history.active, *reversed(history.ended)) if one is not None]
    for one in newest:
        for job in one.status.jobs:
            if job.key == key and job.job_uid is not None:
                return one, job
    return None


def manual_run(run: Run | None) -> RunOutcome | None:
    """Return the last run by hand, as a process tells it."""
    if run is None:
        return None
    return _outcome(run.name, run.status.outcome, run.status)


def job_run(found: tuple[Release, JobRecord] | None) -> RunOutcome | None:
    """Return the last run of a job process in a release, as the process tells it."""
    if found is None:
        return None
    release, job = found
    return _outcome(release.name, job.result, job)


def _outcome(name: str, result: Result | None, told: RunStatus | JobRecord) -> RunOutcome:
    return RunOutcome(
        name=name,
        result=result,
        reason=told.reason,
        message=told.message,
        exit_code=told.exit_code,
        started_at=told.started_at,
        finished_at=told.finished_at,
    )
