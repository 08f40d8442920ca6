"""What a node asks of the machine: Linux, root, programs, disk; and the kernel's settings."""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from local_cluster import components, errors
from local_cluster.components import MARK
from local_cluster.state import State

PACKAGES = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "nft": "nftables",
    "ip": "iproute2",
    "conntrack": "conntrack",
}
"""The Debian package of each program."""
NETWORK_PLUGINS_PACKAGE = "containernetworking-plugins"
NETWORK_PLUGINS = ("bridge", "host-local", "loopback")
NETWORK_PLUGIN_FOLDERS = tuple(
    Path(folder) for folder in ("/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni")
)
DISK_NEEDED_BYTES = 2 * 1024**3
CGROUPS = Path("/sys/fs/cgroup")
SYSCTLS = Path("/proc/sys")
CHANGED_SYSCTLS = (
    "net/ipv4/ip_forward",
    # The kubelet sets the others.
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
_CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}
_RULERS = {"kube-proxy": "net", "kubelet": "mnt"}
"""The programs that a machine can have only one of, in each namespace of that kind."""
_SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
"""Some roots have no sbin in PATH."""


def obstacle(directory: Path) -> str:
    """Return why no node can run here, with the remedy; nothing is installed or changed."""
    if platform.system() != "Linux":
        return f"pods need Linux, and this is {platform.system()}: run it in a Linux machine"
    if not _is_root():
        return "pods need root: run it as the machine's root, for example by sudo"
    if lacking := _lacking_capabilities():
        return f"root lacks {lacking} here: run it outside a container, or in a privileged one"
    if not _cgroups_are_writable():
        return f"{CGROUPS} cannot be written: mount the cgroup file system there"
    free = shutil.disk_usage(_existing(directory)).free
    if free < DISK_NEEDED_BYTES:
        return (
            f"pods need {DISK_NEEDED_BYTES // 1024**3} GB of disk and {directory} has "
            f"{free / 1024**3:.1f} GB free: free some, or clone the project to a larger disk"
        )
    missing = missing_packages()
    if missing and not _installs_packages():
        return (
            f"{', '.join(missing)} missing: install what goes by these names on Debian with this "
            "machine's package manager"
        )
    return _other_cluster(directory)


def install_packages() -> None:
    """Install the packages that are missing (`obstacle` has seen that this is possible)."""
    missing = missing_packages()
    if not missing:
        return
    _install(missing)
    if missing := missing_packages():
        raise errors.ClusterError(
            f"{', '.join(missing)} did not bring the expected programs: install them by hand, "
            "or use CLUSTER=kwok"
        )


def ensure_program(name: str, package: str = "") -> None:
    """Install a program where it is missing, from the Debian package of its name, or of another."""
    if has_program(name):
        return
    if not (_installs_packages() and _is_root()):
        raise errors.ClusterError(f"{name} is missing: install it with this machine's packages")
    _install([package or name])


