"""Conditions by Kubernetes' and kstatus' rules."""

from datetime import UTC, datetime, timedelta, timezone

from make import NOW
from process_operator.kube import conditions, names
from process_operator.kube.conditions import Condition as Said
from process_operator.models.status import Condition, Status
from process_operator.schema import bounds

LATER = NOW + timedelta(hours=1)


def told(
    said: list[Said], before: Status | None = None, *, generation: int = 1, now: datetime = NOW
) -> Status:
    told = (before or Status()).saying(said, generation=generation, now=now)
    return Status(conditions=told)


def merged(before: list[Said], after: list[Said]) -> tuple[Condition, ...]:
    return told(after, told(before), generation=2, now=LATER).conditions


def test_a_condition_is_stored_with_generation_and_time() -> None:
    moment = NOW.replace(microsecond=900_000)
    status = told(conditions.ready("Done", "all is well"), generation=7, now=moment)
    assert bounds.stored(names.PROCESS_KIND, status)["conditions"] == [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Done",
            "message": "all is well",
            "observedGeneration": 7,
            "lastTransitionTime": "2026-01-05T12:00:00Z",
        }
    ]


def test_the_time_moves_with_the_status() -> None:
    ready, _ = merged(conditions.ready("Done", ""), conditions.stalled("Broken", ""))
    assert ready.last_transition_time == LATER


def test_the_time_stays_when_only_reason_and_message_change() -> None:
    (ready,) = merged(conditions.ready("Done", "a"), conditions.ready("Staged", "b"))
    assert ready.last_transition_time == NOW
    assert (ready.reason, ready.message) == ("Staged", "b")


def test_what_is_said_no_more_is_gone() -> None:
    stored = merged(conditions.stalled("Broken", ""), conditions.ready("Done", ""))
    assert [one.type for one in stored] == ["Ready"]


def test_reconciling_and_stalled_are_never_said_together_nor_with_ready() -> None:
    for said, other in (
        (conditions.reconciling("R", "m"), conditions.RECONCILING),
        (conditions.stalled("R", "m"), conditions.STALLED),
    ):
        assert [(one.type, one.status) for one in said] == [("Ready", "False"), (other, "True")]
    assert [one.type for one in conditions.ready("R", "m")] == ["Ready"]


def test_a_reason_holds_since_it_was_first_said() -> None:
    status = told(conditions.stalled("Broken", ""))
    assert status.holding_since("Ready", "Broken", LATER) == NOW
    assert status.holding_since("Ready", "Another", LATER) == LATER
    assert Status().holding_since("Ready", "Broken", LATER) == LATER


def test_times_are_written_in_utc_and_read_back() -> None:
    east = datetime(2026, 1, 5, 14, 0, 0, 900_000, tzinfo=timezone(timedelta(hours=2)))
    assert conditions.timestamp(east) == "2026-01-05T12:00:00Z"
    assert conditions.parse_time("2026-01-05T12:00:00Z") == datetime(2026, 1, 5, 12, tzinfo=UTC)


def test_a_condition_is_found_by_its_type() -> None:
    status = told(conditions.ready("D", ""))
    found = status.condition("Ready")
    assert found is not None
    assert found.reason == "D"
    assert status.condition("Stalled") is None
    assert conditions.is_true(conditions.ready("D", ""), "Ready")
    assert not conditions.is_true(conditions.stalled("D", ""), "Ready")
