"""What README and the page about the architecture say is what the code does."""

import re
from pathlib import Path

import pytest

from process_operator.kube.reasons import Reason
from process_operator.models import staging

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs" / "reference"
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
CONTRIBUTING = (ROOT / ".github/CONTRIBUTING.md").read_text()


@pytest.mark.parametrize(
    ("heading", "folder"),
    [("## The rooms", ""), ("## The pipeline", "controller")],
)
def test_every_room_is_in_the_tables_of_rooms(heading: str, folder: str) -> None:
    rows = ARCHITECTURE.partition(heading)[2].partition("\n## ")[0].splitlines()
    cells = [row.split("|")[1 if folder else 2] for row in rows if row.startswith("|")]
    listed = {name for cell in cells for name in re.findall(r"`([a-z_]+)/?`", cell)}
    rooms = {
        path.stem
        for path in (ROOT / "operator/process_operator" / folder).iterdir()
        if path.name != "__init__.py" and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    assert listed - {"controller"} == rooms - {"controller"}


def test_what_contributing_tells_to_touch_is_there() -> None:
    code = ROOT / "operator/process_operator"
    tests = ROOT / "tests/pure"
    folders = (ROOT, code, code / "controller", tests)
    told = set(re.findall(r"`([a-z_./-]+(?:/|\.py|\.yaml|\.md))`", CONTRIBUTING))
    assert len(told) > 40
    missing = {path for path in told if not any((folder / path).exists() for folder in folders)}
    # Beside the name of their room.
    assert missing == {"application.py", "pod.py", "target.yaml"}


def test_the_table_of_staged_and_immediate_fields_is_the_one_of_the_code() -> None:
    assert staging.table() in (REFERENCE / "fields.md").read_text()


def test_the_manifests_of_every_field_are_those_that_the_server_is_tested_with() -> None:
    tested = (ROOT / "tests/cluster/every_field.yaml").read_text()
    assert tested[tested.index("apiVersion") :].rstrip() in (REFERENCE / "manifests.md").read_text()


def test_the_table_of_reasons_has_each_that_the_operator_coins_and_no_other() -> None:
    reasons = (REFERENCE / "reasons.md").read_text()
    table = reasons.partition("| reason | what it means |")[2].partition("\n\n")[0]
    told = [
        word
        for row in table.splitlines()
        for word in re.findall(r"`(\w+)`", row.removeprefix("|").partition("|")[0])
    ]
    assert sorted(told) == sorted(Reason)
