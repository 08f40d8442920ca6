"""The Kubernetes events that tell transitions, within the bounds that the API server sets them."""

import logging
from datetime import datetime

from process_operator.cluster.client import Cluster
from process_operator.controller.status.model import Event
from process_operator.kube import names
from process_operator.kube.conditions import timestamp
from process_operator.kube.errors import ApiError
from process_operator.kube.manifest import Manifest
from process_operator.schema import bounds

log = logging.getLogger(__name__)

_MAX_REASON = 128
_MAX_NOTE = 1024
"""Bytes of UTF-8: k8s.io/kubernetes, pkg/apis/core/validation/events.go."""


def manifest(event: Event, now: datetime) -> Manifest:
    """Return an event as it is sent."""
    one = event.regarding
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            # The server's check of a prefix does not allow for a dot at its end.
            "generateName": f"{one.name[:200].rstrip('.')}-",
            "namespace": one.namespace or "default",
        },
        "eventTime": _timestamp_micro(now),
        "reportingController": names.GROUP,
        "reportingInstance": names.OPERATOR,
        "action": "Reconcile",
        "reason": bounds.word(event.reason, _MAX_REASON),
        "type": "Warning" if event.warning else "Normal",
        "note": bounds.shortened_to_bytes(event.message, _MAX_NOTE),
        "regarding": {
            "apiVersion": names.API_VERSION,
            "kind": one.kind,
            "namespace": one.namespace,
            "name": one.name,
            "uid": one.uid,
            "resourceVersion": one.resource_version,
        },
    }


async def send(cluster: Cluster, event: Event, now: datetime) -> None:
    """Send an event; one that is lost is no reason to fail: the status says the same."""
    try:
        await cluster.create(manifest(event, now))
    except ApiError as error:
        log.warning("could not send an event", extra={"reason": event.reason, "detail": str(error)})


def _timestamp_micro(moment: datetime) -> str:
    """Return a time as Kubernetes writes a MicroTime."""
    return timestamp(moment)[:-1] + f".{moment.microsecond:06d}Z"
