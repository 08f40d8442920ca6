"""How tests run the operator: as the command that users run, as its own ServiceAccount."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import operate
from local_cluster import Cluster, network
from operate import NAMESPACE
from process_operator.kube import names

PYTHON = str(operate.CHECKOUT / "build" / "runtime" / "bin" / "python")
"""Python with what the operator's image holds, and without what only developers and users have."""


def operator(cluster: Cluster) -> "Operator":
    """Install what the operator needs, start it as its own ServiceAccount, and let it lead."""
    started = Operator(
        operate.install(cluster), cluster.directory / "logs" / "operator-under-test.log"
    )
    try:
        started.start()
        _await_lead(cluster, started)
    except AssertionError:
        started.kill()
        raise
    return started


def _await_lead(cluster: Cluster, started: "Operator") -> None:
    """See that it is this operator that acts: another one, left behind, would be tested instead."""
    ask = kubectl(cluster.kubectl, cluster.kubeconfig)
    lease = ("get", "lease", "-n", NAMESPACE, names.OPERATOR, "--ignore-not-found")
    holder = ""

    def leads() -> bool:
        nonlocal holder
        holder = ask(*lease, "-o", "jsonpath={.spec.holderIdentity}")
        return holder.endswith(f"-{started.pid}")

    try:
        until(leads, seconds=30)
    except AssertionError:
        raise AssertionError(f"operator {holder} leads here: end it, then test again") from None


def kubectl(program: Path, kubeconfig: Path) -> Callable[..., str]:
    """Return kubectl as a function of its arguments; it answers what kubectl prints."""

    def run(*arguments: str, stdin: str | None = None) -> str:
        command = [str(program), "--kubeconfig", str(kubeconfig), *arguments]
        done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    """Return as soon as the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)


class Operator:
    """The operator as a process of its own."""

    program: tuple[str, ...] = ("-m", "process_operator")
    """What Python is to run."""

    def __init__(self, kubeconfig: Path, log: Path, *arguments: str) -> None:
        self.log = log
        self._arguments = arguments
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self, seconds: float = 60) -> None:
        """Start it, and return when everything is listed and watched."""
        self.launch()
        deadline = time.monotonic() + seconds
        while self.readiness()[0] != 200:
            assert not self.has_ended, f"the operator ended: see {self.log}"
            assert time.monotonic() < deadline, f"the operator is not ready: see {self.log}"
            time.sleep(0.1)

    def launch(self) -> None:
        """Start it, and wait for nothing."""
        self._port = network.free_port()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(PYTHON, *self.program, "run"),
                    *("--health-port", str(self._port), "--log-format", "text"),
                    *("--lease-namespace", NAMESPACE, *self._arguments),
                ],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def address(self) -> str:
        """Where probes and metrics are served."""
        return f"127.0.0.1:{self._port}"

    @property
    def has_ended(self) -> bool:
        """Whether the process is no more."""
        return self._process is not None and self._process.poll() is not None

    def readiness(self) -> tuple[int, str]:
        """Return what /readyz answers: the status, 0 for no answer, and the text."""
        return self.probe("readyz")

    def probe(self, path: str) -> tuple[int, str]:
        """Return what a probe is answered with: the status, 0 for no answer, and the text."""
        try:
            url = f"http://127.0.0.1:{self._port}/{path}"
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def stop(self) -> int:
        """Ask it to end, wait until it has, and return its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, wherever it is."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self._process.wait(timeout=30)
