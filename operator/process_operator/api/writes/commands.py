"""Commands that are run in an instance of a process, for a key that may do so."""

import asyncio
import logging
from collections.abc import Sequence

from process_operator.api import problems
from process_operator.api.reads.cache import Record
from process_operator.api.writes.writer import WriteOptions
from process_operator.cluster import pods
from process_operator.cluster.client import Cluster
from process_operator.cluster.pods import Executed
from process_operator.kube import errors, names
from process_operator.kube.manifest import Manifest

_log = logging.getLogger(__name__)

_MAX_WRITTEN = 1024 * 1024
_AT_ONCE = 16


class Commands:
    """Runs commands, so many at the same time."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def run(
        self, process: Record, command: Sequence[str], seconds: int, options: WriteOptions
    ) -> Executed:
        """Run a command in the oldest instance that serves, and wait for its end.

        Args:
            process: Whose instance.
            command: The program and its arguments.
            seconds: How long it is waited for.
            options: Who asks.
        """
        if self._turns.locked():
            raise problems.busy(f"{_AT_ONCE} commands are run already; wait until one has ended")
        async with self._turns:
            pod = await self._pod(process)
            self._tell(process, pod, options)
            try:
                async with asyncio.timeout(seconds):
                    return await pods.execute(
                        self._cluster, process.namespace, pod, command, kept=_MAX_WRITTEN
                    )
            except TimeoutError:
                raise problems.refused(
                    f"the command did not end within {seconds} s, and may still run; give a longer "
                    "timeout, or make a process of type job of it"
                ) from None
            except pods.TooMuch:
                raise problems.refused(
                    f"the command wrote more than {_MAX_WRITTEN} bytes, and may still run; let it "
                    "write less"
                ) from None
            except errors.Forbidden as error:
                raise problems.refused(
                    "this API may not run commands in instances; the platform allows it by "
                    "api.exec.enabled of the chart"
                ) from error

    async def _pod(self, process: Record) -> str:
        told = names.selecting(names.selector(process.application, process.spec["key"]))
        pages = self._cluster.list("Pod", namespace=process.namespace, label_selector=told)
        found = [pod async for page, _ in pages for pod in page if _is_ready(pod)]
        if not found:
            raise problems.refused("no instance of the process is ready; see its deployments")
        found.sort(key=lambda one: str(one["metadata"]["creationTimestamp"]))
        return str(found[0]["metadata"]["name"])

    def _tell(self, process: Record, pod: str, options: WriteOptions) -> None:
        _log.info(
            "began a command for an API key",
            extra={
                "kind": "Pod",
                "namespace": process.namespace,
                "object": pod,
                "key": options.asker,
            },
        )


def _is_ready(pod: Manifest) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return "deletionTimestamp" not in pod["metadata"] and any(
        one["type"] == "Ready" and one["status"] == "True" for one in conditions
    )
