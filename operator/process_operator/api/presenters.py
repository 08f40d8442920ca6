"""What callers see of our objects: records in, replies out. Nothing is asked or written here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from process_operator import names
from process_operator.api import cache, identity, views, waiting
from process_operator.api.cache import Record
from process_operator.api.keys import Key
from process_operator.api.ownership import Claim
from process_operator.api.views import Reply, Size, View
from process_operator.models.process import JobStartPolicy, ProcessType
from process_operator.models.release import ReleaseState

_BUILD_NOTHING: Reply = {
    "build_type": "dockerfile",
    "build_path": ".",
    "dockerfile_path": "Dockerfile",
    "docker_context": ".",
    "build_cache_enabled": False,
    "auto_deploy": False,
    "wait_for_checks": False,
    "hibernation_enabled": False,
}
"""What the fields of builds and of hibernation say where there is neither."""
BUILD_FIELDS = _BUILD_NOTHING | {"source": "dockerImage"}


def time(text: str) -> str:
    """Return a time of Kubernetes as the contract writes times."""
    if len(text) == len("2025-01-30T00:00:00Z") and text.endswith("Z"):
        return f"{text[:-1]}.000Z"
    return _written(datetime.fromisoformat(text))


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time_or_none(text: str | None) -> str | None:
    return time(text) if text is not None else None


def page(items: Sequence[Reply], *, total: int, offset: int, limit: int) -> Reply:
    """Return one page of a list in its envelope."""
    return {"data": items, "total": total, "offset": offset, "limit": limit}


# Processes.


def process(record: Record, view: View, taken: Sequence[Claim] = ()) -> Reply:
    """Return a process: the saved values, and what of them waits."""
    spec, status = record.spec, record.status
    kind = ProcessType(spec["type"])
    found = view.size_of(spec)
    ingress = spec.get("ingress") or {}
    is_web = kind is ProcessType.WEB
    port = spec.get("port", views.DEFAULT_PORT if is_web else None)
    application = view.application
    reply = {
        "id": record.uid,
        "app_id": application.uid,
        "key": spec["key"],
        "type": spec["type"],
        "display_name": spec.get("displayName", spec["key"]),
        "entrypoint": views.command_line(spec),
        "port": port,
        "is_ingress_enabled": is_web and ingress.get("enabled", True),
        "ingress_protocol": ingress.get("protocol", views.DEFAULT_PROTOCOL) if is_web else None,
        "scaling_strategy": views.scaling(spec.get("scalingStrategy")),
        "resource_type_id": found.id if found is not None else None,
        "resource_type_name": (spec.get("resourceTypeRef") or {}).get("name")
        or (found.name if found is not None else None),
        "cpu_limit": found.millicores if found is not None else None,
        "memory_limit": found.megabytes if found is not None else None,
        "schedule": spec.get("schedule"),
        "time_zone": spec.get("timeZone"),
        "job_start_policy": spec.get("jobStartPolicy"),
        "liveness_probe": spec.get("livenessProbe"),
        "readiness_probe": spec.get("readinessProbe"),
        "internal_hostname": _hostname(record, spec, status, listens=port is not None),
        "created_at": time(record.created_at),
        "updated_at": time(record.updated_at),
        "pending": waiting.of_process(spec, status, view),
        "routing_status": _routing(record, spec, status, view) if is_web else None,
    }
    return _with_taken(reply, taken)


def _hostname(
    record: Record, spec: Mapping[str, Any], status: Mapping[str, Any], *, listens: bool
) -> str | None:
    if not listens:
        return None
    child = names.child(record.application, spec["key"])
    made = f"{child}.{record.namespace}.svc.cluster.local"
    return str(status.get("internalHostname") or made)


def _routing(
    record: Record, spec: Mapping[str, Any], status: Mapping[str, Any], view: View
) -> Reply:
    ingress = spec.get("ingress") or {}
    urls = list(status.get("urls") or ())

    def told(state: str, message: str | None = None) -> Reply:
        return {"state": state, "message": message, "urls": urls}

    if not ingress.get("enabled", True):
        return told("disabled")
    if not ingress.get("hosts"):
        return told("disabled", "there is no host yet: add a domain")
    if view.entry_of(spec) is None:
        return told("pending", "it waits for the first deployment")
    if status.get("observedGeneration") != record.generation:
        return told("pending")
    stalled = condition(status, "Stalled")
    if stalled.get("status") == "True":
        return told("failed", stalled.get("message"))
    return told("synced" if urls else "pending")


def condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Return one condition of a status; an empty one where there is none."""
    return next((one for one in status.get("conditions") or () if one["type"] == kind), {})


