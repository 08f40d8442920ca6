"""Who asks for which host, in all namespaces: first come, first served.

Whoever serves a host keeps it: by the route that is live, or by the addresses in its status, which
no user may write. Among those that do not serve it yet the oldest process has it. So the answer is
the same after a restart, and nobody gets a host by being named earlier in a list. Processes of the
namespace that has a host may share it by paths.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from process_operator.controller.observe import records
from process_operator.controller.observe.records import ApplicationKey, Child, TakenHost, place

_WHOLE = frozenset({"/"})

Routes = Callable[[str, str], Iterator[Child]]
"""Ingresses and HTTPRoutes of a namespace and application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostClaim:
    """The hosts of one process."""

    key: ApplicationKey
    uid: str
    """Of the Process."""
    name: str
    created_at: str
    """As the API server writes it: such texts are ordered as their times are."""
    hosts: frozenset[str]
    paths: frozenset[str]
    """Of each of them; `/` for the whole host."""
    served: frozenset[str]
    """The places that its status names."""

    def has(self, host: str, path: str | None) -> bool:
        """Whether its status names a path of a host, or with None any."""
        if path is not None:
            return place(host, path) in self.served
        return any(one.partition("/")[0] == host for one in self.served)


def claim(key: ApplicationKey, body: Mapping[str, Any]) -> HostClaim | None:
    """Return the hosts that a Process asks for, None if it asks for none."""
    metadata, status = body["metadata"], body.get("status") or {}
    ingress = body["spec"].get("ingress") or {}
    hosts = frozenset(one["host"] for one in ingress.get("hosts") or ())
    if not hosts or ingress.get("enabled") is False:
        return None
    return HostClaim(
        key=key,
        uid=metadata["uid"],
        name=metadata["name"],
        created_at=metadata["creationTimestamp"],
        hosts=hosts,
        paths=frozenset(one["path"] for one in ingress.get("paths") or ()) or _WHOLE,
        served=frozenset(url.partition("://")[2] for url in status.get("urls", ())),
    )


class HostClaims:
    """All claims, by host."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._claims: dict[str, HostClaim] = {}
        self._claimants: dict[str, dict[str, HostClaim]] = {}

    def put(self, uid: str, new: HostClaim | None) -> tuple[ApplicationKey, ...]:
        """Take in what a process asks for now; return the keys of others whom that concerns."""
        old = self._claims.pop(uid, None)
        before = old.hosts if old is not None else frozenset()
        after = new.hosts if new is not None else frozenset()
        for host in before:
            self._leave(host, uid)
        if new is not None:
            self._claims[uid] = new
            for host in after:
                self._claimants.setdefault(host, {})[uid] = new
        same = old is None or new is None or old.paths == new.paths
        return tuple(self._others(before ^ after if same else before | after, uid))

    def taken(self, uid: str) -> tuple[TakenHost, ...]:
        """Return the hosts of a process that another one has."""
        mine = self._claims.get(uid)
        if mine is None:
            return ()
        contested = (host for host in sorted(mine.hosts) if len(self._claimants[host]) > 1)
        return tuple(one for host in contested for one in self._lost(host, mine))

    def _lost(self, host: str, mine: HostClaim) -> Iterator[TakenHost]:
        """Yield what a process has not got of a host.

        A host is one namespace's. Within that, each path of it is one process's.
        """
        claimants = self._claimants[host].values()
        if not _are_near(self._first(claimants, host, None), mine):
            yield TakenHost(host=host, holder=None)
            return
        near = [one for one in claimants if _are_near(one, mine)]
        for path in sorted(mine.paths):
            holder = self._first([one for one in near if path in one.paths], host, path)
            if holder.uid != mine.uid:
                yield TakenHost(host=host, holder=holder.name, path=path)

    def _first(self, claims: Iterable[HostClaim], host: str, path: str | None) -> HostClaim:
        return min(claims, key=lambda one: self._rank(host, path, one))

    def _rank(self, host: str, path: str | None, claim: HostClaim) -> tuple[bool, str, str, str]:
        serves = claim.has(host, path) or any(
            route.owner_uid == claim.uid and _leads(route, host, path)
            for route in self._routes(*claim.key)
        )
        return not serves, claim.created_at, claim.key.namespace, claim.uid

    def _others(self, hosts: Iterable[str], uid: str) -> Iterator[ApplicationKey]:
        for host in hosts:
            for other in self._claimants.get(host, {}).values():
                if other.uid != uid:
                    yield other.key

    def _leave(self, host: str, uid: str) -> None:
        claimants = self._claimants[host]
        del claimants[uid]
        if not claimants:
            del self._claimants[host]


def _are_near(one: HostClaim, other: HostClaim) -> bool:
    return one.key.namespace == other.key.namespace


def _leads(route: Child, host: str, path: str | None) -> bool:
    """Whether an Ingress or an HTTPRoute leads a path of a host, or with None any, somewhere."""
    live = records.spec(route)
    rules = live.get("rules") or ()
    if host in (live.get("hostnames") or ()):
        matches = (one for rule in rules for one in rule.get("matches") or ())
        return path is None or path in {(one.get("path") or {}).get("value") for one in matches}
    mine = [rule for rule in rules if rule.get("host", "") == host]
    found = (one for rule in mine for one in (rule.get("http") or {}).get("paths") or ())
    return bool(mine) if path is None else path in {one.get("path") for one in found}
