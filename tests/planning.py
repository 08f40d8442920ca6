"""How long the operator thinks about one object: from its arrival to the plan and the statuses."""

import functools
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cachetools import LRUCache

import make
import processor
from process_operator.controller.observe import masking
from process_operator.controller.observe.records import (
    ApplicationKey,
    CustomResource,
    InvalidObject,
    ObservedState,
)
from process_operator.controller.observe.store import Informers, ObjectCache
from process_operator.controller.plan import plan
from process_operator.controller.resolve import application
from process_operator.controller.status import report, resource_types
from process_operator.kube import names
from process_operator.kube.manifest import Manifest

_KEY = ApplicationKey(make.NAMESPACE, make.APPLICATION)
_SHOP = {"applicationRef": {"name": make.APPLICATION}}
_COMPANIONS: dict[str, dict[str, Any]] = {
    names.APPLICATION_KIND: {"image": make.IMAGE},
    names.PROCESS_KIND: {**_SHOP, "key": "web", "type": "cron", "schedule": "@daily"},
    names.RESOURCE_TYPE_KIND: {
        "cpu": "500m",
        "memory": "1Gi",
        "category": "standard",
        "default": True,
    },
}
_NAMES = {
    names.APPLICATION_KIND: make.APPLICATION,
    names.PROCESS_KIND: "web",
    names.RESOURCE_TYPE_KIND: "s1",
    names.RELEASE_KIND: "by-hand",
    names.RUN_KIND: "run-by-hand",
}
_TRIES = 3


class _None:
    """An informer in which there is nothing."""

    def of(self, _namespace: str, _application: str) -> Iterator[Any]:
        return iter(())

    def all(self) -> Iterator[Any]:
        return iter(())


def seconds(manifest: Manifest) -> float:
    """Return the usual seconds of the longest look at an object, the median of a few tries.

    One look is taken when it arrives, one after its release. Nothing is remembered from one try to
    the next, so each is as long as the first is in truth.
    """
    with processor.undisturbed():
        took = statistics.median(_once(manifest) for _ in range(_TRIES))
    return processor.usual(took)


def _once(manifest: Manifest) -> float:
    for clear in _caches():
        clear()
    bodies = [*_bodies(manifest)]
    took = processor.seconds(lambda: _look(_gathered(bodies)))
    seen = _gathered(bodies)
    if not _can_be_released(seen):
        return took
    served = make.served(seen)
    return max(took, processor.seconds(_look, served))


@functools.cache
def _caches() -> list[Callable[[], None]]:
    """Return what makes the operator forget what it has computed; schemas are no input."""
    found: list[Callable[[], None]] = []
    for name, module in sorted(sys.modules.items()):
        if name.startswith("process_operator.") and ".schema." not in name:
            for one in vars(module).values():
                if isinstance(one, functools._lru_cache_wrapper):
                    found.append(one.cache_clear)
                elif isinstance(one, LRUCache):
                    found.append(one.clear)
    return found


def _bodies(manifest: Manifest) -> Iterator[Manifest]:
    """Yield the object and those that it is planned with, as the API server tells them."""
    for kind, spec in (_COMPANIONS | {manifest["kind"]: manifest["spec"]}).items():
        yield body(kind, _NAMES[kind], _stored(spec), {"observedGeneration": -1})


def body(kind: str, name: str, spec: Any, recorded: Mapping[str, Any]) -> Manifest:
    """Return an object as the API server tells it."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "metadata": {
            "name": name,
            "uid": f"uid-of-{name}",
            "resourceVersion": "100",
            "generation": 1,
            "creationTimestamp": "2026-01-04T12:00:00Z",
            **({} if kind == names.RESOURCE_TYPE_KIND else {"namespace": make.NAMESPACE}),
        },
        "spec": spec,
        "status": recorded,
    }


def released(recorded: Mapping[str, Any]) -> tuple[CustomResource[Any, Any] | InvalidObject, ...]:
    """Return the one release of this status, as the operator sees it."""
    return _gathered(
        [body(names.RELEASE_KIND, _NAMES[names.RELEASE_KIND], _SHOP, recorded)]
    ).releases


def _stored(value: Any) -> Any:
    """Return a value as the API server keeps it: a number of more than 64 bits as a float."""
    if isinstance(value, dict):
        return {name: _stored(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_stored(item) for item in value]
    return float(value) if isinstance(value, int) and abs(value) >= 2**63 else value


def store() -> ObjectCache:
    """Return the operator's memory of a cluster in which there is nothing yet."""
    return ObjectCache(
        informers=Informers(children=(), pods=_None(), ingress_classes=_None()),
        clock=lambda: make.NOW,
        allowed_annotations=("allowed.example.com/*",),
    )


def _gathered(bodies: list[Manifest]) -> ObservedState:
    seen = store()
    for one in bodies:
        seen.observe(one)
    return seen.gather(_KEY)


def _look(seen: ObservedState) -> None:
    todo = plan.plan(masking.redact(seen))
    report.report(seen, todo)
    resource_types.resource_types(seen.resource_types, seen.now)


def _can_be_released(seen: ObservedState) -> bool:
    return (
        isinstance(seen.application, CustomResource)
        and application.resolve(seen, seen.application).candidate is not None
    )


def unread(manifest: Manifest) -> str | None:
    """Return why the operator cannot read an object, None if it can."""
    seen = _gathered([*_bodies(manifest)])
    found = [
        seen.application,
        *seen.processes,
        *seen.releases,
        *seen.runs,
        *seen.resource_types.values(),
    ]
    return next(
        (one.message for one in found if one is not None and not isinstance(one, CustomResource)),
        None,
    )
