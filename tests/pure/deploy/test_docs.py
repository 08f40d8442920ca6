"""What the pages show is true: manifests are valid, and files that they name are there."""

import re
from pathlib import Path

import pytest

from process_operator.schema import documents, validation

ROOT = Path(__file__).parents[3]
PAGES = [
    path
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if "decisions" not in path.parts
]
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`((?:deploy|docs|crds|tests)/[a-zA-Z0-9_./-]+)`|(deploy/[a-z0-9/_-]+\.yaml)")


def blocks(page: Path) -> list[str]:
    return [one for one in _BLOCK.findall(page.read_text()) if "apiVersion: process-op" in one]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_manifest_that_is_shown_is_valid(page: Path) -> None:
    for block in blocks(page):
        for document in documents.read(block, page.name):
            if document.is_ours:
                assert not validation.problems(document.manifest), document.place


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_is_named_is_there(page: Path) -> None:
    for named in _FILE.findall(page.read_text()):
        path = next(filter(None, named))
        assert (ROOT / path).exists(), path


def test_most_pages_that_explain_show_a_manifest() -> None:
    assert sum(bool(blocks(page)) for page in PAGES) >= 4
