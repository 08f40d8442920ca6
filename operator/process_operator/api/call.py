"""One request, as routes see it: whose it is, what it may see, and how it wants to be done."""

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import Depends, Header, Path, Query, Request, Response

from process_operator import names
from process_operator.api import cache, identity, payloads, presenters, problems, views, writer
from process_operator.api.cache import NAMESPACE_KIND, Cache, Record
from process_operator.api.kept import Kept
from process_operator.api.keys import Key
from process_operator.api.ownership import Claim
from process_operator.api.usage import Usage
from process_operator.api.views import Reply, Size, View
from process_operator.api.writer import Wish, Writer, Written
from process_operator.models.release import ReleaseState

MAX_OFFSET = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What all requests share."""

    cache: Cache
    writer: Writer
    usage: Usage
    kept: Kept
    cluster_name: str

    @property
    def cluster_id(self) -> str | None:
        """The id of the cluster: of the one namespace that every cluster has, for its life."""
        found = self.cache.named(NAMESPACE_KIND, "", "kube-system")
        return found.uid if found is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request."""

    parts: Parts
    key: Key
    wish: Wish
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
        return writer.ticket(self.wish, self.place, self.body)

    def sees(self, record: Record | None) -> bool:
        """Whether an object is there for this key."""
        return (
            record is not None and not record.deleting and record.namespace in self.key.namespaces
        )

    def application(self, uid: str) -> Record:
        """Return an application of the key."""
        found = self.cache.get(names.APPLICATION_KIND, uid.lower())
        if found is None or not self.sees(found):
            raise problems.missing("the application")
        return found

    def applications(self) -> Sequence[Record]:
        """Return every application of the key, oldest first."""
        return self.cache.applications(self.key.namespaces)

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
        return presenters.newest_first(self._releases(application))

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

    def sizes(self) -> Mapping[str, Size]:
        """Return every resource type by name, the smallest first."""
        return views.sizes(self.cache.all(names.RESOURCE_TYPE_KIND))

    def view(self, application: Record) -> View:
        """Return what stands around the objects of an application."""
        return self._view(application, self._newest_success(application), self.sizes())

    def _view(self, application: Record, newest: Record | None, sizes: Mapping[str, Size]) -> View:
        """Return the view in which the newest successful release serves, unless that is gone.

        The application's own status says what serves, but a moment later than the release's.
        """
        told = application.status.get("servingRelease") or {}
        serves = newest is not None and newest.number >= told.get("number", 0)
        return View(
            application=application,
            sizes=sizes,
            snapshot=newest.status.get("snapshot") if newest is not None and serves else None,
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
        newest, sizes = self._newest_success(application), self.sizes()
        around = (application.resource_version, newest and newest.resource_version, sizes)
        view = functools.cache(lambda: self._view(application, newest, sizes))

        def show(one: Record) -> orjson.Fragment:
            versions = (one.resource_version, *around)
            return self.parts.kept.get(one.uid, versions, lambda: presenters.process(one, view()))

        return show

    def show_item(self, application: Record) -> orjson.Fragment:
        """Present an application as lists have it, anew only after a change."""
        releases = self.cache.version(names.RELEASE_KIND, application.namespace, application.name)
        return self.parts.kept.get(
            application.uid,
            (application.resource_version, releases),
            lambda: presenters.application_item(application, self.status_of(application)),
        )

    def present(self, written: Written, application: Record) -> Reply:
        """Return a process as it was written."""
        return presenters.process(written.record, self.view(application), written.taken)

    def present_application(self, record: Record, taken: Iterable[Claim] = ()) -> Reply:
        """Return an application with all its fields."""
        return presenters.application(
            record,
            self.status_of(record),
            self.view(record),
            cluster_id=self.parts.cluster_id,
            taken=tuple(taken),
        )

    def status_of(self, application: Record) -> str | None:
        """Return what became of an application's newest deployment."""
        return presenters.application_status(self._releases(application))


# What routes take from requests.

Uid = Annotated[str, Path(pattern=identity.PATTERN, description="An id.")]
Limit = Annotated[int, Query(ge=1, le=100, description="How many items a page has at most.")]
Offset = Annotated[int, Query(ge=0, le=MAX_OFFSET, description="How many items are left out.")]
_DryRun = Annotated[
    bool, Query(description="Answer with what would become of it, and write nothing.")
]
_Force = Annotated[
    bool, Query(description="Also change fields that another manager declares; they change hands.")
]
_IfMatch = Annotated[
    str | None,
    Header(max_length=256, description="The ETag of the version that may be changed."),
]
_IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern="^[!-~]+$",
        description="A request that repeats this text is not done twice, but answered again.",
    ),
]


