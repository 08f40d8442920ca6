"""The only module that speaks to the API server: a thin client on aiohttp and orjson.

It knows paths, credentials, time-outs and how a failure is called (`errors`), and nothing of what
the objects mean. It does not try again (whoever asked knows whether that is still wanted), with
one exception: whoever is refused and has other credentials by now, because to rotate them is
nobody's mistake.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from importlib import metadata
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson
import yarl

from process_operator import metrics
from process_operator.cluster import lines, responses
from process_operator.cluster.connection import Connection
from process_operator.cluster.credentials import Connector, Credentials
from process_operator.kube import errors, kinds, names
from process_operator.kube.kinds import KINDS
from process_operator.kube.manifest import Manifest

Page = tuple[list[Manifest], str]
"""Items of one page of a list, and the resourceVersion of the whole list."""

_WRITES = frozenset({"POST", "PUT", "PATCH"})
_CALL = aiohttp.ClientTimeout(total=30, sock_connect=5)
"""It begins when the request is made: what waits here for others of ours is not late."""
_AT_ONCE = 32
"""How many writes, and how many reads, are made at the same time, at most; watches do not count."""
_FAREWELL = aiohttp.ClientWSTimeout(ws_close=1.0)
"""How long a websocket that is closed waits for the other side to agree: it may be busy."""
_WATCH_SECONDS = 10
_WATCH_GRACE_SECONDS = 3
_METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_ABSENT = "1"
"""A resourceVersion that no object has, and that is not compared where there is no object.

