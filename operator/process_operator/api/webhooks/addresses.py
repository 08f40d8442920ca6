"""Where webhooks may lead: to public addresses, and to the networks that the platform adds.

What a name means is decided when a connection is made, and of all its addresses only those are used
that are allowed: a name that means something else a moment later leads nowhere.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from aiohappyeyeballs import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""Addresses that stand for those of IPv4 (RFC 6052)."""


class NotAllowed(OSError):  # noqa: N818 - it is an answer, not a defect
    """An address that no webhook may lead to."""


class AllowedAddresses:
    """The addresses that webhooks may lead to."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)

    def permits(self, text: str) -> bool:
        """Whether an address may be spoken to.

        Raises:
            ValueError: It is no address.
        """
        address = _meant(ipaddress.ip_address(text.partition("%")[0]))
        if any(
            address.version == network.version and address in network for network in self._networks
        ):
            return True
        return address.is_global and not address.is_multicast and not address.is_reserved

    def check(self, endpoint: str) -> None:
        """Refuse an endpoint that is an address itself, and none that is allowed.

        Raises:
            NotAllowed: It is not allowed.
        """
        host = urlsplit(endpoint).hostname or ""
        try:
            allowed = self.permits(host)
        except ValueError:
            # A name, which the resolver will see, unless the client takes it for an address as it
            # is: 127.1 and 2130706433 are loopback to a socket.
            allowed = ":" not in host and not host.replace(".", "").isdigit()
        if not allowed:
            raise NotAllowed(_told(host))


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the address of IPv4 that one of IPv6 stands for, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _told(host: str) -> str:
    return f"{host} has no address that webhooks may lead to: only public ones, or as configured"


def only_to(allowed: AllowedAddresses) -> Callable[[AddrInfoType], socket.socket]:
    """Return what makes the sockets of connections: to allowed addresses, however they were found.

    What it returns raises `NotAllowed` for any other.
    """

    def made(address: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, place = address
        if not allowed.permits(str(place[0])):
            raise NotAllowed(_told(str(place[0])))
        return socket.socket(family=family, type=kind, proto=protocol)

    return made


class CheckedResolver(AbstractResolver):
    """Turns names into those of their addresses that are allowed."""

    def __init__(self, allowed: AllowedAddresses) -> None:
        self._allowed = allowed
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the allowed addresses of a name.

        Raises:
            NotAllowed: It has none.
        """
        found: Sequence[ResolveResult] = await self._resolver.resolve(host, port, family)
        allowed = [one for one in found if self._allowed.permits(one["host"])]
        if not allowed:
            raise NotAllowed(_told(host))
        return allowed

    async def close(self) -> None:
        """Release nothing: nothing is held."""
