"""The single changes that mutants are made of."""

import pytest

from mutants.__main__ import pure_modules
from mutants.changes import changes


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("a < b", ["a <= b"]),
        ("a is  not b", ["a is b"]),
        ("a not in b", ["a in b"]),
        ("a < b == c", ["a <= b == c", "a < b != c"]),
        ("a and b or c", ["a or b or c", "a and b and c"]),
        ("not a", ["a"]),
        ("x = 3", ["x = 4"]),
        ("x = True", ["x = False"]),
        (
            "x = 'é' if a == 1 else 2",
            [
                "x = 'é' if a != 1 else 2",
                "x = 'é' if a == 2 else 2",
                "x = 'é' if a == 1 else 3",
            ],
        ),
        ("@record(frozen=True)\nclass A: pass", []),
    ],
)
def test_each_comparison_boolean_operator_and_constant_is_changed_alone(
    source: str, changed: list[str]
) -> None:
    assert [change.applied(source) for change in changes(source)] == changed


def test_the_modules_are_those_of_the_layer_contract() -> None:
    names = {str(path.relative_to("operator/process_operator")) for path in pure_modules()}
    assert {
        "controller/release/start.py",
        "controller/observe/masking.py",
        "cron/calendar.py",
    } <= names
    assert not {"controller/worker.py", "cluster/client.py"} & names
