"""The dialect of schedules is Kubernetes', and so is every minute that comes out of it.

`data/cron-oracle.tsv` was written by the parser of the CronJob controller (robfig/cron v3.0.1):
`"schedule"<TAB>zone<TAB>from<TAB>next five runs in UTC | invalid | never`, with starts around
changes of the clock in 16 zones.
"""

import itertools
import json
import pathlib
import time
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from process_operator.cron import (
    calendar,
    clock_changes,
    expression,
    next_runs,
    spans,
    zones,
)

ORACLE = pathlib.Path(__file__).parents[2] / "data" / "cron-oracle.tsv"
START = datetime(2026, 1, 1, 12, tzinfo=UTC)  # a Thursday


def _oracle() -> Iterator[tuple[str, str, str, str]]:
    for line in ORACLE.read_text(encoding="utf-8").removesuffix("\n").split("\n"):
        schedule, zone, start, expected = line.split("\t")
        yield json.loads(schedule), zone, start, expected


def _answer(schedule: str, zone: str, start: str) -> str:
    try:
        runs = next_runs.next_runs(schedule, zone, datetime.fromisoformat(start), 5)
    except expression.InvalidSchedule:
        return "invalid"
    return " ".join(f"{run:%Y-%m-%dT%H:%M:%SZ}" for run in runs) or "never"


def _local(schedule: str, zone: str, start: str, count: int) -> list[str]:
    """Return the runs from a local time on, in local time, as `day hour:minute±offset`."""
    time_zone = zones.zone(zone)
    after = datetime.fromisoformat(start).replace(tzinfo=time_zone)
    runs = next_runs.next_runs(schedule, zone, after, count)
    return [f"{run.astimezone(time_zone):%d %H:%M%z}" for run in runs]


def _days(schedule: str) -> list[int]:
    return [run.day for run in next_runs.next_runs(schedule, None, START, 5)]


def test_every_line_of_the_oracle_agrees() -> None:
    cases = list(_oracle())
    assert len(cases) == 1500
    wrong = [case for case in cases if _answer(*case[:3]) != case[3]]
    assert wrong == []


def test_what_is_remembered_of_a_minute_is_right_for_each_of_its_seconds() -> None:
    searched = calendar._first_run.__wrapped__
    for schedule, zone, start, expected in _oracle():
        if expected == "invalid" or schedule.startswith("@every"):
            continue
        meaning, time_zone = expression.parse(schedule), zones.zone(zone)
        for second in (0, 1, 30, 58, 59):
            after = datetime.fromisoformat(start).replace(second=second)
            expected_run = searched(meaning, after + timedelta(seconds=1), time_zone)
            assert meaning.next(after, time_zone) == expected_run, (schedule, zone, after)


@pytest.mark.parametrize(
    "schedule",
    [
        *("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"),
        *("@every 1h", "@every 1h30m10s", "@every 500ms", "@every -1h", "@every .5h", "@every 0"),
        *("0 0 ? * *", "0 0 * * ?", "? ? ? ? ?"),
        *("1,2,,3 * * * *", "1, * * * *", "+5 * * * *", "*-5 * * * *", ", * * * *"),
        *("*/61 * * * *", "*/100 * * * *", "0/5 * * * *", "5/15 * * * *", "10-20/3 * * * *"),
        *("05 * * * *", "0 0 * jan MON", "0 0 1 JAN-mar sun-TUE", " 0\t0  * * * "),
        *("0 0 31 2 *", "0 0 */2 * 1", "0 0 * * 5-5"),
    ],
)
def test_what_kubernetes_accepts_is_accepted(schedule: str) -> None:
    expression.parse(schedule)


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        ("", "needs five fields and has 0; write minute, hour,"),
        ("* * * *", "needs five fields and has 4"),
        ("0 * * * * *", "needs five fields and has 6; .* and no seconds"),
        ("* * * *\x1c*", "needs five fields and has 4"),
        ("@reboot", "no such descriptor; use @yearly"),
        ("@Daily", "in lower case"),
        ("@daily ", "with nothing after it"),
        ("@every", "@every with a duration, such as @every 1h30m"),
        ("@every 5", '"5" is not a duration; write numbers with the units h, m and s'),
        ("@every 1d", '"1d" is not a duration'),
        ("@every 1h ", '"1h " is not a duration'),
        ("@every 9999999h", "is not a duration"),
        ("TZ=UTC 0 0 * * *", "use the field timeZone"),
        ("CRON_TZ=UTC 0 0 * * *", "use the field timeZone"),
        ("TZ=UTC", "use the field timeZone"),
        ("60 * * * *", 'minute "60" is out of range; write 0 to 59'),
        ("70/5 * * * *", 'minute "70/5" is out of range'),
        ("0 24 * * *", 'hour "24" is out of range; write 0 to 23'),
        ("0 0 0 * *", 'day of month "0" is out of range; write 1 to 31'),
        ("0 0 * 13 *", 'month "13" is out of range; write 1 to 12'),
        ("0 0 * * 7", r'day of week "7" is out of range; write 0 to 6 \(Sunday is 0\)'),
        ("0 0 * * 1-7", 'day of week "1-7" is out of range'),
        ("0 0 * * 0,7", 'day of week "7" is out of range'),
        ("0 22-3 * * *", 'hour "22-3" runs backwards; write it in two parts: 22-23,0-3'),
        ("0 0 * * FRI-MON", "two parts: 5-6,0-1"),
        ("0 0 28-3/2 * *", "two parts: 28-31/2,1-3/2"),
        ("0 0 L * *", 'day of month "L" has "L" where a number belongs; write 1 to 31'),
        ("0 0 15W * *", 'day of month "15W"'),
        ("0 0 * * 5L", 'day of week "5L"'),
        ("0 0 * * MON#1", "write 0 to 6 or one of SUN, MON, TUE"),
        ("R * * * *", 'minute "R"'),
        ("-5 * * * *", 'minute "-5" has "" where a number belongs'),
        ("\N{ARABIC-INDIC DIGIT ZERO} * * * *", "where a number belongs"),
        ("1_0 * * * *", "where a number belongs"),
        ("99999999999999999999 * * * *", "where a number belongs"),
        ("1-2-3 * * * *", "more than one hyphen"),
        ("1/2/3 * * * *", "more than one slash"),
        ("*/0 * * * *", "no step above 0"),
        ("0 0 * */feb *", "no step above 0"),
    ],
)
def test_what_kubernetes_refuses_is_refused_with_the_remedy(schedule: str, says: str) -> None:
    with pytest.raises(expression.InvalidSchedule, match=says) as refusal:
        expression.parse(schedule)
    assert str(refusal.value).startswith(f'schedule "{schedule}": ')


