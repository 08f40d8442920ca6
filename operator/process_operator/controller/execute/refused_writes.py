"""What is remembered of a write that was answered with a no."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from process_operator.controller.observe import records
from process_operator.controller.observe.records import RefusedWrite
from process_operator.controller.plan.model import Apply, Show
from process_operator.kube.errors import Rejected
from process_operator.kube.reasons import Reason

ROUTE = "HTTPRoute"


def refused(
    error: Rejected, key: records.ChildKey, desired_hash: str, now: datetime
) -> RefusedWrite:
    """Return what is remembered of a write that the API server refused."""
    text = error.message
    reason = Reason.QUOTA_EXCEEDED if "exceeded quota" in text else Reason.REJECTED
    return RefusedWrite(
        desired_hash=desired_hash,
        reason=reason,
        message=f'the API server refused {key.kind} "{key.name}": {text}',
        retry_at=now + records.RETRY_REFUSED,
    )


def not_shown(error: Rejected, show: Show, now: datetime) -> RefusedWrite:
    """Return what is remembered of a child that the API server would refuse."""
    return RefusedWrite(
        desired_hash=show.desired_hash,
        reason=Reason.POD_REFUSED,
        message=f'Process "{show.process}": the API server would refuse {show.key.kind} '
        f'"{show.key.name}", and nothing was changed: {error.message}',
        retry_at=now + records.RETRY_REFUSED,
    )


_GATEWAY = "install the Gateway API, or set spec.routing.backend of the application to ingress"


def not_installed(apply: Apply, now: datetime) -> RefusedWrite:
    """Return what is remembered of a write of a kind that the cluster lacks."""
    kind = apply.key.kind
    remedy = _GATEWAY if kind == ROUTE else "install its CRD"
    return RefusedWrite(
        desired_hash=apply.desired_hash,
        reason=Reason.KIND_NOT_INSTALLED,
        message=f"kind {kind} is not installed in this cluster: {remedy}",
        retry_at=now + records.RETRY_REFUSED,
    )


def owner_uid(body: Mapping[str, Any]) -> str | None:
    """Return the uid of an object's controller owner."""
    for owner in body["metadata"].get("ownerReferences", ()):
        if owner.get("controller"):
            uid: str = owner["uid"]
            return uid
    return None
