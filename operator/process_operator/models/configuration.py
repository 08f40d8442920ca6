"""Which ConfigMaps and Secrets configure an application, and at which version they stand.

A pod reads them when it starts: what changes in one of them runs only after a restart, of any pod
and at any time. So their versions are recorded with each release, and a change since then is a
staged difference like any other. Nothing but their metadata is ever asked for.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from process_operator.models.environment import EnvFrom, EnvFromSource, EnvVar, ObjectSource
from process_operator.models.pod import PodSettings
from process_operator.models.volumes import Volume

CONFIG_MAP, SECRET = "ConfigMap", "Secret"


class Source(NamedTuple):
    """One ConfigMap or Secret of the application's namespace."""

    kind: str
    name: str

    def __str__(self) -> str:
        """Return how it is told."""
        return f"{self.kind}/{self.name}"


Versions = Mapping[Source, str]
"""The resourceVersion of each that is known; "" of what is not there."""

GLOBAL = Source(CONFIG_MAP, "process-operator-global-env")
"""Variables of every process of its namespace; where it is not there, it is no part of versions."""


class Configured(Protocol):
    """What names them: a spec, or what was frozen of one."""

    @property
    def env(self) -> tuple[EnvVar, ...]:
        """Variables, some of which come from a key."""

    @property
    def env_from(self) -> tuple[EnvFromSource, ...]:
        """Variables from all keys."""

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """Files, some of which come from keys."""

    @property
    def pod(self) -> PodSettings | None:
        """Containers beside the process, with variables of their own."""


def sources(of: Configured) -> frozenset[Source]:
    """Return what something takes its variables and files from."""
    beside = of.pod.containers if of.pod is not None else ()
    return frozenset(
        (
            *_of_variables(of.env, of.env_from),
            *(found for one in beside for found in _of_variables(one.env, one.env_from)),
            *_of_volumes(of),
        )
    )


def changed(before: Versions, now: Versions) -> frozenset[Source]:
    """Return what has changed, of what is known at both times.

    What was not recorded then was not used, or not watched: nobody can tell whether it changed.
    """
    return frozenset(one for one, version in now.items() if before.get(one, version) != version)


def is_another(before: Versions, now: Versions) -> bool:
    """Whether something has changed, or there are global variables now and were none, or back."""
    return bool(changed(before, now)) or (GLOBAL in before) != (GLOBAL in now)


def with_global(own: EnvFrom, now: Versions) -> EnvFrom:
    """Return sources of variables with the global ones before them, so that every other one wins.

    They are optional: pods start again after somebody has taken the global ones away.
    """
    if GLOBAL not in now:
        return own
    return (EnvFromSource(config_map_ref=ObjectSource(name=GLOBAL.name, optional=True)), *own)


def _of_variables(env: Iterable[EnvVar], env_from: Iterable[EnvFromSource]) -> Iterator[Source]:
    for whole in env_from:
        if whole.config_map_ref is not None:
            yield Source(CONFIG_MAP, whole.config_map_ref.name)
        if whole.secret_ref is not None:
            yield Source(SECRET, whole.secret_ref.name)
    for one in env:
        if one.value_from is None:
            continue
        if one.value_from.config_map_key_ref is not None:
            yield Source(CONFIG_MAP, one.value_from.config_map_key_ref.name)
        if one.value_from.secret_key_ref is not None:
            yield Source(SECRET, one.value_from.secret_key_ref.name)


def _of_volumes(of: Configured) -> Iterator[Source]:
    for one in of.volumes:
        if one.config_map is not None:
            yield Source(CONFIG_MAP, one.config_map.name)
        if one.secret is not None:
            yield Source(SECRET, one.secret.secret_name)
        for part in one.projected.sources if one.projected is not None else ():
            if part.config_map is not None:
                yield Source(CONFIG_MAP, part.config_map.name)
            if part.secret is not None:
                yield Source(SECRET, part.secret.name)
