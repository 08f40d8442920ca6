"""The tests that lie beside the scripts for Argo CD, in the form of its own repository."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from process_operator.kube import names

FOLDER = Path(__file__).parents[2] / "deploy" / "argocd"
SETTINGS = FOLDER / "argocd-cm.yaml"
HEALTH = ("*/health_test.yaml", "tests")
MENU = ("*/actions/action_test.yaml", "discoveryTests")
ACTIONS = ("*/actions/action_test.yaml", "actionTests")


def tests(pattern: str, under: str) -> list[Any]:
    """Return each test of files of Argo CD's form, with the folder of its file before it."""
    root, found = FOLDER / names.GROUP, []
    for file in sorted(root.glob(pattern)):
        for test in yaml.safe_load(file.read_text())[under]:
            words = (file.relative_to(root).parts[0], *_words(test))
            found.append(pytest.param(file.parent, test, id="-".join(words)))
    return found


def read(folder: Path, path: str) -> Any:
    """Return an object that a test names."""
    return yaml.safe_load((folder / path).read_text())


def _words(test: dict[str, Any]) -> tuple[str, ...]:
    return (*([test["action"]] if "action" in test else ()), Path(test["inputPath"]).stem)
