"""Commands in the instances of a process."""

from fastapi import Response

from process_operator.api import problems
from process_operator.api.access.keys import Role
from process_operator.api.payloads.commands import Command, CommandResult
from process_operator.api.routes import groups, replies
from process_operator.api.routes.parameters import Perform, Uid

router = groups.router("Processes")

_SECONDS = 15


@router.post(
    "/v3/applications/{id}/processes/{process_id}/exec",
    summary="Run a command",
    responses=replies.documented(200, CommandResult, "How the command ended.", writes=True),
)
async def execute_command(
    call: Perform,
    id: Uid,  # noqa: A002
    process_id: Uid,
    payload: Command,
) -> Response:
    """Run a command in an instance of a process that serves, and wait for its end.

    The key needs the role `exec`, and the platform has to allow it. A command that fails is no
    error: see `exit_code`. One that is waited for no longer is not ended.
    """
    process = call.process(call.application(id), process_id)
    if call.key.role is not Role.EXEC:
        raise problems.forbidden("the API key may not run commands; use one of role exec")
    ended = await call.parts.commands.run(
        process, payload.command, payload.timeout or _SECONDS, call.options
    )
    return replies.reply(
        {
            "stdout": ended.stdout.decode(errors="replace"),
            "stderr": ended.stderr.decode(errors="replace"),
            "exit_code": ended.exit_code,
        }
    )
