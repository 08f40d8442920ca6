"""Masks the literal values of environments in what others have written.

Pods' own words go into records, conditions and events alike, so they are masked where they come
in (`redact`); what is fetched later is masked when it is added.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from process_operator.controller.observe.records import Child, CustomResource, ObservedState, Pod
from process_operator.kube import names
from process_operator.models import snapshot
from process_operator.models.snapshot import Snapshot

MASK = "***"
_SHORTEST_SECRET = 4
"""Shorter values are masked nowhere: they would take half of every line with them."""


def redact(observed: ObservedState) -> ObservedState:
    """Return the state with the literal values of its releases masked in others' words.

    Every release counts: pods may still have been made of an older one.
    """
    processes = {
        pod.uid: pod.process
        for pod in observed.pods
        if pod.problem is not None or pod.uid in observed.probe_failures
    }
    told = [key for key, child in observed.children.items() if _messages(child)]
    if not (processes or told or observed.refused or observed.job_refusals):
        return observed
    releases = [one for one in observed.releases if isinstance(one, CustomResource)]
    known = [snapshot.readable(one.status.get("snapshot")) for one in releases]
    secrets = {label: secret_values(known, label) for label in set(processes.values())}
    every = secret_values(known)
    return replace(
        observed,
        pods=tuple(_redacted_pod(one, secrets.get(one.process, every)) for one in observed.pods),
        probe_failures={
            uid: _quoted(said, secrets[processes[uid]] if uid in processes else every)
            for uid, said in observed.probe_failures.items()
        },
        job_refusals={uid: _quoted(said, every) for uid, said in observed.job_refusals.items()},
        refused={
            key: replace(one, message=_quoted(one.message, every))
            for key, one in observed.refused.items()
        },
        children={
            **observed.children,
            **{key: _redacted_child(observed.children[key], every) for key in told},
        },
    )


def _redacted_pod(pod: Pod, secrets: Sequence[str]) -> Pod:
    if pod.problem is None:
        return pod
    return replace(pod, problem=replace(pod.problem, message=_quoted(pod.problem.message, secrets)))


def _redacted_child(child: Child, secrets: Sequence[str]) -> Child:
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


def secret_values(snapshots: Iterable[Snapshot | None], label: str | None = None) -> Sequence[str]:
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


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return the text without the secrets."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def _quoted(text: str, secrets: Iterable[str]) -> str:
    """Mask a text that may have been cut, and a value at its end with it."""
    secrets = tuple(secrets)
    text = masked(text, secrets)
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
