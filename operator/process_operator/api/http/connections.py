"""How many connections there may be: in all, and of each client, who is known by an address."""

from collections import Counter
from ipaddress import IPv6Address, ip_address

from process_operator.api.http import meters

_NETWORK_BITS = 64
"""An IPv6 host has a network of this many bits to itself: its addresses are one client."""


def address_of(text: str) -> str:
    """Return what an address is counted as; what is no IP address, as itself."""
    try:
        found = ip_address(text)
    except ValueError:
        return text
    if not isinstance(found, IPv6Address):
        return text
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{int(found) >> _NETWORK_BITS:x}::"


class Connections:
    """The connections that are open now, by address."""

    def __init__(self, *, most: int, per_address: int) -> None:
        self._most = most
        self._per_address = per_address
        self._open: Counter[str] = Counter()
        self.open = 0

    def enter(self, address: str) -> bool:
        """Count a new connection; return whether it may stay."""
        if self.open >= self._most or self._open[address] >= self._per_address:
            meters.REFUSED_CONNECTIONS.inc()
            return False
        self._open[address] += 1
        self.open += 1
        meters.CONNECTIONS.set(self.open)
        return True

    def leave(self, address: str) -> None:
        """Count a connection no longer that was let in."""
        self.open -= 1
        meters.CONNECTIONS.set(self.open)
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]
