"""What callers send and get, with the contract's exact names, bounds, patterns and null rules.

Requests are strict: a number is not a text, an unknown field is an error, and null stands only
where it means something. Which fields were given at all decides what a PATCH changes, so absent
and null are told apart. Replies are described here for the documentation; presenters make them.
"""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from process_operator.api import identity

_EXAMPLE_ID = "fb5e5168-4281-4bec-94c5-0d1584e9e657"
_EXAMPLE_TIME = "2025-01-30T00:00:00.000Z"
TIME_PATTERN = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"
MAX_EXACT = 9_007_199_254_740_991


def _without_null_defaults(schema: JsonDict) -> None:
    """Leave out the default of fields that are told apart from null: absent is no value."""
    properties = schema.get("properties")
    for field in properties.values() if isinstance(properties, dict) else ():
        if isinstance(field, dict) and field.get("default", ...) is None:
            del field["default"]


ItemT = TypeVar("ItemT", bound=BaseModel)


class _Request(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_extra=_without_null_defaults,
    )

    def given(self) -> dict[str, Any]:
        """Return just the fields that were sent, nested ones too."""
        return self.model_dump(exclude_unset=True)


class _Reply(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


def _absent(**about: Any) -> Any:
    """Return a field that may be left out, and may be null only if its type says so."""
    return Field(default=None, **about)


Id = Annotated[str, Field(pattern=identity.PATTERN, examples=[_EXAMPLE_ID])]
Time = Annotated[str, Field(pattern=TIME_PATTERN, examples=[_EXAMPLE_TIME])]
DisplayName = Annotated[str, Field(min_length=1, max_length=255)]
Port = Annotated[int, Field(ge=1, le=65_535, examples=[8080])]
ProcessType = Literal["web", "worker", "cron", "job"]
Protocol = Literal["http", "grpc"]
StartPolicy = Literal["beforeDeployment", "afterSuccessDeployment", "afterFailedDeployment"]
Image = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1024,
        pattern=r"^\S+$",
        examples=["registry.example.com/shop:1.4.2"],
    ),
]

# Scaling.

_Count = Annotated[int, Field(ge=0, le=50)]
_Percent = Annotated[int, Field(ge=1, le=100)]
_Interval = Annotated[int, Field(ge=1, le=60_000)]
_Increment = Annotated[int, Field(ge=1, le=5)]


class ManualConfig(_Request):
    """A fixed number of instances."""

    instanceCount: _Count  # noqa: N815 - the contract's name
    """Number of instances; 0 stops the process."""


class HorizontalConfig(_Request):
    """The bounds and paces of an autoscaler."""

    minInstanceCount: _Count  # noqa: N815
    """Fewest instances; 0 runs as 1."""
    maxInstanceCount: _Count  # noqa: N815
    """Most instances; at least 1 and at least minInstanceCount."""
    targetCpuPercent: _Percent = _absent()  # noqa: N815
    """CPU use to hold, in percent of the size; 80 when neither target is given."""
    targetMemoryPercent: _Percent = _absent()  # noqa: N815
    """Memory use to hold, in percent of the size."""
    scaleUpIntervalSeconds: _Interval = _absent()  # noqa: N815
    """Seconds between two steps up; 60 when absent."""
    scaleUpIncrement: _Increment = _absent()  # noqa: N815
    """Instances of one step up; 1 when absent."""
    scaleDownIntervalSeconds: _Interval = _absent()  # noqa: N815
    """Seconds between two steps down; 600 when absent."""
    scaleDownIncrement: _Increment = _absent()  # noqa: N815
    """Instances of one step down; 1 when absent."""


class ManualScaling(_Request):
    """A fixed number of instances."""

    type: Literal["manual"]
    config: ManualConfig


class HorizontalScaling(_Request):
    """An autoscaler."""

    type: Literal["horizontal"]
    config: HorizontalConfig


ScalingStrategy = Annotated[
    ManualScaling | HorizontalScaling,
    Field(discriminator="type", examples=[{"type": "manual", "config": {"instanceCount": 1}}]),
]

# Probes.

_FromZero = Annotated[int, Field(ge=0, le=3600)]
_FromOne = Annotated[int, Field(ge=1, le=3600)]
_Host = Annotated[str, Field(min_length=1, max_length=253)]


class Exec(_Request):
    """A command that is run in the container."""

    command: Annotated[
        list[Annotated[str, Field(max_length=4096)]], Field(min_length=1, max_length=64)
    ]
    """Program and arguments; exit code 0 means healthy."""