def _with_taken(reply: Reply, taken: Sequence[Claim]) -> Reply:
    if taken:
        reply["taken_over"] = [{"field": one.path, "manager": one.manager} for one in taken]
    return reply


# Applications.


def application_item(record: Record, status: str | None) -> Reply:
    """Return an application as lists have it."""
    spec = record.spec
    return {
        "id": record.uid,
        "name": record.name,
        "display_name": spec.get("displayName", record.name),
        "status": status,
        "type": "app",
        "source": "dockerImage",
        "is_suspended": bool(spec.get("suspend")),
        "created_at": time(record.created_at),
        "updated_at": time(record.updated_at),
    }


def application(
    record: Record,
    status: str | None,
    view: View,
    *,
    cluster_id: str | None,
    taken: Sequence[Claim] = (),
) -> Reply:
    """Return an application with all its fields."""
    spec = record.spec
    nothing = dict.fromkeys(
        (
            "company_id",
            "docker_registry_credential_id",
            "pack_builder",
            "nixpacks_version",
            "hibernate_after_seconds",
            "git_type",
            "repo_url",
            "default_branch",
            "created_by",
        )
    )
    reply = {
        **application_item(record, status),
        **nothing,
        **_BUILD_NOTHING,
        "buildpacks": [],
        "allow_deploy_paths": [],
        "ignore_deploy_paths": [],
        "project_id": record.marks.get(cache.PROJECT),
        "cluster_id": cluster_id,
        "namespace": record.namespace,
        "docker_image": spec.get("image"),
        "pending": waiting.of_application(spec, record.status, view.snapshot),
    }
    return _with_taken(reply, taken)


_DEPLOYMENT_STATES = {
    ReleaseState.WAITING: "deploymentInProgress",
    ReleaseState.IN_PROGRESS: "deploymentInProgress",
    ReleaseState.SUCCESS: "deploymentSuccess",
    ReleaseState.FAILED: "deploymentFailed",
    ReleaseState.CANCELLED: "deploymentCancelled",
}


def application_status(releases: Iterable[Record]) -> str | None:
    """Return what became of the newest deployment that was not skipped."""
    for record in newest_first(releases):
        told = _DEPLOYMENT_STATES.get(state_of(record))
        if told is not None:
            return told
    return None


# Deployments.


def newest_first(records: Iterable[Record]) -> list[Record]:
    """Return records with the newest first, always in the same order."""
    return sorted(records, key=attrgetter("created_at", "number", "uid"), reverse=True)


def state_of(record: Record) -> ReleaseState:
    """Return how far a release is; one that the operator has not seen yet waits."""
    return ReleaseState(record.state or ReleaseState.WAITING)


_TRIGGERS = {
    "initial": ("automatic", "INITIAL_DEPLOY"),
    "image": ("automatic", "IMAGE_CHANGE"),
    "revision": ("automatic", "REVISION_CHANGE"),
    "automatic": ("automatic", "AUTO_DEPLOY"),
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
    image = (shown.get("requested") or {}).get("image", owner.spec.get("image"))
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
        "status": str(state_of(record)),
        "type": kind,
        "trigger": trigger,
        "steps": _steps(status),
        "docker_image_url": image,
        **nothing,
        "started_at": _time_or_none(began),
        "finished_at": _time_or_none(ended),
        "created_at": time(record.created_at),
        "updated_at": max(time(one) for one in moved),
        "number": status.get("number"),
        "failure": failure.get("sentence") or failure.get("message"),
    }


_JOB_STEPS = {
    JobStartPolicy.BEFORE_DEPLOYMENT: "beforeJobs",
    JobStartPolicy.AFTER_SUCCESS_DEPLOYMENT: "afterSuccessJobs",
    JobStartPolicy.AFTER_FAILED_DEPLOYMENT: "afterFailedJobs",
}
_ORDER = ("beforeJobs", "rollout", "afterSuccessJobs", "rollback", "afterFailedJobs")


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


