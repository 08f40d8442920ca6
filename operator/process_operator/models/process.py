"""Process: one entry of a Procfile, that is one thing to run from its application's image."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from process_operator.models import schedules
from process_operator.models.base import (
    Command,
    DisplayName,
    Model,
    ObjectName,
    PortNumber,
    forbidden,
    keyed_by,
    qualified_keys,
    required,
    rule,
    validations,
)
from process_operator.models.environment import Env, EnvFrom
from process_operator.models.pod import PodSettings
from process_operator.models.ports import SERVICE_PORT, Ports
from process_operator.models.probes import Probe
from process_operator.models.process_rules import has_port, one_success, only_for, unchanged
from process_operator.models.references import ApplicationReference, Reference
from process_operator.models.scaling import ScalingSchedules, ScalingStrategy
from process_operator.models.schedules import ScheduleText, ZoneName
from process_operator.models.security import SecurityContext
from process_operator.models.status import (
    Count,
    ExitCode,
    ImageName,
    Pending,
    Reason,
    RecordedName,
    Sentence,
    ServingRelease,
    ShortText,
    Status,
    Told,
    Warnings,
    ZonedTime,
    bounded,
    listed,
)
from process_operator.models.update_strategy import UpdateStrategy
from process_operator.models.volumes import Volumes

MAX_RUN_SECONDS = 604_800
"""A week."""

_HOST_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_HOST = rf"^(\\*\\.)?{_HOST_LABEL}(\\.{_HOST_LABEL})*$"


class ProcessType(StrEnum):
    """What a process is for."""

    WEB = "web"
    WORKER = "worker"
    CRON = "cron"
    JOB = "job"


LASTING = frozenset({ProcessType.WEB, ProcessType.WORKER})
"""Those that run until they are told to stop."""


class JobStartPolicy(StrEnum):
    """When, within a release, a job process runs."""

    BEFORE_DEPLOYMENT = "beforeDeployment"
    AFTER_SUCCESS_DEPLOYMENT = "afterSuccessDeployment"
    AFTER_FAILED_DEPLOYMENT = "afterFailedDeployment"
    BEFORE_ROLLBACK = "beforeRollback"


class RunWith(StrEnum):
    """Whose image and environment a job process has."""

    CANDIDATE = "candidate"
    SERVING = "serving"


class ConcurrencyPolicy(StrEnum):
    """What happens when a cron process is due while its last run goes on."""

    ALLOW = "Allow"
    FORBID = "Forbid"
    REPLACE = "Replace"


class RunPolicy(Model):
    """Limits of one run of a job or cron process."""

    timeout_seconds: Annotated[int, Field(ge=1, le=MAX_RUN_SECONDS)] | None = None
    """Seconds after which a run is stopped and counts as failed, at most a week."""
    retries: Annotated[int, Field(ge=0, le=20)] | None = None
    """Times that a failed run is tried again; absent means 0."""


class Protocol(StrEnum):
    """What the process speaks on its port."""

    HTTP = "http"
    GRPC = "grpc"


class Host(Model):
    """One host name that leads to the process."""

    host: Annotated[
        str,
        Field(
            min_length=1,
            max_length=253,
            json_schema_extra=validations(
                rule(
                    f"self.matches('{_HOST}')",
                    "ingress.hosts[].host must be a DNS name in lower case without scheme, port or "
                    "path, for example shop.example.com or *.example.com",
                )
            ),
        ),
    ]
    """DNS name in lower case, for example `shop.example.com`, or `*.example.com` for all
    below it."""
    tls_secret_name: ObjectName | None = None
    """Name of the Secret with the host's certificate; absent means no TLS unless an issuer makes
    one."""


class PathType(StrEnum):
    """How a path is compared."""

    EXACT = "Exact"
    PREFIX = "Prefix"


class Path(Model):
    """One path that leads to the process."""

    path: Annotated[
        str,
        Field(
            min_length=1,
            max_length=256,
            pattern="^/[-A-Za-z0-9/._~]*$",
            json_schema_extra=validations(
                rule(
                    "!self.contains('//') && !self.contains('/./') && !self.contains('/../') && "
                    "!self.endsWith('/.') && !self.endsWith('/..')",
                    "ingress.paths[].path must be a path without empty parts, . and .., for "
                    "example /api",
                )
            ),
        ),
    ]
    """Path from the root of the host, for example `/api`; the process gets the whole of it."""
    type: PathType | None = None
    """`Exact` for this path alone; absent means `Prefix`, for all below it too."""


class IngressSpec(Model):
    """The route of a web process."""

    enabled: bool | None = None
    """Whether the process has a route; absent means yes, as soon as there are hosts."""
    protocol: Protocol | None = None
    """What the process speaks on its port, `http` or `grpc` (HTTP/2 without TLS); absent means
    `http`."""
    hosts: Annotated[
        tuple[Host, ...], Field(max_length=16, json_schema_extra=keyed_by("host"))
    ] = ()
    """Host names that lead to the process; without any it has a Service and no route."""
    paths: Annotated[tuple[Path, ...], Field(max_length=8, json_schema_extra=keyed_by("path"))] = ()
    """Paths of these hosts that lead to the process, so that several of a namespace share a host;
    absent means all of them."""
    request_timeout_seconds: Annotated[int, Field(ge=1, le=86_400)] | None = None
    """Seconds that a request may take; absent leaves that to the Gateway or ingress controller."""
    annotations: dict[str, Annotated[str, Field(max_length=4096)]] = Field(
        default_factory=dict,
        max_length=32,
        json_schema_extra=qualified_keys(
            "ingress.annotations has a key that no annotation can have; write it as prefix/name"
        ),
    )
    """Annotations for the route, for example time-outs; only names that the operator's flag
    allows are taken over."""


_WEB, _WORKER, _CRON, _JOB = ProcessType


class ProcessSpec(Model):
    """What a process is to run, how, and how often or how many times."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            unchanged("applicationRef"),
            unchanged("key"),
            unchanged("type"),
            only_for("scalingStrategy", _WEB, _WORKER),
            only_for("scalingSchedules", _WEB, _WORKER),
            only_for("port", _WEB, _WORKER),
            only_for("ports", _WEB, _WORKER),
            only_for("livenessProbe", _WEB, _WORKER),
            only_for("readinessProbe", _WEB, _WORKER),
            only_for("startupProbe", _WEB, _WORKER),
            only_for("updateStrategy", _WEB, _WORKER),
            only_for("ingress", _WEB),
            only_for("jobStartPolicy", _JOB),
            only_for("runWith", _JOB),
            only_for("run", _CRON, _JOB),
            only_for("schedule", _CRON),
            only_for("timeZone", _CRON),
            only_for("suspend", _CRON),
            only_for("concurrencyPolicy", _CRON),
            only_for("startingDeadlineSeconds", _CRON),
            required(
                "self.type != 'job' || has(self.jobStartPolicy)",
                "spec.jobStartPolicy is required for job processes; set it to beforeDeployment, "
                "afterSuccessDeployment, afterFailedDeployment or beforeRollback",
                field=".jobStartPolicy",
            ),
            forbidden(
                "!has(self.runWith) || self.?jobStartPolicy.orValue('') != 'beforeRollback'",
                "spec.runWith cannot stand beside jobStartPolicy beforeRollback, whose jobs run "
                "with what is gone back from; remove it",
                field=".runWith",
            ),
            forbidden(
                "!has(self.scalingSchedules) || self.scalingSchedules.size() == 0 || "
                "!has(self.scalingStrategy) || self.scalingStrategy.type != 'external'",
                "spec.scalingSchedules cannot stand beside scalingStrategy.type external, with "
                "which somebody else sets the size; remove them or choose another type",
                field=".scalingSchedules",
            ),
            forbidden(
                "!has(self.entrypoint) || !has(self.command)",
                "spec.command cannot stand beside spec.entrypoint; remove one of them",
                field=".command",
            ),
            forbidden(
                "!has(self.ports) || self.ports.all(one, has(one.protocol) && "
                f"one.protocol == 'UDP' || one.port != {SERVICE_PORT} && "
                "one.port != self.?port.orValue(self.type == 'web' ? 8080 : 0))",
                f"ports[].port must not be that of spec.port, nor {SERVICE_PORT}, under which the "
                "Service has it; choose another one",
                field=".ports",
            ),
            has_port("livenessProbe"),
            has_port("readinessProbe"),
            has_port("startupProbe"),
            one_success("livenessProbe"),
            one_success("startupProbe"),
        )
    )

    application_ref: ApplicationReference
    """The application that the process belongs to, in the same namespace; cannot be changed."""
    key: Annotated[
        str,
        Field(min_length=1, max_length=64, pattern="^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$"),
    ]
    """Name of the process within its application, for example `web`; cannot be changed."""
    type: ProcessType
    """What the process is for: `web`, `worker`, `cron` or `job`; cannot be changed."""
    display_name: DisplayName | None = None
    """Name for people; absent means the key."""
    revision: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """The application's `revision` that the process comes with: a release waits until both are the
    same; absent means any."""
    entrypoint: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Command line that `/bin/sh -c` runs; absent means command, or else the image's own."""
    command: (
        Annotated[
            Command, Field(min_length=1, json_schema_extra={"x-kubernetes-list-type": "atomic"})
        ]
        | None
    ) = None
    """Program and arguments, run without a shell; absent means entrypoint, or else the image's
    own."""
    resource_type_ref: Reference | None = None
    """Machine size of each instance, a ProcessResourceType; absent means the one that
    is default."""
    scaling_strategy: ScalingStrategy | None = None
    """How many instances run (web, worker); absent means one."""
    scaling_schedules: ScalingSchedules = ()
    """Bounds for the number of instances from moments on, for example none at night: each holds
    until another one of the list is due (web, worker)."""
    port: PortNumber | None = None
    """Port that the process listens on, given to it as `PORT` (web, worker); absent means 8080 for
    web, none for worker."""
    ports: Ports = ()
    """Ports beside `port`, in the Service and not routed, for example for metrics (web, worker)."""
    liveness_probe: Probe | None = None
    """Probe whose failure restarts the container (web, worker)."""
    readiness_probe: Probe | None = None
    """Probe whose failure keeps traffic away, and a rollout from going on (web, worker)."""
    startup_probe: Probe | None = None
    """Probe that holds the other probes back until it succeeds once (web, worker)."""
    env: Env = ()
    """Variables added to the application's; the process wins where both name one."""
    env_from: EnvFrom = ()
    """Secrets and ConfigMaps whose keys become variables, after the application's."""
    volumes: Volumes = ()
    """Volumes added to the application's; the process wins where both name one."""
    security_context: SecurityContext | None = None
    """Numeric identities, each winning over the application's."""
    pod: PodSettings | None = None
    """Where the pods run and what else they have; each field wins over the application's."""
    update_strategy: UpdateStrategy | None = None
    """How instances are replaced by those of another version (web, worker); absent means one after
    the other."""
    termination_grace_period_seconds: Annotated[int, Field(ge=0, le=3600)] | None = None
    """Seconds that a stopping instance gets before it is killed; absent means 30."""
    job_start_policy: JobStartPolicy | None = None
    """When, within a release, the job runs; `beforeRollback` is before a way back over a release
    whose jobs before the rollout ran, with the newer image (job)."""
    run_with: RunWith | None = None
    """Whose image, and whose environment and other settings of the application, the job has:
    `candidate` for those of the release, `serving` for those of what still serves, to test that the
    old version can live with what the release has done (job); absent means `candidate`."""
    run: RunPolicy | None = None
    """Limits of one run (cron, job)."""
    ingress: IngressSpec | None = None
    """How the process is reached from outside (web); changes act at once."""
    schedule: Annotated[ScheduleText, Field(json_schema_extra=schedules.runs("spec"))] | None = None
    """When the process runs, five cron fields or a descriptor such as `@daily` (cron); absent
    means only when asked."""
    time_zone: Annotated[ZoneName, Field(json_schema_extra=schedules.zone("spec"))] | None = None
    """IANA time zone that the schedule is read in, for example `Europe/Berlin` (cron); absent
    means UTC."""
    suspend: bool | None = None
    """Whether scheduled runs are held back (cron); absent means no."""
    concurrency_policy: ConcurrencyPolicy | None = None
    """What happens when a run is due while the last one goes on (cron); absent means `Forbid`."""
    starting_deadline_seconds: Annotated[int, Field(ge=1, le=MAX_RUN_SECONDS)] | None = None
    """Seconds by which a missed run may still start late (cron); absent means any time until the
    next."""


