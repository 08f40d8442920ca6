from datetime import timedelta

import make
from process_operator.controller.observe.in_progress import InProgress


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def note(
    known: InProgress, uid: str, after: float, *, ended: bool = False, told: bool = False
) -> None:
    one: frozenset[str] = frozenset({uid})
    none: frozenset[str] = frozenset()
    known.note([uid], none if ended else one, one if told else none, make.NOW + seconds(after))


def test_what_began_within_a_minute_moves_until_it_has_settled() -> None:
    known = InProgress()
    for number in range(500):
        note(known, f"uid-{number}", 0.01 * number)
    assert known.moving(make.NOW + seconds(5)) == 500
    note(known, "uid-7", 6, ended=True)
    known.evict("uid-8")
    assert known.moving(make.NOW + seconds(6)) == 498
    assert known.moving(make.NOW + seconds(62)) == 299
    assert known.moving(make.NOW + seconds(65)) == 0


def test_what_waits_longer_than_a_minute_is_still_in_progress() -> None:
    known = InProgress()
    note(known, "a", 0)
    note(known, "a", 70)
    assert known.moving(make.NOW + seconds(70)) == 0
    assert known.since(["a", "b"]) == {"a": make.NOW}


def test_what_is_told_begins_anew() -> None:
    known = InProgress()
    note(known, "a", 0)
    note(known, "a", 70, told=True)
    assert known.moving(make.NOW + seconds(70)) == 1
    assert known.since(["a"]) == {"a": make.NOW + seconds(70)}