def log_lines(record: Record) -> list[Reply]:
    """Return what the record of a release tells of its course, oldest first."""
    lines = [
        _line(record, place, moment, service, text, failed=failed)
        for place, (moment, service, text, failed) in enumerate(_told(record))
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


def _line(
    record: Record, place: int, moment: str, service: str, text: str, *, failed: bool
) -> Reply:
    at = datetime.fromisoformat(moment)
    return {
        "id": identity.log_entry(record.uid, str(place)),
        "message": text,
        "service": service,
        "severity": "error" if failed else "info",
        "timestamp": _written(at),
        "unix_timestamp": int(at.timestamp() * 1000),
        "tags": {},
        "attributes": {},
    }


# Runs and measurements.


def run(record: Record, process_id: str) -> Reply:
    """Return a run that somebody asked for."""
    status = record.status
    return {
        "id": record.uid,
        "process_id": process_id,
        "scheduled_at": None,
        "started_at": _time_or_none(status.get("startedAt")),
        "finished_at": _time_or_none(status.get("finishedAt")),
        "status": status.get("outcome", "waiting"),
        "reason": status.get("reason"),
        "exit_code": status.get("exitCode"),
        "retries": 0,
        "trigger": "manual",
    }


def scheduled_run(told: Mapping[str, Any], status: Mapping[str, Any], process_id: str) -> Reply:
    """Return the last run by the schedule, which is all that is known of those."""
    return {
        "id": identity.run(process_id, told["name"]),
        "process_id": process_id,
        "scheduled_at": _time_or_none(status.get("lastScheduleTime")),
        "started_at": _time_or_none(told.get("startedAt")),
        "finished_at": _time_or_none(told.get("finishedAt")),
        "status": told.get("result", "inProgress"),
        "reason": told.get("reason"),
        "exit_code": told.get("exitCode"),
        "retries": 0,
        "trigger": "scheduled",
    }


def measurement(what: str, record: Record, view: View) -> float | None:
    """Return what a measurement is by the status of a process; None where nothing is known."""
    status = record.status
    match what:
        case "instance-count":
            return float(status.get("readyReplicas") or 0)
        case "cpu-limit":
            running = status.get("cpuMillicores")
        case "memory-limit":
            running = status.get("memoryMegabytes")
        case _:
            raise ValueError(what)
    if running is not None:
        return float(running)
    saved = view.size_of(record.spec)
    if saved is None:
        return None
    return float(saved.millicores if what == "cpu-limit" else saved.megabytes)


def point(moment: datetime, value: float) -> Reply:
    """Return one measurement."""
    return {"time": _written(moment), "value": value}


# Environment variables and domains.


def variable(record: Record, name: str, value: str, identifier: str) -> Reply:
    """Return an environment variable of an application."""
    return {
        "id": identifier,
        "app_id": record.uid,
        "key": name,
        "value": value,
        "is_runtime": True,
        "is_buildtime": False,
        "created_at": time(record.created_at),
        "updated_at": time(record.updated_at),
    }


def domain(record: Record, host: str, *, is_primary: bool) -> Reply:
    """Return a host of a web process."""
    spec, status = record.spec, record.status
    urls = [str(one) for one in status.get("urls") or ()]
    is_active = any(one.partition("://")[2].rstrip("/") == host for one in urls)
    return {
        "id": identity.domain(record.uid, host),
        "name": host,
        "type": "custom",
        "status": "active" if is_active else "pending",
        "is_primary": is_primary,
        "is_wildcard": host.startswith("*."),
        "is_enabled": (spec.get("ingress") or {}).get("enabled", True),
        "dns_records": None,
        "errors": None,
        "created_at": time(record.created_at),
        "updated_at": time(record.updated_at),
    }


# Resources, projects and keys.


def resource_type(given: Size) -> Reply:
    """Return a resource type."""
    return {
        "id": given.id,
        "name": given.name,
        "cpu_limit": given.millicores,
        "memory_limit": given.megabytes,
        "category": given.category,
    }


def cluster(identifier: str, name: str) -> Reply:
    """Return the cluster behind this API."""
    return {
        "id": identifier,
        "name": name,
        "display_name": name,
        "location": name,
        "is_available": True,
    }


def project_item(record: Record) -> Reply:
    """Return a namespace as lists of projects have it."""
    return {
        "id": record.uid,
        "name": record.name,
        "display_name": record.name,
        "created_at": time(record.created_at),
        "updated_at": time(record.updated_at),
    }


def project(record: Record, applications: Iterable[Record]) -> Reply:
    """Return a namespace with its applications."""
    services = [
        {
            "id": one.uid,
            "name": one.name,
            "display_name": one.spec.get("displayName", one.name),
            "type": "app",
        }
        for one in applications
    ]
    return {**project_item(record), "company_id": None, "services": services}


def key(given: Key) -> Reply:
    """Return what a key may do."""
    return {
        "id": identity.of_key(given.id),
        "name": given.name,
        "role": str(given.role),
        "namespaces": list(given.namespaces),
        "created_at": _written(given.created_at),
        "expires_at": _written(given.expires_at) if given.expires_at is not None else None,
    }
