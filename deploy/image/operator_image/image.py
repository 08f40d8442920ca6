"""The operator's image for each architecture, in one OCI archive.

Beside the archive: the list of materials, and the digest that a chart names it by.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from local_cluster import oci
from operator_image import debian, materials, wheels
from process_operator import __version__

ARCHITECTURES = ("amd64", "arm64")
NAME = "process-operator.dev/process-operator"
OUTPUT = wheels.CHECKOUT / "build" / "image"
ARCHIVE = "process-operator.tar"
SITE = f"usr/local/lib/python{debian.PYTHON}/dist-packages"
_PASSWORDS = "root:x:0:0:root:/:/nologin\noperator:x:65532:65532:operator:/tmp:/nologin\n"
_GROUPS = "root:x:0:\noperator:x:65532:\n"
_HOSTS = "hosts: files dns\n"
_LARGEST_MB = 60
_PARTS = ("base", "libraries", "own")
"""The layers, from what changes most rarely to what changes with each commit."""


@dataclass(frozen=True, slots=True)
class Source:
    """What the image is built from."""

    commit: str
    at: datetime

    @property
    def text(self) -> str:
        """What `process-operator --version` says of it."""
        return f"commit {self.commit[:12]}, {self.at:%Y-%m-%d}"


def source() -> Source:
    """Return commit and time: SOURCE_DATE_EPOCH, or when the commit was made."""
    commit, at = (_git("log", "-1", "--format=%H %ct") or "unknown 0").split()
    commit += "-changed" if _git("status", "--porcelain", "operator", "uv.lock") else ""
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or at)
    return Source(commit, datetime.fromtimestamp(seconds, UTC))


def build(architectures: Sequence[str], output: Path) -> oci.Image:
    """Build the image, and write archive and list of materials.

    Raises:
        debian.Missing: This machine cannot build it.
    """
    output.mkdir(parents=True, exist_ok=True)
    made_from, name = source(), f"{NAME}:{__version__}"
    requirements, wheel = wheels.requirements(output), wheels.own(output)
    images: list[oci.Image] = []
    packages: list[debian.Package] = []
    site = output
    layers: dict[str, list[oci.Layer]] = {}
    roots = {one: _fresh(output / "root" / one) for one in architectures}
    for architecture, root in roots.items():
        packages += debian.unpack(root / "base", output / "apt", architecture)
        _write_base(root / "base")
        site = root / "libraries" / SITE
        wheels.install(site, architecture, requirements)
        wheels.install_own(root / "own" / SITE, wheel, made_from.text)
    python, mtime = _own_python(roots), int(made_from.at.timestamp())
    for architecture, root in roots.items():
        for part in _PARTS:
            _compile(python, root / part)
        layers[architecture] = [oci.folder_layer(root / part, mtime=mtime) for part in _PARTS]
        images.append(_image(name, architecture, layers[architecture], made_from))
    index = oci.index(name, images)
    oci.write_archive(output / ARCHIVE, [index])
    listed = materials.document(
        NAME,
        __version__,
        packages=set(packages),
        distributions=wheels.names(site),
        hashes=wheels.hashes(requirements),
        at=made_from.at,
    )
    (output / "materials.cdx.json").write_text(json.dumps(listed, indent=2) + "\n")
    (output / "digest").write_text(index.digest)
    for architecture, found in layers.items():
        _tell_size(architecture, found)
    return index


def _image(name: str, architecture: str, layers: Sequence[oci.Layer], of: Source) -> oci.Image:
    at = of.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = {
        "title": "process-operator",
        "description": "Applications made of processes on Kubernetes",
        "version": __version__,
        "revision": of.commit,
        "created": at,
        "licenses": "Apache-2.0",
    }
    settings = {
        # Isolated: no variable and no folder of a user changes what is imported.
        "Entrypoint": [f"/usr/bin/python{debian.PYTHON}", "-I", "-m", "process_operator"],
        "Cmd": ["run"],
        "Env": ["LANG=C.UTF-8", "PATH=/usr/bin", "HOME=/tmp"],
        "WorkingDir": "/tmp",  # noqa: S108 - the one folder that may be written
        "Labels": {f"org.opencontainers.image.{key}": value for key, value in labels.items()},
    }
    return oci.image(name, layers, settings, of=architecture, created=at)


def _write_base(root: Path) -> None:
    """Write the few files that a Debian system has beside its packages."""
    etc = root / "etc"
    etc.mkdir()
    for name, text in (("passwd", _PASSWORDS), ("group", _GROUPS), ("nsswitch.conf", _HOSTS)):
        (etc / name).write_text(text)
    temporary = root / "tmp"
    temporary.mkdir()
    temporary.chmod(0o1777)


def _compile(python: Sequence[str], folder: Path) -> None:
    """Compile what is there, so that a start from a read-only file system need not.

    The files are trusted as they are (no times, which an archive has not kept).
    """
    options = ["-q", "--invalidation-mode", "unchecked-hash"]
    # Recorded as they will lie in the image, so that the folder of the build is in no file.
    placed = ["-s", str(folder), "-p", "/"]
    subprocess.run([*python, "-m", "compileall", *options, *placed, str(folder)], check=True)


def _own_python(roots: dict[str, Path]) -> Sequence[str]:
    """Return the command of the Python in the image of this machine's architecture."""
    base = roots.get(oci.architecture())
    if base is None:
        raise debian.Missing(f"build for {oci.architecture()} too: its Python compiles")
    usr = base / "base" / "usr"
    (loader,) = {
        path.resolve() for path in base.glob("base/usr/lib*/**/ld-linux-*") if path.is_file()
    }
    (libraries,) = usr.glob("lib/*-linux-gnu")
    environment = ["env", "-i", f"PYTHONHOME={usr}", "PYTHONHASHSEED=0"]
    program = [str(loader), "--library-path", str(libraries)]
    return [*environment, *program, str(usr / "bin" / f"python{debian.PYTHON}"), "-s", "-P"]


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    for part in _PARTS:
        (folder / part).mkdir(parents=True)
    return folder


def _tell_size(architecture: str, layers: Sequence[oci.Layer]) -> None:
    sizes = [len(one.content) / 1e6 for one in layers]
    parts = ", ".join(f"{part} {size:.1f}" for part, size in zip(_PARTS, sizes, strict=True))
    print(f"{architecture}: {sum(sizes):.1f} MB compressed ({parts})")
    if sum(sizes) > _LARGEST_MB:
        raise SystemExit(f"the image for {architecture} is larger than {_LARGEST_MB} MB")


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(wheels.CHECKOUT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
