"""In which order the tests begin."""

import itertools
from pathlib import Path

import pytest

_LONG = ("test_weather.py", "test_restart.py", "test_every_write.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each worker begin with a long test and a short one, which is what it gets first.

    A long one that begins late would be waited for by all the others.
    """
    here = Path(__file__).parent
    mine = [one for one in items if one.path.parent == here]
    long = [one for name in _LONG for one in mine if one.path.name == name]
    short = [one for one in mine if one.path.name not in _LONG]
    pairs = itertools.chain.from_iterable(itertools.zip_longest(long, short))
    items[:] = [*filter(None, pairs), *(one for one in items if one.path.parent != here)]
