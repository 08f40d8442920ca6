"""The command line: what can be asked, and who answers.

Whatever takes long to import (Kopf, the models) is imported by the command that needs it.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from process_operator import settings
from process_operator.cli import api, keys, next_runs, plan, version

_ENDED_BY_ITS_READER = 141
"""What shells say of a program that SIGPIPE has ended, such as one before `| head`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        code: int = parsed.command(parsed)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has enough of it: nothing is left to be flushed at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _ENDED_BY_ITS_READER
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="process-operator",
        description="Applications made of processes on Kubernetes: staged changes and releases.",
    )
    parser.add_argument("--version", action="version", version=version.text())
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run the operator against the current cluster")
    settings.add_arguments(run, os.environ)
    run.set_defaults(command=_run)
    made = commands.add_parser("crds", help="write the CRDs of this version into a folder")
    made.add_argument("folder", type=Path, nargs="?", default=Path("crds"))
    made.add_argument("--check", action="store_true", help="only say whether they are up to date")
    made.set_defaults(command=_crds)
    fields = commands.add_parser("fields", help="print the class of each field as a table")
    fields.set_defaults(command=_fields)
    next_runs.add_to(commands)
    plan.add_to(commands)
    api.add_to(commands)
    keys.add_to(commands)
    return parser


def _crds(parsed: argparse.Namespace) -> int:
    from process_operator.schema import crds

    if not parsed.check:
        for name in crds.write(parsed.folder):
            print(f"wrote {parsed.folder / name}")
        return 0
    stale = crds.stale(parsed.folder)
    for name in stale:
        print(f"{parsed.folder / name} is not what the models say: run `make generate`")
    return 1 if stale else 0


def _fields(_: argparse.Namespace) -> int:
    from process_operator.models import staging

    print(staging.table())
    return 0


def _run(parsed: argparse.Namespace) -> int:
    from process_operator.cli import run

    return run.run(parsed)


if __name__ == "__main__":
    sys.exit(main())
