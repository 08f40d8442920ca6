"""One life of the operator of a story: the real loop, with informers that are never behind."""

import asyncio
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, cast

from process_operator.controller import reconcile
from process_operator.controller.build import KINDS as CHILD_KINDS
from process_operator.controller.execute.executor import Executor
from process_operator.controller.execute.traces import Traces
from process_operator.controller.observe import child, pod
from process_operator.controller.observe.configuration import configuration_object
from process_operator.controller.observe.records import Child, ConfigurationObject, IngressClass
from process_operator.controller.observe.store import Informers, ObjectCache
from process_operator.controller.tallies import Tallies
from process_operator.kube import names
from process_operator.models.configuration import CONFIG_MAP, SECRET
from storytelling.cast import KEY, Body, Place, copied
from storytelling.server import Server


class _Informer:
    """An informer of one kind, always up to date with what was written through it."""

    def __init__(self, kind: str, absent: Collection[str]) -> None:
        self._kind = kind
        self._absent = absent
        self._found: dict[tuple[str, str], Any] = {}

    @property
    def available(self) -> bool:
        return self._kind not in self._absent

    def observe(self, body: Body) -> None:
        about = body["metadata"]
        make = pod.pod if self._kind == "Pod" else self._child
        self._found[(about["namespace"], about["name"])] = make(body)

    def evict(self, namespace: str, name: str, uid: str) -> None:
        found = self._found.get((namespace, name))
        if found is not None and found.uid == uid:
            del self._found[(namespace, name)]

    def of(self, namespace: str, application: str) -> Iterator[Any]:
        return iter(
            [
                one
                for one in self._found.values()
                if (one.namespace, one.application) == (namespace, application)
            ]
        )

    def all(self) -> Iterator[Any]:
        return iter(self._found.values())

    def _child(self, body: Body) -> Child:
        return child.child(self._kind, body)


class _Classes:
    def of(self, _namespace: str, _application: str) -> Iterator[IngressClass]:
        return iter(())

    def all(self) -> Iterator[IngressClass]:
        return iter(())


class _Configured:
    """An informer of ConfigMaps or Secrets."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._found: dict[tuple[str, str], ConfigurationObject] = {}

    def get(self, namespace: str, name: str) -> ConfigurationObject | None:
        return self._found.get((namespace, name))

    def observe(self, namespace: str, name: str, body: Body | None) -> ConfigurationObject | None:
        """Take in what a watch would tell; return what is known, or was."""
        if body is None:
            return self._found.pop((namespace, name), None)
        made = configuration_object(self._kind, body)
        self._found[namespace, name] = made
        return made


class Operator:
    """One life of the operator: what it knows is lost with it."""

    _loop = asyncio.new_event_loop()
    """One for all: to make it anew takes as long as a look at a small application."""

    def __init__(self, server: Server, *, skew: timedelta = timedelta()) -> None:
        """Begin to know; its clock is as far ahead of the server's as `skew` says."""
        self._server, self._skew = server, skew
        kinds = (*sorted(CHILD_KINDS), "Job")
        self.children = {kind: _Informer(kind, server.absent) for kind in kinds}
        self.pods = _Informer("Pod", server.absent)
        self.configuration = {kind: _Configured(kind) for kind in (CONFIG_MAP, SECRET)}
        self.store = ObjectCache(
            informers=Informers(
                children=tuple(self.children.values()),
                pods=cast("Any", self.pods),
                ingress_classes=_Classes(),
                configuration=self.configuration,
            ),
            clock=self._now,
            allowed_annotations=(),
        )
        api = cast("Any", server)
        self._reconciler = reconcile.Reconciler(
            cluster=api,
            store=self.store,
            executor=Executor(
                cluster=api,
                store=self.store,
                children=self.children,
                traces=Traces(None),
                clock=self._now,
                lead=lambda: None,
            ),
            tallies=Tallies(informers=(), waiting=lambda: 0, clock=self._now),
            waiting=lambda: 0,
            clock=self._now,
        )
        for place, body in server.objects.items():
            self.observe(place, body)

    def _now(self) -> datetime:
        return self._server.now + self._skew

    def observe(self, place: Place, body: Body | None, uid: str = "") -> None:
        """Take in what a watch would tell."""
        kind, namespace, name = place
        body = copied(body) if body is not None else None
        records = self.pods if kind == "Pod" else self.children.get(kind)
        if records is not None:
            if body is None:
                records.evict(namespace, name, uid)
            else:
                records.observe(body)
        elif kind in self.configuration:
            found = self.configuration[kind].observe(namespace, name, body)
            if found is not None:
                self.store.configuration_changed(found)
        elif kind in names.OWN_KINDS:
            if body is None:
                self.store.evict(kind, namespace, name, uid)
            else:
                self.store.observe(body)

    def reconcile(self) -> reconcile.Result:
        """Look at the application once."""
        return self._loop.run_until_complete(self._reconciler.reconcile(KEY))