class HttpHeader(_Request):
    """A header of the request."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=253,
            pattern="^[-A-Za-z0-9]+$",
            examples=["X-Custom-Header"],
        ),
    ]
    value: Annotated[str, Field(max_length=4096, examples=["custom-value"])]


class HttpGet(_Request):
    """An HTTP GET request; a status from 200 to 399 means healthy."""

    path: Annotated[str, Field(min_length=1, max_length=1024, examples=["/health"])] = _absent()
    """Path that is requested; `/` when absent."""
    port: Port = _absent()
    """Port that is asked; the process's port when absent."""
    host: _Host = _absent()
    """Host that is connected to; the instance itself when absent."""
    scheme: Literal["HTTP", "HTTPS"] = _absent()
    """Scheme of the request; HTTP when absent."""
    httpHeaders: Annotated[list[HttpHeader], Field(max_length=16)] = _absent()  # noqa: N815
    """Headers that are sent along."""


class TcpSocket(_Request):
    """A TCP connection; that it opens means healthy."""

    port: Port
    host: _Host = _absent()
    """Host that is connected to; the instance itself when absent."""


class Probe(_Request):
    """One question to each instance; exactly one of exec, httpGet and tcpSocket asks it."""

    exec: Exec = _absent()
    httpGet: HttpGet = _absent()  # noqa: N815
    tcpSocket: TcpSocket = _absent()  # noqa: N815
    initialDelaySeconds: _FromZero = _absent()  # noqa: N815
    """Seconds before the first question; 0 when absent."""
    periodSeconds: _FromOne = _absent()  # noqa: N815
    """Seconds between two questions; 10 when absent."""
    timeoutSeconds: _FromOne = _absent()  # noqa: N815
    """Seconds within which an answer must come; 1 when absent."""
    successThreshold: _FromOne = _absent()  # noqa: N815
    """Good answers in a row that end a failure; 1 when absent, and always for liveness."""
    failureThreshold: _FromOne = _absent()  # noqa: N815
    """Bad answers in a row that make a failure; 3 when absent."""


_PROBE_EXAMPLE = {"httpGet": {"path": "/health", "port": 8080, "scheme": "HTTP"}}

# Processes.

_Entrypoint = Annotated[str, Field(max_length=1024, examples=["npm start"])]
_Schedule = Annotated[str, Field(max_length=100, examples=["0 */6 * * *"])]
_TimeZone = Annotated[str, Field(max_length=100, examples=["America/New_York"])]
_PATCH_EXAMPLE: JsonDict = {
    "resource_type_id": _EXAMPLE_ID,
    "scaling_strategy": {"type": "manual", "config": {"instanceCount": 2}},
    "readiness_probe": {"httpGet": {"path": "/ready", "port": 8080, "scheme": "HTTP"}},
    "ingress_protocol": "http",
}


def _with_example(schema: JsonDict) -> None:
    _without_null_defaults(schema)
    schema["examples"] = [_PATCH_EXAMPLE]


class CreateProcess(_Request):
    """A new process. It does nothing until a deployment."""

    display_name: Annotated[DisplayName, Field(examples=["worker"])]
    """Name for people; the key is made of it, `web` for a web process."""
    type: ProcessType
    """What the process is for; it cannot be changed."""
    resource_type_id: Id
    """Size of each instance, one of /v3/resources/process-resource-types."""
    entrypoint: _Entrypoint = _absent()
    """Command line that starts it; the image's own when absent or empty."""
    port: Port = _absent()
    """Port that it listens on (web, worker); 8080 for web when absent."""
    scaling_strategy: ScalingStrategy = _absent()
    """How many instances run (web, worker); cron and job take only one manual instance."""
    schedule: _Schedule | None = _absent()
    """Cron expression (cron); null, empty or absent: it runs only when triggered."""
    time_zone: _TimeZone | None = _absent()
    """IANA zone of the schedule (cron); UTC when null, empty or absent."""
    job_start_policy: StartPolicy = _absent()
    """When, relative to a deployment, it runs (job; required there)."""
    liveness_probe: Probe | None = _absent(examples=[_PROBE_EXAMPLE])
    """Probe whose failure restarts an instance (web)."""
    readiness_probe: Probe | None = _absent(examples=[_PROBE_EXAMPLE])
    """Probe whose failure keeps traffic away (web)."""


