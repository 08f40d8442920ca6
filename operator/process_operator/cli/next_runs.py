"""`process-operator next-runs`: when a schedule runs, as the CronJob controller will run it.

For one schedule it prints each run in its zone and in UTC, and says where a change of the clock
skips or doubles one. With `--batch` it answers lines from standard input, one line each, in the
form that `tests/data/cron-oracle.tsv` has.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, BinaryIO

from process_operator.cron import calendar, clock_changes, expression, next_runs, zones

COUNT = 3
BATCH_COUNT = 5
MAX_COUNT = 1000
BAD_USAGE = 2

_EXAMPLES = """\
examples:
  process-operator next-runs '30 2 * * *' --zone America/New_York
  process-operator next-runs @daily --from 2026-03-07T12:00:00Z --count 10
  printf '"0 6 * * 1-5"\\tEurope/Berlin\\t2026-03-27T12:00:00Z\\n' | \
process-operator next-runs --batch
"""


def add_to(commands: Any) -> None:
    """Add this command to the subparsers of the command line."""
    parser = commands.add_parser(
        "next-runs",
        help="print when a schedule runs next",
        description="Print the next runs of a schedule, exactly as the CronJob controller "
        "computes them, in its time zone and in UTC.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "schedule", nargs="?", help="five cron fields in one argument, or a descriptor: @daily"
    )
    parser.add_argument("--zone", help="IANA time zone of the schedule (UTC)")
    parser.add_argument(
        "--from",
        dest="start",
        metavar="TIME",
        help="runs after this time, such as 2026-03-07T12:00:00Z; without an offset it is a time "
        "of the zone (now)",
    )
    parser.add_argument(
        "--count",
        type=_count,
        metavar="N",
        help=f"how many runs, 1 to {MAX_COUNT} ({COUNT}; with --batch {BATCH_COUNT})",
    )
    parser.add_argument(
        "--batch",
        action="store_true",
        help="answer lines of standard input, each a quoted schedule, a zone and a time, "
        "separated by tabs: print them with the runs in UTC, `invalid` or `never` behind",
    )
    parser.set_defaults(command=_run)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_COUNT:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number from 1 to {MAX_COUNT}')
    return int(text)


def _run(parsed: argparse.Namespace) -> int:
    if parsed.batch:
        if any((parsed.schedule, parsed.zone, parsed.start)):
            return _refuse("--batch reads schedule, zone and time from its lines; leave them out")
        return _batch(sys.stdin.buffer, sys.stdout.buffer, parsed.count or BATCH_COUNT)
    if parsed.schedule is None:
        return _refuse("SCHEDULE is missing; give one such as '0 6 * * 1-5', or --batch")
    zone = parsed.zone or "UTC"
    try:
        start = _time(parsed.start, zone) if parsed.start is not None else datetime.now(UTC)
        for line in table(parsed.schedule, zone, start, parsed.count or COUNT):
            print(line)
    except (expression.InvalidSchedule, zones.InvalidTimeZone) as error:
        return _refuse(str(error))
    except _InvalidTimeError as error:
        return _refuse(f"--from {error}")
    except OverflowError:
        return _refuse("some of the runs lie behind the year 9999; ask for fewer, by --count")
    return 0


def _refuse(why: str) -> int:
    print(f"process-operator next-runs: {why}", file=sys.stderr)
    return BAD_USAGE


class _InvalidTimeError(ValueError):
    """A text that names no moment to start from."""


def _time(text: str, zone: str) -> datetime:
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise _InvalidTimeError(
            f'"{text}" is not a time; write it such as 2026-03-07T12:00:00Z'
        ) from None
    try:
        # Schedules are searched for some years on: they have to be years that there are.
        given.replace(year=given.year + 2 * calendar.MAX_SEARCH_YEARS, day=1)
        local = given if given.tzinfo is not None else given.replace(tzinfo=zones.zone(zone))
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        if isinstance(error, zones.InvalidTimeZone):
            raise
        raise _InvalidTimeError(f'"{text}" is too far away; name a nearer time') from None


def table(schedule: str, zone: str, start: datetime, count: int) -> Iterable[str]:
    """Yield the runs as lines for people, with the changes of the clock that they meet."""
    time_zone = zones.zone(zone)
    runs = next_runs.next_runs(schedule, zone, start, count)
    if not runs:
        yield f"never: no such time comes within {calendar.MAX_SEARCH_YEARS} years"
        return
    rows = [(zone, "UTC")]
    rows += [
        (f"{run.astimezone(time_zone):%a} {_local(run.astimezone(time_zone))}", _utc(run))
        for run in runs
    ]
    width = max(len(local) for local, _ in rows)
    for local, utc in rows:
        yield f"{local:<{width}}  {utc}"
    for change in clock_changes.clock_changes(schedule, zone, start, runs[-1]):
        yield f"note: {change.sentence}"


def _local(run: datetime) -> str:
    return run.isoformat(timespec="seconds")


def _utc(run: datetime) -> str:
    return f"{run:%Y-%m-%dT%H:%M:%SZ}"


def _batch(lines: BinaryIO, answers: BinaryIO, count: int) -> int:
    """Answer line by line, each as soon as it is there: another program may wait for it."""
    for line in lines:
        asked = line.decode(errors="surrogateescape").removesuffix("\n")
        answered = f"{answer(asked, count)}\n"
        answers.write(answered.encode(errors="surrogateescape"))
        answers.flush()
    return 0


def answer(line: str, count: int) -> str:
    """Return a line of a batch with its answer behind; an answer that it had is replaced."""
    asked = line.split("\t")[:3]
    try:
        quoted, zone, start = asked
        runs = next_runs.next_runs(json.loads(quoted), zone, _time(start, zone), count)
        times = " ".join(map(_utc, runs)) or "never"
    except (ValueError, TypeError, OverflowError):
        times = "invalid"
    return "\t".join((*asked, times))
