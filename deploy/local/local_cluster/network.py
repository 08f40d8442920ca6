"""Finds addresses, ports and names on this machine that nobody else uses."""

import contextlib
import hashlib
import ipaddress
import json
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from local_cluster import errors

LOOPBACK = "127.0.0.1"
_PORTS = range(10_000, 30_000)
"""Where ports are looked for: below those of NodePorts (30000) and of the machine's own outgoing
connections (32768), one of which may take a port between our look and the start of who gets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The addresses of one cluster."""

    bridge: str
    pods: str
    services: str

    @property
    def gateway(self) -> str:
        """The bridge's own address: where pods and the host meet."""
        return str(ipaddress.ip_network(self.pods)[1])

    @property
    def first_service(self) -> str:
        """The ClusterIP of the `kubernetes` Service."""
        return str(ipaddress.ip_network(self.services)[1])


def choose(directory: Path) -> Network:
    """Choose free ranges, the same ones for the same directory as long as they are free."""
    digest = hashlib.sha256(str(directory).encode()).digest()
    used = _used_networks()
    return Network(
        bridge=bridge_name(directory),
        pods=_first_free((f"10.244.{(digest[0] + n) % 256}.0/24" for n in range(256)), used),
        services=_first_free((f"10.{96 + (digest[1] + n) % 32}.0.0/16" for n in range(32)), used),
    )


def bridge_name(directory: Path) -> str:
    """Return the name that belongs to the cluster of a directory, short enough for a link."""
    return f"po-{hashlib.sha256(str(directory).encode()).hexdigest()[:8]}"


def free_port(address: str = LOOPBACK) -> int:
    """Return a TCP port that is free on the address at this moment."""
    while True:
        # Drawn, not counted up: several clusters may look at the same time.
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
            return port


def _first_free(candidates: Iterable[str], used: Sequence[ipaddress.IPv4Network]) -> str:
    for candidate in candidates:
        network = ipaddress.IPv4Network(candidate)
        if not any(network.overlaps(other) for other in used):
            return candidate
    raise errors.ClusterError(
        "no free address range in 10.244.0.0/16 or 10.96.0.0/11: stop another local cluster"
    )


def _used_networks() -> list[ipaddress.IPv4Network]:
    program = shutil.which("ip")
    if program is None:
        return []
    output = subprocess.run(
        [program, "-4", "-json", "route", "show", "table", "all"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    networks = []
    for route in json.loads(output or "[]"):
        destination = route.get("dst", "default")
        if destination != "default" and route.get("type", "unicast") == "unicast":
            networks.append(ipaddress.IPv4Network(destination, strict=False))
    return networks