Without it an apply without force would still merge into a foreign object of that name, wherever
the two happen not to contradict each other.
"""
_APPLY = "application/apply-patch+yaml"
_JSON_PATCH = "application/json-patch+json"
_MERGE_PATCH = "application/merge-patch+json"
_JSON = "application/json"


class Cluster:
    """Requests to one API server; open it with `async with`."""

    def __init__(
        self, connection: Connection | Credentials, *, manager: str = names.OPERATOR
    ) -> None:
        if isinstance(connection, Connection):
            connection = Credentials(connection)
        self._credentials = connection
        self._manager = manager
        self._write = {"fieldManager": manager, "fieldValidation": "Strict"}
        self._session: aiohttp.ClientSession | None = None
        self._reads = asyncio.Semaphore(_AT_ONCE)
        self._writes = asyncio.Semaphore(_AT_ONCE)

    async def __aenter__(self) -> Self:
        """Open the pool of connections."""
        self._session = self.session()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    @property
    def server(self) -> str:
        """Where the API server is."""
        return self._credentials.current().server

    def apart(self) -> "Cluster":
        """Return a client of its own for what must not wait for others; open it too."""
        return Cluster(self._credentials, manager=self._manager)

    def session(self, *middlewares: aiohttp.ClientMiddlewareType) -> aiohttp.ClientSession:
        """Return a pool of connections of its own, for whoever makes requests of its own (Kopf).

        Every request bears our credentials, so none may go anywhere but to the API server.
        """
        return aiohttp.ClientSession(
            connector=Connector(self._credentials),
            headers={
                "User-Agent": f"{names.OPERATOR}/{metadata.version(names.OPERATOR)}",
                # Compressing costs both sides more than the bytes do within one cluster.
                "Accept-Encoding": "identity",
            },
            timeout=_CALL,
            # No netrc, no proxy from the environment: credentials go to the API server only.
            trust_env=False,
            middlewares=(*middlewares, self._authorized),
        )

    async def served(self, api_version: str) -> frozenset[str]:
        """Return the plurals that the server's discovery names under one of its groups."""
        groups = (await self._call("GET", "/apis")).get("groups") or ()
        if api_version.partition("/")[0] not in {one["name"] for one in groups}:
            return frozenset()
        try:
            group = await self._call("GET", f"/apis/{api_version}")
        except errors.NotFound:
            return frozenset()
        return frozenset(one["name"] for one in group.get("resources") or ())

    async def try_watch(
        self, kind: str, resource_version: str, namespace: str | None = None
    ) -> None:
        """Open a watch and close it again, to see whether that is allowed."""
        path = KINDS[kind].path(namespace)
        asked = {"watch": "true", "resourceVersion": resource_version, "timeoutSeconds": "1"}
        try:
            async with await self._open("GET", path, asked) as response:
                if response.status != 200:
                    raise responses.failure(response, await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise responses.unavailable("GET", path, error) from error

    async def get(self, kind: str, namespace: str | None, name: str) -> Manifest:
        """Return one object."""
        return await self._call("GET", KINDS[kind].path(namespace, name))

    async def list(
        self,
        kind: str,
        *,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        metadata_only: bool = False,
        limit: int = 200,
    ) -> AsyncGenerator[Page, None]:
        """Yield the pages of a list; raise `Expired` when the rest can no longer be had.

        After that the whole list must be asked for again: pages of two moments do not add up. A
        page is parsed as a whole, and ten kinds are listed side by side: large pages are what
        memory is needed for when much is there.
        """
        asked = _said(labelSelector=label_selector, fieldSelector=field_selector, limit=str(limit))
        path = KINDS[kind].path(namespace)
        accept = _METADATA_LIST if metadata_only else _JSON
        while True:
            page = await self._call("GET", path, asked, accept=accept)
            metadata = page.get("metadata") or {}
            if "resourceVersion" not in metadata:
                raise errors.Unavailable(f"GET {path}: the answer is not a list")
            yield page.get("items") or [], metadata["resourceVersion"]
            if not metadata.get("continue"):
                return
            asked["continue"] = metadata["continue"]

    async def measure(self, namespace: str, label_selector: str) -> Sequence[Manifest]:
        """Return what pods use now, as PodMetrics; raise `NotFound` where nobody measures it.

        Not a list like others: it is computed for each request, and so has no resourceVersion.
        """
        path = KINDS["PodMetrics"].path(namespace)
        measured = await self._call("GET", path, _said(labelSelector=label_selector))
        items: Sequence[Manifest] = measured.get("items") or ()
        return items

    async def watch(
        self,
        kind: str,
        *,
        resource_version: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        metadata_only: bool = False,
        seconds: int = _WATCH_SECONDS,
    ) -> AsyncGenerator[tuple[str, Manifest], None]:
        """Yield what happens from a version on, as (type, object), bookmarks included.

        A quiet stream and a dead one look the same. So the server is asked to end the stream soon,
        and one that has not ended in time is dead: `Unavailable`. Either way the caller goes on
        from the last version that it has seen, which costs one request and no list.
        """
        asked = _said(labelSelector=label_selector, fieldSelector=field_selector) | {
            "watch": "true",
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        }
        limit = aiohttp.ClientTimeout(total=seconds + _WATCH_GRACE_SECONDS, sock_connect=5)
        path, accept = KINDS[kind].path(namespace), _METADATA if metadata_only else _JSON
        try:
            async with await self._open(
                "GET", path, asked, accept=accept, timeout=limit
            ) as response:
                if response.status != 200:
                    raise responses.failure(response, await response.read())
                async for line in lines.lines(response.content):
                    event = responses.parse(line)
                    seen = event.get("object")
                    if not isinstance(seen, dict) or event.get("type") == "ERROR":
                        raise responses.failure(response, orjson.dumps(seen))
                    yield event["type"], seen
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise responses.unavailable("GET", KINDS[kind].path(), error) from error

    async def apply(
        self,
        manifest: Manifest,
        *,
        force: bool,
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
    ) -> Manifest:
        """Bring our fields of an object to what the manifest says, by server-side apply.

        Args:
            manifest: All the fields that are to be ours.
            force: False: make the object; whatever has its name already is left as it is, and
                `Conflict` raised. True: take over fields that others have changed.
            uid: With force: the object must be this one; it is not made again if it is gone.
            resource_version: With force: the object must be at this version.
            dry_run: Whether the server is only to say what it would do.
        """
        version = resource_version if force else _ABSENT
        metadata = manifest["metadata"] | _said(uid=uid, resourceVersion=version)
        asked = self._write | {"force": "true" if force else "false"} | _dry(dry_run)
        body = manifest | {"metadata": metadata}
        return await self._call("PATCH", _path(manifest), asked, body, content=_APPLY)

    async def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Create an object that must not be there yet."""
        path = KINDS[manifest["kind"]].path(manifest["metadata"].get("namespace"))
        return await self._call("POST", path, self._write | _dry(dry_run), manifest)

    async def replace(self, manifest: Manifest) -> Manifest:
        """Replace an object, at the resourceVersion that the manifest carries."""
        return await self._call("PUT", _path(manifest), self._write, manifest)

    async def replace_status(
        self,
        kind: str,
        namespace: str | None,
        name: str,
        *,
        uid: str,
        resource_version: str,
        status: Mapping[str, Any],
    ) -> Manifest:
        """Replace the status of one of our objects, if it is still the one that was judged.

        The status subresource of a custom resource takes nothing but the status from what is sent,
        so spec, labels and annotations need not be sent, and are kept. A field that older CRDs do
        not know is left out: it must not keep the others from being told.
        """
        metadata = {"name": name, "uid": uid, "resourceVersion": resource_version}
        if namespace:
            metadata["namespace"] = namespace
        manifest = {
            "apiVersion": KINDS[kind].api_version,
            "kind": kind,
            "metadata": metadata,
            "status": status,
        }
        path = KINDS[kind].path(namespace, name, "status")
        asked = self._write | {"fieldValidation": "Ignore"}
        return await self._call("PUT", path, asked, manifest)

    async def merge_patch(
        self,
        kind: str,
        namespace: str | None,
        name: str,
        change: Mapping[str, Any],
        *,
        dry_run: bool = False,
    ) -> Manifest:
        """Apply a merge patch; with a resourceVersion in its metadata, at that version only."""
        path = KINDS[kind].path(namespace, name)
        asked = self._write | _dry(dry_run)
        return await self._call("PATCH", path, asked, change, content=_MERGE_PATCH)

    async def json_patch(
        self, kind: str, namespace: str | None, name: str, operations: Sequence[Mapping[str, Any]]
    ) -> Manifest:
        """Apply a JSON patch; a failed `test` is answered with `Rejected`."""
        path = KINDS[kind].path(namespace, name)
        return await self._call("PATCH", path, self._write, operations, content=_JSON_PATCH)

    async def delete(
        self, kind: str, namespace: str | None, name: str, *, uid: str, propagation: str
    ) -> Manifest:
        """Delete an object if it is still the one with this uid; return it, or a `Status`.

        Args:
            kind: One of `KINDS`.
            namespace: None for a kind without namespaces.
            name: The object's name.
            uid: Another object of that name is answered with `Conflict` and stays.
            propagation: `Background` or `Foreground`.
        """
        options = {"preconditions": {"uid": uid}, "propagationPolicy": propagation}
        return await self._call("DELETE", KINDS[kind].path(namespace, name), {}, options)

    async def stream(
        self, path: str, asked: Mapping[str, str], *, seconds: float | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield an answer that is no object, piece by piece, as it comes.

        Args:
            path: Where it is.
            asked: The query.
            seconds: How long it may take in all; None for ever.
        """
        limit = aiohttp.ClientTimeout(total=seconds, sock_connect=5)
        try:
            async with await self._open("GET", path, asked, accept="*/*", timeout=limit) as answer:
                if answer.status != 200:
                    raise responses.failure(answer, await answer.read())
                async for piece in answer.content.iter_any():
                    yield piece
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise responses.unavailable("GET", path, error) from error

    async def websocket(
        self, path: str, asked: Sequence[tuple[str, str]], *, protocol: str
    ) -> aiohttp.ClientWebSocketResponse:
        """Return an open connection on which both sides send as they like; close it.

        Raises:
            ApiError: The server does not speak that protocol there, or not to us.
        """
        url = yarl.URL(self.server + path).with_query(asked)
        try:
            return await self._opened().ws_connect(url, protocols=(protocol,), timeout=_FAREWELL)
        except aiohttp.WSServerHandshakeError as error:
            raise responses.refused_upgrade(error.status, path) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise responses.unavailable("GET", path, error) from error

    async def _call(
        self,
        verb: str,
        path: str,
        asked: Mapping[str, str] | None = None,
        body: Any = None,
        *,
        content: str = _JSON,
        accept: str = _JSON,
    ) -> Manifest:
        data = None if body is None else orjson.dumps(body)
        answer = await self._read(
            verb, path, asked or {}, data=data, content=content, accept=accept
        )
        made = responses.parse(answer)
        # Whoever deletes may be answered with a Status; whoever writes is told what he wrote.
        if "kind" not in made or (made["kind"] == "Status" and verb in _WRITES):
            raise errors.Unavailable(f"{verb} {path}: the answer is not an object of Kubernetes")
        return made

    async def _read(self, verb: str, path: str, asked: Mapping[str, str], **how: Any) -> bytes:
        """Return the body of an answer that says yes."""
        try:
            async with (
                self._reads if verb == "GET" else self._writes,
                await self._open(verb, path, asked, **how) as response,
            ):
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise responses.unavailable(verb, path, error) from error
        if not 200 <= response.status < 300:
            raise responses.failure(response, answer)
        return answer

    async def _open(
        self,
        verb: str,
        path: str,
        asked: Mapping[str, str],
        *,
        data: bytes | None = None,
        content: str = _JSON,
        accept: str = _JSON,
        timeout: aiohttp.ClientTimeout = _CALL,  # noqa: ASYNC109 - aiohttp's own, per phase
    ) -> aiohttp.ClientResponse:
        session = self._opened()
        url = yarl.URL(self.server + path).with_query(asked)
        headers = {"Accept": accept}
        if data is not None:
            headers["Content-Type"] = content
        asked_as = "WATCH" if "watch" in asked else verb
        resource, code = kinds.resource_of(path), 0
        begun = time.perf_counter()
        try:
            response = await session.request(
                verb, url, data=data, headers=headers, timeout=timeout, allow_redirects=False
            )
            code = response.status
        finally:
            metrics.REQUESTS.labels(asked_as, resource, code).inc()
            metrics.REQUEST_SECONDS.labels(asked_as).observe(time.perf_counter() - begun)
        return response

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the cluster is not open: use it inside `async with`")
        return self._session

    async def _authorized(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send a request as whom we are; once more if that was refused and is another by now."""
        while True:
            used = self._credentials.current()
            if used.token:
                request.headers["Authorization"] = f"Bearer {used.token}"
            try:
                response = await handler(request)
            except aiohttp.ClientSSLError:
                if not self._credentials.after_refusal(used):
                    raise
                continue
            if response.status != 401 or not self._credentials.after_refusal(used):
                return response
            response.release()


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _path(manifest: Manifest) -> str:
    metadata = manifest["metadata"]
    return KINDS[manifest["kind"]].path(metadata.get("namespace"), metadata["name"])


def _said(**given: str | None) -> dict[str, str]:
    return {name: value for name, value in given.items() if value}
