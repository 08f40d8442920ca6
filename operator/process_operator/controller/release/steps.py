"""The steps that a release has taken, each with its beginning and its end, told from its record."""

from collections.abc import Iterator
from datetime import datetime

from process_operator.models.process import JobStartPolicy
from process_operator.models.release import ReleaseStatus, ReleaseStep

OF_JOBS = {
    JobStartPolicy.BEFORE_DEPLOYMENT: ReleaseStep.BEFORE_JOBS,
    JobStartPolicy.AFTER_SUCCESS_DEPLOYMENT: ReleaseStep.AFTER_SUCCESS_JOBS,
    JobStartPolicy.AFTER_FAILED_DEPLOYMENT: ReleaseStep.AFTER_FAILED_JOBS,
    JobStartPolicy.BEFORE_ROLLBACK: ReleaseStep.BEFORE_ROLLBACK_JOBS,
}
"""The step in which the jobs of each moment run."""


def taken(status: ReleaseStatus) -> Iterator[tuple[ReleaseStep, datetime, datetime]]:
    """Yield each step that has ended, in order: it ends where the next one begins."""
    begun = {
        ReleaseStep.ROLLOUT: status.rollout_started_at,
        ReleaseStep.ROLLBACK: status.rollback_started_at,
    }
    for job in status.jobs:
        step = OF_JOBS.get(job.policy) if job.policy is not None else None
        if step is not None and job.started_at is not None:
            begun[step] = min(begun.get(step) or job.started_at, job.started_at)
    known = ((step, at) for step in ReleaseStep if (at := begun.get(step)) is not None)
    found = sorted(known, key=lambda one: one[1])
    for number, (step, at) in enumerate(found):
        end = found[number + 1][1] if number + 1 < len(found) else status.finished_at
        if end is not None:
            yield step, at, max(at, end)
