"""A release on a real API server, told through a proxy that can spoil it, and how it is judged."""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import connecting
import local_cluster
import operate
import running
from faults.proxy import Fault, Proxy, Record, Write
from local_cluster import kubeconfigs
from process_operator.cluster import client
from process_operator.kube import errors, names
from userside import IMAGE, Body, application, process

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "build" / "cluster-faults"
GRACE_SECONDS = 5.0
PATIENCE_SECONDS = 100.0
"""Longer than the minute that the operator waits at most when it is asked to."""
AT_ONCE = 5
QUIET_SECONDS = 5.0
"""Longer than the operator waits after an answer of 500, which is four seconds at most: what it
has yet to write would be taken for what it will never write."""
SOON = {"settleSeconds": 0}
IMPATIENT = {"settleSeconds": 0, "progressDeadlineSeconds": 8}
"""For a rollout that has to fail; also the time within which a Job must have started."""
HOLD = [{"name": "KWOK_RUNS_FOR", "value": "1h"}]
NOWHERE = "nowhere-for-faults"


def job(key: str, moment: str, **spec: Any) -> Body:
    return process(key, "job", jobStartPolicy=moment, **spec)


ProxyT = TypeVar("ProxyT", bound=Proxy)


class Namespace:
    """A namespace as its user sees it, over the plain API."""

    def __init__(self, api: client.Cluster, name: str) -> None:
        self.name = name
        self._api = api

    async def create(self, *manifests: Body) -> None:
        for one in manifests:
            metadata = {**one["metadata"], "namespace": self.name}
            await self._api.create({**one, "metadata": metadata})

    async def get(self, kind: str, name: str) -> Body:
        try:
            return await self._api.get(kind, self.name, name)
        except errors.NotFound:
            return {}

    async def all(self, kind: str) -> list[Body]:
        pages = self._api.list(kind, namespace=self.name)
        return [one async for page, _ in pages for one in page]

    async def change(self, kind: str, name: str, **spec: Any) -> None:
        await self._api.merge_patch(kind, self.name, name, {"spec": spec})

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not await condition():
            assert time.monotonic() < deadline, f"{self.name}: {what} did not come"
            await asyncio.sleep(0.1)

    async def ended(self, release: str, state: str) -> None:
        async def has_ended() -> bool:
            found = await self.get(names.RELEASE_KIND, release)
            return bool((found.get("status") or {}).get("state") == state)

        await self.until(has_ended, f"{release} {state}")


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens before the faults, what happens under them, and how it ends."""

    prologue: Callable[[Namespace], Awaitable[None]]
    history: Callable[[Namespace], Awaitable[None]]
    applications: str = "shop"


WEB = process("web", "web")
TICK = process("tick", "cron", schedule="0 4 1 1 *")


async def _nothing(_: Namespace) -> None:
    """The faults come from the first write on."""


async def _succeeds(here: Namespace) -> None:
    jobs = (job("migrate", "beforeDeployment"), job("warm", "afterSuccessDeployment"))
    await here.create(WEB, TICK, *jobs, application(release=SOON))
    await here.ended("shop-1", "success")


async def _serves(here: Namespace) -> None:
    await here.create(WEB, job("alarm", "afterFailedDeployment"), application(release=SOON))
    await here.ended("shop-1", "success")


async def _asks_for_what_cannot_run(here: Namespace, release: Body) -> None:
    await here.change(names.PROCESS_KIND, "web", resourceTypeRef={"name": NOWHERE})
    await here.change(names.APPLICATION_KIND, "shop", image=f"{IMAGE}:v2", release=release)


async def _fails(here: Namespace) -> None:
    await _asks_for_what_cannot_run(here, IMPATIENT)
    await here.ended("shop-2", "failed")


async def _is_cancelled_in_its_rollout(here: Namespace) -> None:
    await _asks_for_what_cannot_run(here, SOON)

    async def rolls_out() -> bool:
        found = await here.get("Deployment", "shop-web")
        image: str = found["spec"]["template"]["spec"]["containers"][0]["image"]
        return image.endswith(":v2")

    await here.until(rolls_out, "the rollout")
    await here.change(names.RELEASE_KIND, "shop-2", cancel=True)
    await here.ended("shop-2", "cancelled")


async def _is_cancelled(here: Namespace) -> None:
    await here.create(WEB, job("migrate", "beforeDeployment", env=HOLD), application(release=SOON))

    async def job_runs() -> bool:
        found = await here.get(names.RELEASE_KIND, "shop-1")
        jobs = (found.get("status") or {}).get("jobs", ())
        return any("jobUID" in one for one in jobs)

    await here.until(job_runs, "the job")
    await here.change(names.RELEASE_KIND, "shop-1", cancel=True)
    await here.ended("shop-1", "cancelled")


SCENARIOS = {
    "success": Scenario(_nothing, _succeeds),
    "rollback": Scenario(_serves, _fails),
    "cancel": Scenario(_nothing, _is_cancelled),
    "cancel-rollout": Scenario(_serves, _is_cancelled_in_its_rollout),
}


async def ending(here: Namespace) -> dict[str, Any]:
    """Return how everything in a namespace has ended."""
    found: dict[str, Any] = {}
    for one in await here.all(names.RELEASE_KIND):
        status = one["status"]
        jobs = [
            (job["key"], job.get("result"), job.get("reason")) for job in status.get("jobs", ())
        ]
        found[one["metadata"]["name"]] = (status.get("state"), jobs)
    for kind in (names.APPLICATION_KIND, names.PROCESS_KIND):
        for one in await here.all(kind):
            conditions = one["status"].get("conditions", ())
            ready = [(c["status"], c["reason"]) for c in conditions if c["type"] == "Ready"]
            found[f"{kind} {one['metadata']['name']}"] = ready
    for one in await here.all("Deployment"):
        container = one["spec"]["template"]["spec"]["containers"][0]
        found[f"Deployment {one['metadata']['name']}"] = (
            container["image"],
            one["spec"]["replicas"],
        )
    for kind in ("Service", "CronJob"):
        for one in await here.all(kind):
            found[f"{kind} {one['metadata']['name']}"] = True
    return found


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a scenario."""

    seconds: float
    starting: float
    """The seconds of it that the start of the killed operator and its first lists took."""
    writes: list[Write]
    first: int
    """The place of the first write after the prologue."""
    jobs: list[str]
    """The Jobs that were created by the API server's own log, as often as they were."""
    ending: dict[str, Any]


