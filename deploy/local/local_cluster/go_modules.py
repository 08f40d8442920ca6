"""Modules of Go, from the proxy or from what was downloaded before."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local_cluster import errors


def downloaded(go: Path, module: str, version: str) -> Mapping[str, str]:
    """Return what Go tells of a module that is there then: `Dir`, `GoMod`, `Sum` and more.

    Raises:
        ClusterError: It cannot be had.
    """
    name = f"{module}@{version}"
    done = _run(go, None, "mod", "download", "-json", name)
    found: dict[str, str] = json.loads(done.stdout or "{}")
    if done.returncode != 0:
        raise errors.ClusterError(
            f"{name} cannot be had: {_end(found.get('Error') or done.stderr)}"
        )
    return found


def tidy(go: Path, directory: Path) -> None:
    """Complete the requirements of a module of ours.

    Raises:
        ClusterError: They cannot be had.
    """
    done = _run(go, directory, "mod", "tidy")
    if done.returncode != 0:
        raise errors.ClusterError(f"go mod tidy failed: {_end(done.stderr)}")


def _run(go: Path, directory: Path | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(go), *arguments],
        cwd=directory,
        env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"},
        capture_output=True,
        text=True,
        check=False,
    )


def _end(said: str) -> str:
    return " ".join(said.split())[-500:]
