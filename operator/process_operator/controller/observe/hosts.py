"""Who asks for which host, in all namespaces: first come, first served.

Whoever serves a host keeps it: by the route that is live, or by the addresses in its status, which
no user may write. Among those that do not serve it yet the oldest process has it. So the answer is
the same after a restart, and nobody gets a host by being named earlier in a list.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from process_operator.controller.observe import records
from process_operator.controller.observe.records import ApplicationKey, Child, TakenHost

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
    served: frozenset[str]
    """Those that its status names."""


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
        return tuple(self._others(before ^ after, uid))

    def taken(self, uid: str) -> tuple[TakenHost, ...]:
        """Return the hosts of a process that another one has."""
        mine = self._claims.get(uid)
        if mine is None:
            return ()
        contested = (host for host in sorted(mine.hosts) if len(self._claimants[host]) > 1)
        holders = ((host, self._holder(host)) for host in contested)
        return tuple(
            TakenHost(host=host, holder=one.name if _are_near(one, mine) else None)
            for host, one in holders
            if one.uid != uid
        )

    def _holder(self, host: str) -> HostClaim:
        return min(self._claimants[host].values(), key=lambda one: self._rank(host, one))

    def _rank(self, host: str, claim: HostClaim) -> tuple[bool, str, str, str]:
        serves = host in claim.served or any(
            route.owner_uid == claim.uid and host in _hosts(route)
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


def _hosts(route: Child) -> frozenset[str]:
    """Return the hosts that an Ingress or an HTTPRoute leads somewhere."""
    live = records.spec(route)
    rules = (rule.get("host", "") for rule in live.get("rules") or ())
    return frozenset((*rules, *(live.get("hostnames") or ())))
