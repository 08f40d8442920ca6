"""The versions of the ConfigMaps and Secrets that applications name, and whom a change concerns."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Protocol

from process_operator.controller.observe.records import (
    Application,
    ApplicationKey,
    ConfigurationObject,
    InvalidObject,
    Process,
)
from process_operator.kube.manifest import Manifest
from process_operator.models.configuration import GLOBAL, Source, Versions, sources
from process_operator.models.process import LASTING


class Objects(Protocol):
    """An informer of ConfigMaps or Secrets."""

    def get(self, namespace: str, name: str) -> ConfigurationObject | None:
        """Return one of them, None if it is not there."""


def configuration_object(kind: str, found: Manifest) -> ConfigurationObject:
    """Return what is kept of a ConfigMap or Secret, from its metadata."""
    about = found["metadata"]
    return ConfigurationObject(
        kind=kind,
        namespace=about["namespace"],
        name=about["name"],
        version=about["resourceVersion"],
    )


class Configuration:
    """What is watched, by kind, and which applications name what of it."""

    def __init__(self, watched: Mapping[str, Objects]) -> None:
        self._watched = watched
        self._known: dict[ApplicationKey, Versions] = {}
        self._followed: dict[ApplicationKey, frozenset[Source]] = {}
        self._users: dict[tuple[str, Source], set[ApplicationKey]] = {}

    def gather(
        self,
        key: ApplicationKey,
        application: Application | InvalidObject | None,
        processes: tuple[Process | InvalidObject, ...],
    ) -> Versions:
        """Return the versions of what configures an application; the same mapping until one moves.

        From now on a change of any of them concerns the application.
        """
        if not self._watched or application is None or isinstance(application, InvalidObject):
            return {}
        # The other types read what configures them at each run.
        named = {GLOBAL, *sources(application.spec)}
        for process in processes:
            if not isinstance(process, InvalidObject) and process.spec.type in LASTING:
                named |= sources(process.spec)
        followed = {one for one in named if one.kind in self._watched}
        self._follow(key, followed)
        before = self._known.get(key, {})
        # The global one first: a release records only so many.
        found = {
            one: there.version if there is not None else ""
            for one in sorted(followed, key=lambda one: (one != GLOBAL, one))
            for there in (self._watched[one.kind].get(key.namespace, one.name),)
            if there is not None or one != GLOBAL
        }
        if found == before:
            return before
        self._known[key] = found
        return found

    def users(self, one: ConfigurationObject) -> tuple[ApplicationKey, ...]:
        """Return whom a change of a ConfigMap or Secret concerns."""
        return tuple(self._users.get((one.namespace, Source(one.kind, one.name)), ()))

    def forget(self, key: ApplicationKey) -> None:
        """Forget an application that is gone."""
        self._known.pop(key, None)
        self._follow(key, frozenset())

    def _follow(self, key: ApplicationKey, now: AbstractSet[Source]) -> None:
        """Let a change of these concern an application, and of no others."""
        before = self._followed.get(key, frozenset())
        if now == before:
            return
        for one in before - now:
            users = self._users[key.namespace, one]
            users.discard(key)
            if not users:
                del self._users[key.namespace, one]
        for one in now - before:
            self._users.setdefault((key.namespace, one), set()).add(key)
        if now:
            self._followed[key] = frozenset(now)
        else:
            self._followed.pop(key, None)
