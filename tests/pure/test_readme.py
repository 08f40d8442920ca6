"""What README says is what the code does."""

from pathlib import Path

from process_operator import staging

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_table_of_staged_and_immediate_fields_is_the_one_of_the_code() -> None:
    assert staging.table() in README


def test_the_manifests_of_every_field_are_those_that_the_server_is_tested_with() -> None:
    tested = (ROOT / "tests/cluster/every_field.yaml").read_text()
    assert tested[tested.index("apiVersion") :].rstrip() in README
