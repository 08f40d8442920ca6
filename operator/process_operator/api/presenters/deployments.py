"""Deployments and the lines of their logs as replies tell them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from process_operator.api.access import identity
from process_operator.api.presenters import logs, times
from process_operator.api.presenters.views import Reply
from process_operator.api.reads import cache
from process_operator.api.reads.cache import Record
from process_operator.models.process import JobStartPolicy
from process_operator.models.release import ReleaseState


def state_of(record: Record) -> ReleaseState:
    """Return how far a release is; one that the operator has not seen yet waits."""
    return ReleaseState(record.state or ReleaseState.WAITING)


def _told_state(record: Record) -> ReleaseState:
    """Return a state as the contract has it: what is cancelled while it waits has been skipped."""
    state = state_of(record)
    never_began = state is ReleaseState.CANCELLED and "startedAt" not in record.status
    return ReleaseState.SKIPPED if never_began else state


_TRIGGERS = {
    "initial": ("automatic", "INITIAL_DEPLOY"),
    "image": ("automatic", "IMAGE_CHANGE"),
    "revision": ("automatic", "REVISION_CHANGE"),
    "automatic": ("automatic", "AUTO_DEPLOY"),
    "mended": ("automatic", "AUTO_DEPLOY"),
    "configuration": ("automatic", "AUTO_DEPLOY"),
    "manual": ("manual", "MANUAL_DEPLOY"),
    "rollback": ("rollback", "ROLLBACK"),
}


def deployment(record: Record, owner: Record, target: Record | None = None) -> Reply:
    """Return a release as a deployment.

    Args:
        record: The release.
        owner: Its application.
        target: The release that it goes back to, if any.
    """
    spec, status = record.spec, record.status
    asked = status.get("trigger") or ("rollback" if "rollbackTo" in spec else "manual")
    kind, trigger = _TRIGGERS[asked]
    shown = target.status if target is not None else status
    named = record.marks.get(cache.IMAGE, owner.spec.get("image"))
    image = (shown.get("requested") or {}).get("image", named)
    began, ended = status.get("startedAt"), status.get("finishedAt")
    moved = [
        one
        for one in (record.created_at, began, status.get("rolloutStartedAt"), ended)
        if one is not None
    ]
    failure = status.get("failure") or {}
    nothing = dict.fromkeys(
        (
            "git_type",
            "repo_url",
            "branch",
            "commit_sha",
            "commit_message",
            "author_login",
            "author_img",
        )
    )
    return {
        "id": record.uid,
        "app_id": owner.uid,
        "status": str(_told_state(record)),
        "type": kind,
        "trigger": trigger,
        "steps": _steps(status),
        "docker_image_url": image,
        **nothing,
        "started_at": times.time_or_none(began),
        "finished_at": times.time_or_none(ended),
        "created_at": times.time(record.created_at),
        "updated_at": max(times.time(one) for one in moved),
        "number": status.get("number"),
        "failure": failure.get("sentence") or failure.get("message"),
        "note": _note(record, owner, image) if target is not None else None,
    }


def _note(record: Record, owner: Record, image: str | None) -> str | None:
    """Return what is worth knowing of a way back, as long as nothing newer serves."""
    saved, state = owner.spec.get("image"), state_of(record)
    serving = (owner.status.get("servingRelease") or {}).get("name")
    is_open = state in (ReleaseState.WAITING, ReleaseState.IN_PROGRESS)
    if saved == image or not (is_open or serving == record.name):
        return None
    return (
        f"the saved image is {saved} and stays so: the next deployment takes it again, unless the "
        "application gets another one before"
    )


_JOB_STEPS = {
    JobStartPolicy.BEFORE_DEPLOYMENT: "beforeJobs",
    JobStartPolicy.AFTER_SUCCESS_DEPLOYMENT: "afterSuccessJobs",
    JobStartPolicy.AFTER_FAILED_DEPLOYMENT: "afterFailedJobs",
    JobStartPolicy.BEFORE_ROLLBACK: "beforeRollbackJobs",
}
_ORDER = (
    *("beforeJobs", "rollout", "afterSuccessJobs"),
    *("beforeRollbackJobs", "rollback", "afterFailedJobs"),
)


def _steps(status: Mapping[str, Any]) -> list[str]:
    """Return the steps that a release has gone through; before it starts, the one that it will."""
    seen = {
        _JOB_STEPS[JobStartPolicy(job["policy"])]
        for job in status.get("jobs") or ()
        if "startedAt" in job and "policy" in job
    }
    seen |= {"rollout"} if "rolloutStartedAt" in status else set()
    seen |= {"rollback"} if "rollbackStartedAt" in status else set()
    seen |= {status["step"]} if "step" in status else set()
    return [step for step in _ORDER if step in (seen or {"rollout"})]


def log_lines(record: Record, owner: Record) -> list[Reply]:
    """Return what the record of a release tells of its course, oldest first."""
    lines = [
        logs.entry(
            identity.log_entry(record.uid, str(place)),
            datetime.fromisoformat(moment),
            text,
            service="APP_DEPLOYMENT",
            severity="ERROR" if failed else "INFO",
            tags={"idApp": owner.uid, "container": process, "pod": None},
        )
        for place, (moment, process, text, failed) in enumerate(_told(record))
    ]
    return sorted(lines, key=lambda one: int(one["unix_timestamp"]))


def _told(record: Record) -> Iterator[tuple[str, str, str, bool]]:
    status = record.status
    yield record.created_at, "deployment", "deployment requested", False
    if "startedAt" in status:
        yield status["startedAt"], "deployment", "deployment started", False
    for job in status.get("jobs") or ():
        if "startedAt" in job:
            yield job["startedAt"], job["key"], f"job started: {job.get('policy')}", False
        if "finishedAt" in job:
            failed = job.get("result") != "success"
            words = f"job ended: {job.get('result')}"
            words += f", exit code {job['exitCode']}" if "exitCode" in job else ""
            words += f": {job['message']}" if "message" in job else ""
            yield job["finishedAt"], job["key"], words, failed
    if "rolloutStartedAt" in status:
        yield status["rolloutStartedAt"], "deployment", "rollout started", False
    if "rollbackStartedAt" in status:
        yield status["rollbackStartedAt"], "deployment", "went back to what served before", True
    failure = status.get("failure") or {}
    ended = status.get("finishedAt")
    at = ended or record.created_at
    for text in (failure.get("log") or "").splitlines():
        yield at, failure.get("process") or "deployment", text, True
    if failure:
        text = failure.get("sentence") or failure.get("message") or "the deployment failed"
        yield at, failure.get("process") or "deployment", text, True
    if ended is not None:
        state = state_of(record)
        yield ended, "deployment", f"deployment ended: {state}", state is ReleaseState.FAILED
