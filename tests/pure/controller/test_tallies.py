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


def tallies(*seen: ObservedState) -> Tallies:
    found = Tallies(informers=(), waiting=lambda: 3, clock=lambda: make.NOW)
    for number, one in enumerate(seen):
        key = ApplicationKey(make.NAMESPACE, f"shop{number}")
        found.note(key, report.report(one, plan.plan(one)).answers)
    return found


def samples(found: Tallies) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(found)
    text = generate_latest(registry).decode()
    assert "shop" not in text
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


def test_the_oldest_waiting_release_is_told_by_its_age() -> None:
    waiting = make.request(created_at=make.NOW - timedelta(seconds=90))
    broken = make.process(resourceTypeRef={"name": "nowhere"})
    seen = make.observed(processes=[broken], releases=[waiting])
    assert samples(tallies(seen))["process_operator_waiting_release_age_seconds[]"] == 90


def ended(**given: Any) -> ReleaseStatus:
    started = make.NOW - timedelta(seconds=40)
    return ReleaseStatus(state="success", started_at=started, finished_at=make.NOW, **given)


def test_a_release_is_counted_once_when_its_end_is_recorded() -> None:
    def count() -> float:
        name, labels = "process_operator_releases_total", {"outcome": "success"}
        return metrics.REGISTRY.get_sample_value(name, labels) or 0.0

    before = count()
    progress.note(ReleaseStatus(state="inProgress"), ended())
    progress.note(ended(), ended())
    assert count() == before + 1
