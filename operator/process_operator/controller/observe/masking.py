"""Masks the literal values of environments in what others have written.

Pods' own words go into records, conditions and events alike, so they are masked where they come
in (`redact`); what is fetched later is masked when it is added.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from process_operator.controller.observe import quoting
from process_operator.controller.observe.child_status import (
    ChildStatus,
    CronJobStatus,
    DeploymentStatus,
    JobStatus,
    RouteStatus,
)
from process_operator.controller.observe.records import Child, CustomResource, ObservedState
from process_operator.kube import names
from process_operator.models import snapshot
from process_operator.models.snapshot import Snapshot

MAX_TOLD = 1024
"""Characters of others' words that are looked at: no more than that is told of any."""


def redact(observed: ObservedState) -> ObservedState:
    """Return the state with the literal values of its releases masked in others' words.

    Every release counts: pods may still have been made of an older one.
    """
    said: dict[str | None, list[str]] = {}
    for label, text in _words(observed):
        said.setdefault(label, []).append(text[:MAX_TOLD])
    if not said:
        return observed
    known = _frozen(observed)
    found = {
        label: dict(zip(texts, quoting.masked(texts, secret_values(known, label)), strict=True))
        for label, texts in said.items()
    }

    def told(text: str, label: str | None = None) -> str:
        return found[label][text[:MAX_TOLD]]

    processes = {pod.uid: pod.process for pod in observed.pods}
    return replace(
        observed,
        pods=tuple(
            replace(pod, problem=replace(pod.problem, message=told(pod.problem.message, label)))
            if pod.problem is not None
            else pod
            for pod, label in ((pod, pod.process) for pod in observed.pods)
        ),
        probe_failures={
            uid: told(text, processes.get(uid)) for uid, text in observed.probe_failures.items()
        },
        job_refusals={uid: told(text) for uid, text in observed.job_refusals.items()},
        shown={
            key: replace(one, refused=replace(one.refused, message=told(one.refused.message)))
            if one.refused is not None
            else one
            for key, one in observed.shown.items()
        },
        refused={
            key: replace(one, message=told(one.message)) for key, one in observed.refused.items()
        },
        children={
            key: _redacted(child, told(text)) if (text := _message(child.status)) else child
            for key, child in observed.children.items()
        },
    )


def told(observed: ObservedState, text: str) -> str:
    """Return what the API server said to a write for an application, as it may be logged."""
    (said,) = quoting.masked([text[:MAX_TOLD]], secret_values(_frozen(observed)))
    return said


def _frozen(observed: ObservedState) -> list[Snapshot]:
    releases = [one for one in observed.releases if isinstance(one, CustomResource)]
    read = (snapshot.readable(one.status.snapshot) for one in releases)
    return [one for one in read if one is not None]


def _words(observed: ObservedState) -> Iterator[tuple[str | None, str]]:
    """Yield what others have said, each with the label of the process that it is about, if known.

    A controller's words count too: a webhook that refuses a pod may quote its environment.
    """
    processes = {pod.uid: pod.process for pod in observed.pods}
    for pod in observed.pods:
        if pod.problem is not None:
            yield pod.process, pod.problem.message
    for uid, text in observed.probe_failures.items():
        yield processes.get(uid), text
    for child in observed.children.values():
        if text := _message(child.status):
            yield None, text
    for text in (
        *observed.job_refusals.values(),
        *(one.message for one in observed.refused.values()),
        *(one.refused.message for one in observed.shown.values() if one.refused is not None),
    ):
        yield None, text


def _redacted(child: Child, told: str) -> Child:
    """Return a child whose status says this."""
    match child.status:
        case DeploymentStatus() | JobStatus() | RouteStatus() as status:
            return replace(child, status=replace(status, message=told))
        case CronJobStatus() | None:
            return child


def _message(status: ChildStatus) -> str:
    """Return what a controller says of a child in words."""
    match status:
        case DeploymentStatus() | JobStatus() | RouteStatus():
            return status.message
        case CronJobStatus() | None:
            return ""


def secret_values(snapshots: Iterable[Snapshot | None], label: str | None = None) -> frozenset[str]:
    """Return the values that stand in the specs.

    Args:
        snapshots: What a process may have been made of.
        label: Its label, see `names.key_label`; None for all processes.
    """
    values: set[str] = set()
    for one in snapshots:
        if one is not None:
            own = [e for e in one.processes if label in {None, names.key_label(e.key)}]
            pods = (one.pod, *(e.pod for e in own), *(e.resource_type.pod for e in own))
            beside = (found.env for pod in pods if pod is not None for found in pod.containers)
            envs = (one.env, *(e.env for e in own), *beside)
            values.update(found.value for env in envs for found in env if found.value)
    return frozenset(one for one in values if len(one) >= quoting.SHORTEST)