def _call(request: Request, wish: Mapping[str, Any]) -> Call:
    state = request.scope["state"]
    key: Key = state["key"]
    return Call(
        parts=request.app.state.parts,
        key=key,
        wish=Wish(caller=key.id, asker=key.name, **wish),
        # Not of `request.url`, which is parsed anew for each request.
        place=f"{request.method} {request.scope['path']}",
        body=state["body"],
    )


# These wait for nothing, and are coroutines all the same: a plain function would be called in a
# thread, which takes longer than all the rest of a read.


async def _read(request: Request) -> Call:
    return _call(request, {})


async def _change(
    request: Request,
    dry_run: _DryRun = False,
    force: _Force = False,
    if_match: _IfMatch = None,
) -> Call:
    return _call(request, {"dry_run": dry_run, "force": force, "if_match": if_match})


async def _remove(request: Request, dry_run: _DryRun = False, if_match: _IfMatch = None) -> Call:
    return _call(request, {"dry_run": dry_run, "if_match": if_match})


async def _create(
    request: Request, dry_run: _DryRun = False, idempotency_key: _IdempotencyKey = None
) -> Call:
    return _call(request, {"dry_run": dry_run, "idempotency_key": idempotency_key})


async def _create_forced(
    request: Request,
    dry_run: _DryRun = False,
    force: _Force = False,
    idempotency_key: _IdempotencyKey = None,
) -> Call:
    wish = {"dry_run": dry_run, "force": force, "idempotency_key": idempotency_key}
    return _call(request, wish)


Read = Annotated[Call, Depends(_read)]
Change = Annotated[Call, Depends(_change)]
Remove = Annotated[Call, Depends(_remove)]
Create = Annotated[Call, Depends(_create)]
CreateForced = Annotated[Call, Depends(_create_forced)]


# What routes answer with.


def reply(body: Any, status: int = HTTPStatus.OK, *, of: Record | None = None) -> Response:
    """Return an answer; with the version of the object that it is about."""
    headers = {"etag": writer.etag(of)} if of is not None else None
    return Response(
        orjson.dumps(body), status_code=status, headers=headers, media_type="application/json"
    )


def paged(
    records: Sequence[Any], present: Callable[[Any], Any], *, limit: int, offset: int
) -> Response:
    """Return one page of a list; only what is on it is presented."""
    shown = [present(one) for one in records[offset : offset + limit]]
    return reply(presenters.page(shown, total=len(records), offset=offset, limit=limit))


def documented(
    status: int, model: Any, description: str, *, writes: bool = False, conditional: bool = False
) -> dict[int | str, dict[str, Any]]:
    """Return what the documentation says of the answers of a route."""
    told = {
        400: "The request breaks the form of the contract.",
        401: "The key is missing or not valid.",
        404: "It does not exist, or not for this key.",
        429: "Too many requests.",
        503: "The cluster cannot be asked now.",
    }
    if writes:
        told[403] = "The key may only read."
        told[422] = "The request breaks a rule."
    if conditional:
        told[412] = "If-Match names another version."
    found: dict[int | str, dict[str, Any]] = {status: {"model": model, "description": description}}
    return found | {
        code: {"model": payloads.Error, "description": text} for code, text in sorted(told.items())
    }


def lies_between(moment: datetime, start: datetime | None, end: datetime | None) -> bool:
    """Whether a moment lies within the asked time; a time without an offset is UTC."""
    return (start is None or _aware(start) <= moment) and (end is None or moment <= _aware(end))


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def parsed(text: str | None) -> dict[str, str]:
    """Return a mark that holds JSON; an unreadable one is empty."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):  # a mark is an annotation: anybody may nest it
        return {}
    return found if isinstance(found, dict) else {}
