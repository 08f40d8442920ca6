"""ProcessRelease: the request for a release of an application, and the record of its course.

The record is a ratchet: it only moves forward. Two rules keep the operator itself to it. What is
frozen by a rule stands in the status, because there nobody but the operator may write.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from process_operator.models.base import MAX_INT32, Model, ObjectName, keyed_by, rule, validations
from process_operator.models.process import JobStartPolicy, ProcessType
from process_operator.models.references import ApplicationReference
from process_operator.models.status import Reason, ReleaseNumber, Sentence, ShortText, Status

_Key = Annotated[str, Field(min_length=1, max_length=64)]
_Uid = Annotated[str, Field(min_length=1, max_length=64)]
_ExitCode = Annotated[int, Field(ge=-1, le=MAX_INT32)]


MAX_JOBS = 1024
"""How many job processes the record of a release has room for."""
MAX_SNAPSHOT = 1_000_000
"""Bytes that a snapshot may have, quotation marks not yet escaped: etcd takes 1.5 MiB."""


class Jobs(StrEnum):
    """Whether job processes run in a release."""

    RUN = "run"
    SKIP = "skip"


class ReleaseTrigger(StrEnum):
    """What asked for a release."""

    INITIAL = "initial"
    IMAGE = "image"
    REVISION = "revision"
    AUTOMATIC = "automatic"
    MANUAL = "manual"
    ROLLBACK = "rollback"


class ReleaseState(StrEnum):
    """How far a release is, in the words of the REST API's deployments."""

    WAITING = "waiting"
    IN_PROGRESS = "inProgress"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class ReleaseStep(StrEnum):
    """What a release in progress is doing; the order is the order of the course."""

    BEFORE_JOBS = "beforeJobs"
    ROLLOUT = "rollout"
    AFTER_SUCCESS_JOBS = "afterSuccessJobs"
    ROLLBACK = "rollback"
    AFTER_FAILED_JOBS = "afterFailedJobs"


class Result(StrEnum):
    """What became of one job or rollout of a release."""

    IN_PROGRESS = "inProgress"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


def _same(field: str) -> str:
    """Return the expression that an optional field is as it was: absent, or of the same value."""
    return (
        f"has(self.{field}) == has(oldSelf.{field}) && "
        f"(!has(self.{field}) || self.{field} == oldSelf.{field})"
    )


class ReleaseSpec(Model):
    """A request: release what the application says when the release starts."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                " && ".join(_same(f) for f in ("applicationRef", "rollbackTo", "jobs", "restart")),
                "a release cannot be changed, except that spec.cancel may be set to true; make a "
                "new ProcessRelease",
            ),
            rule(
                "!oldSelf.?cancel.orValue(false) || self.?cancel.orValue(false)",
                "spec.cancel cannot be taken back; make a new ProcessRelease",
                field=".cancel",
            ),
        )
    )

    application_ref: ApplicationReference
    """The application that is released, in the same namespace; cannot be changed."""
    rollback_to: ObjectName | None = None
    """Name of an earlier release of the same application to go back to; cannot be changed."""
    jobs: Jobs | None = None
    """`run` to run the application's job processes, `skip` not to; absent means `run`, and `skip`
    with rollbackTo."""
    restart: bool | None = None
    """Whether every instance is started anew, even where nothing differs; absent means no."""
    cancel: bool | None = None
    """Set to true to stop the release and go back to what served; cannot be taken back."""


class RequestedInputs(Model):
    """What the application and its processes said when the release started, or was withdrawn."""

    image: Annotated[str, Field(max_length=1024)] | None = None
    """The application's image."""
    revision: Annotated[str, Field(max_length=253)] | None = None
    """The application's revision."""
    hash: Annotated[str, Field(max_length=128)]
    """Hash of all staged inputs."""


class JobEntry(Model):
    """One job process within the release."""

    key: _Key
    """Key of the job process."""
    policy: JobStartPolicy | None = None
    """When, within the release, it runs."""
    job_name: ObjectName | None = None
    """Name of the Job object."""
    job_uid: _Uid | None = Field(default=None, alias="jobUID")
    """uid of the Job object, written right after it was made."""
    result: Result | None = None
    """What became of it; absent until it is known."""
    reason: Reason | None = None
    """Why, in one word."""
    message: Sentence | None = None
    """Why, in a sentence."""
    exit_code: _ExitCode | None = None
    """Exit code of its last container."""
    started_at: datetime | None = None
    """When it started."""
    finished_at: datetime | None = None
    """When it ended."""


