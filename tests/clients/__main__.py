"""`make test-clients`: the hosted platform's own public clients, unchanged, before our API.

Exit codes: 0 everything went as promised; 1 something did not; 3 a client is missing, and a loud
line says which one and why, but what could be run went as promised.
"""

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

import command_line
import place
import suites
import terraform
from steps import Broken, table

DIRECTORY = Path(__file__).parents[2] / "build" / "cluster-clients"
GOOD, BAD, MISSING = 0, 1, 3


def main() -> int:
    """Run what can be run; return how it went."""
    parser = argparse.ArgumentParser(prog="clients", description=__doc__)
    parser.add_argument("--terraform", default="terraform", help="Terraform or OpenTofu")
    parser.add_argument("--provider", default="", help="file of the built Terraform provider")
    parser.add_argument("--cli", default="sevalla", help="what starts the command line")
    parser.add_argument("--suites", default="", help="checkout of the command line")
    given = parser.parse_args()
    without_terraform = terraform.obstacle(given.terraform, given.provider)
    without_command_line = command_line.obstacle(given.cli)
    without_suites = without_command_line or suites.obstacle(given.suites)
    missing = [one for one in (without_terraform, without_command_line, without_suites) if one]
    for reason in missing:
        print(f"!!! NOT RUN: {reason} !!!", file=sys.stderr, flush=True)
    if without_terraform and without_command_line:
        return MISSING
    runs: list[terraform.Run | command_line.Run | suites.Run] = []
    with (
        tempfile.TemporaryDirectory(prefix="clients-") as name,
        place.ready(DIRECTORY) as new_place,
    ):
        folder = Path(name)
        if not without_terraform:
            there = new_place("terraform")
            runs.append(terraform.Run(given.terraform, given.provider, there, folder))
        if not without_command_line:
            runs.append(command_line.Run(given.cli, new_place("command-line"), folder))
        if not without_suites:
            runs.append(suites.Run(given.cli, given.suites, new_place("suites"), folder))
        for run in runs:
            with contextlib.suppress(Broken):
                run.whole()
    print(table([step for run in runs for step in run.steps.done]))
    for reason in missing:
        print(f"!!! NOT RUN: {reason} !!!", file=sys.stderr)
    if not all(run.steps.is_good for run in runs):
        print(f"logs of operator, API and cluster: {DIRECTORY / 'logs'}", file=sys.stderr)
        return BAD
    return MISSING if missing else GOOD


if __name__ == "__main__":
    sys.exit(main())