class UpdateProcess(_Request):
    """What is to change; every field that is absent keeps its value."""

    model_config = ConfigDict(json_schema_extra=_with_example)

    display_name: Annotated[DisplayName, Field(examples=["web"])] = _absent()
    """Name for people; acts at once."""
    entrypoint: _Entrypoint = _absent()
    """Command line that starts it; empty: the image's own. Waits for the next deployment."""
    resource_type_id: Id = _absent()
    """Size of each instance. Waits for the next deployment."""
    scaling_strategy: ScalingStrategy = _absent()
    """How many instances run; replaced as a whole. Waits for the next deployment."""
    port: Annotated[int, Field(ge=0, le=65_535, json_schema_extra={"minimum": 1})] = _absent()
    """Port that it listens on. Waits for the next deployment."""
    is_ingress_enabled: bool = _absent()
    """Whether it is reached from outside (web); acts at once."""
    ingress_protocol: Annotated[
        Literal["http", "grpc", ""], Field(json_schema_extra={"enum": ["http", "grpc"]})
    ] = _absent()
    """What it speaks on its port (web); acts at once, asynchronously."""
    schedule: _Schedule | None = _absent()
    """Cron expression (cron); null or empty clears it. Acts at once."""
    time_zone: _TimeZone | None = _absent()
    """IANA zone of the schedule (cron); null or empty clears it. Acts at once."""
    job_start_policy: StartPolicy = _absent()
    """When, relative to a deployment, it runs (job). Waits for the next deployment."""
    liveness_probe: Probe | None = _absent(examples=[_PROBE_EXAMPLE])
    """Probe whose failure restarts an instance (web), replaced as a whole; null removes it.
    Waits for the next deployment."""
    readiness_probe: Probe | None = _absent(examples=[_PROBE_EXAMPLE])
    """Probe whose failure keeps traffic away (web), replaced as a whole; null removes it.
    Waits for the next deployment."""


class Pending(_Reply):
    """A field whose saved value waits for the next deployment."""

    field: str
    """Name of the field."""
    from_: Any = Field(alias="from")
    """What runs now; null when nothing does."""
    to: Any
    """What the next deployment will run."""


class RoutingStatus(_Reply):
    """How far the route of a web process is."""

    state: Literal["disabled", "pending", "synced", "failed"]
    """`disabled`: no route is wanted; `pending`: it is being made, or waits for the first
    deployment; `synced`: it is as saved; `failed`: see message."""
    message: str | None
    urls: list[str]
    """Addresses that lead to the process from outside."""


class TakenOver(_Reply):
    """A field that was taken from another manager by `force`."""

    field: str
    manager: str


class Process(_Reply):
    """A process, with its saved values."""

    id: Id
    app_id: Id | None
    key: Annotated[str, Field(min_length=1, max_length=64, examples=["web"])]
    """Name of the process within its application; unique there, and never changes."""
    type: ProcessType
    display_name: Annotated[DisplayName, Field(examples=["Web Process"])]
    entrypoint: Annotated[str, Field(examples=["npm start"])]
    """Command line that starts it; empty: the image's own."""
    port: Port | None
    is_ingress_enabled: bool
    ingress_protocol: Protocol | None
    scaling_strategy: dict[str, Any] = Field(
        examples=[{"type": "manual", "config": {"instanceCount": 1}}]
    )
    resource_type_id: Id | None
    resource_type_name: Annotated[str | None, Field(examples=["s1"])]
    cpu_limit: Annotated[int, Field(ge=1, le=MAX_EXACT, examples=[500])] | None
    """CPU of each instance in millicores, of the saved size."""
    memory_limit: Annotated[int, Field(ge=1, le=MAX_EXACT, examples=[512])] | None
    """Memory of each instance in megabytes, of the saved size."""
    schedule: _Schedule | None
    time_zone: _TimeZone | None
    job_start_policy: StartPolicy | None
    liveness_probe: dict[str, Any] | None
    readiness_probe: dict[str, Any] | None
    internal_hostname: Annotated[
        str | None, Field(examples=["my-app-web.my-app-abc123.svc.cluster.local"])
    ]
    """Name inside the cluster; null for a process that listens nowhere."""
    created_at: Time
    updated_at: Time
    pending: list[Pending]
    """Not in the contract: the fields whose saved value waits for the next deployment."""
    routing_status: RoutingStatus | None
    """Not in the contract: how far the route is; null for processes that have none."""
    taken_over: list[TakenOver] = Field(default_factory=list)
    """Not in the contract: what `force` took from other managers; only after it did."""


# Applications.


