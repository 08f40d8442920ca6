"""One request, as routes see it: whose it is, what it may see, and how it wants to be done."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from process_operator.api import problems
from process_operator.api.access.keys import Key, KeyStore
from process_operator.api.presenters import applications, pages, processes, views
from process_operator.api.presenters.views import Reply, ReplyContext, ResourceType
from process_operator.api.reads import cache
from process_operator.api.reads.cache import NAMESPACE_KIND, Cache, Record
from process_operator.api.reads.followed_logs import FollowedLogs
from process_operator.api.reads.kept import ResponseCache
from process_operator.api.reads.ownership import FieldConflict
from process_operator.api.reads.runtime_logs import RuntimeLogs
from process_operator.api.reads.usage import Usage
from process_operator.api.webhooks.dispatcher import Webhooks
from process_operator.api.writes import writer
from process_operator.api.writes.commands import Commands
from process_operator.api.writes.global_variables import GlobalVariablesWriter
from process_operator.api.writes.writer import WriteOptions, Writer, Written
from process_operator.kube import names
from process_operator.models import snapshot
from process_operator.models.release import ReleaseState


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """What all requests share."""

    key_store: KeyStore
    cache: Cache
    writer: Writer
    usage: Usage
    logs: RuntimeLogs
    followed: FollowedLogs
    commands: Commands
    global_variables: GlobalVariablesWriter
    kept: ResponseCache
    webhooks: Webhooks | None
    """None where the platform has none."""
    makes_projects: bool
    """Whether keys may have namespaces made."""
    cluster_name: str

    @property
    def cluster_id(self) -> str | None:
        """The id of the cluster: of the one namespace that every cluster has, for its life."""
        found = self.cache.named(NAMESPACE_KIND, "", "kube-system")
        return found.uid if found is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request."""

    parts: RequestContext
    key: Key
    namespaces: tuple[str, ...]
    """Those of the key that are still the ones it was made for."""
    options: WriteOptions
    place: str
    """Method and path."""
    body: bytes

    @property
    def cache(self) -> Cache:
        """What is known."""
        return self.parts.cache

    @property
    def writer(self) -> Writer:
        """How to write."""
        return self.parts.writer

    @property
    def ticket(self) -> str | None:
        """The mark of a request with an Idempotency-Key."""
        return writer.ticket(self.options, self.place, self.body)

    def sees(self, record: Record | None) -> bool:
        """Whether an object is there for this key."""
        return record is not None and not record.deleting and record.namespace in self.namespaces

    def may_go_on(self, application: Record) -> bool:
        """Whether the key still is one, and its application there: asked while an answer lasts."""
        found = self.cache.get(names.APPLICATION_KIND, application.uid)
        return self.sees(found) and self.parts.key_store.holds(self.key, datetime.now(UTC))

    def application(self, uid: str) -> Record:
        """Return an application of the key."""
        found = self.cache.get(names.APPLICATION_KIND, uid.lower())
        if found is None or not self.sees(found):
            raise problems.missing("the application")
        return found

    def applications(self) -> Sequence[Record]:
        """Return every application of the key, oldest first."""
        return self.cache.applications(self.namespaces)

    def process(self, application: Record, uid: str) -> Record:
        """Return a process of an application."""
        return self._member(names.PROCESS_KIND, application, uid, "the process")

    def processes(self, application: Record) -> list[Record]:
        """Return the processes of an application, oldest first."""
        return cache.oldest_first(self._members(names.PROCESS_KIND, application))

    def release(self, application: Record, uid: str) -> Record:
        """Return a release of an application."""
        return self._member(names.RELEASE_KIND, application, uid, "the deployment")

    def releases(self, application: Record) -> list[Record]:
        """Return the releases of an application itself, not of a predecessor; newest first."""
        return pages.newest_first(self._releases(application))

    def _releases(self, application: Record) -> Iterator[Record]:
        mine = ("", application.uid)
        found = self._members(names.RELEASE_KIND, application)
        return (one for one in found if one.owner in mine)

    def _members(self, kind: str, application: Record) -> list[Record]:
        found = self.cache.of(kind, application.namespace, application.name)
        return [one for one in found if self.sees(one)]

    def _member(self, kind: str, application: Record, uid: str, what: str) -> Record:
        found = self.cache.get(kind, uid.lower())
        if (
            found is None
            or not self.sees(found)
            or (found.namespace, found.application) != (application.namespace, application.name)
        ):
            raise problems.missing(what)
        return found

    def resource_types(self) -> Mapping[str, ResourceType]:
        """Return every resource type by name, the smallest first."""
        return views.resource_types(self.cache.all(names.RESOURCE_TYPE_KIND))

    def view(self, application: Record) -> ReplyContext:
        """Return what stands around the objects of an application."""
        return self._view(application, self._newest_success(application), self.resource_types())

    def _view(
        self, application: Record, newest: Record | None, types: Mapping[str, ResourceType]
    ) -> ReplyContext:
        """Return the view in which the newest successful release serves, unless that is gone.

        The application's own status says what serves, but a moment later than the release's.
        """
        told = application.status.get("servingRelease") or {}
        serves = newest is not None and newest.number >= told.get("number", 0)
        return ReplyContext(
            application=application,
            resource_types=types,
            snapshot=_frozen(newest) if newest is not None and serves else None,
        )

    def _newest_success(self, application: Record) -> Record | None:
        found = self._members(names.RELEASE_KIND, application)
        successful = [
            one
            for one in found
            if one.state == ReleaseState.SUCCESS and one.owner == application.uid
        ]
        return max(successful, key=lambda one: one.number, default=None)

    def shows(self, application: Record) -> Callable[[Record], orjson.Fragment]:
        """Return what presents the processes of an application, anew only after a change."""
        newest, types = self._newest_success(application), self.resource_types()
        around = (application.resource_version, newest and newest.resource_version, types)
        view = functools.cache(lambda: self._view(application, newest, types))

        def show(one: Record) -> orjson.Fragment:
            versions = (one.resource_version, *around)
            return self.parts.kept.get(one.uid, versions, lambda: processes.process(one, view()))

        return show

    def show_item(self, application: Record) -> orjson.Fragment:
        """Present an application as lists have it, anew only after a change."""
        releases = self.cache.version(names.RELEASE_KIND, application.namespace, application.name)
        return self.parts.kept.get(
            application.uid,
            (application.resource_version, releases),
            lambda: applications.application_item(application, self.status_of(application)),
        )

    def present(self, written: Written, application: Record) -> Reply:
        """Return a process as it was written."""
        return processes.process(written.record, self.view(application), written.taken)

    def present_application(self, record: Record, taken: Iterable[FieldConflict] = ()) -> Reply:
        """Return an application with all its fields."""
        return applications.application(
            record,
            self.status_of(record),
            self.view(record),
            cluster_id=self.parts.cluster_id,
            taken=tuple(taken),
        )

    def status_of(self, application: Record) -> str | None:
        """Return what became of an application's newest deployment."""
        return applications.application_status(self._releases(application))


def _frozen(release: Record) -> Mapping[str, Any] | None:
    """Return what a release froze; nothing can be compared with what cannot be read."""
    with suppress(snapshot.Unreadable):
        return snapshot.document(release.status.get("snapshot"))
    return None
