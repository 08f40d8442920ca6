"""A local Kubernetes cluster made of this machine's own means: for demo, tests and benchmark."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_cluster import build
from local_cluster import state as states
from local_cluster.errors import ClusterError
from local_cluster.kubeconfigs import service_account_kubeconfig
from local_cluster.model import Cluster
from local_cluster.providers import Provider
from local_cluster.providers.kwok import Kwok

__all__ = ["Cluster", "ClusterError", "down", "is_up", "service_account_kubeconfig", "up"]

DIRECTORY = build.CHECKOUT / "build" / "cluster"
PROVIDERS: dict[str, Provider] = {provider.name: provider for provider in (Kwok(),)}
"""Best first: without a choice, the first one that this machine can have is taken."""
_KEPT = {"bin", "logs", "lock", "build.lock"}
"""What survives the cluster: programs that took minutes to build, and the logs."""


def up(provider: str | None = None, directory: Path = DIRECTORY) -> Cluster:
    """Bring the cluster up, or complete the one that runs; CLUSTER= chooses if nothing does."""
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory):
        state = states.load(directory)
        chosen = _choose(provider or os.environ.get("CLUSTER", ""), state)
        state.provider = chosen.name
        state.save()
        return chosen.up(state)


def down(directory: Path = DIRECTORY) -> None:
    """Remove everything that `up` made, also when it was interrupted half-way."""
    directory = directory.resolve()
    if not directory.exists():
        return
    with _locked(directory):
        state = states.load(directory)
        if state.provider:
            PROVIDERS[state.provider].down(state)
        for path in directory.iterdir():
            if path.name in _KEPT:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def is_up(directory: Path = DIRECTORY) -> bool:
    """Tell whether the cluster of this directory runs."""
    state = states.load(directory.resolve())
    return bool(state.provider) and PROVIDERS[state.provider].is_up(state)


def _choose(wanted: str, state: states.State) -> Provider:
    """Return the wanted provider, the one that runs already, or the best that can be had."""
    if wanted and wanted not in PROVIDERS:
        raise ClusterError(f"CLUSTER={wanted} is not known: use one of {', '.join(PROVIDERS)}")
    if state.provider and wanted and wanted != state.provider:
        raise ClusterError(
            f"a {state.provider} cluster is there already: end it by `make cluster-stop` first"
        )
    if wanted or state.provider:
        chosen = PROVIDERS[wanted or state.provider]
        if obstacle := chosen.obstacle():
            raise ClusterError(f"no {chosen.name} cluster: {obstacle}")
        reason = f"CLUSTER={wanted}" if wanted else "it was chosen when the cluster was made"
        print(f"cluster: {chosen.name} ({reason})", flush=True)
        return chosen
    obstacles: list[str] = []
    for provider in PROVIDERS.values():
        if not (obstacle := provider.obstacle()):
            reason = "; ".join(obstacles) or "the best that there is"
            print(f"cluster: {provider.name} ({reason})", flush=True)
            return provider
        obstacles.append(f"not {provider.name}: {obstacle}")
    raise ClusterError("; ".join(obstacles))


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Let only one call work on a cluster at a time; a second one waits."""
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
