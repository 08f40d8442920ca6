"""Releases told from the first wish to the last word; a change of behaviour is a diff of prose.

Each story is told four times: as it is, with the operator started anew after every look, with its
clock ahead of the cluster's and behind it, and with the operator killed before and after every
single write of the course. However often it is killed, the same releases end in the same way for
the same reasons, each Job is made once, and none is left behind.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import storytelling
from process_operator.kube import names
from stories import STORIES
from storytelling import Story


@pytest.mark.parametrize("name", STORIES)
def test_a_release_is_told(name: str, golden: Callable[[str, str], None]) -> None:
    story = Story(name.replace("-", " "))
    STORIES[name](story)
    golden(f"releases/{name}.txt", story.text)


@pytest.mark.parametrize("name", STORIES)
def test_a_restart_between_any_two_looks_changes_nothing(name: str) -> None:
    plain, restarted = Story(name), Story(name, restarts=True)
    STORIES[name](plain)
    STORIES[name](restarted)
    assert ending(restarted) == ending(plain)


@pytest.mark.fault("F19")
@pytest.mark.parametrize("seconds", [61, -2, 3600, -3600])
@pytest.mark.parametrize("name", STORIES)
def test_a_clock_that_is_wrong_changes_nothing(name: str, seconds: int) -> None:
    plain, skewed = Story(name), Story(name, skew=timedelta(seconds=seconds))
    STORIES[name](plain)
    STORIES[name](skewed)
    assert ending(skewed) == ending(plain), skewed.text


@pytest.mark.fault("F1")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", STORIES)
def test_being_killed_at_any_write_changes_nothing(name: str, when: str) -> None:
    writes = _Writes()
    plain = Story(name, strike=writes.count)
    writes.server = plain.server
    STORIES[name](plain)
    # Before a write that follows another one at once is after that one.
    for number in writes.first if when == "before" else range(1, writes.counted + 1):
        story = Story(name, strike=_Writes(kill_at=number, when=when).count)
        STORIES[name](story)
        assert ending(story) == ending(plain), f"killed {when} write {number}:\n{story.text}"


class _Writes:
    """Counts the operator's writes, and kills it at one of them."""

    def __init__(self, kill_at: int = 0, when: str = "before") -> None:
        self.counted = 0
        self.first: list[int] = []
        """Those before which something else had happened since the one before."""
        self.server: storytelling.Server | None = None
        self._kill_at = kill_at
        self._when = when
        self._left: object = None

    def count(self, now: str) -> None:
        self.counted += now == "before"
        if self.server is not None:
            found = (self.server.version, self.server.now)
            if now == "before" and found != self._left:
                self.first.append(self.counted)
            self._left = found
        if now == self._when and self.counted == self._kill_at:
            self._kill_at = 0
            raise storytelling.Killed


def ending(story: Story) -> dict[str, Any]:
    """Return how everything ended, and how often each Job was made."""
    ends: dict[str, Any] = {}
    for (kind, _, name), body in story.server.objects.items():
        status = body.get("status") or {}
        ready = [
            (one["status"], one["reason"])
            for one in status.get("conditions", ())
            if one["type"] == "Ready"
        ]
        if kind == names.RELEASE_KIND:
            jobs = [(one["key"], one.get("result")) for one in status.get("jobs", ())]
            why = (status.get("failure") or {}).get("reason")
            ends[name] = (status.get("state"), status.get("number"), jobs, why, ready)
        elif kind in {names.APPLICATION_KIND, names.PROCESS_KIND}:
            ends[f"{kind} {name}"] = ready
        elif kind == "Deployment":
            image = body["spec"]["template"]["spec"]["containers"][0]["image"]
            ends[f"{kind} {name}"] = (image, body["spec"]["replicas"])
        elif kind == "Job":
            left = [(one["type"], one["reason"]) for one in status.get("conditions", ())]
            ends[f"{kind} {name}"] = left
        elif kind != "Pod":
            ends[f"{kind} {name}"] = True
    made = [line for line in story.lines if "operator creates Job" in line]
    ends["jobs"] = sorted(line.partition("creates Job ")[2] for line in made)
    return ends
