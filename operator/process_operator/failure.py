"""Why a release failed: from the step down to the pod's own words, and one plain sentence.

The decision that a release has failed knows the process and its pod. What the container wrote
last and what Kubernetes said of the pod has to be fetched: whoever does that adds it here, before
the record is written, because going back removes the pod.

What others have written may hold a value of a literal variable. Pods' own words go into records,
conditions and events alike, so they are masked where they come in (`without_secrets`), and what
is fetched is masked when it is added.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from process_operator import names, observed
from process_operator.models.process import JobStartPolicy
from process_operator.models.release import ReleaseStep
from process_operator.models.snapshot import Snapshot
from process_operator.observed import Child, Manifest, Pod, World
from process_operator.rollout import Progress

LOG_LINES = 20
MAX_LINE = 500
MAX_EVENTS = 8
MAX_EVENT = 500
MASK = "***"
_GAP = " ... "
_SHORTEST_SECRET = 4
"""Shorter values are masked nowhere: they would take half of every line with them."""

_ON_ITS_WAY = {"RolloutInProgress", "InstancesStarting"}
"""Reasons that say no more of a workload than that it is late."""

_WHEN = {
    JobStartPolicy.BEFORE_DEPLOYMENT: "before the rollout",
    JobStartPolicy.AFTER_SUCCESS_DEPLOYMENT: "after the rollout",
    JobStartPolicy.AFTER_FAILED_DEPLOYMENT: "after the failure",
}


def of_job(entry: Mapping[str, Any], pod: Pod | None) -> dict[str, Any]:
    """Return why a job that ran before the rollout made its release fail."""
    sentence = (
        f'The rollout never started because job process "{entry["key"]}", which runs '
        f"{_WHEN[JobStartPolicy(entry['policy'])]}, failed: {entry['message']}"
    )
    return _failure(
        ReleaseStep.BEFORE_JOBS, entry["key"], entry["reason"], entry["message"], sentence, pod=pod
    )


def of_rollout(key: str, progress: Progress, probe_failures: Mapping[str, str]) -> dict[str, Any]:
    """Return why a process that did not become ready made its release fail."""
    trouble = progress.trouble
    sentence = (
        f'The rollout failed because process "{key}" did not become ready in time: '
        f"{progress.message}"
    )
    return _failure(
        ReleaseStep.ROLLOUT,
        key,
        observed.TOO_LATE if progress.reason in _ON_ITS_WAY else progress.reason,
        trouble.message if trouble else progress.message,
        sentence,
        pod=progress.pod,
    ) | _probe(progress.pod, probe_failures)


def after_success(entry: Mapping[str, Any]) -> str:
    """Return the warning that a job after the rollout failed; the release stands."""
    return (
        f'job process "{entry["key"]}", which runs after the rollout, failed: {entry["message"]}; '
        "the release stands"
    )


def _failure(
    step: ReleaseStep, key: str, reason: str, message: str, sentence: str, *, pod: Pod | None
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "step": str(step),
        "process": key,
        "reason": reason,
        "message": message,
        "sentence": sentence,
    }
    if pod is None:
        return made
    made["pod"] = pod.name
    trouble = pod.trouble
    if trouble is None:
        return made
    if trouble.state:
        made["containerState"] = trouble.state
    if trouble.exit_code is not None:
        made["exitCode"] = trouble.exit_code
        if 128 < trouble.exit_code < 256:
            # The shells' way to say that a signal ended it.
            made["signal"] = trouble.exit_code - 128
    return made


def _probe(pod: Pod | None, probe_failures: Mapping[str, str]) -> dict[str, str]:
    """Return what the kubelet said of a failing probe of this pod."""
    said = probe_failures.get(pod.uid) if pod is not None else None
    return {} if said is None else {"probe": printable(said)[:MAX_LINE]}


def with_evidence(
    failure: Mapping[str, Any], *, log: str, events: Iterable[str], snapshot: Snapshot | None
) -> dict[str, Any]:
    """Add the last lines of the container and what Kubernetes said of its pod."""
    secrets = literals([snapshot], names.key_label(failure["process"]))
    lines = tail(log, secrets)
    told = [_masked(printable(one), secrets)[:MAX_EVENT] for one in events]
    return {
        **failure,
        **({"log": lines} if lines else {}),
        **({"events": told[-MAX_EVENTS:]} if told else {}),
    }


def tail(log: str, secrets: Iterable[str]) -> str:
    """Return the last lines of a container's log, bounded, escaped and masked."""
    lines = _masked(log, secrets).splitlines()[-LOG_LINES:]
    return "\n".join(_shortened(printable(one)) for one in lines)


