"""The operator, which stops itself right before it makes its first Job: a machine that pauses."""

import os
import signal
import sys

from process_operator.__main__ import main
from process_operator.controller.execute.jobs import Jobs
from process_operator.controller.execute.outcome import Outcome
from process_operator.controller.observe.records import ObservedState
from process_operator.controller.plan.model import CreateJob


def stop_before_the_first_job() -> None:
    """Let the process stop when it is about to make a Job; it goes on when it is continued."""
    create = Jobs.create

    async def stopped(jobs: Jobs, observed: ObservedState, action: CreateJob) -> Outcome:
        Jobs.create = create  # type: ignore[method-assign]
        os.kill(os.getpid(), signal.SIGSTOP)
        return await create(jobs, observed, action)

    Jobs.create = stopped  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    stop_before_the_first_job()
    sys.exit(main())
