"""Which Kubernetes a cluster is of: the newest, or with `KUBERNETES=1.35` one of the minors before.

Our module of Go is that of the newest one. For an older one a module is made beside the programs
that are built of it: the same commands, with that version's own requirements.
"""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local_cluster import errors, go_modules

VARIABLE = "KUBERNETES"
PATCHES = {"1.36": "1.36.3", "1.35": "1.35.4", "1.34": "1.34.4"}
"""By minor, the newest first: the support table of the documentation."""
NEWEST = next(iter(PATCHES))
_POLICIES_THAT_MUTATE = "admissionregistration.k8s.io/v1beta1"
"""Before the newest one, which has them as stable, they have to be enabled."""
_MODULE = "k8s.io/kubernetes"
_STAGED = re.compile(r"^\s*(k8s\.io/[\w-]+) => \./staging", re.MULTILINE)
_REQUIRED = re.compile(r"^require \((.*?)^\)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of Kubernetes."""

    minor: str
    patch: str

    @property
    def is_newest(self) -> bool:
        """Whether it is the one that our module is of."""
        return self.minor == NEWEST

    @property
    def flags_of_api_server(self) -> dict[str, str]:
        """What its API server has to be told, so that it serves what the newest one does."""
        if self.is_newest:
            return {}
        return {
            "feature-gates": "MutatingAdmissionPolicy=true",
            "runtime-config": f"{_POLICIES_THAT_MUTATE}=true",
        }

    @property
    def of_libraries(self) -> str:
        """The version of its libraries, which begin with 0 where it begins with 1."""
        return f"v0.{self.patch.partition('.')[2]}"


def chosen() -> Version:
    """Return the version that the environment asks for.

    Raises:
        ClusterError: It is none that is supported.
    """
    minor = os.environ.get(VARIABLE) or NEWEST
    if minor not in PATCHES:
        raise errors.ClusterError(
            f"{VARIABLE}={minor} is not known: use one of {', '.join(PATCHES)}"
        )
    return Version(minor, PATCHES[minor])


def ensure_module(go: Path, version: Version, source: Path, place: Path) -> None:
    """Make the module of an older version, unless it is there.

    Args:
        go: The program.
        version: Of Kubernetes.
        source: Our module, of the newest version.
        place: Where the other is to be.

    Raises:
        ClusterError: The requirements cannot be had.
    """
    stamp = place / ".made-of"
    made_of = f"{version.patch} {(source / 'go.mod').read_text()}"
    if stamp.exists() and stamp.read_text() == made_of:
        return
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(source / "cmd", place / "cmd")
    asked = go_modules.downloaded(go, _MODULE, f"v{version.patch}")
    staged = sorted(set(_STAGED.findall(Path(asked["GoMod"]).read_text())))
    (place / "go.mod").write_text(_module(version, (source / "go.mod").read_text(), staged))
    go_modules.tidy(go, place)
    stamp.write_text(made_of)


def _module(version: Version, ours: str, staged: list[str]) -> str:
    found = _REQUIRED.search(ours)
    if found is None:
        raise errors.ClusterError("the module of the local cluster requires nothing")
    head, required = ours[: found.start()], _of(version, found[1].splitlines())
    replaced = (f"\t{name} => {name} {version.of_libraries}" for name in staged)
    return "\n".join([f"{head}require (", *required, ")", "", "replace (", *replaced, ")", ""])


def _of(version: Version, required: list[str]) -> Iterator[str]:
    newest = Version(NEWEST, PATCHES[NEWEST])
    for line in required:
        if line.strip():
            yield line.replace(f"v{newest.patch}", f"v{version.patch}").replace(
                newest.of_libraries, version.of_libraries
            )
