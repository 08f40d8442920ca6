"""Golden files: what was rendered once and read by a person stays as it is.

`pytest tests/pure --update-golden` writes them anew; the difference is then read in review.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

_GOLDEN = Path(__file__).parent / "golden"
_OPTION = "--update-golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(_OPTION, action="store_true", help="write the golden files anew")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the golden file at a path below `golden/`, or write it there."""

    def compare(path: str, actual: str) -> None:
        file = _GOLDEN / path
        # The default is for runs of all tests, where this file is read after the command line.
        if request.config.getoption(_OPTION, default=False):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(actual)
        expected = file.read_text() if file.exists() else ""
        assert actual == expected, f"{path} differs; pytest tests/pure {_OPTION} writes it anew"

    return compare
