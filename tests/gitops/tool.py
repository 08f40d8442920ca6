"""What tools that follow Git have in common: they are told of one, and say how it stands."""

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum

from userside import Namespace

SECONDS = 120.0


class Verdict(StrEnum):
    """How a tool says that a commit stands."""

    READY = "ready"
    PROGRESSING = "progressing"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a tool says of the repository that it follows."""

    revision: str
    """Hash of the commit that this is about; "" before the first."""
    verdict: Verdict
    words: str
    """In the tool's own words."""


class Followed(ABC):
    """One repository that a tool keeps one namespace in step with."""

    @abstractmethod
    def look(self) -> None:
        """Make the tool look at the repository now, as a webhook would."""

    @abstractmethod
    def seen(self) -> Seen:
        """Return what the tool says now."""

    @abstractmethod
    def end(self) -> None:
        """Have all that came from the repository deleted, and return when it is."""

    def wait(self, revision: str, verdict: Verdict, seconds: float = SECONDS) -> Seen:
        """Make it look, and wait until it says this of a commit."""
        self.look()
        deadline = time.monotonic() + seconds
        while True:
            found = self.seen()
            if (found.revision, found.verdict) == (revision, verdict):
                return found
            assert time.monotonic() < deadline, f"not {verdict} of {revision} but {found}"
            time.sleep(0.3)


class Tool(ABC):
    """A tool before the cluster of the tests, with which its processes end."""

    name: str

    @abstractmethod
    def start(self) -> None:
        """Install it and start its processes, unless they run."""

    @abstractmethod
    def follow(self, here: Namespace, url: str) -> Followed:
        """Keep a namespace in step with a repository from now on."""
