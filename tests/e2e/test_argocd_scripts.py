"""Argo CD's own Lua machine takes what is shipped for it as the tests beside the scripts say."""

import functools
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gitops import scripts
from local_cluster import build

pytestmark = pytest.mark.gitops


@functools.cache
def _program() -> str:
    return str(build.ensure(["argocd"]) / "argocd")


def _run(folder: Path, test: dict[str, Any], *action: str) -> dict[str, Any]:
    command = [_program(), "scripts", str(scripts.SETTINGS), test["inputPath"], *action]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize(("folder", "test"), scripts.tests(*scripts.HEALTH))
def test_health(folder: Path, test: dict[str, Any]) -> None:
    assert _run(folder, test)["health"] == test["healthStatus"]


@pytest.mark.parametrize(("folder", "test"), scripts.tests(*scripts.MENU))
def test_the_menu(folder: Path, test: dict[str, Any]) -> None:
    offered = {
        one["name"]: one.get("disabled", False) for one in _run(folder, test).get("menu", ())
    }
    assert offered == {one["name"]: one["disabled"] for one in test["result"]}


@pytest.mark.parametrize(("folder", "test"), scripts.tests(*scripts.ACTIONS))
def test_an_action(folder: Path, test: dict[str, Any]) -> None:
    found = _run(folder, test, test["action"])["action"]
    wanted = scripts.read(folder, test["expectedOutputPath"])
    if isinstance(wanted, dict):
        assert [one["resource"]["spec"] for one in found] == [wanted["spec"]]
        return
    made = [(one["operation"], one["resource"]) for one in found]
    assert made == [(one["k8sOperation"], one["unstructuredObj"]) for one in wanted]
