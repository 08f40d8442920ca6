"""What the instances of an application have written lately, as far as their nodes still have it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from process_operator.api.reads.cache import Record
from process_operator.cluster import pods
from process_operator.cluster.client import Cluster
from process_operator.kube import errors, names
from process_operator.kube.manifest import Manifest

_MAX_PODS = 50
"""Instances that are read for one answer: the newest."""
_MAX_LINES = 20_000
_MAX_BYTES = 4 * 1024 * 1024
"""What is read for one answer, the same of each instance."""
_AT_ONCE = 4
"""How many answers are made at the same time: others wait."""
_NODES_AT_ONCE = 32
"""How many instances are read at the same time, for all answers."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Line:
    """A line that an instance wrote."""

    at: datetime
    pod: str
    place: int
    """Which of the lines that were read of its pod: many have the same time."""
    process: str
    """Label of the process's key."""
    text: str


class RuntimeLogs:
    """Asks the nodes for what is written there; nothing is kept."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._nodes = asyncio.Semaphore(_NODES_AT_ONCE)

    async def of(
        self, application: Record, key: str | None, since: datetime, lines: int
    ) -> list[Line]:
        """Return what the instances of an application wrote, oldest first.

        Args:
            application: Whose instances.
            key: Key of the only process that is meant; None for all.
            since: The time from which on.
            lines: How many of each instance, at most: the newest.
        """
        async with self._turns:
            meant = await self._pods(application, key)
            share = len(meant) or 1
            texts = await asyncio.gather(
                *(
                    self._text(one, since, min(lines, _MAX_LINES // share), _MAX_BYTES // share)
                    for one in meant
                )
            )
            read = zip(meant, texts, strict=True)
            return sorted(line for pod, text in read for line in written(pod, text))

    async def _pods(self, application: Record, key: str | None) -> list[Manifest]:
        pages = self._cluster.list(
            "Pod",
            namespace=application.namespace,
            label_selector=selector(application, key),
            metadata_only=True,
        )
        found = [pod async for page, _ in pages for pod in page]
        found.sort(key=lambda one: str(one["metadata"]["creationTimestamp"]), reverse=True)
        return found[:_MAX_PODS]

    async def _text(self, pod: Manifest, since: datetime, lines: int, kept: int) -> str:
        about = pod["metadata"]
        try:
            async with self._nodes:
                return await pods.log(
                    self._cluster,
                    about["namespace"],
                    about["name"],
                    lines=lines,
                    since=since,
                    kept=kept,
                )
        except errors.Forbidden:
            raise
        except (errors.NotFound, errors.Rejected, errors.Unavailable):
            # It has not started yet, is gone meanwhile, or its node does not answer.
            return ""


def written(pod: Manifest, text: str) -> Iterator[Line]:
    """Yield the lines of a pod's log."""
    about = pod["metadata"]
    process = process_of(pod)
    # Not `splitlines`, which takes other characters for the end of a line too.
    for place, said in enumerate(text.split("\n")):
        found = line(about["name"], process, place, said)
        if found is not None:
            yield found


def line(pod: str, process: str, place: int, said: str) -> Line | None:
    """Return a line that stands behind its time; None for what the kubelet says itself."""
    time, _, text = said.partition(" ")
    try:
        at = datetime.fromisoformat(time)
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return Line(at=at, pod=pod, place=place, process=process, text=text)


def process_of(pod: Manifest) -> str:
    """Return the label of the process that a pod is an instance of."""
    return (pod["metadata"].get("labels") or {}).get(names.PROCESS) or ""


def selector(application: Record, key: str | None) -> str:
    """Return what selects the instances of an application, or of its process of this key."""
    meant = {names.APPLICATION: application.name}
    if key is not None:
        meant = names.selector(application.name, key)
    return names.selecting(meant)
