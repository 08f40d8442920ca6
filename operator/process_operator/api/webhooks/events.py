"""What is told of a deployment: that it has begun, and how it ended."""

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from process_operator.api.presenters.deployments import deployment, state_of
from process_operator.api.reads.cache import Record
from process_operator.models.release import ReleaseState

_ROOT = uuid.uuid5(uuid.NAMESPACE_DNS, "webhooks.process-operator.dev")


class Event(NamedTuple):
    """Something that happened to a release."""

    release: str
    """Its uid."""
    status: str
    """What it was then, in the contract's words."""
    at: datetime

    @property
    def id(self) -> str:
        """The same however often it is told."""
        return event_id(self.release, self.status)


def event_id(release: str, status: str) -> str:
    """Return the id of an event, by the uid of its release and what that was then."""
    return str(uuid.uuid5(_ROOT, f"{release} {status}"))


def events(release: Record) -> Iterator[Event]:
    """Yield what has happened to a release so far; one that never began is not told."""
    status = release.status
    began, ended = status.get("startedAt"), status.get("finishedAt")
    if began is None:
        return
    yield Event(release.uid, str(ReleaseState.IN_PROGRESS), datetime.fromisoformat(began))
    if ended is not None:
        yield Event(release.uid, str(state_of(release)), datetime.fromisoformat(ended))


def told(
    release: Record, application: Record, target: Record | None, status: str, project: str
) -> dict[str, Any]:
    """Return what receivers get of an event.

    Args:
        release: The release as it is now.
        application: Whose it is.
        target: The release that it goes back to, if any.
        status: What the release was when it happened.
        project: uid of the namespace.
    """
    return {
        "id": application.uid,
        "project_id": project,
        "name": application.name,
        "display_name": application.spec.get("displayName", application.name),
        "status": status,
        "deployment": deployment(release, application, target),
    }
