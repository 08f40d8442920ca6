"""A table by the members of an enumeration has a row for each of them, or says here why not."""

import enum
import importlib
import pkgutil
from collections.abc import Iterator, Mapping

import pytest

import process_operator

PARTIAL = {
    "api.presenters.applications._DEPLOYMENT_STATES": "what was skipped is no newest deployment",
    "release.record._STARTS": "only the rollout and the way back have a deadline of their own",
}


def _tables() -> Iterator[tuple[str, Mapping[enum.Enum, object]]]:
    for module in pkgutil.walk_packages(process_operator.__path__, "process_operator."):
        if module.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            kinds = {type(key) for key in value} if isinstance(value, Mapping) else set()
            if len(kinds) == 1 and issubclass(kinds.pop(), enum.Enum):
                path = module.name.removeprefix("process_operator.").removeprefix("controller.")
                yield f"{path}.{name}", value


TABLES = dict(_tables())


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_a_row_for_each_member(name: str) -> None:
    rows = set(TABLES[name])
    missing = set(type(next(iter(rows)))) - rows
    assert bool(missing) is (name in PARTIAL), f"{name} lacks {missing}"


def test_what_is_excused_is_there() -> None:
    assert TABLES.keys() >= PARTIAL.keys()
