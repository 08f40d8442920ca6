"""What Prometheus is told of a release whose record has moved on."""

from process_operator import metrics
from process_operator.controller.release import steps
from process_operator.models.release import ReleaseStatus


def note(before: ReleaseStatus, after: ReleaseStatus) -> bool:
    """Count the end of a release, and of its jobs, when they are recorded for the first time.

    Returns:
        Whether the release has just ended.
    """
    known = {one.key for one in before.jobs if one.result is not None}
    for job in after.jobs:
        if job.result is not None and job.policy is not None and job.key not in known:
            metrics.JOBS.labels(job.policy.value, job.result.value).inc()
    if after.state is None or after.finished_at is None or before.finished_at is not None:
        return False
    metrics.RELEASES.labels(after.state.value).inc()
    if after.started_at is not None:
        took = (after.finished_at - after.started_at).total_seconds()
        metrics.RELEASE_SECONDS.labels(after.state.value).observe(took)
    for step, start, end in steps.taken(after):
        metrics.STEP_SECONDS.labels(step.value).observe((end - start).total_seconds())
    return True
