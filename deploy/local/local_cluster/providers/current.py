"""The current provider: the cluster that the user's kubeconfig points to.

It is never created and never deleted; only a copy of the way to it is kept, of the context that was
the current one when it was chosen. The sample's images are not brought there, and there is no audit
log.
"""

import os
import shutil
import subprocess
from pathlib import Path

import yaml

from local_cluster import build, errors
from local_cluster.model import Cluster
from local_cluster.state import State


class Current:
    """Somebody else's cluster."""

    name = "current"

    def obstacle(self, state: State) -> str:
        """Return nothing if there is a context to use."""
        if state.context or _current_context():
            return ""
        return "there is no current context: set KUBECONFIG, or `kubectl config use-context NAME`"

    def up(self, state: State) -> Cluster:
        """Copy the way to the cluster, and see that it answers."""
        if not state.context:
            state.context = _current_context()
            state.save()
        kubeconfig = state.directory / "kubeconfig"
        if not kubeconfig.exists():
            _copy(state.context, kubeconfig)
        program = _program()
        if not _kubectl("--kubeconfig", str(kubeconfig), "get", "--raw", "/readyz"):
            raise errors.ClusterError(
                f"the cluster of context {state.context} does not answer: see `kubectl get nodes`"
            )
        print(f"cluster: context {state.context}", flush=True)
        return Cluster(
            provider=self.name,
            directory=state.directory,
            kubeconfig=kubeconfig,
            bin=program.parent,
            audit_log=None,
        )

    def down(self, state: State) -> None:
        """Leave the cluster as it is: only the copy goes, with the directory."""

    def load_image(self, state: State, archive: Path) -> None:
        """Do nothing: its pods take images from registries that it reaches."""

    def is_up(self, state: State) -> bool:
        """Tell whether a context was chosen."""
        return bool(state.context)


def _current_context() -> str:
    """Return the first context that a kubeconfig names as the current one, as kubectl does."""
    paths = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    for path in map(Path, paths.split(os.pathsep)):
        if path.is_file():
            context: str = (yaml.safe_load(path.read_text()) or {}).get("current-context") or ""
            if context:
                return context
    return ""


def _program() -> Path:
    found = shutil.which("kubectl")
    return Path(found) if found else build.ensure(("kubectl",)) / "kubectl"


def _kubectl(*arguments: str) -> str:
    """Return what the user's kubectl prints, nothing if it fails."""
    result = subprocess.run(
        [str(_program()), *arguments], capture_output=True, text=True, check=False
    )
    return result.stdout.strip() if result.returncode == 0 else ""


def _copy(context: str, path: Path) -> None:
    view = _kubectl("config", "view", "--raw", "--flatten", "--minify", f"--context={context}")
    if not view:
        raise errors.ClusterError(
            f"context {context} is not in the kubeconfig any more: end by `make cluster-stop`, "
            "then choose another one"
        )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(view)