class RolloutEntry(Model):
    """One process that is rolled out by the release."""

    key: _Key
    """Key of the process."""
    type: ProcessType | None = None
    """Type of the process."""
    result: Result | None = None
    """What became of it; absent until it is known."""
    reason: Reason | None = None
    """Why, in one word."""
    message: Sentence | None = None
    """Why, in a sentence, for example how many instances are up to date."""


class Failure(Model):
    """Why the release failed, from the step down to the pod's own words."""

    step: ReleaseStep | None = None
    """Step in which it failed."""
    process: _Key | None = None
    """Key of the process that failed."""
    pod: ObjectName | None = None
    """Name of the pod that shows the failure."""
    container_state: ShortText | None = None
    """State of its container, for example `CrashLoopBackOff` or `Terminated`."""
    exit_code: _ExitCode | None = None
    """Exit code of its container."""
    signal: Annotated[int, Field(ge=0, le=255)] | None = None
    """Signal that ended its container."""
    probe: Annotated[str, Field(max_length=4096)] | None = None
    """What the failing probe said."""
    log: Annotated[str, Field(max_length=16_384)] | None = None
    """Last lines that its container wrote; values of literal variables are masked."""
    events: Annotated[
        tuple[Annotated[str, Field(max_length=1024)], ...],
        Field(max_length=8, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """What Kubernetes said of its pod, oldest first."""
    reason: Reason | None = None
    """Why, in one stable word, for example `ImagePullFailed`."""
    message: Sentence | None = None
    """Why, in Kubernetes' own words."""
    sentence: Annotated[str, Field(max_length=4096)] | None = None
    """What happened and what to do, in one plain sentence."""


_FROZEN = ("snapshot", "requested", "number", "applicationUID")


class ReleaseStatus(Status):
    """The record of a release."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            *(
                rule(
                    f"!has(oldSelf.{field}) || has(self.{field})",
                    f"status.{field} cannot be removed; it is set once, when the release starts",
                )
                for field in _FROZEN
            )
        )
    )

    application_uid: _Uid | None = Field(
        default=None,
        alias="applicationUID",
        json_schema_extra=validations(
            rule("self == oldSelf", "status.applicationUID cannot be changed; it is set once")
        ),
    )
    """uid of the application that was released."""
    number: ReleaseNumber | None = Field(
        default=None,
        json_schema_extra=validations(
            rule("self == oldSelf", "status.number cannot be changed; it is set once")
        ),
    )
    """Number of the release within its application."""
    trigger: ReleaseTrigger | None = None
    """What asked for the release."""
    requested: RequestedInputs | None = Field(
        default=None,
        json_schema_extra=validations(
            rule("self == oldSelf", "status.requested cannot be changed; it is set once")
        ),
    )
    """What the application and its processes said when the release started; set once."""
    snapshot: Annotated[str, Field(max_length=MAX_SNAPSHOT)] | None = Field(
        default=None,
        json_schema_extra=validations(
            rule("self == oldSelf", "status.snapshot cannot be changed; it is set once")
        ),
    )
    """All that is needed to render the application again, as it stood when the release started, as
    a JSON text; set once."""
    state: ReleaseState | None = None
    """How far the release is."""
    step: ReleaseStep | None = None
    """What a release in progress is doing."""
    started_at: datetime | None = None
    """When the release took its snapshot."""
    rollout_started_at: datetime | None = None
    """When the rollout started, or went on after a suspension."""
    rollback_started_at: datetime | None = None
    """When the way back to what served before started."""
    paused_at: datetime | None = None
    """Since when the release is held because the application is suspended."""
    resumed_at: datetime | None = None
    """When the release last went on after a suspension."""
    finished_at: datetime | None = None
    """When the release ended."""
    jobs: Annotated[
        tuple[JobEntry, ...], Field(max_length=MAX_JOBS, json_schema_extra=keyed_by("key"))
    ] = ()
    """The job processes of the release, one entry each."""
    rollouts: Annotated[
        tuple[RolloutEntry, ...], Field(max_length=1024, json_schema_extra=keyed_by("key"))
    ] = ()
    """The processes that the release rolls out, one entry each."""
    failure: Failure | None = None
    """Why the release failed."""