@dataclass(slots=True)
class Matrix(Generic[ProxyT]):
    """The cluster, the proxy, the operator behind it, and what has been found out."""

    api: client.Cluster
    proxy: ProxyT
    operator: running.Operator
    audit_log: Path
    active: dict[str, set[str]] = field(default_factory=dict)
    doubles: list[str] = field(default_factory=list)
    """Applications that had two releases in progress at once."""
    restarting: asyncio.Lock = field(default_factory=asyncio.Lock)
    restarts: int = 0
    starting: float = 0.0
    """The seconds that the last start took."""
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)
    """For a course in which the operator, which is everybody's, is killed."""

    async def restart(self) -> None:
        """Kill the operator, and start it again."""
        async with self.restarting:
            await asyncio.to_thread(self.operator.kill)
            begun = time.monotonic()
            await asyncio.to_thread(self.operator.start)
            self.starting = time.monotonic() - begun
            self.restarts += 1

    async def run(self, scenario: Scenario, fault: Fault | None) -> Run:
        """Run a scenario in a namespace of its own, until nothing is written for a while."""
        here = Namespace(self.api, f"faults-{uuid.uuid4().hex[:8]}")
        since = self.audit_log.stat().st_size
        await self.api.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": here.name}}
        )
        record = self.proxy.record(here.name)
        await scenario.prologue(here)
        kills = fault is not None and fault.kills
        async with self.alone if kills else contextlib.nullcontext():
            record.fault, record.first = fault, len(record.writes)
            begun = time.monotonic()
            await scenario.history(here)
            took = time.monotonic() - begun
            if kills and not record.injected.is_set():
                # The fault may come after the end, at the last write of a status.
                await self._quiet(record)
            starting = self.starting if kills and record.injected.is_set() else 0.0
        await self._quiet(record)
        # What was asked for before the fault counts as well: the prologue makes Jobs too.
        jobs = self.created_jobs(here.name, since)
        return Run(took, starting, record.writes, record.first, jobs, await ending(here))

    async def deleted_after(self, scenario: Scenario, writes: int) -> bool:
        """Delete the namespace of a scenario after so many writes; return whether it goes."""
        here = Namespace(self.api, f"faults-{uuid.uuid4().hex[:8]}")
        await self.api.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": here.name}}
        )
        record = self.proxy.record(here.name)
        course = asyncio.ensure_future(scenario.history(here))

        async def written() -> bool:
            return len(record.writes) >= writes or course.done()

        async def gone() -> bool:
            try:
                await self.api.get("Namespace", None, here.name)
            except errors.NotFound:
                return True
            return False

        await here.until(written, f"write {writes}")
        uid = (await self.api.get("Namespace", None, here.name))["metadata"]["uid"]
        await self.api.delete("Namespace", None, here.name, uid=uid, propagation="Background")
        course.cancel()
        await asyncio.gather(course, return_exceptions=True)
        await here.until(gone, "the end of the namespace")
        return True

    async def _quiet(self, record: Record) -> None:
        """Return when nothing has been written for a moment in which the operator was up."""
        before = None
        while self.restarting.locked() or before != (len(record.writes), self.restarts):
            before = (len(record.writes), self.restarts)
            await asyncio.sleep(QUIET_SECONDS)

    def created_jobs(self, namespace: str, since: int = 0) -> list[str]:
        """Return the names of the Jobs that were created in a namespace, as often as they were."""
        made = []
        with self.audit_log.open() as lines:
            lines.seek(since)
            for line in lines:
                if namespace not in line or not line.endswith("}\n"):
                    continue
                event = json.loads(line)
                what = event.get("objectRef") or {}
                code = (event.get("responseStatus") or {}).get("code")
                if (event["verb"], what.get("resource"), code) == ("create", "jobs", 201):
                    made.append(what["name"])
        return made

    async def watch(self) -> None:
        """Notice two releases of an application that are in progress at the same time."""
        version = "0"
        async for _, listed in self.api.list(names.RELEASE_KIND):
            version = listed
        while True:
            try:
                async for kind, body in self.api.watch(
                    names.RELEASE_KIND, resource_version=version
                ):
                    version = body["metadata"]["resourceVersion"]
                    if kind != "BOOKMARK":
                        self._note(kind, body)
            except errors.Unavailable:
                continue

    def _note(self, kind: str, body: Body) -> None:
        metadata, state = body["metadata"], (body.get("status") or {}).get("state")
        shop = f"{metadata['namespace']}/{body['spec']['applicationRef']['name']}"
        there = self.active.setdefault(shop, set())
        if state == "inProgress" and kind != "DELETED":
            there.add(metadata["name"])
        else:
            there.discard(metadata["name"])
        if len(there) > 1:
            self.doubles.append(shop)


