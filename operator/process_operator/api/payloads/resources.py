"""Resource types, clusters, projects and keys as clients get them."""

from typing import Annotated, Literal

from pydantic import Field

from process_operator.api.payloads.base import Id, Reply, Request, Time

# Resources, projects and keys.


class ResourceType(Reply):
    """A machine size."""

    id: Id
    name: Annotated[str, Field(examples=["s1"])]
    cpu_limit: Annotated[int, Field(examples=[1000])]
    """Millicores."""
    memory_limit: Annotated[int, Field(examples=[1024])]
    """Megabytes."""
    category: Literal["hobby", "standard", "cpuOptimized", "memoryOptimized"]


class ClusterItem(Reply):
    """The cluster behind this API."""

    id: Id
    name: str
    display_name: str
    location: str
    is_available: bool


class Service(Reply):
    """An application of a project."""

    id: Id
    name: str
    display_name: str
    type: Literal["app"]


class CreateProject(Request):
    """A new namespace for the key."""

    display_name: Annotated[str, Field(min_length=1, max_length=64, examples=["Shop"])]


class ProjectItem(Reply):
    """A namespace that the key may use."""

    id: Id
    name: str
    display_name: str
    created_at: Time
    updated_at: Time


class Project(ProjectItem):
    """A namespace that the key may use, with its applications."""

    company_id: str | None
    services: list[Service]


class KeyDetails(Reply):
    """What a key may do."""

    id: Id
    name: str
    role: Literal["read", "write", "exec"]
    namespaces: list[str]
    created_at: Time
    expires_at: Time | None


class KeyValidation(Reply):
    """That a key is valid: an invalid one is answered with 401."""

    is_valid: Literal[True]
    id: Id
    name: str
    status: Literal["active"]
    company: Id | None
    """Id of the cluster: companies and users are the cluster's own business."""
    company_id: Id | None
    expires_at: Time | None
    key: KeyDetails


class Capability(Reply):
    """One thing that a key may do."""

    permission: Annotated[str, Field(examples=["APP:READ"])]
    resource_id: str | None
    """All applications of the key's namespaces."""


class OwnKey(Reply):
    """The key of a request."""

    id: Id
    company_id: Id | None
    name: str
    is_enabled: Literal[True]
    source: Literal["CLI"]
    """Where keys are made: `process-operator keys`."""
    token: str | None
    """Never told: only a hash of it is kept."""
    capabilities: list[Capability]
    last_used_at: Time | None
    """Not kept: a request would be a write."""
    expires_at: Time | None
