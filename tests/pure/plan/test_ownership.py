"""What is kept, and what asks for a release, where the record of what served is gone."""

import pytest

import make
from process_operator.controller.plan import ownership, plan
from process_operator.kube import names


def test_of_what_is_not_rendered_the_workload_goes_on() -> None:
    children = list(make.served().children.values())
    assert {one.kind for one in children} == {"Deployment", "Service"}
    kept = ownership.kept_workload(sorted(children, key=lambda one: one.kind != "Service"), [])
    assert kept is not None
    assert kept.kind == "Deployment"


@pytest.mark.parametrize(
    ("told", "with_children"),
    [({"lastReleaseNumber": 3}, False), ({}, True)],
    ids=["its status tells of releases", "its children do"],
)
def test_an_application_whose_records_are_gone_has_no_first_release(
    told: dict[str, int], *, with_children: bool
) -> None:
    served = make.served()
    shop = make.application(status=told, created_at=make.LONG_AGO)
    children = served.children if with_children else {}
    seen = make.observed(served, application=shop, releases=(), children=children)
    assert plan.plan(seen).decision.create is None


def test_one_that_never_had_any_has_one() -> None:
    made = plan.plan(make.observed()).decision.create
    assert made is not None
    assert made["metadata"]["name"] == names.release(make.APPLICATION, 1)


def test_a_child_that_a_namesake_left_behind_is_no_record() -> None:
    served = make.served()
    shop = make.application(created_at=make.NOW)
    seen = make.observed(served, application=shop, releases=())
    assert plan.plan(seen).decision.create is not None