@contextlib.asynccontextmanager
async def matrix(
    directory: Path,
    proxies: type[ProxyT],
    operators: type[running.Operator] = running.Operator,
) -> AsyncIterator[Matrix[ProxyT]]:
    """Bring cluster, proxy and operator up."""
    made = await asyncio.to_thread(local_cluster.up, "kwok", directory)
    kubeconfig = await asyncio.to_thread(operate.install, made)
    size = {"cpu": "1", "memory": "1Gi", "category": "hobby", "nodeSelector": {"no.such": "node"}}
    nowhere = {
        "apiVersion": names.API_VERSION,
        "kind": names.RESOURCE_TYPE_KIND,
        "metadata": {"name": NOWHERE},
        "spec": size,
    }
    await asyncio.to_thread(kubeconfigs.apply, made, [nowhere])
    async with (
        client.Cluster(connecting.connection(made.kubeconfig)) as api,
        proxies(kubeconfig, directory / "proxy") as proxy,
    ):
        log = directory / "logs" / "operator-under-faults.log"
        log.unlink(missing_ok=True)
        operator = operators(proxy.kubeconfig, log, "--election", "false")
        if made.audit_log is None:
            raise RuntimeError("the faults need a cluster with an audit log")
        found = Matrix(api, proxy, operator, made.audit_log)
        proxy.restart = found.restart
        await asyncio.to_thread(operator.start)
        watching = asyncio.create_task(found.watch())
        try:
            yield found
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await asyncio.to_thread(operator.stop)
            await asyncio.to_thread(local_cluster.down, directory)


def twice(made: Sequence[str]) -> list[str]:
    return [
        f"Job {one} was created {made.count(one)} times"
        for one in sorted(set(made))
        if made.count(one) > 1
    ]


def disorder(writes: list[Write]) -> list[str]:
    """Return what came before that which has to come first: jobs before, rollout, jobs after."""
    order = [step for one in writes if 200 <= one.status < 300 and (step := _step(one))]
    rollout = [position for position, step in enumerate(order) if step == "rollout"]
    wrong = (
        any(
            step == "migrate" and rollout and position > rollout[0]
            for position, step in enumerate(order)
        )
        # A rollout ends before the jobs after it begin: after a failure with the way back.
        or any(
            step in {"warm", "alarm"} and (not rollout or position < rollout[-1])
            for position, step in enumerate(order)
        )
    )
    return [f"out of order: {order}"] if wrong else []


def _step(write: Write) -> str:
    """Return which step of a release a write belongs to, "" for none."""
    if write.verb == "POST" and write.path.endswith("/jobs"):
        return write.name.rpartition("-")[0].rpartition("-")[2]
    return "rollout" if "/deployments/" in write.path else ""
