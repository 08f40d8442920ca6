"""ProcessRelease: the request for a release of an application, and the record of its course.

The record is a ratchet: it only moves forward. Two rules keep the operator itself to it. What is
frozen by a rule stands in the status, because there nobody but the operator may write.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, WithJsonSchema

from process_operator.kube import conditions
from process_operator.models.base import Model, ObjectName, rule, validations
from process_operator.models.process import JobStartPolicy, ProcessType, RunWith
from process_operator.models.references import ApplicationReference
from process_operator.models.status import (
    ExitCode,
    ImageName,
    Key,
    Reason,
    Record,
    RecordedName,
    ReleaseNumber,
    Revision,
    Sentence,
    ShortText,
    Status,
    Uid,
    bounded,
    listed,
)

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
    MENDED = "mended"
    CONFIGURATION = "configuration"
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
    BEFORE_ROLLBACK_JOBS = "beforeRollbackJobs"
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


class RequestedInputs(Record):
    """What the application and its processes said when the release started, or was withdrawn."""

    image: ImageName | None = None
    """The application's image."""
    revision: Revision | None = None
    """The application's revision."""
    hash: Annotated[str, bounded(maxLength=128)]
    """Hash of all staged inputs."""


class JobRecord(Record):
    """One job process within the release."""

    key: Key
    """Key of the job process."""
    policy: JobStartPolicy | None = None
    """When, within the release, it runs."""
    run_with: RunWith | None = None
    """`serving` where it has the image and the environment of what still serves."""
    undoes: ReleaseNumber | None = None
    """Of a job before a way back that was asked for: number of the release that it undoes, with
    whose image it runs."""
    job_name: RecordedName | None = None
    """Name of the Job object."""
    job_uid: Uid | None = Field(default=None, alias="jobUID")
    """uid of the Job object, written right after it was made."""
    result: Result | None = None
    """What became of it; absent until it is known."""
    reason: Reason | None = None
    """Why, in one word."""
    message: Sentence | None = None
    """Why, in a sentence."""
    exit_code: ExitCode | None = None
    """Exit code of its last container."""
    started_at: datetime | None = None
    """When it started."""
    finished_at: datetime | None = None
    """When it ended."""

    @property
    def is_left(self) -> bool:
        """Whether nothing is known yet of what became of it."""
        return self.result is None

    def begun(self, *, name: str, uid: str, now: datetime) -> "JobRecord":
        """Return the record of one whose Job is made."""
        made = {"job_name": name, "job_uid": uid, "started_at": conditions.whole_seconds(now)}
        return self.changed(**made)

    def ended(
        self,
        result: Result,
        reason: str,
        message: str,
        *,
        now: datetime | None = None,
        exit_code: int | None = None,
    ) -> "JobRecord":
        """Return the record of one of which it is known what became of it, and when it ended."""
        told = {"result": result, "reason": reason, "message": message}
        code = {} if exit_code is None else {"exit_code": exit_code}
        at = {} if now is None else {"finished_at": conditions.whole_seconds(now)}
        return self.changed(**told, **code, **at)


class RolloutRecord(Record):
    """One process that is rolled out by the release."""

    key: Key
    """Key of the process."""
    type: ProcessType | None = None
    """Type of the process."""
    result: Result | None = None
    """What became of it; absent until it is known."""
    reason: Reason | None = None
    """Why, in one word."""
    message: Sentence | None = None
    """Why, in a sentence, for example how many instances are up to date."""


class Failure(Record):
    """Why the release failed, from the step down to the pod's own words."""

    step: ReleaseStep | None = None
    """Step in which it failed."""
    process: Key | None = None
    """Key of the process that failed."""
    pod: RecordedName | None = None
    """Name of the pod that shows the failure."""
    container_state: ShortText | None = None
    """State of its container, for example `CrashLoopBackOff` or `Terminated`."""
    exit_code: ExitCode | None = None
    """Exit code of its container."""
    signal: Annotated[int, bounded(minimum=0, maximum=255)] | None = None
    """Signal that ended its container."""
    probe: Annotated[str, bounded(maxLength=4096)] | None = None
    """What the failing probe said."""
    log: Annotated[str, bounded(maxLength=16_384)] | None = None
    """Last lines that its container wrote; values of literal variables are masked."""
    events: Annotated[tuple[Annotated[str, bounded(maxLength=1024)], ...], listed(8)] = ()
    """What Kubernetes said of its pod, oldest first."""
    reason: Reason | None = None
    """Why, in one stable word, for example `ImagePullFailed`."""
    message: Sentence | None = None
    """Why, in Kubernetes' own words."""
    sentence: Annotated[str, bounded(maxLength=4096)] | None = None
    """What happened and what to do, in one plain sentence."""


class ConfigurationVersion(Record):
    """A ConfigMap or Secret as it stood."""

    kind: ShortText
    """`ConfigMap` or `Secret`."""
    name: RecordedName
    """Its name."""
    resource_version: Annotated[str, bounded(maxLength=128)] | None = None
    """Its resourceVersion; absent where it was not there."""


MAX_CONFIGURATION = 256
_SnapshotText = WithJsonSchema({"type": "string", "maxLength": MAX_SNAPSHOT})
"""Whatever stands there is written back as it is: the server lets nobody change or remove it."""
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

    application_uid: Uid | None = Field(
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
    snapshot: Annotated[object, _SnapshotText] | None = Field(
        default=None,
        json_schema_extra=validations(
            rule("self == oldSelf", "status.snapshot cannot be changed; it is set once")
        ),
    )
    """All that is needed to render the application again, as it stood when the release started, as
    a JSON text; set once."""
    configuration: Annotated[
        tuple[ConfigurationVersion, ...], listed(MAX_CONFIGURATION, "kind", "name")
    ] = ()
    """What configured web and worker processes when the release started, as far as that is
    watched."""
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
    jobs: Annotated[tuple[JobRecord, ...], listed(MAX_JOBS, "key")] = ()
    """The job processes of the release, one entry each."""
    rollouts: Annotated[tuple[RolloutRecord, ...], listed(1024, "key")] = ()
    """The processes that the release rolls out, one entry each."""
    failure: Failure | None = None
    """Why the release failed."""