@pytest.mark.parametrize("digits", ["9" * 5000, "0" * 5000 + "9" * 20])
@pytest.mark.parametrize("form", ["{} * * * *", "*/{} * * * *", "@every {}h", "@every {}"])
def test_a_number_of_thousands_of_digits_is_refused_like_any_other(form: str, digits: str) -> None:
    with pytest.raises(expression.InvalidSchedule, match=r"; write (0 to 59|a step|numbers with)"):
        expression.parse(form.format(digits))


def test_a_schedule_for_no_day_is_not_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(calendar, "_first_run")
    for schedule in ("0 0 , * *", "0 0 * * ,", "0 0 , * ,"):
        assert next_runs.next_runs(schedule, "Europe/Berlin", START, 3) == ()


@pytest.mark.parametrize("schedule", ["0 0 31 2 *", "0 0 30 2 *", ", * * * *", "0 0 , * *"])
def test_an_accepted_schedule_may_never_fire(schedule: str) -> None:
    assert expression.parse(schedule).next(START, UTC) is None
    assert next_runs.next_runs(schedule, "Europe/Berlin", START, 3) == ()


def test_a_day_matches_one_of_two_restricted_day_fields() -> None:
    assert _days("0 0 10 * MON") == [5, 10, 12, 19, 26]


def test_a_step_above_one_makes_a_star_a_restriction() -> None:
    assert _days("0 0 */2 * 1") == [3, 5, 7, 9, 11]  # odd days, or Monday
    assert _days("0 0 */1 * 1") == [5, 12, 19, 26, 2]


def test_a_range_of_one_day_is_that_day() -> None:
    assert _days("0 0 * * 5-5") == [2, 9, 16, 23, 30]


def test_a_step_runs_to_the_end_of_the_field_only_after_a_single_number() -> None:
    def minutes(schedule: str) -> list[int]:
        return [run.minute for run in next_runs.next_runs(schedule, None, START, 4)]

    assert minutes("5/15 * * * *") == [5, 20, 35, 50]
    assert minutes("47-47/5 * * * *") == [47, 47, 47, 47]
    assert minutes("*/61 * * * *") == [0, 0, 0, 0]


def test_every_counts_whole_seconds_from_the_last_run_and_at_least_one() -> None:
    after = START + timedelta(milliseconds=300)

    def delay(schedule: str) -> timedelta:
        return next_runs.next_runs(schedule, None, after, 1)[0] - START

    assert delay("@every 1h30m10s") == timedelta(hours=1, minutes=30, seconds=10)
    assert delay("@every 1.5h") == timedelta(minutes=90)
    assert delay("@every 2900ms") == timedelta(seconds=2)
    assert delay("@every 500ms") == delay("@every -1h") == timedelta(seconds=1)


