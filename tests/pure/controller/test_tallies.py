"""What Prometheus is told: sums of what was said of applications, without the name of one."""

from datetime import timedelta
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

import make
from process_operator import metrics
from process_operator.controller.execute import progress
from process_operator.controller.observe.records import ApplicationKey, ObservedState
from process_operator.controller.plan import plan
from process_operator.controller.status import report
from process_operator.controller.tallies import Tallies
from process_operator.models.release import ReleaseStatus

EACH = "process_operator_application_"


def tallies(*seen: ObservedState, per_application: bool = False) -> Tallies:
    found = Tallies(
        informers=(),
        waiting=lambda: 3,
        clock=lambda: make.NOW,
        per_application=per_application,
    )
    for number, one in enumerate(seen):
        key = ApplicationKey(make.NAMESPACE, f"shop{number}")
        found.note(key, report.report(one, plan.plan(one)).answers)
    return found


def samples(found: Tallies) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(found)
    text = generate_latest(registry).decode()
    return {
        f"{one.name}{sorted(one.labels.values())}": one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_applications_and_processes_are_counted_by_what_is_said_of_them() -> None:
    served = make.with_children(make.served())
    new = make.observed()
    seen = samples(tallies(served, served, new))
    assert seen["process_operator_applications['Released']"] == 2
    assert seen["process_operator_processes['Available', 'web']"] == 2
    assert sum(v for k, v in seen.items() if k.startswith("process_operator_applications")) == 3
    assert seen["workqueue_depth['application']"] == 3


def test_staged_changes_are_added_up() -> None:
    served = make.served()
    staged = make.process(terminationGracePeriodSeconds=77)
    seen = samples(tallies(make.observed(served, processes=[staged])))
    assert seen["process_operator_pending_changes[]"] == 1


def test_an_application_that_is_gone_is_not_counted_any_more() -> None:
    found = tallies(make.served())
    found.note(ApplicationKey(make.NAMESPACE, "shop0"), ())
    assert not [key for key in samples(found) if key.startswith("process_operator_applications")]


def test_applications_are_told_by_name_only_where_a_platform_asks_for_it() -> None:
    waiting = make.request(created_at=make.NOW - timedelta(seconds=90))
    broken = make.process(resourceTypeRef={"name": "nowhere"})
    staged = make.process(terminationGracePeriodSeconds=77)
    found = tallies(
        make.with_children(make.served()),
        make.observed(make.served(), processes=[staged]),
        make.observed(processes=[broken], releases=[waiting]),
        per_application=True,
    )
    seen = samples(found)
    each = {key.removeprefix(EACH): seen[key] for key in seen if key.startswith(EACH)}
    assert each == {
        "ready['Released', 'demo', 'shop0']": 1,
        "ready['Released', 'demo', 'shop1']": 1,
        "ready['ResourceTypeNotFound', 'demo', 'shop2']": 0,
        "pending_changes['demo', 'shop0']": 0,
        "pending_changes['demo', 'shop1']": 1,
        "pending_changes['demo', 'shop2']": 0,
        "waiting_release_age_seconds['demo', 'shop2']": 90,
    }
    assert not [key for key in samples(tallies(make.served())) if "shop" in key]


def test_the_oldest_waiting_release_is_told_by_its_age() -> None:
    waiting = make.request(created_at=make.NOW - timedelta(seconds=90))
    broken = make.process(resourceTypeRef={"name": "nowhere"})
    seen = make.observed(processes=[broken], releases=[waiting])
    assert samples(tallies(seen))["process_operator_waiting_release_age_seconds[]"] == 90


def ended(**given: Any) -> ReleaseStatus:
    started = make.NOW - timedelta(seconds=40)
    return ReleaseStatus(state="success", started_at=started, finished_at=make.NOW, **given)


def test_the_steps_of_a_release_are_told_when_it_ends() -> None:
    def sum_of(step: str) -> float:
        name = "process_operator_release_step_duration_seconds_sum"
        return metrics.REGISTRY.get_sample_value(name, {"step": step}) or 0.0

    rollout, rollback = sum_of("rollout"), sum_of("rollback")
    started = make.NOW - timedelta(seconds=30)
    progress.note(ReleaseStatus(state="inProgress"), ended(rollout_started_at=started))
    assert sum_of("rollout") == rollout + 30
    assert sum_of("rollback") == rollback


def test_a_release_is_counted_once_when_its_end_is_recorded() -> None:
    def count() -> float:
        name, labels = "process_operator_releases_total", {"outcome": "success"}
        return metrics.REGISTRY.get_sample_value(name, labels) or 0.0

    before = count()
    progress.note(ReleaseStatus(state="inProgress"), ended())
    progress.note(ended(), ended())
    assert count() == before + 1