class NextRun(Told):
    """One run to come."""

    time: ZonedTime
    """When it is due, in the process's time zone, for example `2026-11-24T06:00:00+01:00`."""
    utc: datetime
    """When it is due, in UTC."""


class ScalingScheduleInForce(Told):
    """A scaling schedule that holds."""

    name: ShortText
    """Its name in `scalingSchedules`."""
    since: datetime
    """When it was due."""


class NextScalingSchedule(NextRun):
    """A scaling schedule that is due next."""

    name: ShortText
    """Its name in `scalingSchedules`."""


class RunOutcome(Told):
    """What became of one run."""

    name: RecordedName
    """Name of the object that it ran for: a ProcessRelease, a ProcessRun or a Job."""
    result: ShortText | None = None
    """`success`, `failed`, `cancelled` or `skipped`; absent while it runs."""
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


class ProcessStatus(Status):
    """What runs of a process, and what waits for the next release."""

    pending: Pending = ()
    """Staged differences between the spec and what runs, one per field."""
    pending_count: Count | None = None
    """Number of staged differences."""
    warnings: Warnings = ()
    """What was clamped or is unwise, one sentence each."""
    release: ServingRelease | None = None
    """The release that runs."""
    image: ImageName | None = None
    """The image that runs."""
    replicas: Count | None = None
    """Number of instances that exist, for the scale subresource."""
    ready_replicas: Count | None = None
    """Number of instances that are ready."""
    instances: ShortText | None = None
    """Ready and wanted instances, for example `2/3`."""
    selector: Annotated[str, bounded(maxLength=1024)] | None = None
    """Label selector of the process's pods, for the scale subresource."""
    replicas_before_suspend: Count | None = None
    """Number of instances that come back when the application is no longer suspended."""
    scaling_schedule: ScalingScheduleInForce | None = None
    """Which of its `scalingSchedules` holds, and since when."""
    next_scaling_schedule: NextScalingSchedule | None = None
    """Which of them is due next, and when."""
    internal_hostname: ShortText | None = None
    """Name of the process inside the cluster, for example `shop-web.default.svc.cluster.local`."""
    urls: Annotated[tuple[Annotated[str, bounded(maxLength=520)], ...], listed(128)] = ()
    """Addresses that lead to the process from outside."""
    cpu_millicores: Count | None = None
    """CPU of each instance that runs, in thousandths of a core."""
    memory_megabytes: Count | None = None
    """Memory of each instance that runs, in megabytes of 1048576 bytes."""
    last_run: RunOutcome | None = None
    """The last run of a job process in a release."""
    last_scheduled_run: RunOutcome | None = None
    """The last run by the schedule."""
    last_manual_run: RunOutcome | None = None
    """The last run by a ProcessRun."""
    consecutive_failures: Count | None = None
    """Number of runs by the schedule that have failed since one ended well."""
    next_runs: Annotated[tuple[NextRun, ...], listed(8)] = ()
    """The next three runs by the schedule."""
    last_schedule_time: datetime | None = None
    """When a run was last started by the schedule."""
    last_successful_time: datetime | None = None
    """When a run last ended well."""
