"""In which order tests begin, how much of the fault matrix is run, and its table at the end."""

import functools
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from faults import table

FULL = "--full"
_TEXT, _ROW, _FAULT = "text", "row", "fault"
_ROUNDS = 8


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(FULL, action="store_true", help="run the whole fault matrix")


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption(FULL))


@pytest.fixture
def show(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Return what shows a text at the end: the worker that runs a test has no terminal."""
    return functools.partial(record_property, _TEXT)


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[table.Row], None]:
    """Return what adds a row of its own to the table of faults."""

    def add(row: table.Row) -> None:
        record_property(_ROW, (row.fault, row.tried, row.wrong, row.seconds))

    return add


def pytest_itemcollected(item: pytest.Item) -> None:
    """Take down which faults a test is about, for the table."""
    for mark in item.iter_markers("fault"):
        item.user_properties += [(_FAULT, one) for one in mark.args]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not asked for, and let the rest begin in an order in which it ends soon."""
    _choose(config, items)
    if hasattr(config, "workerinput"):
        items[:] = _in_rounds(items)


def _in_rounds(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return first what takes longest, and the tests of each file spread over the run.

    What begins late is waited for by all workers; and where some tests compute and some wait, the
    processors are busy all the time.
    """
    first = [one for one in items if one.get_closest_marker("first")]
    others = [one for one in items if not one.get_closest_marker("first")]
    return first + [one for start in range(_ROUNDS) for one in others[start::_ROUNDS]]


def _choose(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, and of other rooms, with `--full`, all that is of no fault."""
    full = config.getoption(FULL)
    chosen: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        mark = item.get_closest_marker("fault")
        in_room = "tests/faults/" in item.path.as_posix()
        takes_part = (in_room or mark is not None) if full else _is_quick(mark)
        (chosen if takes_part else left).append(item)
    items[:] = chosen
    config.hook.pytest_deselected(items=left)


def _is_quick(mark: pytest.Mark | None) -> bool:
    return mark is None or bool(mark.kwargs.get("quick", True))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what the tests have recorded."""
    own: list[table.Row] = []
    by_test: dict[tuple[str, str], list[pytest.TestReport]] = {}
    for report in _ended(terminalreporter):
        title = report.nodeid.rpartition("::")[2].partition("[")[0]
        for name, found in report.user_properties:
            if name == _TEXT:
                terminalreporter.write_line(f"\n{found}")
            elif name == _ROW:
                own.append(table.Row(*cast("tuple[str, str, list[str], float]", found)))
            elif name == _FAULT:
                by_test.setdefault((str(found), title), []).append(report)
    if terminalreporter.config.getoption(FULL):
        rows = own + [_row(fault, title, of) for (fault, title), of in by_test.items()]
        terminalreporter.write_line(f"\n{table.text(rows)}")


def _ended(terminalreporter: pytest.TerminalReporter) -> Iterator[pytest.TestReport]:
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            if isinstance(report, pytest.TestReport) and report.when == "call":
                yield report


def _row(fault: str, title: str, reports: list[pytest.TestReport]) -> table.Row:
    tried = title.removeprefix("test_").replace("_", " ")
    tried += f" ({len(reports)} times)" if len(reports) > 1 else ""
    wrong = [one.nodeid for one in reports if not one.passed]
    return table.Row(fault, tried, wrong, sum(one.duration for one in reports))
