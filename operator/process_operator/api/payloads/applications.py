"""Applications as clients send and get them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from process_operator.api.payloads import base
from process_operator.api.payloads.base import (
    DisplayName,
    Id,
    Image,
    Pending,
    Reply,
    Request,
    TakenOver,
    Time,
)

# Applications.


class CreateApplication(Request):
    """A new application, made from an image. Nothing runs before a deployment is asked for."""

    display_name: DisplayName
    """Name for people; the name is made of it."""
    cluster_id: Id
    """The one cluster of /v3/resources/clusters."""
    source: Literal["dockerImage", "privateGit", "publicGit"]
    """`dockerImage`: there are no builds here."""
    project_id: Id | None = base.absent()
    """One of /v3/projects; the key's only one, or its first, when absent."""
    docker_image: Image | None = base.absent()
    """Image of all its processes."""
    git_type: str | None = base.absent(max_length=64)
    repo_url: str | None = base.absent(max_length=1024)
    default_branch: str | None = base.absent(max_length=255)
    docker_registry_credential_id: Id | None = base.absent()


class CloneApplication(Request):
    """What the clone is to be called."""

    display_name: DisplayName
    """Name for people; the name is made of it."""
    cluster_id: Id = base.absent()
    """The one cluster of /v3/resources/clusters."""


class UpdateApplication(Request):
    """What is to change. There are no builds here, so their fields take only what they are."""

    display_name: DisplayName = base.absent()
    """Name for people; acts at once."""
    docker_image: Image = base.absent()
    """Image of all its processes; asks for a deployment."""
    source: Literal["dockerImage", "privateGit", "publicGit"] = base.absent()
    auto_deploy: bool = base.absent()
    wait_for_checks: bool = base.absent()
    default_branch: str = base.absent(max_length=255)
    hibernation_enabled: bool = base.absent()
    hibernate_after_seconds: int = base.absent(ge=0, le=base.MAX_EXACT)
    build_type: Literal["dockerfile", "pack", "nixpacks"] = base.absent()
    build_path: str = base.absent(max_length=1024)
    dockerfile_path: str = base.absent(max_length=1024)
    docker_context: str = base.absent(max_length=1024)
    build_cache_enabled: bool = base.absent()
    docker_registry_credential_id: Id = base.absent()
    pack_builder: str = base.absent(max_length=255)
    nixpacks_version: str = base.absent(max_length=255)
    buildpacks: list[Any] = base.absent(max_length=64)
    allow_deploy_paths: list[str] = base.absent(max_length=256)
    ignore_deploy_paths: list[str] = base.absent(max_length=256)
    git_type: str = base.absent(max_length=64)
    repo_url: str = base.absent(max_length=1024)


class ApplicationItem(Reply):
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
    docker_registry_credential_id: Id | None
    build_type: Literal["dockerfile"]
    build_path: str | None
    dockerfile_path: str | None
    docker_context: str | None
    build_cache_enabled: bool
    pack_builder: str | None
    nixpacks_version: str | None
    buildpacks: list[Any]
    allow_deploy_paths: list[str]
    ignore_deploy_paths: list[str]
    auto_deploy: bool
    wait_for_checks: bool
    hibernation_enabled: bool
    hibernate_after_seconds: int | None
    git_type: str | None
    repo_url: str | None
    default_branch: str | None
    created_by: str | None
    pending: list[Pending]
    """Not in the contract: fields of the application that wait for the next deployment."""
    taken_over: list[TakenOver] = Field(default_factory=list)
    """Not in the contract: what `force` took from other managers; only after it did."""