class CreateApplication(_Request):
    """A new application, made from an image. Nothing runs before a deployment is asked for."""

    display_name: DisplayName
    """Name for people; the name is made of it."""
    cluster_id: Id
    """The one cluster of /v3/resources/clusters."""
    source: Literal["dockerImage", "privateGit", "publicGit"]
    """`dockerImage`: there are no builds here."""
    project_id: Id | None = _absent()
    """One of /v3/projects; the key's only one, or its first, when absent."""
    docker_image: Image | None = _absent()
    """Image of all its processes."""
    git_type: str | None = _absent(max_length=64)
    repo_url: str | None = _absent(max_length=1024)
    default_branch: str | None = _absent(max_length=255)
    docker_registry_credential_id: Id | None = _absent()


class UpdateApplication(_Request):
    """What is to change. There are no builds here, so their fields take only what they are."""

    display_name: DisplayName = _absent()
    """Name for people; acts at once."""
    docker_image: Image = _absent()
    """Image of all its processes; asks for a deployment."""
    source: Literal["dockerImage", "privateGit", "publicGit"] = _absent()
    auto_deploy: bool = _absent()
    wait_for_checks: bool = _absent()
    default_branch: str = _absent(max_length=255)
    hibernation_enabled: bool = _absent()
    hibernate_after_seconds: int = _absent(ge=0, le=MAX_EXACT)
    build_type: Literal["dockerfile", "pack", "nixpacks"] = _absent()
    build_path: str = _absent(max_length=1024)
    dockerfile_path: str = _absent(max_length=1024)
    docker_context: str = _absent(max_length=1024)
    build_cache_enabled: bool = _absent()
    docker_registry_credential_id: Id = _absent()
    pack_builder: str = _absent(max_length=255)
    nixpacks_version: str = _absent(max_length=255)
    buildpacks: list[Any] = _absent(max_length=64)
    allow_deploy_paths: list[str] = _absent(max_length=256)
    ignore_deploy_paths: list[str] = _absent(max_length=256)
    git_type: str = _absent(max_length=64)
    repo_url: str = _absent(max_length=1024)


class ApplicationItem(_Reply):
    """An application in a list."""

    id: Id
    name: Annotated[str, Field(examples=["my-app"])]
    display_name: str
    status: Annotated[str | None, Field(examples=["deploymentSuccess"])]
    type: Literal["app"]
    source: Literal["dockerImage"]
    is_suspended: bool
    created_at: Time
    updated_at: Time


class Application(ApplicationItem):
    """An application."""

    company_id: Id | None
    project_id: Id | None
    """The project that was named when it was made."""
    cluster_id: Id | None
    namespace: str | None
    docker_image: str | None
    """The saved image."""
    docker_registry_credential_id: None
    build_type: Literal["dockerfile"]
    build_path: str | None
    dockerfile_path: str | None
    docker_context: str | None
    build_cache_enabled: bool
    pack_builder: None
    nixpacks_version: None
    buildpacks: list[Any]
    allow_deploy_paths: list[str]
    ignore_deploy_paths: list[str]
    auto_deploy: bool
    wait_for_checks: bool
    hibernation_enabled: bool
    hibernate_after_seconds: None
    git_type: None
    repo_url: None
    default_branch: None
    created_by: None
    pending: list[Pending]
    """Not in the contract: fields of the application that wait for the next deployment."""
    taken_over: list[TakenOver] = Field(default_factory=list)
    """Not in the contract: what `force` took from other managers; only after it did."""


# Deployments.


class CreateDeployment(_Request):
    """What to deploy; all that is saved, when nothing is given."""

    branch: str | None = _absent(max_length=255)
    """There are no builds here: only empty."""
    docker_image: Image | None = _absent()
    """Image that the application gets, and that is deployed."""
    is_restart: bool | None = _absent()
    """Whether every instance is started anew, also where nothing differs."""


class Rollback(_Request):
    """Where to go back to."""

    deployment_id: Id = _absent()
    """A deployment that succeeded; the last one before what runs, when absent."""


DeploymentStatus = Literal["waiting", "inProgress", "success", "failed", "cancelled", "skipped"]


class Deployment(_Reply):
    """A deployment and its course."""

    id: Id
    app_id: Id | None
    status: DeploymentStatus
    type: Literal["manual", "automatic", "rollback"]
    trigger: Annotated[str, Field(examples=["MANUAL_DEPLOY"])]
    steps: list[str] = Field(examples=[["beforeJobs", "rollout"]])
    """The phases that it has gone through, the present one last."""
    docker_image_url: str | None
    git_type: None
    repo_url: None
    branch: None
    commit_sha: None
    commit_message: None
    author_login: None
    author_img: None
    started_at: Time | None
    finished_at: Time | None
    created_at: Time
    updated_at: Time
    number: int | None
    """Not in the contract: its number within the application."""
    failure: str | None
    """Not in the contract: why it failed, in one sentence."""


