"""Masks the literal values of environments in what others have written.

Pods' own words go into records, conditions and events alike, so they are masked where they come
in (`without_secrets`); what is fetched later is masked when it is added.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from process_operator.controller.observe.records import Child, Pod, World
from process_operator.kube import names
from process_operator.models.snapshot import Snapshot

MASK = "***"
_SHORTEST_SECRET = 4
"""Shorter values are masked nowhere: they would take half of every line with them."""


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
