"""One active replica among several, by a Lease.

The holder renews its Lease; a standby takes a Lease that nobody has renewed for as long as it is
good. "Nobody has renewed" is judged by the standby's own monotonic clock from the moment it saw the
last change, never by comparing clocks of two machines. Every write carries the resourceVersion that
was read, so of two who reach for the Lease one is refused.

A holder that cannot renew stops by itself, well before another may start. Nothing depends on that
being exact: whatever two leaders would write is refused by names and versions.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any, Protocol

from process_operator import metrics
from process_operator.cluster import backoff
from process_operator.kube import errors
from process_operator.kube.kinds import KINDS
from process_operator.kube.manifest import Manifest

_log = logging.getLogger(__name__)


class Leases(Protocol):
    """Where Leases are kept."""

    async def get(self, kind: str, namespace: str | None, name: str) -> Manifest:
        """Return an object."""

    async def create(self, manifest: Manifest) -> Manifest:
        """Create an object that must not be there yet."""

    async def replace(self, manifest: Manifest) -> Manifest:
        """Replace an object at the resourceVersion that the manifest carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The times of an election, in seconds; the first three as Kubernetes' own components do."""

    duration: int = 15
    """How long others leave a Lease alone after its last renewal."""
    renew: float = 10.0
    """How long a leader goes on without a successful renewal."""
    retry: float = 2.0
    """How often a leader renews and a standby looks."""
    call: float = 4.0
    """How long one try may take: a call that hangs must not outlive the Lease."""


class _Outcome(Enum):
    OURS = auto()
    THEIRS = auto()
    UNKNOWN = auto()


class Election:
    """One candidate for one Lease."""

    def __init__(
        self,
        leases: Leases,
        *,
        namespace: str,
        name: str,
        identity: str,
        timing: Timing = Timing(),
    ) -> None:
        self._leases = leases
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._timing = timing
        self._loop = asyncio.get_running_loop()
        self._held = False
        self._seen: Manifest | None = None
        self._seen_at = float("-inf")
        """When the Lease was last seen to change, by our clock."""
        self._renewed_at = float("-inf")
        """When the call began that last renewed our hold, by our clock."""

    @property
    def leading(self) -> bool:
        """Whether we lead at this very moment, even right after the process was frozen."""
        return self.seconds_left > 0

    @property
    def seconds_left(self) -> float:
        """For how long we lead at least; 0 if we do not."""
        return max(0.0, self._left()) if self._held else 0.0

    async def run(
        self, *, on_started: Callable[[], None], on_lost: Callable[[], Awaitable[None]]
    ) -> None:
        """Stand for election until cancelled; release the Lease at the end.

        Args:
            on_started: Called each time that the lead was won.
            on_lost: Awaited each time that it was lost, and at the end; when it returns, this
                process must have stopped to write.
        """
        metrics.LEADER.labels(self._name).set(0)
        try:
            while True:
                outcome = await self._try()
                if outcome is _Outcome.OURS and not self._held:
                    self._held = True
                    self._say("won the lead")
                    metrics.LEADER.labels(self._name).set(1)
                    on_started()
                elif self._held and (outcome is _Outcome.THEIRS or self._left() <= 0):
                    self._held = False
                    self._say("lost the lead")
                    metrics.LEADER.labels(self._name).set(0)
                    await on_lost()
                await asyncio.sleep(self._pause())
        finally:
            if self._held:
                self._held = False
                await on_lost()
            await self._release()

    def _left(self) -> float:
        """Return how long our hold is still good."""
        return self._renewed_at + self._timing.renew - self._loop.time()

    def _pause(self) -> float:
        pause = self._timing.retry * (1 + backoff.chance() / 5)
        return max(0.0, min(pause, self._left())) if self._held else pause

    async def _try(self) -> _Outcome:
        """Renew the Lease, or take it if that is allowed."""
        limit = min(self._timing.call, self._left()) if self._held else self._timing.call
        try:
            async with asyncio.timeout(limit):
                return await self._attempt()
        except (errors.ApiError, TimeoutError) as error:
            self._complain(error)
            return _Outcome.UNKNOWN

    async def _attempt(self) -> _Outcome:
        if self._held and self._seen is not None:
            try:
                return await self._take(self._seen)
            except (errors.Conflict, errors.NotFound):
                # It may have been our own renewal whose answer was lost: see whose it is.
                self._seen = None
        try:
            return await self._look()
        except (errors.Conflict, errors.AlreadyExists):
            return _Outcome.THEIRS

    async def _look(self) -> _Outcome:
        """Read the Lease; take it if it is free, ours, or was not renewed in time."""
        try:
            lease = await self._leases.get("Lease", self._namespace, self._name)
        except errors.NotFound:
            return await self._take(None)
        if self._seen is None or _version(lease) != _version(self._seen):
            self._seen, self._seen_at = lease, self._loop.time()
        spec = lease.get("spec") or {}
        holder = spec.get("holderIdentity")
        good_for = float(spec.get("leaseDurationSeconds") or self._timing.duration)
        if holder and holder != self._identity and self._loop.time() < self._seen_at + good_for:
            return _Outcome.THEIRS
        return await self._take(lease)

    async def _take(self, lease: Manifest | None) -> _Outcome:
        began = self._loop.time()
        manifest = self._manifest(lease, self._identity)
        if lease is None:
            made = await self._leases.create(manifest)
        else:
            made = await self._leases.replace(manifest)
        self._seen, self._seen_at, self._renewed_at = made, began, began
        return _Outcome.OURS

    async def _release(self) -> None:
        """Leave the Lease to whoever comes, so that nobody needs to wait for it to run out."""
        try:
            async with asyncio.timeout(self._timing.call):
                is_released = await self._leave()
        except (errors.ApiError, TimeoutError) as error:
            self._complain(error)
        else:
            if is_released:
                self._say("released the lead")

    async def _leave(self) -> bool:
        """Give the Lease up if it is ours; return whether it was.

        The end may come while a write of ours is on its way, and that one may be done without an
        answer: what we saw last says neither whose the Lease is nor at which version.
        """
        while True:
            try:
                lease = await self._leases.get("Lease", self._namespace, self._name)
                if (lease.get("spec") or {}).get("holderIdentity") != self._identity:
                    return False
                await self._leases.replace(self._manifest(lease, ""))
            except errors.Conflict:
                continue
            except errors.NotFound:
                return False
            return True

    def _manifest(self, lease: Manifest | None, holder: str) -> Manifest:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        before: dict[str, Any] = (lease or {}).get("spec") or {}
        spec = before | {
            "holderIdentity": holder,
            "leaseDurationSeconds": self._timing.duration if holder else 1,
            "renewTime": now,
        }
        if before.get("holderIdentity") != holder:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = int(before.get("leaseTransitions") or 0) + bool(lease)
        metadata = {"namespace": self._namespace, "name": self._name}
        return {
            "apiVersion": KINDS["Lease"].api_version,
            "kind": "Lease",
            "metadata": lease["metadata"] if lease else metadata,
            "spec": spec,
        }

    def _say(self, what: str) -> None:
        _log.info(what, extra=self._about())

    def _complain(self, error: Exception) -> None:
        reason = str(error) or "no answer in time"
        _log.warning("could not use the Lease", extra=self._about() | {"error": reason})

    def _about(self) -> dict[str, str]:
        return {
            "kind": "Lease",
            "namespace": self._namespace,
            "object": self._name,
            "identity": self._identity,
        }


def _version(lease: Manifest) -> str:
    version: str = lease["metadata"]["resourceVersion"]
    return version
