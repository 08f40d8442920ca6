"""Whether each of our own kinds can be watched, and when the API server last let us.

Kopf learns once, at its start, which kinds there are: one that is served later is never watched,
one that goes ends Kopf, and one that may not be watched is asked for for ever. Meanwhile nobody
is told, and what is known of the objects grows old. So nothing begins before every own kind can be
listed and watched (`Arrival`); from then on each answer to Kopf is noted on its way (`Contact`),
which costs no request, and whoever waits for `lost` ends all work with what is no longer true.

Nor is anything true any more when the server's store was set back to an earlier day (`History`):
what is known was never so, versions are given anew, and a watch from a version of the future tells
nothing.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Protocol

import aiohttp

from process_operator.cluster import backoff
from process_operator.kube import names
from process_operator.kube.errors import ApiError
from process_operator.kube.kinds import KINDS
from process_operator.kube.manifest import Manifest

log = logging.getLogger(__name__)

_SECONDS = 30.0
"""How long a kind may go unheard of, as for the informers. Kopf's watches begin every 8 seconds."""
_FIRST_SECONDS = 0.2
_CAP_SECONDS = 2.0
"""What is installed at last is found within two seconds; a look is a dozen small requests."""
_HISTORY_SECONDS = 10.0
_INSTALL = "kubectl apply -f crds/"
_PERMIT = "give it the rights of its chart, or of deploy/install.yaml"


@dataclass(frozen=True, slots=True)
class PodProblem:
    """Why one of our own kinds cannot be watched."""

    kind: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.why}; {self.remedy}"


def _problem(kind: str, verb: str, status: int) -> PodProblem:
    """Return what a status other than 200 means; 0 stands for no answer."""
    match status:
        case 404:
            return PodProblem(kind, "not served by the cluster", _INSTALL)
        case 403:
            right = f"{verb} {KINDS[kind].plural}.{names.GROUP}"
            return PodProblem(kind, f"the right is missing to {right}", _PERMIT)
        case 401:
            return PodProblem(kind, "the credentials are refused", "give the operator valid ones")
        case 0 | 200:
            return PodProblem(kind, "no answer from the API server", "see that it can be reached")
        case _:
            return PodProblem(kind, f"answered with status {status}", "see the API server's log")


class Reads(Protocol):
    """Where our own kinds are read."""

    async def served(self, api_version: str) -> frozenset[str]:
        """Return the plurals that the server's discovery names."""

    def list(
        self, kind: str, *, metadata_only: bool, limit: int
    ) -> AsyncGenerator[tuple[list[Manifest], str], None]:
        """Yield the pages of a list with its resourceVersion."""

    async def try_watch(self, kind: str, resource_version: str) -> None:
        """Open a watch and close it again."""


class Arrival:
    """Waits until every own kind can be listed and watched."""

    def __init__(self, api: Reads) -> None:
        self._api = api
        self._troubles: tuple[PodProblem, ...] = ()

    def unready(self) -> str:
        """Return what is awaited."""
        return "\n".join(["waits for its own kinds", *map(str, self._troubles)])

    async def wait(self) -> None:
        """Return when all can be watched; say what is missing, and when it no longer is."""
        said: set[str] = set()
        failures = 0
        while troubles := await self._look():
            self._troubles = troubles
            remedies = {problem.remedy for problem in troubles}
            # A kind that was installed is a moment later than the others: no news.
            if said.isdisjoint(remedies):
                _say(troubles)
            said = remedies
            failures += 1
            await asyncio.sleep(backoff.delay(failures, first=_FIRST_SECONDS, cap=_CAP_SECONDS))
        self._troubles = ()
        if said:
            log.info("found all of its own kinds")

    async def _look(self) -> tuple[PodProblem, ...]:
        try:
            # Kopf reads this too, and it may be behind: a kind is served before it is told.
            served = await self._api.served(names.API_VERSION)
        except ApiError as error:
            return tuple(_problem(kind, "list", error.status) for kind in names.OWN_KINDS)
        found = [await self._try(kind, served) for kind in names.OWN_KINDS]
        return tuple(problem for problem in found if problem is not None)

    async def _try(self, kind: str, served: frozenset[str]) -> PodProblem | None:
        if KINDS[kind].plural not in served:
            return _problem(kind, "list", 404)
        verb = "list"
        try:
            async with aclosing(self._api.list(kind, metadata_only=True, limit=1)) as pages:
                _, version = await anext(pages)
            verb = "watch"
            await self._api.try_watch(kind, version)
        except ApiError as error:
            return _problem(kind, verb, error.status)
        return None