def _shortened(line: str) -> str:
    """Return a line without its middle if it is too long: errors stand at either end."""
    if len(line) <= MAX_LINE:
        return line
    half = (MAX_LINE - len(_GAP)) // 2
    return line[:half] + _GAP + line[-half:]


def events_told(events: Iterable[Manifest]) -> list[str]:
    """Return what Kubernetes' warnings say, oldest first, each once."""
    warnings = sorted(
        (one for one in events if one.get("type") == "Warning"),
        key=lambda one: one["metadata"]["creationTimestamp"],
    )
    return list(dict.fromkeys(f"{one.get('reason')}: {one.get('note')}" for one in warnings))


def without_secrets(world: World, snapshots: Iterable[Snapshot | None]) -> World:
    """Return the world with the literal values of these environments masked in others' words.

    Args:
        world: All that is seen.
        snapshots: What pods may have been made of.
    """
    processes = {
        pod.uid: pod.process
        for pod in world.pods
        if pod.trouble is not None or pod.uid in world.probe_failures
    }
    told = [key for key, child in world.children.items() if _messages(child)]
    if not (processes or told or world.refused or world.job_refusals):
        return world
    known = [one for one in snapshots if one is not None]
    secrets = {label: literals(known, label) for label in set(processes.values())}
    every = literals(known)
    return replace(
        world,
        pods=tuple(_discreet_pod(one, secrets.get(one.process, every)) for one in world.pods),
        probe_failures={
            uid: _quoted(said, secrets[processes[uid]] if uid in processes else every)
            for uid, said in world.probe_failures.items()
        },
        job_refusals={uid: _quoted(said, every) for uid, said in world.job_refusals.items()},
        refused={
            key: replace(one, message=_quoted(one.message, every))
            for key, one in world.refused.items()
        },
        children={
            **world.children,
            **{key: _discreet_child(world.children[key], every) for key in told},
        },
    )


def _discreet_pod(pod: Pod, secrets: Sequence[str]) -> Pod:
    if pod.trouble is None:
        return pod
    return replace(pod, trouble=replace(pod.trouble, message=_quoted(pod.trouble.message, secrets)))


def _discreet_child(child: Child, secrets: Sequence[str]) -> Child:
    """Mask what a controller says: a webhook that refuses a pod may quote its environment."""
    said = {
        name: {**one, "message": _quoted(one["message"], secrets)}
        for name, one in _messages(child).items()
    }
    conditions = {**child.status["conditions"], **said}
    return replace(child, status={**child.status, "conditions": conditions})


def _messages(child: Child) -> Mapping[str, Mapping[str, str]]:
    """Return the conditions of a child that say something in words."""
    found = child.status.get("conditions") or {}
    return {name: one for name, one in found.items() if one.get("message")}


def literals(snapshots: Iterable[Snapshot | None], label: str | None = None) -> Sequence[str]:
    """Return the values that stand in the specs; longest first, for one may hold another.

    Args:
        snapshots: What a process may have been made of.
        label: Its label, see `names.key_label`; None for all processes.
    """
    values: set[str] = set()
    for one in snapshots:
        if one is not None:
            own = [e.env for e in one.processes if label in {None, names.key_label(e.key)}]
            values.update(found.value for env in (one.env, *own) for found in env if found.value)
    # Of a value of several lines each one counts, and it may be told with its controls escaped.
    parts = {part for value in values for part in (value, *value.splitlines())}
    parts |= {printable(part) for part in parts}
    parts |= {part.replace("\t", r"\t") for part in parts}
    return sorted((part for part in parts if len(part) >= _SHORTEST_SECRET), key=len, reverse=True)


def _masked(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def _quoted(text: str, secrets: Iterable[str]) -> str:
    """Mask a text that may have been cut, and a value at its end with it."""
    secrets = tuple(secrets)
    text = _masked(text, secrets)
    for secret in secrets:
        for length in range(min(len(secret) - 1, len(text)), _SHORTEST_SECRET - 1, -1):
            if text.endswith(secret[:length]):
                return text[:-length] + MASK
    return text


def printable(text: str) -> str:
    """Escape control characters: what a container wrote must not drive a terminal."""
    return "".join(
        c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in text
    )
