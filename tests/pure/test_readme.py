"""What README says is what the code does."""

from pathlib import Path

from process_operator import staging

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_the_table_of_staged_and_immediate_fields_is_the_one_of_the_code() -> None:
    assert staging.table() in README
