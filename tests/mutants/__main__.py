"""`make mutants N=200`: how much of what could be wrong in the pure rooms the tests would notice.

Single changes of comparisons, boolean operators and constants are drawn at random; for each, the
tests run in a copy of the project until one fails. Those that no test notices are printed, with
what `explained.yaml` says of them; the exit code is 1 where fewer than 90 % are noticed or a
survivor is not explained.
"""

import argparse
import os
import queue
import random
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import yaml

from mutants.changes import changes
from mutants.trial import ROOT, Mutant, copy_of_project, first_failure, noticed_by

EXPLAINED = Path(__file__).with_name("explained.yaml")
MIN_NOTICED = 0.9


def main() -> int:
    """Draw, try and tell; give the exit code."""
    options = _options()
    drawn = random.Random(options.seed).sample(all_mutants(), options.n)  # noqa: S311 - a draw
    survivors: list[Mutant] = []
    with _copies(os.cpu_count() or 1) as copies, ThreadPoolExecutor(copies.qsize()) as pool:
        for done, (mutant, failed) in enumerate(pool.map(_trial(copies), drawn), start=1):
            print(f"[{done}/{options.n}] {mutant}\n    {failed or 'SURVIVED'}", flush=True)
            if failed is None:
                survivors.append(mutant)
    return _told(survivors, options.n, options.seed)


def all_mutants() -> list[Mutant]:
    """Give every mutant of the pure rooms, in a fixed order."""
    return [mutant for module in pure_modules() for mutant in _of_module(module)]


def pure_modules() -> list[Path]:
    """Give the modules that the layer contract calls pure, by their paths in the project."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    [pure] = [each for each in contracts if each["name"].startswith("The pure part")]
    paths = [Path("operator", *name.split(".")) for name in pure["source_modules"]]
    modules = [path.with_suffix(".py") for path in paths if not (ROOT / path).is_dir()]
    rooms = [path for path in paths if (ROOT / path).is_dir()]
    found = [file.relative_to(ROOT) for room in rooms for file in (ROOT / room).rglob("*.py")]
    return sorted({*modules, *found})


def _of_module(module: Path) -> list[Mutant]:
    source = (ROOT / module).read_text()
    lines = source.splitlines()
    return [
        Mutant(module=module, line=line, code=lines[line - 1].strip(), change=change)
        for change in changes(source)
        for line in [change.line(source)]
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--n", type=int, default=200, help="how many mutants")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same ones")
    return parser.parse_args()


@contextmanager
def _copies(count: int) -> Iterator["queue.Queue[Path]"]:
    """Keep copies of the project, in which the tests pass."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: queue.Queue[Path] = queue.Queue()
        for number in range(count):
            copies.put(copy_of_project(Path(folder) / str(number)))
        if failed := first_failure(Path(folder) / "0", ["tests/pure"]):
            sys.exit(f"the tests fail without any change: {failed}")
        yield copies


def _trial(copies: "queue.Queue[Path]") -> Callable[[Mutant], tuple[Mutant, str | None]]:
    def trial(mutant: Mutant) -> tuple[Mutant, str | None]:
        copy = copies.get()
        try:
            return mutant, noticed_by(mutant, copy)
        finally:
            copies.put(copy)

    return trial


def _told(survivors: list[Mutant], n: int, seed: int) -> int:
    explained: dict[str, str] = yaml.safe_load(EXPLAINED.read_text()) or {}
    unexplained = 0
    for mutant in survivors:
        told = explained.get(mutant.name)
        unexplained += told is None
        print(f"survived: {mutant}\n    {told or 'NOT EXPLAINED'}")
    share = 1 - len(survivors) / n
    print(
        f"{n} mutants, seed {seed}: {share:.0%} noticed (target {MIN_NOTICED:.0%}), "
        f"{unexplained} of {len(survivors)} survivors not explained"
    )
    return int(share < MIN_NOTICED or unexplained > 0)


if __name__ == "__main__":
    sys.exit(main())
