"""The kind provider: a node in a container of Docker or Podman.

The cluster is kind's own, of the Kubernetes version that kind brings, under a name that belongs to
the directory. The sample's images are loaded from our archive; so no registry is asked but the one
that kind takes its node's image from, or none where `KIND_NODE_IMAGE` names one that the engine has
(`make demo-kind` makes it). There is no audit log.
"""

import os
import shutil
import subprocess
from pathlib import Path

from local_cluster import build, errors, images, network, oci
from local_cluster.model import Cluster
from local_cluster.state import State

ENGINES = ("docker", "podman")
NODE_IMAGE = "KIND_NODE_IMAGE"
_ENGINE_SECONDS = 5
_REMEDY = (
    "where no registry answers, `make demo-kind` makes the node's image, and CLUSTER=node or "
    "CLUSTER=kwok need no engine"
)


class Kind:
    """A cluster made by the kind program."""

    name = "kind"

    def obstacle(self, state: State) -> str:  # noqa: ARG002 - it depends on the machine only
        """Return nothing if Docker or Podman answers."""
        if engine():
            return ""
        return (
            "neither Docker nor Podman answers: start one of them and let this user speak to it, "
            "or use CLUSTER=node or CLUSTER=kwok"
        )

    def up(self, state: State) -> Cluster:
        """Create the cluster if kind does not have it, and load the images."""
        programs = build.ensure(("kubectl", *images.PROGRAMS, *_built()))
        kubeconfig = state.directory / "kubeconfig"
        name = network.bridge_name(state.directory)
        if name not in _kind("get", "clusters").split():
            image = os.environ.get(NODE_IMAGE, "")
            chosen = ("--image", image) if image else ()
            try:
                _kind("create", "cluster", "--name", name, "--kubeconfig", str(kubeconfig), *chosen)
            except errors.ClusterError as error:
                raise errors.ClusterError(f"{error}; {_REMEDY}") from None
        _kind("export", "kubeconfig", "--name", name, "--kubeconfig", str(kubeconfig))
        archive = state.directory / "images.tar"
        oci.write_archive(archive, images.all_images(programs))
        _kind("load", "image-archive", str(archive), "--name", name)
        return Cluster(
            provider=self.name,
            directory=state.directory,
            kubeconfig=kubeconfig,
            bin=programs,
            audit_log=None,
        )

    def down(self, state: State) -> None:
        """Delete the cluster."""
        _kind("delete", "cluster", "--name", network.bridge_name(state.directory))

    def load_image(self, state: State, archive: Path) -> None:
        """Load it into kind's node."""
        name = network.bridge_name(state.directory)
        _kind("load", "image-archive", str(archive), "--name", name)

    def is_up(self, state: State) -> bool:
        """Tell whether kind has the cluster."""
        return network.bridge_name(state.directory) in _kind("get", "clusters").split()


def engine() -> str:
    """Return the first engine that answers, "" if none does."""
    for name in ENGINES:
        try:
            result = subprocess.run(
                [name, "info"], capture_output=True, timeout=_ENGINE_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if result.returncode == 0:
            return name
    return ""


def _built() -> tuple[str, ...]:
    """Return kind itself where the machine has none."""
    return () if shutil.which("kind") else ("kind",)


def _kind(*arguments: str) -> str:
    program = shutil.which("kind") or str(build.BIN / "kind")
    try:
        result = subprocess.run(
            [program, *arguments],
            env={**os.environ, "KIND_EXPERIMENTAL_PROVIDER": engine()},
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise errors.ClusterError(f"{program} does not run: {error.strerror}") from error
    if result.returncode != 0:
        raise errors.ClusterError(
            f"kind {' '.join(arguments[:2])} failed: {' '.join(result.stderr.split())[-500:]}"
        )
    return result.stdout
