"""Users who do at random what users do, each with an application of his own.

What the server refuses is counted and forgotten: some of it is wrong on purpose.
"""

import asyncio
import functools
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from faults.world import Namespace
from process_operator.cluster import client
from process_operator.kube import errors, names
from userside import IMAGE, Body, application, process

PROCESSES: dict[str, dict[str, Any]] = {
    "web": {"process_type": "web"},
    "mail": {"process_type": "worker"},
    "tick": {"process_type": "cron", "schedule": "*/2 * * * *"},
    "migrate": {"process_type": "job", "jobStartPolicy": "beforeDeployment"},
    "warm": {"process_type": "job", "jobStartPolicy": "afterSuccessDeployment"},
    "alarm": {"process_type": "job", "jobStartPolicy": "afterFailedDeployment"},
}
FAILS = [{"name": "KWOK_EXIT_CODE", "value": "1"}]
LONGEST_PAUSE_SECONDS = 3.0


@dataclass(slots=True)
class User:
    """Somebody with one application; what he does follows from the seed."""

    here: Namespace
    api: client.Cluster
    shop: str
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    async def act(self) -> None:
        """Do one thing after the other, until cancelled."""
        await self.create()
        while True:
            await asyncio.sleep(self.chance.random() * LONGEST_PAUSE_SECONDS)
            deed = self.chance.choices(*zip(*self._deeds(), strict=True))[0]
            await self._try(deed)

    async def create(self) -> None:
        """Create the application with some of its processes."""
        for key in self._some_keys():
            await self._try(functools.partial(self._create, key))
        await self._try(self._create_application)

    async def resume(self) -> None:
        """See that the application is there and not suspended, so that it can come to an end."""
        await self._create_application()
        await self.here.change(names.APPLICATION_KIND, self.shop, suspend=False)

    def _deeds(self) -> list[tuple[Callable[[], Awaitable[None]], int]]:
        return [
            (self._new_image, 20),
            (self._add_process, 12),
            (self._edit_environment, 12),
            (self._scale, 8),
            (self._reschedule, 6),
            (self._restart, 4),
            (self._suspend, 5),
            (self._wake, 8),
            (self._release, 6),
            (self._go_back, 4),
            (self._cancel, 6),
            (self._run, 5),
            (self._delete_process, 6),
            (self._delete_child, 6),
            (self._break_child, 4),
            (self._delete_record, 2),
            (self._delete_application, 1),
            (self._mistake, 6),
        ]

    async def _try(self, deed: Callable[[], Awaitable[None]]) -> None:
        name = getattr(deed, "__name__", "_create").strip("_").replace("_", " ")
        self.done[name] += 1
        try:
            await deed()
        except errors.ApiError as error:
            self.refused[f"{name}: {type(error).__name__}"] += 1

    def _some_keys(self) -> list[str]:
        return self.chance.sample(sorted(PROCESSES), self.chance.randint(1, len(PROCESSES)))

    def _name(self, key: str) -> str:
        return f"{self.shop}-{key}"

    def _any(self) -> str:
        return self._name(self.chance.choice(sorted(PROCESSES)))

    def _image(self) -> str:
        return f"{IMAGE}:v{self.chance.randint(1, 6)}"

    async def _create_application(self) -> None:
        release = {"settleSeconds": self.chance.choice([0, 1]), "progressDeadlineSeconds": 15}
        made = application(self.shop, image=self._image(), release=release)
        try:
            await self.here.create(made)
        except errors.AlreadyExists:
            return

    async def _create(self, key: str) -> None:
        spec = dict(PROCESSES[key])
        env = FAILS if spec["process_type"] == "job" and self.chance.random() < 0.2 else []
        made: Body = process(key, of=self.shop, **spec, env=env)
        made["metadata"]["name"] = self._name(key)
        await self.here.create(made)

    async def _add_process(self) -> None:
        await self._create(self.chance.choice(sorted(PROCESSES)))

    async def _new_image(self) -> None:
        await self.here.change(names.APPLICATION_KIND, self.shop, image=self._image())

    async def _edit_environment(self) -> None:
        env = [{"name": "SETTING", "value": str(self.chance.randint(1, 3))}]
        await self.here.change(names.PROCESS_KIND, self._any(), env=env)

    async def _scale(self) -> None:
        count = {"manual": {"instanceCount": self.chance.randint(0, 3)}, "type": "manual"}
        await self.here.change(names.PROCESS_KIND, self._name("web"), scalingStrategy=count)

    async def _reschedule(self) -> None:
        schedule = f"{self.chance.randint(0, 59)} * * * *"
        await self.here.change(names.PROCESS_KIND, self._name("tick"), schedule=schedule)

    async def _restart(self) -> None:
        revision = f"r{self.chance.randint(1, 10**6)}"
        await self.here.change(names.APPLICATION_KIND, self.shop, revision=revision)

    async def _suspend(self) -> None:
        await self.here.change(names.APPLICATION_KIND, self.shop, suspend=True)

    async def _wake(self) -> None:
        await self.here.change(names.APPLICATION_KIND, self.shop, suspend=False)

    async def _release(self) -> None:
        await self._make(names.RELEASE_KIND, restart=self.chance.random() < 0.5)

    async def _go_back(self) -> None:
        if found := await self._of(names.RELEASE_KIND):
            earlier = self.chance.choice(found)["metadata"]["name"]
            await self._make(names.RELEASE_KIND, rollbackTo=earlier)

    async def _make(self, kind: str, **spec: Any) -> None:
        name = f"{self.shop}-by-hand-{self.chance.randint(1, 10**9)}"
        about = {"apiVersion": names.API_VERSION, "kind": kind, "metadata": {"name": name}}
        spec = spec if kind == names.RUN_KIND else {"applicationRef": {"name": self.shop}} | spec
        await self.here.create({**about, "spec": spec})

    async def _cancel(self) -> None:
        for one in await self._of(names.RELEASE_KIND):
            if (one.get("status") or {}).get("state") in {None, "inProgress"}:
                await self.here.change(names.RELEASE_KIND, one["metadata"]["name"], cancel=True)
                return

    async def _run(self) -> None:
        key = self.chance.choice(["tick", "migrate"])
        await self._make(names.RUN_KIND, processRef={"name": self._name(key)})

    async def _of(self, kind: str) -> list[Body]:
        found = await self.here.all(kind)
        return [one for one in found if one["spec"]["applicationRef"]["name"] == self.shop]

    async def _delete(self, kind: str, name: str) -> None:
        if found := await self.here.get(kind, name):
            uid = found["metadata"]["uid"]
            await self.api.delete(kind, self.here.name, name, uid=uid, propagation="Background")

    async def _delete_process(self) -> None:
        await self._delete(names.PROCESS_KIND, self._any())

    async def _delete_child(self) -> None:
        kind = self.chance.choice(["Deployment", "Service"])
        await self._delete(kind, f"{self.shop}-web")

    async def _break_child(self) -> None:
        broken = {"replicas": self.chance.randint(0, 9), "paused": True}
        await self.here.change("Deployment", f"{self.shop}-web", **broken)

    async def _delete_record(self) -> None:
        if found := await self._of(names.RELEASE_KIND):
            await self._delete(names.RELEASE_KIND, self.chance.choice(found)["metadata"]["name"])

    async def _delete_application(self) -> None:
        await self._delete(names.APPLICATION_KIND, self.shop)
        await asyncio.sleep(self.chance.random() * 5)
        await self._create_application()

    async def _mistake(self) -> None:
        mistakes: list[tuple[str, str, dict[str, Any]]] = [
            (names.PROCESS_KIND, self._name("tick"), {"schedule": "soon"}),
            (names.PROCESS_KIND, self._name("web"), {"resourceTypeRef": {"name": "nowhere"}}),
            (names.PROCESS_KIND, self._name("web"), {"resourceTypeRef": None}),
            (names.PROCESS_KIND, self._name("tick"), {"timeZone": "Middle/Earth"}),
            (names.APPLICATION_KIND, self.shop, {"image": "NOT AN IMAGE"}),
        ]
        kind, name, wrong = self.chance.choice(mistakes)
        await self.here.change(kind, name, **wrong)
