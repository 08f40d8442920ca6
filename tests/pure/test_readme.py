"""What README says is what the code does."""

import re
from pathlib import Path

from process_operator import staging

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_every_room_is_in_the_table_of_rooms() -> None:
    table = README.partition("| layer | rooms |")[2].partition("\n\n")[0]
    told = {name.rstrip("/") for name in re.findall(r"`([a-z_]+/?)`", table)}
    rooms = {
        path.stem
        for path in (ROOT / "operator/process_operator").iterdir()
        if path.name != "__init__.py" and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    assert told == rooms


def test_the_table_of_staged_and_immediate_fields_is_the_one_of_the_code() -> None:
    assert staging.table() in README


def test_the_manifests_of_every_field_are_those_that_the_server_is_tested_with() -> None:
    tested = (ROOT / "tests/cluster/every_field.yaml").read_text()
    assert tested[tested.index("apiVersion") :].rstrip() in README
