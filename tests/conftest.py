"""How much of the fault matrix is run, and its tables at the end."""

import functools
from collections.abc import Callable

import pytest

FULL = "--full"
_TABLE = "table"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        FULL,
        action="store_true",
        help="spoil every write in every way, not every other one in one way",
    )


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption(FULL, default=False))


@pytest.fixture
def show(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Return what shows a text at the end: the worker that runs a test has no terminal."""
    return functools.partial(record_property, _TABLE)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what the tests have recorded."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, table in report.user_properties:
                if name == _TABLE:
                    terminalreporter.write_line(f"\n{table}")
