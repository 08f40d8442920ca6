"""ProcessRun: one run of a cron or job process by hand, and the record of what became of it."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from process_operator.models.base import Command, Model, rule, validations
from process_operator.models.process import MAX_RUN_SECONDS
from process_operator.models.references import Reference
from process_operator.models.release import Result
from process_operator.models.status import (
    ExitCode,
    Reason,
    RecordedName,
    Sentence,
    ServingRelease,
    ShortText,
    Status,
    Uid,
    bounded,
)


class RunSpec(Model):
    """What to run once, with the image and the environment of the serving release."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule("self == oldSelf", "a run cannot be changed; delete it and make a new ProcessRun")
        )
    )

    process_ref: Reference
    """The cron or job process to run, in the same namespace; cannot be changed."""
    command: (
        Annotated[
            Command, Field(min_length=1, json_schema_extra={"x-kubernetes-list-type": "atomic"})
        ]
        | None
    ) = None
    """Program and arguments to run instead of the process's own, without a shell; cannot be
    changed."""
    timeout_seconds: Annotated[int, Field(ge=1, le=MAX_RUN_SECONDS)] | None = None
    """Seconds after which the run is stopped and has failed; absent means the process's
    own limit."""


class RunStatus(Status):
    """The record of a run."""

    release: ServingRelease | None = None
    """The release whose image and environment it runs with."""
    requested_by: ShortText | None = None
    """Who asked for it: the annotation process-operator.dev/requested-by, or the program that
    made it."""
    job_name: RecordedName | None = None
    """Name of its Job."""
    job_uid: Uid | None = Field(default=None, alias="jobUID")
    """uid of its Job, written right after it was made."""
    outcome: Result | None = None
    """`inProgress`, `success` or `failed`; absent until it starts."""
    reason: Reason | None = None
    """Why, in one word."""
    message: Sentence | None = None
    """Why, in a sentence."""
    exit_code: ExitCode | None = None
    """Exit code of its container."""
    started_at: datetime | None = None
    """When it started."""
    finished_at: datetime | None = None
    """When it ended."""
    log: Annotated[str, bounded(maxLength=16_384)] | None = None
    """Last lines that its container wrote; values of literal variables are masked."""
