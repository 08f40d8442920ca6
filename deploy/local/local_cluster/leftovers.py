"""Removes what a node leaves on the machine, whether it was ended well or killed half-way.

Nothing is asked of the node's own programs: they may be gone. Everything is found by the marks
that it carries: the cluster's directory in the environment of processes and in the path of mounts
and links, and the bridge's name in cgroups and in the records of the pod network.
"""

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from local_cluster import components, containerd, errors, machine
from local_cluster.components import Process

_CNI_CACHE = Path("/var/lib/cni/results")
_LOG_LINKS = Path("/var/log/containers")
_DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
_SHIM_SOCKETS = Path("/run/containerd/s")


def remove(directory: Path, name: str) -> None:
    """Remove processes, then mounts, then files; `name` is that of the bridge and the cgroup."""
    sockets = containerd.shim_sockets(directory)
    _end_processes(directory, name)
    _unmount(directory)
    _remove_cgroups(name)
    _unlink(sockets)
    _forget_pod_network(name)
    _unlink(link for link in _LOG_LINKS.glob("*") if _points_into(link, directory))
    _unlink(_DEVICE_PLUGINS.glob("*"))
    for folder in (_SHIM_SOCKETS, _CNI_CACHE, _LOG_LINKS, _DEVICE_PLUGINS):
        _remove_empty(folder)


def _end_processes(directory: Path, name: str) -> None:
    """Kill until nobody is left: those that live may start others meanwhile."""
    while found := {*components.descendants(components.marked(directory)), *_in_cgroups(name)}:
        components.kill(sorted(found))


def _in_cgroups(name: str) -> Iterable[Process]:
    """Return the processes of pods whose shim is dead: only their cgroup tells whose they are."""
    for folder in _cgroups(name):
        with contextlib.suppress(OSError):
            text = (folder / "cgroup.procs").read_text()
            yield from components.of(int(line) for line in text.split())


def _cgroups(name: str) -> Iterator[Path]:
    """Return the cgroups of the node, outer ones first.

    A cgroup goes while it is looked for: the runtime removes it when its last process has ended.
    """
    for group in machine.cgroups(name).values():
        for folder, _, _ in os.walk(group):
            yield Path(folder)


def _unmount(directory: Path) -> None:
    for point, _ in reversed(machine.mounts()):
        if point != directory and point.is_relative_to(directory):
            machine.run("umount", "--lazy", str(point))


def _remove_cgroups(name: str) -> None:
    deadline = time.monotonic() + 10
    for folder in reversed([*_cgroups(name)]):
        _remove_cgroup(folder, deadline)


def _remove_cgroup(folder: Path, deadline: float) -> None:
    """Remove one cgroup; the kernel needs a moment to see that its last process is gone."""
    while folder.exists():
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise errors.ClusterError(
                    f"{folder} cannot be removed ({error.strerror}): end its processes"
                ) from error
            time.sleep(components.POLL_SECONDS)


def _forget_pod_network(name: str) -> None:
    """Remove what the runtime noted of each pod's interfaces; the loopback's has no mark."""
    for record in _CNI_CACHE.glob(f"{name}-*-eth0"):
        pod = record.name.removeprefix(f"{name}-").removesuffix("-eth0")
        _unlink([record, _CNI_CACHE / f"cni-loopback-{pod}-lo"])


def _points_into(link: Path, directory: Path) -> bool:
    return link.is_symlink() and link.readlink().is_relative_to(directory)


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _remove_empty(folder: Path) -> None:
    """Remove a folder and those above it that are empty now."""
    with contextlib.suppress(OSError):
        for one in (folder, *folder.parents):
            one.rmdir()
