"""Kubeconfigs as managed clusters hand them out: without credentials, but with who gives them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import running
from userside import Body, Namespace, application

Run = Callable[..., subprocess.CompletedProcess[str]]
_PLUGIN = """\
#!{python}
import json, sys
sys.exit({code}) if {code} else None
print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                   "status": {{"token": {token!r}}}}}))
"""


@pytest.fixture
def token(here: Namespace) -> str:
    """Return the token of somebody who may read everything in the cluster."""
    here.kubectl("create", "serviceaccount", "reader")
    who = f"--serviceaccount={here.name}:reader"
    here.kubectl("create", "clusterrolebinding", here.name, "--clusterrole=cluster-admin", who)
    return here.kubectl("create", "token", "reader").strip()


@pytest.fixture
def plan(kubeconfig: Path, here: Namespace, tmp_path: Path) -> Run:
    """Run `plan --live` as a user whose entry in the kubeconfig is the one that is given."""

    def run(user: Body, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
        config = yaml.safe_load(kubeconfig.read_text())
        config["users"] = [{"name": one["name"], "user": user} for one in config["users"]]
        for one in config["contexts"]:
            one["context"]["namespace"] = here.name
        own, file = tmp_path / "kubeconfig", tmp_path / "shop.yaml"
        own.write_text(yaml.safe_dump(config))
        file.write_text(yaml.safe_dump_all([application(), here.web()]))
        command = [python, "-m", "process_operator", "plan", "-f", str(file), "--live"]
        environment = {**os.environ, "KUBECONFIG": str(own)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def plugin(folder: Path, token: str, code: int = 0) -> Body:
    """Return a user whose token a program gives."""
    program = folder / "get-token"
    program.write_text(_PLUGIN.format(python=sys.executable, token=token, code=code))
    program.chmod(0o700)
    how: dict[str, Any] = {"apiVersion": "client.authentication.k8s.io/v1"}
    return {"exec": {**how, "command": str(program), "interactiveMode": "Never"}}


@pytest.mark.parametrize("way", ["exec", "tokenFile", "auth-provider"])
def test_whoever_gives_the_credentials_is_asked(
    way: str, plan: Run, here: Namespace, token: str, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(token)
    provider = {"name": "oidc", "config": {"id-token": token, "client-id": "a"}}
    users: dict[str, Body] = {
        "exec": plugin(tmp_path, token),
        "tokenFile": {"tokenFile": str(tmp_path / "token")},
        "auth-provider": {"auth-provider": provider},
    }
    done = plan(users[way])
    assert (done.returncode, done.stderr) == (2, "")
    # And the namespace is the one of the context.
    assert done.stdout.startswith(f"{here.name}/shop\n")


def test_a_program_that_gives_nothing_is_told(plan: Run, tmp_path: Path) -> None:
    done = plan(plugin(tmp_path, "", code=7))
    assert done.returncode == 1
    assert "none was given by the program, provider or file that it names" in done.stderr


def test_without_the_official_client_it_is_told_how_to_get_it(
    plan: Run, token: str, tmp_path: Path
) -> None:
    """As in the operator's image."""
    done = plan(plugin(tmp_path, token), running.PYTHON)
    assert done.returncode == 1
    assert "install process-operator[cli]" in done.stderr
    assert token not in json.dumps(done.stderr)
    assert plan({"token": token}, running.PYTHON).returncode == 2
