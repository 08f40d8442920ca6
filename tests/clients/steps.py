"""What was done with a client, and what came of it: told as it happens, and as a table."""

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from subprocess import SubprocessError


class Broken(Exception):  # noqa: N818 - it says what became of a client's run
    """A step went otherwise than promised: what follows would build on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a client's run."""

    client: str
    name: str
    seconds: float
    problem: str | None


@dataclass(slots=True)
class Steps:
    """The steps of one client."""

    client: str
    done: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Do one step; what goes wrong in it ends the run of this client."""
        started = time.monotonic()
        problem = None
        try:
            yield
        except (AssertionError, LookupError, OSError, ValueError, SubprocessError) as error:
            where = traceback.extract_tb(error.__traceback__)[-1].line
            problem = f"{type(error).__name__} in `{where}`: {error}"
            raise Broken(problem) from error
        finally:
            seconds = time.monotonic() - started
            self.done.append(Step(client=self.client, name=name, seconds=seconds, problem=problem))
            print(f"{self.client}: {name}: {problem or 'ok'} ({seconds:.1f} s)", flush=True)

    @property
    def is_good(self) -> bool:
        """Whether every step went as promised."""
        return all(step.problem is None for step in self.done)


def table(steps: list[Step]) -> str:
    """Return the steps as a table."""
    lines = [f"{'client':<13} {'step':<58} {'s':>6}  result"]
    for one in steps:
        result = "ok" if one.problem is None else "FAILED (told above)"
        lines.append(f"{one.client:<13} {one.name:<58} {one.seconds:>6.1f}  {result}")
    return "\n".join(lines)
