"""Ids of variables stay when they are renamed, and are never shared."""

import pytest

from process_operator.api.reads import variable_ids
from process_operator.api.reads.variable_ids import id_of

OWNER = "uid-of-the-owner"


@pytest.mark.parametrize("mark", ["[" * 5000, '{"a":' * 5000, "9" * 5000, "[]", "no"], ids=range(5))
def test_a_mark_that_cannot_be_read_is_empty(mark: str) -> None:
    assert variable_ids.parsed(mark) == {}


def test_a_variable_keeps_its_id_under_a_new_name_and_back() -> None:
    first = id_of(OWNER, {}, "A")
    ids = variable_ids.renamed(OWNER, {}, "A", "B")
    assert id_of(OWNER, ids, "B") == first
    ids = variable_ids.renamed(OWNER, ids, "B", "C")
    assert (id_of(OWNER, ids, "C"), list(ids)) == (first, ["C"])
    assert variable_ids.renamed(OWNER, ids, "C", "A") == {}


def test_a_variable_with_the_first_name_of_another_has_an_id_of_its_own() -> None:
    ids = variable_ids.renamed(OWNER, {}, "A", "B")
    # Written by a manifest, and by the API.
    assert id_of(OWNER, ids, "A") != id_of(OWNER, ids, "B")
    ids = variable_ids.created(OWNER, ids, "A")
    second = id_of(OWNER, ids, "A")
    assert id_of(OWNER, variable_ids.removed(ids, "B"), "A") == second


def test_of_what_was_never_renamed_nothing_is_written() -> None:
    assert variable_ids.created(OWNER, {}, "A") == {}
    assert variable_ids.text({}) is None
    assert variable_ids.text(variable_ids.removed({"B": "x"}, "B")) is None
