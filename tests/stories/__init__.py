"""Releases told from the first wish to the last word, a file per theme.

A story is a function that does what users, the cluster and fate do; its title is the function's
name, and its transcript stands in `tests/pure/golden/releases/`. What each story is put through
stands in `tests/pure/release/test_told_releases.py`.
"""

from stories import (
    cancelling,
    configuring,
    course,
    failures,
    interference,
    restoring,
    rollbacks,
    suspending,
    undoing,
    waiting,
)
from stories.scenes import STORIES

__all__ = [
    "STORIES",
    "cancelling",
    "configuring",
    "course",
    "failures",
    "interference",
    "restoring",
    "rollbacks",
    "suspending",
    "undoing",
    "waiting",
]
