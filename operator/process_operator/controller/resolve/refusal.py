"""Why a process cannot be part of the next release."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a process cannot be part of the next release, and what to do about it."""

    reason: str
    message: str
    transient: bool = False
    """Whether it may end by itself: objects arrive in any order."""
