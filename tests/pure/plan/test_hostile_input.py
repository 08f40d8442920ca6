"""Whatever the API server takes is planned at once: no object holds up the others.

One event loop serves every application and renews the Lease, so one object that takes seconds to
think about takes the whole operator down.
"""

import json

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import hostile
import planning
import schema_strategies
from process_operator.kube import names
from process_operator.schema import validation

_BUDGET_SECONDS = 0.05
_LARGEST = 1_400_000
"""Bytes of JSON: etcd takes no more than 1.5 MiB."""
_QUANTITIES = ("sizeLimit", "divisor", "cpu", "memory")

CASES = [pytest.param(case, id=case.name) for case in hostile.cases()]
UNREADABLE = [
    pytest.param(case, id=case.name)
    for case in hostile.cases()
    if case.refused is not None and case.refused.endswith(_QUANTITIES)
]


@pytest.mark.parametrize("case", CASES)
def test_our_own_check_says_of_a_hostile_object_what_the_server_says(case: hostile.Case) -> None:
    fields = {found.field for found in validation.problems(case.manifest)}
    assert fields == ({case.refused} if case.refused else set())


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_object_is_planned_at_once_even_if_earlier_crds_let_it_in(
    case: hostile.Case,
) -> None:
    assert planning.seconds(case.manifest) < _BUDGET_SECONDS


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_quantity_that_earlier_crds_let_in_is_told_by_its_field(case: hostile.Case) -> None:
    told = planning.unread(case.manifest)
    assert told is not None
    assert str(case.refused).replace("[", ".").replace("]", "") in told
    assert told.endswith("; correct it")
    assert len(told) < 500


@pytest.mark.parametrize("kind", names.OWN_KINDS)
@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(data=st.data())
def test_whatever_passes_the_crds_is_read_and_planned_at_once(
    kind: str, data: st.DataObject
) -> None:
    manifest = data.draw(schema_strategies.hostile(kind))
    assume(not validation.problems(manifest))
    assume(len(json.dumps(manifest)) < _LARGEST)
    assert planning.unread(manifest) is None
    assert planning.seconds(manifest) < _BUDGET_SECONDS