def _install(missing: Sequence[str]) -> None:
    names = " ".join(missing)
    print(f"cluster: installing {names} by apt-get", flush=True)
    for arguments in (
        ["update", "--quiet"],
        # A machine that runs Docker may have its own containerd: nothing may be removed for ours.
        ["install", "--quiet", "--yes", "--no-install-recommends", "--no-remove", *missing],
    ):
        result = subprocess.run(
            ["apt-get", *arguments],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise errors.ClusterError(
                f"apt-get {arguments[0]} failed: install {names} by hand, or use CLUSTER=kwok "
                f"({' '.join(result.stderr.split())[-300:]})"
            )


def missing_packages() -> list[str]:
    """Return the Debian packages of what is missing."""
    packages = {package for name, package in PACKAGES.items() if not _which(name)}
    if not _network_plugins():
        packages.add(NETWORK_PLUGINS_PACKAGE)
    return sorted(packages)


def program(name: str) -> str:
    """Return where a program of the machine is."""
    found = _which(name)
    if found is None:
        raise errors.ClusterError(f"{name} is missing: install {PACKAGES.get(name, name)}")
    return found


def has_program(name: str) -> bool:
    """Tell whether the machine has a program."""
    return _which(name) is not None


def network_plugins() -> Path:
    """Return the directory of the CNI plugins."""
    found = _network_plugins()
    if found is None:
        raise errors.ClusterError(f"the CNI plugins are missing: install {NETWORK_PLUGINS_PACKAGE}")
    return found


def run(name: str, *arguments: str, stdin: str = "") -> str:
    """Run a program of the machine and return what it printed."""
    result = subprocess.run(
        [program(name), *arguments], input=stdin, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise errors.ClusterError(
            f"{name} {' '.join(arguments)} failed: {' '.join(result.stderr.split())}"
        )
    return result.stdout


def change_sysctls(state: State) -> None:
    """Remember the kernel's settings before the node changes them, and let packets through."""
    for name in CHANGED_SYSCTLS:
        path = SYSCTLS / name
        if name not in state.sysctls and path.exists():
            state.sysctls[name] = path.read_text().strip()
    state.save()
    (SYSCTLS / "net/ipv4/ip_forward").write_text("1")


def restore_sysctls(state: State) -> None:
    """Put the kernel's settings back."""
    for name, value in state.sysctls.items():
        (SYSCTLS / name).write_text(value)
    state.sysctls = {}
    state.save()


def mounts() -> list[tuple[Path, str]]:
    """Return all mount points with their file systems, in the order in which they were mounted."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place, _, about = line.partition(" - ")
        # The kernel writes space, tab and backslash of a path as octal numbers.
        path = place.split()[4].encode().decode("unicode_escape").encode("latin-1").decode()
        found.append((Path(path), about.split()[0]))
    return found


def file_system(path: Path) -> str:
    """Return the kind of file system that holds a path."""
    holding = [mount for mount in mounts() if path.is_relative_to(mount[0])]
    # Of two mounts on one place, the later one is seen.
    return max(reversed(holding), key=lambda mount: len(mount[0].parts))[1]


def cgroups(name: str) -> Mapping[Path, Path]:
    """Return where the cgroup of that name is or would be, by mount point of its hierarchy."""
    return {point: point / name for point, kind in mounts() if kind in {"cgroup", "cgroup2"}}


def _which(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}{os.pathsep}{_SYSTEM_PATH}")


def _network_plugins() -> Path | None:
    for folder in NETWORK_PLUGIN_FOLDERS:
        if all((folder / name).exists() for name in NETWORK_PLUGINS):
            return folder
    return None


def _installs_packages() -> bool:
    return Path("/etc/debian_version").exists() and has_program("apt-get")


def _existing(path: Path) -> Path:
    return next(candidate for candidate in (path, *path.parents) if candidate.exists())


def _is_root() -> bool:
    """Tell a real root from one that is root in a user namespace only."""
    everybody = ["0", "0", str(2**32 - 1)]
    return os.geteuid() == 0 and Path("/proc/self/uid_map").read_text().split() == everybody


def _cgroups_are_writable() -> bool:
    return os.access(CGROUPS, os.W_OK) and not os.statvfs(CGROUPS).f_flag & os.ST_RDONLY


def _lacking_capabilities() -> str:
    status = Path("/proc/self/status").read_text().split()
    held = int(status[status.index("CapEff:") + 1], 16)
    return " and ".join(name for name, bit in _CAPABILITIES.items() if not held >> bit & 1)


def _other_cluster(directory: Path) -> str:
    """Tell of another node: all kube-proxies write to one table, all kubelets to one directory."""
    mine = f"{MARK}={directory}".encode()
    for process in components.everything():
        command = components.command_line(process)
        namespace = _RULERS.get(Path(command[0]).name) if command else None
        if namespace is None:
            continue
        try:
            is_here = _namespace(str(process.pid), namespace) == _namespace("self", namespace)
            environment = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if is_here and mine not in environment:
            mark = f"{MARK}=".encode()
            owners = [item.removeprefix(mark) for item in environment if item.startswith(mark)]
            where = f" of {owners[0].decode()}" if owners else ""
            return (
                f"this machine is a node already, by {Path(command[0]).name} (process "
                f"{process.pid}){where}, and cannot be two: end that cluster first, by "
                "`make cluster-stop` in its checkout if it is one of ours"
            )
    return ""


def _namespace(process: str, kind: str) -> str:
    return str(Path(f"/proc/{process}/ns/{kind}").readlink())