def test_the_next_run_is_after_the_start_and_never_at_it() -> None:
    assert next_runs.next_runs("0 12 * * *", None, START, 1) == (START + timedelta(days=1),)
    earlier = START - timedelta(microseconds=1)
    assert next_runs.next_runs("0 12 * * *", None, earlier, 1) == (START,)


def test_a_skipped_local_time_does_not_run() -> None:
    runs = _local("30 2 * * *", "America/New_York", "2026-03-07T12:00", 2)
    assert runs == ["09 02:30-0400", "10 02:30-0400"]


def test_a_repeated_local_time_runs_twice() -> None:
    runs = _local("30 1 * * *", "America/New_York", "2026-10-31T12:00", 3)
    assert runs == ["01 01:30-0400", "01 01:30-0500", "02 01:30-0500"]
    runs = _local("30 23 * * *", "Africa/Cairo", "2026-10-29T12:00", 3)
    assert runs == ["29 23:30+0300", "29 23:30+0200", "30 23:30+0200"]


def test_a_list_of_hours_loses_only_the_skipped_one() -> None:
    runs = _local("0 */2 * * *", "America/New_York", "2026-03-07T23:00", 3)
    assert runs == ["08 00:00-0500", "08 04:00-0400", "08 06:00-0400"]


def test_a_skipped_midnight_does_not_run() -> None:
    runs = _local("0 0 * * *", "Africa/Cairo", "2026-04-23T12:00", 2)
    assert runs == ["25 00:00+0300", "26 00:00+0300"]


def test_hours_run_on_unchecked_into_a_day_whose_midnight_is_skipped() -> None:
    runs = _local("0 5 23 4 *", "Africa/Cairo", "2026-04-23T12:00", 2)
    assert runs == ["24 05:00+0300", "23 05:00+0200"]  # the 24th, as the controller has it


def test_an_hour_set_back_into_the_gap_moves_on_from_behind_it() -> None:
    runs = _local("56 2,4,14 * * *", "Pacific/Chatham", "2026-09-27T03:50", 1)
    assert runs == ["27 14:56+1345"]  # 03:00 does not exist, 04:00 stands for it


def test_a_day_that_a_zone_leaves_out_does_not_stop_the_search() -> None:
    runs = _local("0 0 15 * *", "Pacific/Apia", "2011-12-18T12:00", 1)
    assert runs == ["15 00:00+1400"]


def test_without_a_zone_the_schedule_runs_in_utc() -> None:
    runs = next_runs.next_runs("0 0 * * *", None, START.astimezone(zones.zone("Asia/Tehran")), 1)
    assert runs == (datetime(2026, 1, 2, tzinfo=UTC),)
    assert runs[0].tzinfo is UTC


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "Etc/GMT+5", "EST5EDT"])
def test_a_loadable_zone_is_accepted(name: str) -> None:
    assert zones.zone(name) == zoneinfo.ZoneInfo(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "Mars/Base", "europe/berlin", "utc", "Europe", "Europe//Berlin", "/UTC", "UTC/"),
        *("../UTC", "Europe/./Berlin", "-05", "Europe/Berlin\n", "Europe/Berlin ", "a" * 15, "é"),
    ],
)
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(zones.InvalidTimeZone, match="is unknown; use a name of the IANA database"):
        next_runs.next_runs("0 0 * * *", name, START, 1)


@pytest.mark.parametrize("name", ["Local", "local"])
def test_the_zone_of_the_machine_is_refused(name: str) -> None:
    with pytest.raises(zones.InvalidTimeZone, match="depends on the machine"):
        zones.zone(name)


def _changes(schedule: str, zone: str, start: str, count: int = 3) -> list[str]:
    after = datetime.fromisoformat(start).replace(tzinfo=zones.zone(zone))
    runs = next_runs.next_runs(schedule, zone, after, count)
    return [one.sentence for one in clock_changes.clock_changes(schedule, zone, after, runs[-1])]


@pytest.mark.parametrize(
    ("schedule", "zone", "start", "says"),
    [
        ("30 2 * * *", "America/New_York", "2026-03-07T12:00", "03-08 02:30 is skipped"),
        ("*/10 2 * * *", "Europe/Berlin", "2026-03-28T12:00", "02:00 (and 5 more) is skipped"),
        ("0 */2 * * *", "America/New_York", "2026-03-07T23:00", "03-08 02:00 is skipped"),
        ("0 0 * * *", "Africa/Cairo", "2026-04-23T12:00", "04-24 00:00 is skipped"),
        ("0 * * * *", "Australia/Lord_Howe", "2026-10-04T00:10", "put ahead by 30 min"),
        ("0 0 30 * *", "Pacific/Apia", "2011-12-18T12:00", "12-30 00:00 is skipped"),
        ("30 1 * * *", "America/New_York", "2026-10-31T12:00", "11-01 01:30 runs twice"),
        ("15 2 * * *", "Africa/Casablanca", "2026-02-14T12:00", "02-15 02:15 runs twice"),
    ],
)
def test_a_run_that_a_change_of_the_clock_skips_or_doubles_is_told(
    schedule: str, zone: str, start: str, says: str
) -> None:
    (change,) = _changes(schedule, zone, start)
    assert says in change
    assert zone in change


