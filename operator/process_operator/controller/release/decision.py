"""What the release machine answers: what is to be written, and what it waits for."""

from dataclasses import dataclass
from datetime import datetime

from process_operator.controller.observe.records import Child, Pod, Release
from process_operator.kube.manifest import Manifest
from process_operator.models.release import ReleaseStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Why a release does not start yet."""

    reason: str
    message: str
    until: datetime | None = None
    settling: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the machine wants written, and what it waits for."""

    create: Manifest | None = None
    """A release to make."""
    records: tuple[tuple[Release, ReleaseStatus], ...] = ()
    """Statuses to write before anything that depends on them."""
    waiting: Waiting | None = None
    """Why the waiting release waits."""
    wake_at: datetime | None = None
    note: str = ""
    """What was decided, for the log."""
    prune: tuple[Release, ...] = ()
    """Old releases to remove."""
    start: tuple[Release, str] | None = None
    """A release and the key of the job process whose Job is to be made for it."""
    stop: tuple[Child, ...] = ()
    """Jobs to delete, with their pods."""
    failed_pod: Pod | None = None
    """The pod whose last words belong into the failure that is recorded."""