def _say(troubles: Iterable[PodProblem]) -> None:
    log.warning(
        "waits for its own kinds",
        extra={
            "missing": ", ".join(problem.kind for problem in troubles),
            "detail": "; ".join(_each(problem.why for problem in troubles)),
            "remedy": "; ".join(_each(problem.remedy for problem in troubles)),
        },
    )


def _each(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _paths(namespaces: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield where our own kinds are watched: in all namespaces, or in each of some."""
    for kind in names.OWN_KINDS:
        for namespace in (namespaces if KINDS[kind].namespaced else ()) or (None,):
            yield KINDS[kind].path(namespace), kind


class Contact:
    """What Kopf's requests for our own kinds were answered with."""

    def __init__(self, namespaces: Sequence[str] = ()) -> None:
        self._clock = asyncio.get_running_loop().time
        self._kinds = dict(_paths(namespaces))
        """By path: the kind whose objects are there."""
        self._heard_at = dict.fromkeys(self._kinds, self._clock())
        """When each path was last answered with yes; at first, when that began to be expected."""
        self._answers: dict[str, tuple[str, int]] = {}
        """By path: the verb and status of the last answer."""
        self._unheard = set(self._kinds)
        self.complete = asyncio.Event()
        """Set when every kind has been answered with yes."""
        self._gone = asyncio.Event()

    def note(self, path: str, verb: str, status: int) -> None:
        """Note the answer to a request for the objects at a path."""
        self._answers[path] = (verb, status)
        if status == 200:
            self._heard_at[path] = self._clock()
            self._unheard.discard(path)
            if not self._unheard:
                self.complete.set()
        elif status == 404:
            self._gone.set()

    def problem(self) -> PodProblem | None:
        """Return what keeps us from knowing one of our own kinds.

        A kind that is gone is so at once: its objects are gone too, and their children follow.
        Anything else may pass, and is waited for.
        """
        now = self._clock()
        for path, heard_at in self._heard_at.items():
            verb, status = self._answers.get(path, ("list", 0))
            if status == 404 or now - heard_at >= _SECONDS:
                return _problem(self._kinds[path], verb, status)
        return None

    def unready(self) -> str:
        """Return why not all kinds are being watched; "" if they are."""
        if (problem := self.problem()) is not None:
            return str(problem)
        unheard = _each(kind for path, kind in self._kinds.items() if path in self._unheard)
        return f"not watched yet: {', '.join(unheard)}" if unheard else ""

    async def lost(self) -> PodProblem:
        """Return when one of the kinds cannot be watched any more."""
        while (problem := self.problem()) is None:
            left = min(self._heard_at.values()) + _SECONDS - self._clock()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._gone.wait()
            self._gone.clear()
        return problem

    async def middleware(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Note what one of Kopf's requests is answered with.

        A no by which Kopf would end, or ask for credentials without a pause, and a way to another
        server, where it would follow, are for it a connection that failed: so it tries again.

        Raises:
            aiohttp.ClientConnectionError: Instead of such an answer.
        """
        response = await handler(request)
        verb = "watch" if "watch" in request.url.query else "list"
        for path in self._kinds:
            if request.url.path.endswith(path):
                self.note(path, verb, response.status)
        if response.status in (401, 404) or 300 <= response.status < 400:
            response.close()
            raise aiohttp.ClientConnectionError(f"answered with status {response.status}")
        return response


class History:
    """Whether the server's history goes on from where it was followed to."""

    def __init__(self, api: Reads) -> None:
        self._api = api
        self._furthest = 0

    async def set_back(self) -> None:
        """Return when a list is older than one before."""
        while True:
            with suppress(ApiError):
                version = await self._version()
                if version < self._furthest:
                    return
                self._furthest = version
            await asyncio.sleep(_HISTORY_SECONDS)

    async def _version(self) -> int:
        kind = names.APPLICATION_KIND
        async with aclosing(self._api.list(kind, metadata_only=True, limit=1)) as pages:
            _, version = await anext(pages)
        return int(version)
