"""`make bench-releases`: a hundred applications of five processes released at once.

Each with a job of two seconds before its rollout. Nobody may be left behind, each job has to be
made once and to have ended before its rollout began; memory and CPU are told.
"""

import argparse
import asyncio
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import connecting
import local_cluster
import operate
import running
from bench import floor, observing
from local_cluster import kubeconfigs
from process_operator.cluster import client
from process_operator.kube import names
from userside import application, process

ROOT = Path(__file__).parents[2]
NAMESPACE = "bench-releases"
JOB_SECONDS = 2
PATIENCE_SECONDS = 600.0


def members(name: str) -> list[dict[str, Any]]:
    """Return the processes of one application."""
    pause = [{"name": "KWOK_RUNS_FOR", "value": f"{JOB_SECONDS}s"}]
    job = {"jobStartPolicy": "beforeDeployment", "env": pause}
    made = [
        process("web", "web", of=name),
        process("api", "web", of=name),
        process("worker", "worker", of=name),
        process("tick", "cron", of=name, schedule="0 4 1 1 *"),
        process("migrate", "job", of=name, **job),
    ]
    for one in made:
        one["metadata"] = {"name": f"{name}-{one['metadata']['name']}", "namespace": NAMESPACE}
    return made


async def ended(api: client.Cluster, count: int, suffix: str) -> list[dict[str, Any]]:
    """Wait until so many releases of this number have ended; return them."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        pages = api.list(names.RELEASE_KIND, namespace=NAMESPACE)
        found = [
            one
            async for page, _ in pages
            for one in page
            if one["metadata"]["name"].endswith(suffix) and "finishedAt" in one.get("status", {})
        ]
        if len(found) == count:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"{count - len(found)} of {count} releases are stuck")
        await asyncio.sleep(0.5)


def wrong(release: dict[str, Any]) -> str:
    """Return what is wrong with a release that has ended, nothing if nothing is."""
    status = release["status"]
    (job,) = status["jobs"]
    if status["state"] != "success" or job["result"] != "success":
        return f"it is {status['state']}, its job {job['result']}"
    if datetime.fromisoformat(job["finishedAt"]) > datetime.fromisoformat(
        status["rolloutStartedAt"]
    ):
        return "its rollout began before its job had ended"
    return ""


async def run(count: int, made: local_cluster.Cluster) -> list[str]:
    """Bring the applications up, release them all at once, print what it took."""
    log = made.directory / "logs" / "operator-under-bench.log"
    operator = running.Operator(operate.install(made), log)
    kubeconfigs.kubectl(made, ["create", "namespace", NAMESPACE])
    async with client.Cluster(connecting.connection(made.kubeconfig)) as api:
        await asyncio.to_thread(operator.start)
        try:
            return await _measure(count, api, operator)
        finally:
            await asyncio.to_thread(operator.stop)


async def _measure(count: int, api: client.Cluster, operator: running.Operator) -> list[str]:
    # Processes and application come by watches of their own: without a moment of settling, a first
    # release may start before its last process is seen.
    apps = [application(f"app-{number}", release={"settleSeconds": 1}) for number in range(count)]

    async def make(app: dict[str, Any]) -> None:
        for one in members(app["metadata"]["name"]):
            await api.create(one)
        await api.create({**app, "metadata": {**app["metadata"], "namespace": NAMESPACE}})

    await floor.in_flight((make(app) for app in apps), floor.IN_FLIGHT)
    await ended(api, count, "-1")
    cpu, begun = observing.cpu_seconds(operator.pid), time.monotonic()

    async def change(app: dict[str, Any]) -> None:
        spec = {"spec": {"image": "process-operator.dev/sample:v2"}}
        await api.merge_patch(names.APPLICATION_KIND, NAMESPACE, app["metadata"]["name"], spec)

    await floor.in_flight((change(app) for app in apps), floor.IN_FLIGHT)
    releases = await ended(api, count, "-2")
    took = time.monotonic() - begun
    cpu = observing.cpu_seconds(operator.pid) - cpu
    jobs = [one async for page, _ in api.list("Job", namespace=NAMESPACE) for one in page]
    print(
        f"{count} releases, each with a job of {JOB_SECONDS} s: {took:.1f} s, "
        f"operator CPU {cpu:.1f} s ({cpu * 1000 / count:.1f} ms per release), "
        f"RSS {observing.rss_mib(operator.pid):.1f} MiB, {len(jobs)} Jobs for {2 * count} releases"
    )
    faults = [f"{one['metadata']['name']}: {why}" for one in releases if (why := wrong(one))]
    if len(jobs) != 2 * count:
        faults.append(f"{len(jobs)} Jobs were made")
    return faults


def main() -> int:
    """Run it; return 1 where something is wrong."""
    parser = argparse.ArgumentParser(prog="bench.releases", description=__doc__)
    parser.add_argument("--n", type=int, default=100, help="applications")
    count = parser.parse_args().n
    directory = ROOT / "build" / "cluster-bench"
    local_cluster.down(directory)
    made = local_cluster.up("kwok", directory)
    try:
        faults = asyncio.run(run(count, made))
    finally:
        local_cluster.down(directory)
    print("\n".join(faults) or "every one ended well, in order")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
