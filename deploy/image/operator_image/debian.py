"""Python and the libraries that it needs, from Debian's packages of any architecture.

apt is used with folders of its own and changes nothing on this machine. It checks the signatures
of the archive; which versions it took stands in the list of materials.
"""

import contextlib
import hashlib
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SUITE = "trixie"
PYTHON = "3.13"
PACKAGES = (
    "libc6",
    "libgcc-s1",
    "libssl3t64",
    "libzstd1",
    "zlib1g",
    "libexpat1",
    "libffi8",
    "libbz2-1.0",
    "liblzma5",
    "libuuid1",
    f"libpython{PYTHON}-minimal",
    f"libpython{PYTHON}-stdlib",
    f"python{PYTHON}-minimal",
)
"""All that is in the image, named one by one: no shell, no package manager, no certificates of
others (the API server's comes with the ServiceAccount), and of OpenSSL the libraries only."""
_SOURCES = (
    ("http://deb.debian.org/debian", (SUITE, f"{SUITE}-updates")),
    ("http://deb.debian.org/debian-security", (f"{SUITE}-security",)),
)
_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
KEPT = ("usr/lib", "usr/lib64", f"usr/bin/python{PYTHON}", "usr/share/doc")
_LEFT_OUT = (
    "gconv",  # character sets that nobody asks for
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "turtledemo",
    "tkinter",
    "unittest",
    "ossl-modules",
    "engines-3",
    "binfmt.d",
    "valgrind",
    "audit",
)


class Missing(Exception):  # noqa: N818 - it is what is missing
    """This machine cannot do it; the text says what it lacks, and what to do instead."""


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One package as it was unpacked."""

    name: str
    version: str
    architecture: str
    sha256: str


def unpack(root: Path, work: Path, architecture: str) -> Sequence[Package]:
    """Unpack the newest versions of all packages into a folder.

    Args:
        root: Where they are unpacked.
        work: A folder for apt's own; what was fetched stays there for the next time.
        architecture: As Debian names it, which is as images do.

    Raises:
        Missing: Without apt, or when the archive cannot be reached.
    """
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise Missing(f"{program} is missing: build with deploy/image/Dockerfile instead")
    options = _private(work / architecture, architecture)
    archives = work / architecture / "archives"
    _run([*options, "update"], archives)
    for stale in archives.glob("*.deb"):
        stale.unlink()
    _run([*options, "download", *PACKAGES], archives)
    found = sorted(archives.glob("*.deb"))
    for one in found:
        subprocess.run(["dpkg-deb", "--extract", str(one), str(root)], check=True)
    _prune(root)
    return sorted(_about(one) for one in found)


def _private(folder: Path, architecture: str) -> Sequence[str]:
    """Return the command with all its folders below one."""
    for name in ("etc/apt/apt.conf.d", "lists/partial", "archives/partial", "dpkg"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "dpkg" / "status").touch()
    lines = [
        f"deb [signed-by={_KEYS}] {uri} {suite} main\n"
        for uri, suites in _SOURCES
        for suite in suites
    ]
    (folder / "etc" / "apt" / "sources.list").write_text("".join(lines))
    settings = {
        "Dir::Etc": folder / "etc" / "apt",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "dpkg" / "status",
        "Dir::Cache": folder,
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    return ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in settings.items())]


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Missing(f"apt could not fetch Debian's packages: {done.stderr.strip()[-1000:]}")


def _about(archive: Path) -> Package:
    asked = ["dpkg-deb", "--field", str(archive), "Package", "Version", "Architecture"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    name, version, architecture = re.findall(r"^\w+: (.*)$", said, re.MULTILINE)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    return Package(name, version, architecture, digest)


def _prune(root: Path) -> None:
    """Leave nothing but Python, its libraries, and the licences of all."""
    for path in sorted(root.rglob("*"), reverse=True):
        relative = path.relative_to(root).as_posix()
        is_kept = any(relative == one or relative.startswith(f"{one}/") for one in KEPT)
        is_document = relative.startswith("usr/share/doc/") and path.name != "copyright"
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):  # It is not empty: something in it is kept.
                path.rmdir()
        elif not is_kept or is_document or set(_LEFT_OUT) & set(path.parts):
            path.unlink()
    # The places that programs name, as Debian's own base has them.
    for name in ("lib", "lib64"):
        if (root / "usr" / name).is_dir():
            (root / name).symlink_to(f"usr/{name}")
