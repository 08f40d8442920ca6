"""An earlier version of the operator: its chart, and its image built as it was built then."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from local_cluster import ClusterError, oci
from operate import CHECKOUT

_FOLDER = CHECKOUT / "build" / "released"
LAST = "0.1.0"
"""The version that people upgrade from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What people have of a version."""

    chart: Path
    archive: Path
    """Its image, as an OCI archive."""


def version(number: str) -> Released:
    """Return a version, built from its commit if that was not done before.

    Raises:
        ClusterError: The history that would tell its commit is not here.
    """
    tree = _FOLDER / number
    if not tree.exists():
        _unpack(_commit(number), tree)
    archive = tree / "build" / "image" / "process-operator.tar"
    if not archive.exists():
        print(f"Building the image of {number} (less than a minute)", flush=True)
        _build(tree)
    return Released(chart=tree / "deploy" / "chart" / "process-operator", archive=archive)


def _commit(number: str) -> str:
    subject = f"^Release {number.replace('.', '[.]')}$"
    found = _git("log", "--format=%H", "-1", f"--grep={subject}")
    if not found:
        raise ClusterError(
            f"there is no commit of version {number} in this clone: fetch its history by "
            "`git fetch --unshallow`"
        )
    return found


def _unpack(commit: str, tree: Path) -> None:
    half = tree.with_suffix(".new")
    half.mkdir(parents=True, exist_ok=True)
    packed = subprocess.run(
        ["git", "archive", commit], cwd=CHECKOUT, check=True, capture_output=True
    )
    subprocess.run(["tar", "-x", "-C", str(half)], input=packed.stdout, check=True)
    half.rename(tree)


def _build(tree: Path) -> None:
    """Build the image by the program of that version, with the tools of this one."""
    modules = (tree / "operator", tree / "deploy" / "local", tree / "deploy" / "image")
    programs = (CHECKOUT / "build" / "uv" / "bin", os.environ["PATH"])
    subprocess.run(
        [sys.executable, "-m", "operator_image", "--architecture", oci.architecture()],
        cwd=tree,
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join(map(str, modules)),
            "PATH": os.pathsep.join(map(str, programs)),
        },
        check=True,
    )


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
