"""Takes keys from the queue, has them looked at, and says when each is looked at again.

Here, and only here, it is decided what an error means.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

from process_operator import metrics
from process_operator.cluster import backoff
from process_operator.controller.observe.records import ApplicationKey
from process_operator.controller.reconcile import Result
from process_operator.controller.workqueue import Closed, Priority, WorkQueue
from process_operator.kube import errors, names

log = logging.getLogger(__name__)

_AWAY = 4.0
"""Seconds between two looks while the server is away, at most."""


class Worker:
    """Works on one key after the other; several may share a queue."""

    def __init__(
        self,
        *,
        queue: WorkQueue[ApplicationKey],
        reconcile: Callable[[ApplicationKey], Awaitable[Result]],
        told: Callable[[ApplicationKey, str], str],
        clock: Callable[[], datetime],
    ) -> None:
        self._queue = queue
        self._reconcile = reconcile
        self._told = told
        """Returns what was said to a write for an application as it may be logged."""
        self._clock = clock

    async def work(self) -> None:
        """Work on keys until the queue is closed."""
        with suppress(Closed):
            while True:
                key = await self._queue.get()
                try:
                    with metrics.RECONCILE_SECONDS.labels(metrics.CONTROLLER).time():
                        ended = await self._one(key)
                    metrics.RECONCILES.labels(metrics.CONTROLLER, ended).inc()
                finally:
                    self._queue.done(key)

    async def _one(self, key: ApplicationKey) -> str:
        """Look at a key once; return how it ended, in controller-runtime's words."""
        fields = {"kind": names.APPLICATION_KIND, "namespace": key.namespace, "object": key.name}
        try:
            result = await self._reconcile(key)
        except errors.Throttled as error:
            self._queue.add(key, Priority.UNFINISHED, after=error.retry_after)
        except errors.Unavailable as error:
            # It is the server that is away, not this key that fails: its turn comes at once
            # when the server is back.
            said = self._told(key, str(error))
            log.warning("could not reach the server", extra=fields | {"detail": said})
            wait = backoff.delay(1, first=_AWAY, cap=_AWAY)
            self._queue.add(key, Priority.UNFINISHED, after=wait)
        except (errors.Conflict, errors.NotFound, errors.AlreadyExists):
            # Somebody was faster: what is known is behind, and the watch is about to tell.
            self._queue.retry(key)
        except errors.ApiError as error:
            said = self._told(key, str(error))
            log.warning("could not be reconciled", extra=fields | {"detail": said})
            self._queue.retry(key)
        except Exception:
            log.exception("could not be reconciled because of a defect", extra=fields)
            self._queue.retry(key)
        else:
            return self._look_again(key, result)
        return "error"

    def _look_again(self, key: ApplicationKey, result: Result) -> str:
        self._queue.forget(key)
        if result.again:
            self._queue.add(key, Priority.UNFINISHED)
            return "requeue"
        if result.at is not None:
            delay = (result.at - self._clock()).total_seconds()
            self._queue.add(key, Priority.UNFINISHED, after=max(delay, 0.0))
            return "requeue_after"
        return "success"
