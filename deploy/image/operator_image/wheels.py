"""What the lock file names, and our own wheel, as they are installed on an architecture."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from operator_image.debian import PYTHON

CHECKOUT = Path(__file__).resolve().parents[3]
_PLATFORMS = {"amd64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
_EXTRAS = ("api",)
_LEFT_OUT = ("bin", "*.pyi", "*.pyx", "*.pxd", "*.c", "*.h", "tests", "test", "*.lock")
_OF_THIS_MACHINE = ("RECORD", "direct_url.json", "uv_cache.json")
"""What tells of the installation: of folders and times of this machine, and of what is left out."""


def requirements(folder: Path) -> Path:
    """Write what the lock file names for production, with hashes; return where."""
    path = folder / "requirements.txt"
    extras = [f"--extra={one}" for one in _EXTRAS]
    _uv("export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", *extras, "-o", str(path))
    return path


def own(folder: Path) -> Path:
    """Build our own wheel; return where it is."""
    target = folder / "wheel"
    shutil.rmtree(target, ignore_errors=True)
    _uv("build", "--quiet", "--wheel", "--out-dir", str(target))
    (found,) = target.glob("*.whl")
    return found


def install(site: Path, architecture: str, requirements: Path) -> None:
    """Unpack the locked wheels of an architecture into a folder; sources are never built."""
    chosen = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(requirements)]
    _unpack(site, _PLATFORMS[architecture], chosen)


def install_own(site: Path, wheel: Path, built: str) -> None:
    """Unpack our own wheel, and write down what it was built from."""
    _unpack(site, _PLATFORMS["amd64"], ["--no-deps", str(wheel)])
    (site / "process_operator" / "built.txt").write_text(built)


def _unpack(site: Path, platform: str, chosen: Sequence[str]) -> None:
    target = ["--target", str(site), "--python-platform", platform, "--python-version", PYTHON]
    _uv("pip", "install", "--quiet", "--no-config", *target, *chosen)
    for pattern in (*_LEFT_OUT, *_OF_THIS_MACHINE):
        for path in list(site.rglob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def names(site: Path) -> Sequence[tuple[str, str]]:
    """Return name and version of each distribution in a folder."""
    found = []
    for about in sorted(site.glob("*.dist-info/METADATA")):
        fields = dict(
            line.split(": ", 1)
            for line in about.read_text().partition("\n\n")[0].splitlines()
            if line.startswith(("Name: ", "Version: "))
        )
        found.append((fields["Name"], fields["Version"]))
    return found


def _uv(*arguments: str) -> None:
    program = shutil.which("uv") or str(CHECKOUT / "build" / "uv" / "bin" / "uv")
    subprocess.run([program, *arguments], cwd=CHECKOUT, check=True)


def hashes(requirements: Path) -> dict[str, list[str]]:
    """Return the locked hashes by the lower-case name of the distribution."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in requirements.read_text().splitlines():
        text = line.strip()
        if "==" in text and not text.startswith("#"):
            name = text.partition("==")[0].partition("[")[0].lower()
        if "sha256:" in text:
            digest = text.partition("sha256:")[2].split()[0]
            found.setdefault(name, []).append(digest)
    return found
