"""What is kept of the status of a child, by kind: what decisions read, and nothing else.

What nobody reads is not kept, for a record that changes wakes its application. So a condition is
here only as the fact that it tells, and its words only while they tell what is wrong: while all is
well they count or name what changes all the time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from process_operator.kube import conditions
from process_operator.kube.reasons import Reason

TOO_LATE = Reason.PROGRESS_DEADLINE_EXCEEDED
"""The Deployment controller's reason for one that made no progress for too long."""
_TIMED_OUT = "DeadlineExceeded"
"""The Job controller's reason for one that has run longer than it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentStatus:
    """How many instances a Deployment has, and what is wrong with it."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    is_late: bool = False
    """Whether its controller says that it made no progress for too long."""
    late_since: datetime | None = None
    """When its controller said so, by its own clock. It stays there until something moves, and must
    not be taken for a later rollout's."""
    late_at: int | None = None
    """The generation that it was first said of; None if that was not seen."""
    message: str = ""
    """Why it has fewer pods than it wants, in the words in which one was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CronJobStatus:
    """What a CronJob has run by its schedule."""

    active: int = 0
    """How many of its Jobs have not ended."""
    last_schedule_time: datetime | None = None
    last_successful_time: datetime | None = None


class JobEnd(Enum):
    """How a Job ended."""

    COMPLETE = auto()
    FAILED = auto()
    TIMED_OUT = auto()
    """It ran longer than its `activeDeadlineSeconds`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """When a Job ran, and how it ended."""

    started_at: datetime | None = None
    end: JobEnd | None = None
    """None while it runs."""
    ended_at: datetime | None = None
    message: str = ""
    """Why it failed, in its controller's words."""


class GatewayName(NamedTuple):
    """A Gateway, or one of its listeners, as an HTTPRoute names it."""

    namespace: str
    """Empty for the route's own."""
    name: str
    listener: str
    """Empty for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteStatus:
    """What the controllers of the Gateways that an HTTPRoute hangs on say of it."""

    accepted: tuple[GatewayName, ...] = ()
    """The Gateways that take it."""
    refused: GatewayName | None = None
    """The first that does not, or not all of it."""
    reason: str = ""
    """Why it is not accepted, in one word."""
    message: str = ""
    """Why, in the controller's words."""


ChildStatus: TypeAlias = DeploymentStatus | CronJobStatus | JobStatus | RouteStatus | None
"""None for a kind whose status no decision reads."""


def status(kind: str, found: Mapping[str, Any]) -> ChildStatus:
    """Return the record of a status; children of one kind in the same state share one."""
    match kind:
        case "Deployment":
            return _deployment(found)
        case "CronJob":
            return _cron_job(found)
        case "Job":
            return _job(found)
        case "HTTPRoute":
            return _route(found)
        case _:
            return None


_STATES = 4096
"""How many states of a kind are remembered, so that the children in one share its record."""


def _deployment(found: Mapping[str, Any]) -> DeploymentStatus:
    said = _conditions(found)
    progressing = said.get("Progressing") or {}
    is_late = progressing.get("reason") == TOO_LATE
    return _shared_deployment_status(
        observed_generation=found.get("observedGeneration") or 0,
        replicas=found.get("replicas") or 0,
        updated_replicas=found.get("updatedReplicas") or 0,
        ready_replicas=found.get("readyReplicas") or 0,
        available_replicas=found.get("availableReplicas") or 0,
        is_late=is_late,
        late_since=_moment(progressing.get("lastUpdateTime")) if is_late else None,
        message=(_held(said, "ReplicaFailure") or {}).get("message") or "",
    )


_shared_deployment_status = lru_cache(maxsize=_STATES)(DeploymentStatus)


def _cron_job(found: Mapping[str, Any]) -> CronJobStatus:
    return _cron_job_status(
        len(found.get("active") or ()),
        found.get("lastScheduleTime"),
        found.get("lastSuccessfulTime"),
    )


@lru_cache(maxsize=_STATES)
def _cron_job_status(active: int, scheduled: str | None, succeeded: str | None) -> CronJobStatus:
    return CronJobStatus(
        active=active,
        last_schedule_time=_moment(scheduled),
        last_successful_time=_moment(succeeded),
    )


def _job(found: Mapping[str, Any]) -> JobStatus:
    said = _conditions(found)
    complete, failed = _held(said, "Complete"), _held(said, "Failed")
    ending = complete or failed or {}
    return _job_status(
        found.get("startTime"),
        JobEnd.COMPLETE if complete else _failure(failed),
        found.get("completionTime") or ending.get("lastTransitionTime"),
        (failed or {}).get("message") or "",
    )


@lru_cache(maxsize=_STATES)
def _job_status(
    started: str | None, end: JobEnd | None, ended: str | None, message: str
) -> JobStatus:
    return JobStatus(started_at=_moment(started), end=end, ended_at=_moment(ended), message=message)


_OF_ROUTES = ("Accepted", "ResolvedRefs")
"""The conditions of a parent that say whether traffic comes (Gateway API, `RouteConditionType`)."""


def _route(found: Mapping[str, Any]) -> RouteStatus:
    accepted: dict[GatewayName, None] = {}
    for parent in found.get("parents") or ():
        gateway, said = _gateway(parent.get("parentRef") or {}), _conditions(parent)
        for kind in _OF_ROUTES:
            one = said.get(kind) or {}
            if one.get("status") == "False":
                told = one.get("reason") or "", one.get("message") or ""
                return _route_status((), gateway, *told)
        if (said.get(_OF_ROUTES[0]) or {}).get("status") == "True":
            accepted[gateway] = None
    return _route_status(tuple(accepted), None, "", "")


def _gateway(parent: Mapping[str, Any]) -> GatewayName:
    return GatewayName(
        parent.get("namespace") or "", parent.get("name") or "", parent.get("sectionName") or ""
    )


@lru_cache(maxsize=_STATES)
def _route_status(
    accepted: tuple[GatewayName, ...], refused: GatewayName | None, reason: str, message: str
) -> RouteStatus:
    return RouteStatus(accepted=accepted, refused=refused, reason=reason, message=message)


def _failure(failed: Mapping[str, Any] | None) -> JobEnd | None:
    if failed is None:
        return None
    return JobEnd.TIMED_OUT if failed.get("reason") == _TIMED_OUT else JobEnd.FAILED


def _conditions(found: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    return {one["type"]: one for one in found.get("conditions") or ()}


def _held(said: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    """Return a condition if it is true."""
    found = said.get(name)
    return found if found is not None and found["status"] == "True" else None


def _moment(text: str | None) -> datetime | None:
    return conditions.parse_time(text) if text else None
