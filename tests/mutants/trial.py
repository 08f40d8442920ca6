"""A change is made in a copy of the project, and the tests run there, those nearest to it first."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mutants.changes import Change

ROOT = Path(__file__).parents[2]
SOURCES = Path("operator", "process_operator")
PATIENCE_SECONDS = 420.0
"""A run of all the pure tests takes a minute or two: what is not done by then does not end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A module with one change."""

    module: Path
    """Its path in the project."""
    line: int
    code: str
    """The line as it is without the change."""
    change: Change

    @property
    def name(self) -> str:
        """What names it while other lines of its module come and go."""
        change = f"{self.change.old} -> {self.change.new or 'nothing'}"
        return f"{self.module.relative_to(SOURCES)}: {change}: {self.code}"

    def __str__(self) -> str:
        return f"{self.name} (line {self.line})"


def copy_of_project(place: Path) -> Path:
    """Copy all that Git knows of to a folder of its own."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True)
    for name in listed.stdout.decode().splitlines():
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)
    return place


def nearest(module: Path) -> list[str]:
    """Give the tests of a module's own room, those named for it first."""
    pure = ROOT / "tests" / "pure"
    rooms = [pure / room for room in module.parts if (pure / room).is_dir()]
    room = rooms[-1:]
    named = [file for folder in room for file in folder.glob(f"test*{module.stem}*.py")]
    return [str(path.relative_to(ROOT)) for path in [*named, *room]]


def noticed_by(mutant: Mutant, copy: Path) -> str | None:
    """Tell which tests notice a mutant: the first that fails, or None where all of them pass."""
    file = copy / mutant.module
    source = file.read_text()
    file.write_text(mutant.change.applied(source))
    try:
        for tests in (nearest(mutant.module), ["tests/pure"]):
            if tests and (failed := first_failure(copy, tests)):
                return failed
        return None
    finally:
        file.write_text(source)


def first_failure(copy: Path, tests: list[str]) -> str | None:
    """Run tests in a copy until one fails; None where none does."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=no"]
    command += ["-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        command,
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output = process.communicate(timeout=PATIENCE_SECONDS)[0].decode()
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return "did not end"
    if process.returncode == 0:
        return None
    failed = [line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failed[0] if failed else output.strip().splitlines()[-1]
