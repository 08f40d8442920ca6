"""The CronJob of a cron process."""

from process_operator.controller.build import metadata, pod
from process_operator.controller.resolve.target import Target
from process_operator.kube import names
from process_operator.kube.manifest import Manifest

API_VERSION = "batch/v1"
KIND = "CronJob"

_NEVER = "0 0 1 1 *"
"""Stands in for an absent schedule, because a CronJob must have one. It is suspended then, so
that it serves only as what runs by hand are made from."""
_SUCCESSFUL_JOBS = 3
_FAILED_JOBS = 1


def cron_job(target: Target) -> Manifest | None:
    """Return the CronJob of a process that runs by the clock."""
    times, limits = target.timetable, target.entry.run
    if times is None:
        return None
    job: Manifest = {
        "backoffLimit": limits.retries if limits else 0,
        "template": pod.template(target),
    }
    if limits and limits.timeout_seconds is not None:
        job["activeDeadlineSeconds"] = limits.timeout_seconds
    spec: Manifest = {
        "schedule": times.schedule or _NEVER,
        "timeZone": times.time_zone,
        "suspend": times.suspend or target.suspended or times.schedule is None,
        "concurrencyPolicy": str(times.concurrency_policy),
        "successfulJobsHistoryLimit": _SUCCESSFUL_JOBS,
        "failedJobsHistoryLimit": _FAILED_JOBS,
        "jobTemplate": {
            "metadata": {"labels": metadata.labels(target) | names.NO_BACKUP},
            "spec": job,
        },
    }
    if times.starting_deadline_seconds is not None:
        spec["startingDeadlineSeconds"] = times.starting_deadline_seconds
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata.child(target, names.cron_job(target.application, target.entry.key)),
        "spec": spec,
    }
