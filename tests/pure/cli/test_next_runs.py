"""`process-operator next-runs`: what it prints, how fast, and how it refuses."""

import pathlib
import resource
import subprocess
import sys

import pytest

from process_operator import __main__

ORACLE = pathlib.Path(__file__).parents[2] / "data" / "cron-oracle.tsv"


def _batch(lines: bytes, *arguments: str) -> bytes:
    command = [sys.executable, "-m", "process_operator", "next-runs", "--batch", *arguments]
    return subprocess.run(command, input=lines, capture_output=True, check=True).stdout


def test_a_batch_answers_every_line_of_the_oracle_as_it_stands_there() -> None:
    oracle = ORACLE.read_bytes()
    asked = b"".join(b"\t".join(line.split(b"\t")[:3]) + b"\n" for line in oracle.splitlines())
    assert _batch(asked) == oracle


def test_ten_thousand_lines_take_less_than_five_seconds() -> None:
    lines = (ORACLE.read_bytes() * 7).splitlines(keepends=True)[:10_000]
    # Of its processor, which others do not share in: how long it waits for one is not its doing.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert _batch(b"".join(lines)) == b"".join(lines)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime < 5


def test_the_answer_does_not_wait_for_the_operator_to_be_imported() -> None:
    code = (
        "import sys; from process_operator.__main__ import main; main(['next-runs', '@daily']); "
        "assert not {'kopf', 'aiohttp', 'pydantic'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_a_line_that_cannot_be_read_is_answered_like_a_bad_schedule() -> None:
    lines = (
        b"no tabs at all",
        b"",
        b'"* * * * *"\tMars/Base\t2026-01-01T00:00:00Z',
        b'"* * * * *"\tUTC\tyesterday',
        b"* * * * *\tUTC\t2026-01-01T00:00:00Z",
        b"\xff\tUTC\t2026-01-01T00:00:00Z",
        b'"@every 2562047h"\tUTC\t2026-01-01T00:00:00Z',
        b'"0 0 31 2 *"\tUTC\t2026-01-01T00:00:00Z',
    )
    answers = _batch(b"\n".join(lines), "--count", "50").splitlines()
    assert [line.rpartition(b"\t")[::2] for line in answers] == [
        *((line, b"invalid") for line in lines[:-1]),
        (lines[-1], b"never"),
    ]


def test_the_count_of_a_batch_can_be_chosen() -> None:
    line = b'"@daily"\tUTC\t2026-01-01T00:00:00Z'
    assert _batch(line, "--count", "1") == line + b"\t2026-01-02T00:00:00Z\n"


def test_a_reader_that_has_enough_ends_the_batch_quietly() -> None:
    command = [sys.executable, "-m", "process_operator", "next-runs", "--batch"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        running.stdin.write(b'"@daily"\tUTC\t2026-01-01T00:00:00Z\n')
        running.stdin.close()
        assert running.stderr.read() == b""
        assert running.wait(timeout=30) == 141


def _answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert __main__.main(["next-runs", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def test_runs_stand_in_their_zone_and_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    assert _answer(
        capsys, "0 6 * * 1-5", "--zone", "Europe/Berlin", "--from", "2026-01-02T12:00:00Z"
    ) == [
        "Europe/Berlin                  UTC",
        "Mon 2026-01-05T06:00:00+01:00  2026-01-05T05:00:00Z",
        "Tue 2026-01-06T06:00:00+01:00  2026-01-06T05:00:00Z",
        "Wed 2026-01-07T06:00:00+01:00  2026-01-07T05:00:00Z",
    ]


def test_a_start_without_an_offset_is_a_time_of_the_zone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ("@hourly", "--zone", "Asia/Tokyo", "--from", "2026-01-02T12:30", "--count", "1")
    assert _answer(capsys, *given)[1] == "Fri 2026-01-02T13:00:00+09:00  2026-01-02T04:00:00Z"


def test_without_a_zone_and_a_start_runs_are_told_from_now_on_in_utc(
    capsys: pytest.CaptureFixture[str],
) -> None:
    head, *runs = _answer(capsys, "* * * * *")
    assert head.split() == ["UTC", "UTC"]
    assert len(runs) == 3


def test_a_run_that_the_clock_skips_or_doubles_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    zone = ("--zone", "America/New_York")
    assert _answer(capsys, "30 2 * * *", *zone, "--from", "2026-03-07T12:00")[-1] == (
        "note: the run of 2026-03-08 02:30 is skipped, because the clock of America/New_York is "
        "put ahead by 1 h"
    )
    assert _answer(capsys, "30 1 * * *", *zone, "--from", "2026-10-31T12:00")[-1] == (
        "note: the run of 2026-11-01 01:30 runs twice, because the clock of America/New_York is "
        "put back by 1 h"
    )


def test_a_schedule_that_never_fires_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert _answer(capsys, "0 0 31 2 *") == ["never: no such time comes within 5 years"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "SCHEDULE is missing; give one such as"),
        (["60 * * * *"], 'schedule "60 * * * *": minute "60" is out of range; write 0 to 59'),
        (["@daily", "--zone", "Mars/Base"], 'time zone "Mars/Base" is unknown; use a name of'),
        (["@daily", "--from", "noon"], '--from "noon" is not a time; write it such as 2026-'),
        (["@daily", "--from", "9999-01-01"], '--from "9999-01-01" is too far away; name a'),
        (["@every 2562047h", "--count", "50"], "behind the year 9999; ask for fewer, by --count"),
        (["@daily", "--count", "0"], '"0" is not a number from 1 to 1000'),
        (["@daily", "--batch"], "--batch reads schedule, zone and time from its lines; leave"),
    ],
)
def test_bad_usage_ends_with_2_and_plain_words(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    try:
        code: object = __main__.main(["next-runs", *arguments])
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert says in capsys.readouterr().err
