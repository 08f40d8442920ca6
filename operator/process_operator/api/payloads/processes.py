"""Processes as clients send and get them."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from process_operator.api.payloads import base
from process_operator.api.payloads.base import (
    DisplayName,
    Id,
    Pending,
    Port,
    Reply,
    Request,
    TakenOver,
    Time,
)
from process_operator.api.payloads.probes import PROBE_EXAMPLE, Probe, SavedProbe
from process_operator.api.payloads.scaling import ScalingStrategy

ProcessType = Literal["web", "worker", "cron", "job"]
Protocol = Literal["http", "grpc"]
StartPolicy = Literal["beforeDeployment", "afterSuccessDeployment", "afterFailedDeployment"]

# Processes.

_Entrypoint = Annotated[str, Field(max_length=1024, examples=["npm start"])]
_Schedule = Annotated[str, Field(max_length=100, examples=["0 */6 * * *"])]
_TimeZone = Annotated[str, Field(max_length=100, examples=["America/New_York"])]
_PATCH_EXAMPLE: JsonDict = {
    "resource_type_id": base.EXAMPLE_ID,
    "scaling_strategy": {"type": "manual", "config": {"instanceCount": 2}},
    "readiness_probe": {"httpGet": {"path": "/ready", "port": 8080, "scheme": "HTTP"}},
    "ingress_protocol": "http",
}


def _with_example(schema: JsonDict) -> None:
    base.without_null_defaults(schema)
    schema["examples"] = [_PATCH_EXAMPLE]


class CreateProcess(Request):
    """A new process. It does nothing until a deployment."""

    display_name: Annotated[DisplayName, Field(examples=["worker"])]
    """Name for people; the key is made of it, `web` for a web process."""
    type: ProcessType
    """What the process is for; it cannot be changed."""
    resource_type_id: Id
    """Size of each instance, one of /v3/resources/process-resource-types."""
    entrypoint: _Entrypoint = base.absent()
    """Command line that starts it; the image's own when absent or empty."""
    port: Port = base.absent()
    """Port that it listens on (web, worker); 8080 for web when absent."""
    scaling_strategy: ScalingStrategy = base.absent()
    """How many instances run (web, worker); cron and job take only one manual instance."""
    schedule: _Schedule | None = base.absent()
    """Cron expression (cron); null, empty or absent: it runs only when triggered."""
    time_zone: _TimeZone | None = base.absent()
    """IANA zone of the schedule (cron); UTC when null, empty or absent."""
    job_start_policy: StartPolicy = base.absent()
    """When, relative to a deployment, it runs (job; required there)."""
    liveness_probe: Probe | None = base.absent(examples=[PROBE_EXAMPLE])
    """Probe whose failure restarts an instance (web)."""
    readiness_probe: Probe | None = base.absent(examples=[PROBE_EXAMPLE])
    """Probe whose failure keeps traffic away (web)."""


class UpdateProcess(Request):
    """What is to change; every field that is absent keeps its value."""

    model_config = ConfigDict(json_schema_extra=_with_example)

    display_name: Annotated[DisplayName, Field(examples=["web"])] = base.absent()
    """Name for people; acts at once."""
    entrypoint: _Entrypoint = base.absent()
    """Command line that starts it; empty: the image's own. Waits for the next deployment."""
    resource_type_id: Id = base.absent()
    """Size of each instance. Waits for the next deployment."""
    scaling_strategy: ScalingStrategy = base.absent()
    """How many instances run; replaced as a whole. Waits for the next deployment."""
    port: Annotated[int, Field(ge=0, le=65_535, json_schema_extra={"minimum": 1})] = base.absent()
    """Port that it listens on. Waits for the next deployment."""
    is_ingress_enabled: bool = base.absent()
    """Whether it is reached from outside (web); acts at once."""
    ingress_protocol: Annotated[
        Literal["http", "grpc", ""], Field(json_schema_extra={"enum": ["http", "grpc"]})
    ] = base.absent()
    """What it speaks on its port (web); acts at once, asynchronously."""
    schedule: _Schedule | None = base.absent()
    """Cron expression (cron); null or empty clears it. Acts at once."""
    time_zone: _TimeZone | None = base.absent()
    """IANA zone of the schedule (cron); null or empty clears it. Acts at once."""
    job_start_policy: StartPolicy = base.absent()
    """When, relative to a deployment, it runs (job). Waits for the next deployment."""
    liveness_probe: Probe | None = base.absent(examples=[PROBE_EXAMPLE])
    """Probe whose failure restarts an instance (web), replaced as a whole; null removes it.
    Waits for the next deployment."""
    readiness_probe: Probe | None = base.absent(examples=[PROBE_EXAMPLE])
    """Probe whose failure keeps traffic away (web), replaced as a whole; null removes it.
    Waits for the next deployment."""


class RoutingStatus(Reply):
    """How far the route of a web process is."""

    state: Literal["disabled", "pending", "synced", "failed"]
    """`disabled`: no route is wanted; `pending`: it is being made, or waits for the first
    deployment; `synced`: it is as saved; `failed`: see message."""
    message: str | None
    urls: list[str]
    """Addresses that lead to the process from outside."""


class Process(Reply):
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
    scaling_strategy: ScalingStrategy
    resource_type_id: Id | None
    resource_type_name: Annotated[str | None, Field(examples=["s1"])]
    cpu_limit: Annotated[int, Field(ge=1, le=base.MAX_EXACT, examples=[500])] | None
    """CPU of each instance in millicores, of the saved size."""
    memory_limit: Annotated[int, Field(ge=1, le=base.MAX_EXACT, examples=[512])] | None
    """Memory of each instance in megabytes, of the saved size."""
    schedule: _Schedule | None
    time_zone: _TimeZone | None
    job_start_policy: StartPolicy | None
    liveness_probe: SavedProbe | None
    readiness_probe: SavedProbe | None
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
