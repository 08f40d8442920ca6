"""From releases to deliveries: which events are due, when each is tried again, and how it went.

What is still to be delivered is kept in the Secret beside the webhooks, so that a restart loses
nothing: events are told at least once, always with the same id.
"""

import asyncio
import logging
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from process_operator.api.reads.cache import NAMESPACE_KIND, Cache, Record
from process_operator.api.webhooks import events, signature
from process_operator.api.webhooks.addresses import AllowedAddresses
from process_operator.api.webhooks.delivery import Delivery, Outcome, Sender
from process_operator.api.webhooks.events import Event
from process_operator.api.webhooks.store import WebhookStore
from process_operator.api.webhooks.webhook import DEPLOY, Due, Progress, Webhook, beginning
from process_operator.kube import errors, names

_log = logging.getLogger(__name__)

RETRIES = (
    *(timedelta(minutes=minutes) for minutes in (1, 5, 10, 30)),
    *(timedelta(hours=hours) for hours in (1, 2, 4, 8, 16)),
    *(timedelta(days=days) for days in (1, 2, 3)),
)
"""How long is waited after each failed attempt, as in the contract; after the last: never again."""
_MAX_DUE = 2000
_MAX_DUE_OF_WEBHOOK = 100
_AT_ONCE = 16
_AT_ONCE_OF_PROJECT = 2
"""So that one tenant, whose addresses do not answer, holds up no other."""
_RECENT = 200
_HISTORY = 1000
_CLOCKS_DIFFER = timedelta(minutes=5)
_SAVE_SECONDS = 2.0
_AGAIN_SECONDS = 10.0

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """What requests about webhooks need."""

    store: WebhookStore
    dispatcher: "Dispatcher"
    allowed: AllowedAddresses


