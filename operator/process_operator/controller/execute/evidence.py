"""What can only be fetched, and belongs into a record: a pod's last lines, and its events."""

import asyncio
import logging
from typing import assert_never

from process_operator.cluster import pods
from process_operator.cluster.client import Cluster
from process_operator.controller.observe.records import Pod
from process_operator.controller.plan.model import FailureEvidence, LastLines, RecordStatus
from process_operator.controller.release import failure
from process_operator.kube.errors import ApiError
from process_operator.models import snapshot
from process_operator.models.release import ReleaseStatus
from process_operator.models.status import Status

log = logging.getLogger(__name__)


async def added(cluster: Cluster, record: RecordStatus) -> Status:
    """Return the status of a record with its evidence, as far as there is any to be had."""
    status = record.status
    match record.evidence:
        case None:
            return status
        case FailureEvidence(pod=pod):
            return await _explained(cluster, pod, status)
        case LastLines(pod=pod, secrets=secrets):
            tail = failure.tail(await _last_lines(cluster, pod), secrets)
            return status.changed(log=tail or None)
        case _:
            assert_never(record.evidence)


async def _explained(cluster: Cluster, pod: Pod, status: Status) -> Status:
    if not isinstance(status, ReleaseStatus) or status.failure is None:
        return status
    log_text, events = await asyncio.gather(_last_lines(cluster, pod), _events(cluster, pod))
    found = failure.with_evidence(
        status.failure,
        log=log_text,
        events=events,
        snapshot=snapshot.read(status.snapshot),
    )
    return status.changed(failure=found)


async def _last_lines(cluster: Cluster, pod: Pod) -> str:
    """Return the last lines of a pod's container; none is no reason to hold a release up."""
    # Of a container that was started again, the words that matter are those before.
    for previous in (True, False) if pod.restarts else (False,):
        try:
            said = await pods.log(
                cluster, pod.namespace, pod.name, lines=failure.LOG_LINES, previous=previous
            )
        except ApiError as error:
            log.info("had no log to read", extra=_fields(pod, error))
            continue
        # The kubelet answers so, with success, when the container is gone already.
        if said and not said.startswith("unable to retrieve container logs"):
            return said
    return ""


async def _events(cluster: Cluster, pod: Pod) -> list[str]:
    """Return what Kubernetes said of a pod."""
    try:
        pages = cluster.list(
            "Event", namespace=pod.namespace, field_selector=f"regarding.uid={pod.uid}"
        )
        found = [event async for page, _ in pages for event in page]
    except ApiError as error:
        log.warning("could not read events", extra=_fields(pod, error))
        return []
    return failure.events_told(found)


def _fields(pod: Pod, error: ApiError) -> dict[str, str]:
    return {
        "kind": "Pod",
        "namespace": pod.namespace,
        "object": pod.name,
        "detail": str(error),
    }
