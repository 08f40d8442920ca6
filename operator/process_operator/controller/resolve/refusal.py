"""Why a process cannot be part of the next release."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a process cannot be part of the next release, and what to do about it."""

    reason: str
    message: str
    transient: bool = False
    """Whether it may end by itself: objects arrive in any order."""
    missing: str | None = None
    """Kind of the object that it wants and that is not there."""
    renderable: bool = True
    """Whether what an earlier release knows of it is rendered with its immediate side as it is
    now; if not, what is there stays."""
