"""The end-to-end suites that the public command line brings along, unchanged, before our API.

Most of what they try is not there here. So each suite's tests are counted, and each that fails has
to stand in `suites.yaml` with its reason: what fails without one, or passes in spite of one, is
told.
"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml
from place import Place
from steps import Broken, Steps

EXPLAINED = Path(__file__).with_name("suites.yaml")
_SECONDS = 900
_RESULT = re.compile(r"^ *(?P<not>not )?ok \d+ - (?P<name>.*?)(?: # (?P<how>SKIP|TODO).*)?$")
_SUITE = re.compile(r"^ *type: '(?P<type>suite|test)'$")


def obstacle(checkout: str) -> str:
    """Return why they cannot be run, or nothing."""
    if not checkout or not (Path(checkout) / "tests" / "e2e" / "tests").is_dir():
        return f"there are no suites in {checkout!r}; give SUITES=, a checkout of the command line"
    return ""


class Run:
    """Every suite, each as a program of its own."""

    def __init__(self, command: str, checkout: str, place: Place, folder: Path) -> None:
        self.steps = Steps("its suites")
        self._node = shlex.split(command)[0]
        self._checkout = Path(checkout)
        self._place = place
        self._home = folder / "suites"

    def whole(self) -> None:
        """Run all of them; one that goes otherwise than explained does not end the others."""
        explained = yaml.safe_load(EXPLAINED.read_text())
        tests = self._copied()
        for suite in sorted((tests / "e2e" / "tests").glob("*.test.ts")):
            name = suite.name.removesuffix(".test.ts")
            with contextlib.suppress(Broken), self.steps.step(name):
                results = dict(_results(self._output(suite)))
                passed = sum(results.values())
                print(f"its suites: {name}: {passed} of {len(results)} tests pass", flush=True)
                found = _unexplained(results, explained.get(name, {}))
                assert not found, "; ".join(found)

    def _copied(self) -> Path:
        """Return a copy of the tests, beside which the program lies where they look for it."""
        copy = self._home / "tests"
        shutil.copytree(self._checkout / "tests", copy)
        (copy / "dist").symlink_to(self._checkout / "dist")
        return copy

    def _output(self, suite: Path) -> str:
        node = Path(shutil.which(self._node) or self._node).resolve()
        done = subprocess.run(
            [str(node), "--test", "--test-reporter=tap", str(suite)],
            cwd=self._home,
            env={
                # They start `node` by its name.
                "PATH": f"{node.parent}{os.pathsep}/usr/local/bin:/usr/bin:/bin",
                "HOME": str(self._home),
                "SEVALLA_API_URL": self._place.url,
                "API_KEY": self._place.key,
                "NODE_EXTRA_CA_CERTS": str(self._place.authority),
            },
            text=True,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
        return done.stdout


def _results(output: str) -> Iterator[tuple[str, bool]]:
    """Yield the name of each single test, and whether it passed."""
    last: re.Match[str] | None = None
    for line in output.splitlines():
        found = _RESULT.match(line)
        if found is not None:
            last = found
        kind = _SUITE.match(line)
        if kind is not None and last is not None:
            if kind["type"] == "test" and last["how"] is None:
                yield last["name"], last["not"] is None
            last = None


def _unexplained(results: Mapping[str, bool], explained: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what went otherwise than the tests of each reason say."""
    failed = {name for name, passed in results.items() if not passed}
    known = {name for names in explained.values() for name in names}
    return [
        *(f"failed without a reason: {name}" for name in sorted(failed - known)),
        *(f"passes in spite of a reason: {name}" for name in sorted(known - failed)),
    ]
