"""Starts, watches and ends the cluster's host processes.

A process is remembered by its id and its start time, so that an id that the machine has given
to somebody else is never ended. Every process also carries the cluster's directory in its
environment: what a crash kept from being recorded is found by that mark.
"""

import contextlib
import os
import platform
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local_cluster import errors
from local_cluster.state import State

MARK = "LOCAL_CLUSTER_DIRECTORY"
PROC = Path("/proc")
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One host process: its command, and how to tell that it serves."""

    name: str
    command: Sequence[str]
    is_ready: Callable[[], bool] = lambda: True
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[Path, str] = field(default_factory=dict)
    """Its configuration: a change of it restarts the process."""
    timeout_seconds: float = 60
    grace_seconds: float = 10


@dataclass(frozen=True, slots=True, order=True)
class Process:
    """A process of this machine, with the start time that makes its id unique."""

    pid: int
    started: str


def ensure(state: State, components: Sequence[Component]) -> None:
    """Start the components that do not run, all at once, and wait until each of them serves."""
    for component in components:
        if _write(component.files):
            stop(state, [component.name])
        if not is_running(state, component.name):
            _start(state, component)
    for component in components:
        _await(state, component)


def is_running(state: State, name: str) -> bool:
    """Tell whether the recorded process of that name is alive."""
    process = _recorded(state, name)
    return process is not None and _is_alive(process)


def stop(state: State, names: Iterable[str]) -> None:
    """End the named processes, politely first, and forget them."""
    known = [(name, process) for name in names if (process := _recorded(state, name)) is not None]
    end([process for _, process in known])
    for name, _ in known:
        del state.processes[name]
    state.save()


def end(processes: Sequence[Process], *, grace_seconds: float = 10) -> None:
    """Ask all processes to end, wait for the grace, then kill the rest."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    if not _await_gone(processes, grace_seconds):
        kill(processes)


def kill(processes: Sequence[Process]) -> None:
    """Kill all processes and wait until they are gone."""
    for process in processes:
        _signal(process, signal.SIGKILL)
    if not _await_gone(processes, 10):
        alive = ", ".join(str(process.pid) for process in processes if _is_alive(process))
        raise errors.ClusterError(f"processes {alive} did not end although they were killed")


def marked(directory: Path) -> list[Process]:
    """Return every live process with the mark of this directory, but for those that ask."""
    wanted = f"{MARK}={directory}".encode()
    asking = _self_and_ancestors()
    found = []
    for process in everything():
        if process.pid in asking:
            continue
        with contextlib.suppress(OSError):
            if wanted in (PROC / str(process.pid) / "environ").read_bytes().split(b"\0"):
                found.append(process)
    return found


def everything() -> list[Process]:
    """Return every process of this machine (an empty list where there is no /proc)."""
    if not PROC.is_dir():
        return []
    return of(int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())


def of(pids: Iterable[int]) -> list[Process]:
    """Return those of the processes that are alive."""
    return [Process(pid, started) for pid in pids if (started := _started(pid))]


def descendants(roots: Iterable[Process]) -> list[Process]:
    """Return the given processes with all their children and children's children."""
    children: dict[int, list[Process]] = {}
    for process in everything():
        children.setdefault(_parent(process.pid), []).append(process)
    found: list[Process] = []
    waiting = list(roots)
    while waiting:
        process = waiting.pop()
        if process not in found:
            found.append(process)
            waiting += children.get(process.pid, [])
    return found


def command_line(process: Process) -> list[str]:
    """Return the arguments of a process; an empty list when it is gone."""
    with contextlib.suppress(OSError):
        content = (PROC / str(process.pid) / "cmdline").read_bytes()
        return [item.decode(errors="replace") for item in content.split(b"\0") if item]
    return []


def log_path(directory: Path, name: str) -> Path:
    """Where a component writes its log."""
    return directory / "logs" / f"{name}.log"


def _start(state: State, component: Component) -> None:
    log = log_path(state.directory, component.name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        popen = subprocess.Popen(
            component.command,
            cwd=state.directory,
            env={**os.environ, **component.environment, MARK: str(state.directory)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    state.processes[component.name] = {"pid": popen.pid, "started": _started(popen.pid)}
    state.save()
    # The process outlives this program: nobody waits for the handle.
    popen.returncode = 0


def _write(files: Mapping[Path, str]) -> bool:
    """Write what has changed, and nothing else: some programs end when their file is touched."""
    changed = {
        path: text for path, text in files.items() if not path.exists() or path.read_text() != text
    }
    for path, text in changed.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return bool(changed)


def _await(state: State, component: Component) -> None:
    deadline = time.monotonic() + component.timeout_seconds
    log = log_path(state.directory, component.name)
    while not component.is_ready():
        if not is_running(state, component.name):
            raise errors.ClusterError(
                f"{component.name} ended by itself; the last lines of {log}:\n{_tail(log)}"
            )
        if time.monotonic() > deadline:
            raise errors.ClusterError(
                f"{component.name} did not serve within {component.timeout_seconds:.0f} s; "
                f"the last lines of {log}:\n{_tail(log)}"
            )
        time.sleep(POLL_SECONDS)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-5:])


def _recorded(state: State, name: str) -> Process | None:
    record = state.processes.get(name)
    return None if record is None else Process(record["pid"], record["started"])


def _signal(process: Process, number: signal.Signals) -> None:
    if _is_alive(process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _await_gone(processes: Sequence[Process], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(_is_alive(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _is_alive(process: Process) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)
    return process.started != "" and _started(process.pid) == process.started


def _started(pid: int) -> str:
    """Return the start time of a live process, the empty string for one that is gone or dead."""
    if platform.system() != "Linux":
        return subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout.strip()
    fields = _stat(pid)
    return "" if not fields or fields[0] in "ZX" else fields[19]


def _self_and_ancestors() -> set[int]:
    pid, found = os.getpid(), set[int]()
    while pid and pid not in found:
        found.add(pid)
        pid = _parent(pid)
    return found


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on (the name before may hold spaces)."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
