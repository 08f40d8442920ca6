"""The webhooks of all projects: one Secret in the API's namespace, which only the API writes."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from process_operator.api import problems
from process_operator.api.webhooks import webhook
from process_operator.api.webhooks.webhook import Progress, Webhook
from process_operator.cluster.client import Cluster
from process_operator.kube import errors
from process_operator.kube.manifest import Manifest

_log = logging.getLogger(__name__)

SECRET = "process-operator-api-webhooks"  # noqa: S105 - a name
_TRIES = 6
MAX_OF_PROJECT = 10
MAX_OF_ALL = 300

Hooks = Mapping[str, Webhook]
Change = Callable[[Hooks], Hooks]


class WebhookStore:
    """What the Secret holds, as this process knows it."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._version: str | None = None
        self._lock = asyncio.Lock()
        self.hooks: Hooks = {}
        """By id."""
        self.progress: Progress | None = None

    def of(self, project: str) -> tuple[Webhook, ...]:
        """Return the webhooks of a project, the oldest first."""
        mine = (one for one in self.hooks.values() if one.project == project)
        return tuple(sorted(mine, key=lambda one: (one.created_at, one.id)))

    async def load(self) -> None:
        """Read the Secret; it is made with the first webhook."""
        async with self._lock:
            await self._read()

    async def change(self, change: Change) -> None:
        """Bring the webhooks to what a function makes of them, asked again after a conflict."""
        async with self._lock:
            for _ in range(_TRIES):
                wanted = change(self.hooks)
                if await self._write(wanted, self.progress):
                    return
                await self._read()
        raise problems.refused("the webhooks are changed by others all the time; try again")

    async def save(self, progress: Progress) -> None:
        """Keep how far the webhooks are."""
        async with self._lock:
            for _ in range(_TRIES):
                if await self._write(self.hooks, progress):
                    return
                await self._read()

    async def _read(self) -> None:
        try:
            found = await self._cluster.get("Secret", self._namespace, SECRET)
        except errors.NotFound:
            self._version = None
            self.hooks, self.progress = {}, None
            return
        self._take_in(found)

    def _take_in(self, found: Manifest) -> None:
        self._version = found["metadata"]["resourceVersion"]
        self.hooks, self.progress = webhook.parsed(found.get("data") or {})

    async def _write(self, hooks: Hooks, progress: Progress | None) -> bool:
        """Write what is wanted; return False where somebody else was faster."""
        before = webhook.data_of(self.hooks, self.progress)
        after = webhook.data_of(hooks, progress)
        gone: dict[str, str | None] = dict.fromkeys(before.keys() - after.keys())
        differs = {name: one for name, one in after.items() if before.get(name) != one}
        if not gone and not differs:
            return True
        try:
            if self._version is None:
                # An apply: only of a request with a name the name can be a right.
                about = {"namespace": self._namespace, "name": SECRET}
                written = await self._cluster.apply(
                    {"apiVersion": "v1", "kind": "Secret", "metadata": about, "data": after},
                    force=False,
                )
            else:
                written = await self._cluster.merge_patch(
                    "Secret",
                    self._namespace,
                    SECRET,
                    {"metadata": {"resourceVersion": self._version}, "data": {**gone, **differs}},
                )
        except (errors.Conflict, errors.NotFound):
            return False
        self._take_in(written)
        return True