def test_a_doubled_run_is_told_from_either_of_its_sides() -> None:
    assert len(_changes("30 1 * * *", "America/New_York", "2026-10-31T12:00", 1)) == 1
    after_the_first = datetime(2026, 11, 1, 5, 45, tzinfo=UTC)
    runs = next_runs.next_runs("30 1 * * *", "America/New_York", after_the_first, 1)
    assert clock_changes.clock_changes("30 1 * * *", "America/New_York", after_the_first, runs[0])


@pytest.mark.parametrize(
    ("schedule", "zone", "start"),
    [
        ("0 * * * *", "America/New_York", "2026-03-07T23:00"),  # every hour, before as after
        ("*/15 * * * *", "America/New_York", "2026-10-31T23:00"),
        ("@every 1h", "America/New_York", "2026-10-31T23:00"),
        ("30 4 * * *", "America/New_York", "2026-03-07T12:00"),  # not at the time of the change
        ("30 2 * * *", "America/New_York", "2026-03-08T12:00"),  # it is over
        ("30 2 * * *", "America/New_York", "2026-03-01T12:00"),  # it is not among the next
        ("30 2 * * *", "UTC", "2026-03-07T12:00"),
        ("30 2 * * 1", "America/New_York", "2026-03-07T12:00"),  # the change is on a Sunday
    ],
)
def test_a_change_of_the_clock_that_no_run_meets_is_not_told(
    schedule: str, zone: str, start: str
) -> None:
    assert _changes(schedule, zone, start) == []


def test_a_change_of_the_clock_that_has_just_been_is_not_told_any_more() -> None:
    zone, skipped = "America/New_York", "30 2 * * *"
    change = datetime(2026, 3, 8, 7, tzinfo=UTC)
    until = change + timedelta(days=2)
    before = clock_changes.clock_changes(skipped, zone, change - timedelta(minutes=1), until)
    assert [one.at for one in before] == [change]
    assert not clock_changes.clock_changes(skipped, zone, change, until)


def test_the_longest_interval_is_the_longest_duration_of_go() -> None:
    longest = "@every 2562047h47m16.854775807s"
    assert expression.parse(longest)
    with pytest.raises(expression.InvalidSchedule):
        expression.parse("@every 2562047h47m16.854775808s")


def test_a_list_of_no_days_leaves_the_other_field_alone() -> None:
    assert _days("0 0 , * 1") == [5, 12, 19, 26, 2]
    assert _days("0 0 1,2 * ,") == [2, 1, 2, 1, 2]


def test_a_moment_is_between_the_runs_that_the_parser_of_kubernetes_says() -> None:
    tried = 0
    for schedule, zone, _, expected in _oracle():
        if expected in {"invalid", "never"} or schedule.strip().startswith("@every"):
            continue
        parsed, place = expression.parse(schedule), zones.place_of(zone)
        runs = [datetime.fromisoformat(run) for run in expected.split(" ")]
        for run, following in itertools.pairwise(runs):
            for now in (run, following - timedelta(seconds=1)):
                found = spans.around(parsed, place, now)
                assert (found.begun, found.ends) == (run, following), (schedule, zone, now)
                tried += 1
    assert tried > 5_000


def test_a_clock_that_is_set_back_is_in_the_span_before() -> None:
    noon = expression.parse("0 12 * * *")
    later, earlier = (spans.around(noon, UTC, START + timedelta(hours=hours)) for hours in (1, -1))
    assert later.begun == START == earlier.ends


@pytest.mark.parametrize("schedule", ["0 0 31 2 *", "0 0 30-31 2 *", "0 0 31 4,6,9,11 ?"])
def test_a_day_that_no_month_has_never_comes_and_is_not_searched_for(schedule: str) -> None:
    parsed = expression.parse(schedule)
    began = time.perf_counter()
    for second in range(1000):
        found = spans.around(parsed, UTC, START - timedelta(seconds=second))
        assert (found.begun, found.ends) == (None, None)
    assert time.perf_counter() - began < 1


def test_what_was_searched_through_years_is_not_searched_for_again() -> None:
    parsed = expression.parse("0 0 29 2 *")
    spans.around(parsed, UTC, START)
    began = time.perf_counter()
    for second in range(1000):
        spans.around(parsed, UTC, START + timedelta(seconds=second))
    assert time.perf_counter() - began < 1
