"""Commands that are run in an instance, as clients send them and get their end."""

from typing import Annotated

from pydantic import Field

from process_operator.api.payloads import base
from process_operator.api.payloads.base import Reply, Request


class Command(Request):
    """A command, without a shell: no pipes, no redirection, no wildcards."""

    command: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=4096)]],
        Field(min_length=1, max_length=100, examples=[["ls", "-l", "/tmp"]]),  # noqa: S108
    ]
    """The program, and its arguments."""
    timeout: Annotated[int, Field(ge=1, le=60, examples=[15])] = base.absent()
    """Seconds that its end is waited for; 15 when absent."""


class CommandResult(Reply):
    """What a command wrote, and how it ended."""

    stdout: str
    stderr: str
    exit_code: int
