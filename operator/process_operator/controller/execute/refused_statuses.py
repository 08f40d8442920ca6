"""Statuses that the API server refused: each is told once, and tried again later.

Every status is fitted to its schema, so that one that is refused is a defect of ours, or the
schema in the cluster is another one. It must cost its own object only: nothing else waits for it,
and it is not sent again at every look.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from process_operator.cluster import backoff
from process_operator.controller.observe.records import (
    ApplicationKey,
    CustomResource,
    InvalidObject,
)
from process_operator.kube.errors import Rejected

log = logging.getLogger(__name__)

_FIRST_SECONDS = 4.0
_CAP_SECONDS = 60.0
_REMEMBERED = 1024
"""How many objects are remembered; one that is forgotten is tried, and told, once more."""
_SNAPSHOT = "status.snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    """What is known of one object whose status was refused."""

    key: ApplicationKey
    generation: int
    failures: int
    retry_at: datetime
    words: str
    """What the server said last; the same again is no news."""


class Refusals:
    """Which statuses are not to be sent now, by uid of their object."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._known: OrderedDict[str, _Refused] = OrderedDict()

    def hold(self, one: CustomResource[Any, Any] | InvalidObject) -> bool:
        """Return whether the status of an object has to wait: a change of its spec ends that."""
        known = self._known.get(one.uid)
        return (
            known is not None
            and known.generation == one.generation
            and self._clock() < known.retry_at
        )

    def note(
        self, key: ApplicationKey, one: CustomResource[Any, Any] | InvalidObject, said: str
    ) -> None:
        """Remember that a status was refused, and tell it, in the `words`, if that is news."""
        before = self._known.pop(one.uid, None)
        failures = before.failures + 1 if before is not None else 1
        wait = backoff.delay(failures, first=_FIRST_SECONDS, cap=_CAP_SECONDS)
        known = _Refused(
            key=key,
            generation=one.generation,
            failures=failures,
            retry_at=self._clock() + timedelta(seconds=wait),
            words=said,
        )
        self._known[one.uid] = known
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        if before is None or before.words != known.words:
            about = {"kind": one.kind, "namespace": one.namespace, "object": one.name}
            log.error("status was refused by the server", extra=about | {"detail": known.words})

    def forget(self, one: CustomResource[Any, Any] | InvalidObject) -> None:
        """Forget the refusals of an object: its status was written, or it is gone."""
        self._known.pop(one.uid, None)

    def retry_at(self, key: ApplicationKey) -> datetime | None:
        """Return when the next refused status of an application is to be tried again."""
        now = self._clock()
        # One whose moment has passed was tried just now, or has nothing to say any more.
        times = (
            known.retry_at
            for known in self._known.values()
            if known.key == key and known.retry_at > now
        )
        return min(times, default=None)


def words(error: Rejected) -> str:
    """Return what the server said, but for what it may quote of a snapshot: values of variables."""
    fields = [cause for cause in error.causes if cause.field]
    if not fields:
        return error.message
    return "; ".join(
        f"{one.field}: {one.reason if one.field.startswith(_SNAPSHOT) else one.message}"
        for one in fields
    )
