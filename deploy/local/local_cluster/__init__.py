"""A local Kubernetes cluster made of this machine's own means: for demo, tests and benchmark."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from local_cluster import build, components
from local_cluster import state as states
from local_cluster.errors import ClusterError
from local_cluster.kubeconfigs import service_account_kubeconfig
from local_cluster.model import Cluster
from local_cluster.providers import Provider
from local_cluster.providers.current import Current
from local_cluster.providers.kind import Kind
from local_cluster.providers.kwok import Kwok
from local_cluster.providers.node import Node

__all__ = [
    "DIRECTORY",
    "QUICKEST",
    "Cluster",
    "ClusterError",
    "down",
    "down_all",
    "is_up",
    "load_image",
    "obstacle",
    "service_account_kubeconfig",
    "up",
]

DIRECTORY = build.CHECKOUT / "build" / "cluster"
PROVIDERS: dict[str, Provider] = {
    provider.name: provider for provider in (Node(), Kwok(), Kind(), Current())
}
BEST = ("node", "kwok")
"""Best first: without a choice, the first one that this machine can have is taken."""
QUICKEST = ("kind", *BEST)
"""Likewise, for whoever wants to see something soon: kind's node need not be built."""
_KEPT = {"bin", "logs", "lock", "build.lock"}
"""What survives the cluster: programs that took minutes to build, and the logs."""


def up(
    provider: str | None = None, directory: Path = DIRECTORY, *, order: Sequence[str] = BEST
) -> Cluster:
    """Bring the cluster up, or complete the one that runs; CLUSTER= chooses if nothing does.

    Args:
        provider: The one that it is to be.
        directory: Where all that belongs to it is.
        order: Without a choice, the first of these that this machine can have.
    """
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    with states.locked(directory):
        state = states.load(directory)
        chosen = _choose(provider or os.environ.get("CLUSTER", ""), state, order)
        state.provider = chosen.name
        state.save()
        return chosen.up(state)


def down(directory: Path = DIRECTORY) -> None:
    """Remove everything that `up` made, also when it was interrupted half-way."""
    directory = directory.resolve()
    if not directory.exists():
        return
    with states.locked(directory):
        state = states.load(directory)
        if state.provider:
            PROVIDERS[state.provider].down(state)
        components.stop(state, list(state.processes))
        components.kill(components.marked(directory))
        for path in directory.iterdir():
            if path.name in _KEPT:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def down_all() -> None:
    """Remove the cluster of this checkout, and those that tests and benchmarks made beside it."""
    beside = (build.CHECKOUT / "build").glob("cluster*/**/state.json")
    for directory in sorted({DIRECTORY, *(state.parent for state in beside)}):
        down(directory)


def is_up(directory: Path = DIRECTORY) -> bool:
    """Tell whether the cluster of this directory runs."""
    state = states.load(directory.resolve())
    return bool(state.provider) and PROVIDERS[state.provider].is_up(state)


def load_image(cluster: Cluster, archive: Path) -> None:
    """Bring the images of an OCI archive to where the cluster's pods take theirs from."""
    PROVIDERS[cluster.provider].load_image(states.load(cluster.directory), archive)


def obstacle(provider: str, directory: Path = DIRECTORY) -> str:
    """Return why the directory cannot have a cluster of that kind now, or nothing."""
    directory = directory.resolve()
    return _obstacle(provider, states.load(directory))


def _choose(wanted: str, state: states.State, order: Sequence[str]) -> Provider:
    """Return the wanted provider, the one that runs already, or the first that can be had."""
    if name := wanted or state.provider:
        if found := _obstacle(name, state):
            raise ClusterError(f"no {name} cluster: {found}")
        reason = f"CLUSTER={wanted}" if wanted else "it was chosen when the cluster was made"
        print(f"cluster: {name} ({reason})", flush=True)
        return PROVIDERS[name]
    obstacles: list[str] = []
    for name in order:
        if not (found := _obstacle(name, state)):
            reason = "; ".join(obstacles) or "its pods really run; CLUSTER= chooses another"
            print(f"cluster: {name} ({reason})", flush=True)
            return PROVIDERS[name]
        obstacles.append(f"not {name}: {found}")
    raise ClusterError("; ".join(obstacles))


def _obstacle(name: str, state: states.State) -> str:
    if name not in PROVIDERS:
        return f"CLUSTER={name} is not known: use one of {', '.join(PROVIDERS)}"
    if state.provider not in {"", name}:
        return f"a {state.provider} cluster is there already: end it by `make cluster-stop` first"
    return PROVIDERS[name].obstacle(state)
