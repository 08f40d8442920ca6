"""Processes as replies tell them."""

from collections.abc import Mapping, Sequence
from typing import Any

from process_operator.api.presenters import pages, times, views, waiting
from process_operator.api.presenters.views import Reply, ReplyContext
from process_operator.api.reads.cache import Record
from process_operator.api.reads.ownership import FieldConflict
from process_operator.kube import names
from process_operator.models import defaults
from process_operator.models.process import ProcessType

# Processes.


def process(record: Record, view: ReplyContext, taken: Sequence[FieldConflict] = ()) -> Reply:
    """Return a process: the saved values, and what of them waits."""
    spec, status = record.spec, record.status
    kind = ProcessType(spec["type"])
    found = view.resource_type_of(spec)
    ingress = spec.get("ingress") or {}
    is_web = kind is ProcessType.WEB
    port = spec.get("port", defaults.DEFAULT_PORT if is_web else None)
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
        "ingress_protocol": ingress.get("protocol", defaults.DEFAULT_PROTOCOL) if is_web else None,
        "scaling_strategy": views.scaling(spec.get("scalingStrategy"), status.get("replicas", 0)),
        "resource_type_id": found.id if found is not None else None,
        "resource_type_name": (spec.get("resourceTypeRef") or {}).get("name")
        or (found.name if found is not None else None),
        "cpu_limit": found.millicores if found is not None else None,
        "memory_limit": found.megabytes if found is not None else None,
        "schedule": spec.get("schedule"),
        "time_zone": spec.get("timeZone"),
        "job_start_policy": views.start_policy(spec),
        "liveness_probe": spec.get("livenessProbe"),
        "readiness_probe": spec.get("readinessProbe"),
        "internal_hostname": _hostname(record, spec, status, listens=port is not None),
        "created_at": times.time(record.created_at),
        "updated_at": times.time(record.updated_at),
        "pending": waiting.of_process(spec, status, view),
        "routing_status": _routing(record, spec, status, view) if is_web else None,
    }
    return pages.with_taken(reply, taken)


def _hostname(
    record: Record, spec: Mapping[str, Any], status: Mapping[str, Any], *, listens: bool
) -> str | None:
    if not listens:
        return None
    child = names.child(record.application, spec["key"])
    made = f"{child}.{record.namespace}.svc.cluster.local"
    return str(status.get("internalHostname") or made)


def _routing(
    record: Record, spec: Mapping[str, Any], status: Mapping[str, Any], view: ReplyContext
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
