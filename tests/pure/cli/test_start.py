"""What a person reads whose cluster or settings cannot be used: one line, and what to do."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from process_operator.cli import connect

NOBODY = """
current-context: it
contexts: [{name: it, context: {cluster: it, user: me}}]
clusters: [{name: it, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: me, user: {token: hunter2}}]
"""
"""A kubeconfig in order, of a cluster where nobody answers."""


def stderr(kubeconfig: Path, *command: str) -> list[str]:
    """Return what a command says that cannot start."""
    done = subprocess.run(
        [sys.executable, "-m", "process_operator", *command],
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    return done.stderr.splitlines()


@pytest.fixture
def nobody(tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text(NOBODY)
    return path


@pytest.mark.parametrize("command", ["run", "api", "keys list"])
def test_every_command_says_that_a_kubeconfig_is_missing(tmp_path: Path, command: str) -> None:
    path = tmp_path / "nosuch"
    (line,) = stderr(path, *command.split())
    assert line == (
        f"the kubeconfig {path} cannot be used ([Errno 2] No such file or directory: '{path}'): "
        "correct it, or set KUBECONFIG to another one"
    )


@pytest.mark.parametrize(
    ("kubeconfig", "words"),
    [
        ("token: hunter2\nclusters: [", "it is not YAML in line 2"),
        ("- a list", "it has not the form of a kubeconfig, AttributeError: "),
        ("clusters: []", "Current context is not set"),
        (NOBODY.replace("{name: it, cluster", "{name: other, cluster"), "KeyError: 'it'"),
        (
            NOBODY.replace(
                'server: "http:', 'certificate-authority-data: bm9uZQ==, server: "https:'
            ),
            "does not contain a certificate",
        ),
    ],
)
def test_what_is_wrong_with_a_kubeconfig_is_told(
    nobody: Path, monkeypatch: pytest.MonkeyPatch, kubeconfig: str, words: str
) -> None:
    nobody.write_text(kubeconfig)
    monkeypatch.setenv("KUBECONFIG", str(nobody))
    with pytest.raises(SystemExit) as told:
        connect.connection(connect.credentials())
    assert words in str(told.value)
    assert "hunter2" not in str(told.value)


def test_the_port_of_the_api_may_be_taken(nobody: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        lines = stderr(nobody, "api", "--host", "127.0.0.1", "--port", str(port))
    assert lines[-1] == (
        f"cannot listen on 127.0.0.1, port {port}, as told above: choose another --host or --port"
    )
    # What runs beside it may end with a line of its own.
    assert any("address already in use" in line for line in lines[:-1])
    assert "color" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--tls-key", "k"], "--tls-key is given without --tls-certificate: give both, or neither"),
        (["--tls-certificate", "c", "--tls-key", "k"], "cannot be used ([Errno 2] No such file"),
        (["--tls-certificate", __file__], "cannot be used ([SSL] PEM lib"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_told(
    nobody: Path, flags: list[str], words: str
) -> None:
    (line,) = stderr(nobody, "api", *flags)
    assert words in line
