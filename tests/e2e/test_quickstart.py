"""The quickstart, read as it stands and done as it says.

Only names that a reader has to make his own are replaced: of images, and of what runs in them. The
first chapter, which builds and installs the operator, is what all tests here begin with.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import running
from userside import IMAGE, Namespace

pytestmark = pytest.mark.alone
PAGE = Path(__file__).parents[2] / "docs" / "quickstart.md"
BLOCK = re.compile(r"^```(sh|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OWN = {
    "registry.example.com/shop:v1": f"{IMAGE}:v1",
    "registry.example.com/shop:v2": f"{IMAGE}:v2",
    "bin/migrate": "sample job --print migrated",
}
UNINSTALL = "helm uninstall"
"""Another test does this: the operator serves those that follow."""


def chapters() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield the title of each chapter with its blocks: the language and the text."""
    for part in PAGE.read_text().split("\n## ")[2:]:
        yield part.partition("\n")[0], BLOCK.findall(part)


def test_the_quickstart_works_as_it_is_written(
    here: Namespace, kubeconfig: Path, program: Path, tmp_path: Path
) -> None:
    config = yaml.safe_load(kubeconfig.read_text())
    for one in config["contexts"]:
        one["context"]["namespace"] = here.name
    own = tmp_path / "kubeconfig"
    own.write_text(yaml.safe_dump(config))
    environment = {
        **os.environ,
        "KUBECONFIG": str(own),
        "PATH": f"{program.parent}:{os.environ['PATH']}",
    }

    def run(script: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    said: dict[str, str] = {}
    for title, blocks in chapters():
        for language, written in blocks:
            text = written
            for theirs, ours in OWN.items():
                text = text.replace(theirs, ours)
            if language == "yaml":
                name = text.partition("\n")[0].removeprefix("# ")
                (tmp_path / name).write_text(text)
                continue
            lines = [line for line in text.splitlines() if not line.startswith(UNINSTALL)]
            said[title] = said.get(title, "") + run("\n".join(lines))
        if title.startswith("3."):
            assert "Staged" in said[title]
    assert [title[:2] for title in said] == ["2.", "3.", "4.", "5."]
    kinds = "deployments,services,jobs,processreleases"
    running.until(lambda: here.kubectl("get", kinds, "-o", "name") == "")