class Dispatcher:
    """Tells the webhooks of what becomes of deployments."""

    def __init__(
        self, store: WebhookStore, known: Cache, allowed: AllowedAddresses, clock: Clock
    ) -> None:
        self._store = store
        self._cache = known
        self._sender = Sender(allowed)
        self._clock = clock
        self._told: datetime | None = None
        self._recent: deque[str] = deque(maxlen=_RECENT)
        self._due: dict[tuple[str, str, str], Due] = {}
        self._busy: dict[str, asyncio.Task[None]] = {}
        """What is being delivered, by webhook: one at a time."""
        self._wake = asyncio.Event()
        self._unsaved = asyncio.Event()
        self._history: deque[Delivery] = deque(maxlen=_HISTORY)

    def deliveries(self, webhook: str) -> list[Delivery]:
        """Return the attempts to deliver to a webhook since the start, the newest first."""
        return [one for one in reversed(self._history) if one.webhook == webhook]

    def observe(self, release: Record) -> None:
        """Take up what has happened to a release, once."""
        if self._told is None:
            return  # not read yet: it will be looked at then
        project = self._cache.named(NAMESPACE_KIND, "", release.namespace)
        hooks = self._store.of(project.uid) if project is not None else ()
        if not hooks:
            return
        try:
            happened = tuple(events.events(release))
        except ValueError:
            return  # a record of a newer version, which whoever knows it will tell
        for event in happened:
            if event.at >= self._told - _CLOCKS_DIFFER and event.id not in self._recent:
                self._take_up(event, hooks)

    def _take_up(self, event: Event, hooks: Iterable[Webhook]) -> None:
        self._recent.append(event.id)
        self._told = max(event.at, self._told or event.at)
        for hook in hooks:
            if not hook.is_enabled or DEPLOY not in hook.allowed_events:
                continue
            # Times of the cluster have whole seconds.
            if event.at < hook.since.replace(microsecond=0):
                continue
            self._add(
                Due(webhook=hook.id, release=event.release, status=event.status, at=self._clock())
            )
        self._unsaved.set()
        self._wake.set()

    def _add(self, due: Due) -> None:
        mine = [key for key in self._due if key[0] == due.webhook]
        if len(mine) >= _MAX_DUE_OF_WEBHOOK or len(self._due) >= _MAX_DUE:
            dropped = self._due.pop(mine[0] if mine else next(iter(self._due)))
            _note("an event was dropped: too many wait for this webhook", dropped)
        self._due[due.webhook, due.release, due.status] = due

    async def run(self) -> None:
        """Deliver, until cancelled."""
        await self._cache.complete()
        await self._begin()
        async with self._sender, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._save_all())
            while True:
                self._wake.clear()
                pause = self._start(tasks)
                try:
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def _begin(self) -> None:
        """Go on from where the last process ended."""
        while True:
            try:
                await self._store.load()
                break
            except errors.ApiError as error:
                _log.warning(
                    "could not read the webhooks",
                    extra={"kind": "Secret", "detail": type(error).__name__},
                )
                await asyncio.sleep(_AGAIN_SECONDS)
        before = self._store.progress or beginning(self._store.hooks, self._clock())
        self._recent.extend(before.recent)
        self._due = {(one.webhook, one.release, one.status): one for one in before.due}
        self._told = before.told
        for release in self._cache.all(names.RELEASE_KIND):
            self.observe(release)

    def _start(self, tasks: asyncio.TaskGroup) -> float | None:
        """Start what is due now; return the seconds until something is, None for never."""
        now = self._clock()
        pause: float | None = None
        busy = Counter(map(self._project, self._busy))
        for due in list(self._due.values()):
            if due.webhook in self._busy:
                continue
            wait = (due.at - now).total_seconds()
            if wait > 0:
                pause = min(wait, pause) if pause is not None else wait
                continue
            project = self._project(due.webhook)
            if len(self._busy) < _AT_ONCE and busy[project] < _AT_ONCE_OF_PROJECT:
                busy[project] += 1
                self._busy[due.webhook] = tasks.create_task(self._deliver(due))
        return pause

    def _project(self, webhook: str) -> str:
        hook = self._store.hooks.get(webhook)
        return hook.project if hook is not None else ""

    async def _deliver(self, due: Due) -> None:
        after: Due | None = None
        try:
            after = await self._attempt(due)
        except Exception as error:  # noqa: BLE001 - one event must not hold up all others
            _log.error(
                "could not make a delivery",
                extra={"kind": "Webhook", "object": due.webhook, "detail": type(error).__name__},
            )
        finally:
            del self._busy[due.webhook]
            self._wake.set()
        key = (due.webhook, due.release, due.status)
        if after is None:
            self._due.pop(key, None)
        elif key in self._due:
            self._due[key] = after
        self._unsaved.set()

    async def _attempt(self, due: Due) -> Due | None:
        """Try to deliver an event; return it as it is to be tried again, None for never."""
        hook = self._store.hooks.get(due.webhook)
        body = self._body(hook, due) if hook is not None else None
        if hook is None or not hook.is_enabled or body is None:
            return None
        now = self._clock()
        made, text = body
        event = events.event_id(due.release, due.status)
        signed = signature.headers(hook.endpoint, event, text, hook.secrets(now), now)
        outcome, status, response, milliseconds = await self._sender.send(
            hook.endpoint, text, signed
        )
        self._history.append(
            Delivery(
                id=made,
                webhook=hook.id,
                event_id=event,
                endpoint=hook.endpoint,
                payload=text.decode(),
                sent_at=now,
                outcome=outcome,
                response=response,
                response_status=status,
                milliseconds=milliseconds,
            )
        )
        if outcome is Outcome.SUCCESS:
            return None
        if due.attempts >= len(RETRIES):
            _note("an event was given up: no attempt to deliver it succeeded", due)
            return None
        return due.model_copy(
            update={
                "attempts": due.attempts + 1,
                "at": self._clock() + RETRIES[due.attempts],
            }
        )

    def _body(self, hook: Webhook, due: Due) -> tuple[str, bytes] | None:
        """Return the id of a new attempt and what is sent; None if nothing is known any more."""
        release = self._cache.get(names.RELEASE_KIND, due.release)
        owner = release and self._cache.named(
            names.APPLICATION_KIND, release.namespace, release.application
        )
        if release is None or owner is None:
            return None
        back_to = release.spec.get("rollbackTo")
        target = (
            self._cache.named(names.RELEASE_KIND, release.namespace, back_to) if back_to else None
        )
        attempt = str(uuid.uuid4())
        text = orjson.dumps(
            {
                "webhook_id": hook.id,
                "event_id": events.event_id(due.release, due.status),
                "event_delivery_id": attempt,
                "type": DEPLOY,
                "data": events.told(release, owner, target, due.status, hook.project),
            }
        )
        return attempt, text

    async def _save_all(self) -> None:
        while True:
            await self._unsaved.wait()
            self._unsaved.clear()
            try:
                await self._store.save(self._progress())
            except errors.ApiError as error:
                _log.warning(
                    "could not save what webhooks are still to be told",
                    extra={"kind": "Secret", "detail": type(error).__name__},
                )
                self._unsaved.set()
                await asyncio.sleep(_AGAIN_SECONDS)
            await asyncio.sleep(_SAVE_SECONDS)

    def _progress(self) -> Progress:
        return Progress(
            told=self._told or self._clock(),
            recent=tuple(self._recent),
            due=tuple(self._due.values()),
        )


def _note(what: str, due: Due) -> None:
    _log.warning(what, extra={"kind": "Webhook", "object": due.webhook, "detail": due.status})
