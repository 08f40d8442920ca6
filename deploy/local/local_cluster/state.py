"""What a cluster has started, in one file: the memory that `down` works from after a crash."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_cluster.network import LOOPBACK, Network, free_port


@dataclass(slots=True, kw_only=True)
class State:
    """The record of one cluster; saved after every change."""

    directory: Path
    provider: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    network: Network | None = None
    processes: dict[str, dict[str, Any]] = field(default_factory=dict)
    sysctls: dict[str, str] = field(default_factory=dict)
    context: str = ""

    @property
    def path(self) -> Path:
        """Where the record is kept."""
        return self.directory / "state.json"

    def save(self) -> None:
        """Replace the file as a whole, so that an interruption leaves the old or the new one."""
        record = {
            "provider": self.provider,
            "ports": self.ports,
            "network": None
            if self.network is None
            else {
                "bridge": self.network.bridge,
                "pods": self.network.pods,
                "services": self.network.services,
            },
            "processes": self.processes,
            "sysctls": self.sysctls,
            "context": self.context,
        }
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(json.dumps(record, indent=2))
        temporary.replace(self.path)

    def port(self, name: str, address: str = LOOPBACK) -> int:
        """Return the port remembered under the name, or remember a free one."""
        if name not in self.ports:
            taken = set(self.ports.values())
            port = free_port(address)
            while port in taken:
                port = free_port(address)
            self.ports[name] = port
            self.save()
        return self.ports[name]


def load(directory: Path) -> State:
    """Read the record, or begin an empty one."""
    state = State(directory=directory)
    if state.path.exists():
        record = json.loads(state.path.read_text())
        state.provider = record["provider"]
        state.ports = record["ports"]
        state.network = Network(**record["network"]) if record["network"] else None
        state.processes = record["processes"]
        state.sysctls = record["sysctls"]
        state.context = record["context"]
    return state


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Let only one call work on a cluster at a time; a second one waits."""
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