class LogEntry(_Reply):
    """One line of a log."""

    id: Id
    message: str
    service: str
    """Key of the process, or `deployment`."""
    severity: Literal["info", "error"]
    timestamp: Time
    unix_timestamp: int
    """Milliseconds."""
    tags: dict[str, Any]
    attributes: dict[str, Any]


# Runs.


class Run(_Reply):
    """One run of a cron process."""

    id: Id
    process_id: Id
    scheduled_at: Time | None
    started_at: Time | None
    finished_at: Time | None
    status: Literal["waiting", "inProgress", "success", "failed", "cancelled", "skipped"]
    reason: str | None
    exit_code: int | None
    retries: int
    trigger: Literal["manual", "scheduled"]


class Point(_Reply):
    """One measurement."""

    time: Time
    value: float


# Environment variables and domains.

_VariableName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern="^[-._a-zA-Z][-._a-zA-Z0-9]*$",
        examples=["LOG_LEVEL"],
    ),
]
_VariableValue = Annotated[str, Field(max_length=32_768, examples=["info"])]


class CreateVariable(_Request):
    """A new environment variable of an application."""

    key: _VariableName
    value: _VariableValue
    is_runtime: bool = _absent()
    """true: there is nothing but the run time here."""
    is_buildtime: bool = _absent()
    """false: there are no builds here."""


class UpdateVariable(_Request):
    """What of a variable is to change."""

    key: _VariableName = _absent()
    value: _VariableValue = _absent()
    is_runtime: bool = _absent()
    is_buildtime: bool = _absent()


class Variable(_Reply):
    """An environment variable of an application."""

    id: Id
    app_id: Id
    key: str
    value: str
    is_runtime: bool
    is_buildtime: bool
    created_at: Time
    updated_at: Time


class AddDomain(_Request):
    """A host name for the web process."""

    domain_name: Annotated[str, Field(min_length=1, max_length=253, examples=["shop.example.com"])]
    """DNS name without scheme, port or path."""
    is_wildcard: bool = _absent()
    """Whether it stands for all names below it."""
    custom_ssl_cert: str | None = _absent(max_length=65_536)
    custom_ssl_key: str | None = _absent(max_length=65_536)


class Domain(_Reply):
    """A host name of the web process."""

    id: Id
    name: str
    type: Literal["custom"]
    status: Literal["active", "pending"]
    is_primary: bool
    is_wildcard: bool
    is_enabled: bool
    dns_records: None
    errors: None
    created_at: Time
    updated_at: Time


# Resources, projects and keys.


class ResourceType(_Reply):
    """A machine size."""

    id: Id
    name: Annotated[str, Field(examples=["s1"])]
    cpu_limit: Annotated[int, Field(examples=[1000])]
    """Millicores."""
    memory_limit: Annotated[int, Field(examples=[1024])]
    """Megabytes."""
    category: Literal["hobby", "standard", "cpuOptimized", "memoryOptimized"]


class ClusterItem(_Reply):
    """The cluster behind this API."""

    id: Id
    name: str
    display_name: str
    location: str
    is_available: bool


class Service(_Reply):
    """An application of a project."""

    id: Id
    name: str
    display_name: str
    type: Literal["app"]


class ProjectItem(_Reply):
    """A namespace that the key may use."""

    id: Id
    name: str
    display_name: str
    created_at: Time
    updated_at: Time


class Project(ProjectItem):
    """A namespace that the key may use, with its applications."""

    company_id: None
    services: list[Service]


class KeyDetails(_Reply):
    """What a key may do."""

    id: Id
    name: str
    role: Literal["read", "write"]
    namespaces: list[str]
    created_at: Time
    expires_at: Time | None


class KeyValidation(_Reply):
    """That a key is valid: an invalid one is answered with 401."""

    is_valid: Literal[True]
    key: KeyDetails


class Page(_Reply, Generic[ItemT]):
    """One page of a list."""

    data: list[ItemT]
    total: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    limit: Annotated[int, Field(ge=1)]


class Message(_Reply):
    """That something was begun."""

    message: str


class ErrorData(_Reply):
    """Where to look further."""

    code: str
    """Id of the request, as in x-request-id and the log."""
    message: str


class Error(_Reply):
    """Why a request was not done."""

    message: str
    """What is wrong, which field, and what to do."""
    status: int
    """The HTTP status."""
    data: ErrorData
