"""Deployments as clients send and get them."""

from typing import Annotated, Literal

from pydantic import Field

from process_operator.api.payloads import base
from process_operator.api.payloads.base import Id, Image, Reply, Request, Time

# Deployments.


class CreateDeployment(Request):
    """What to deploy; all that is saved, when nothing is given."""

    branch: str | None = base.absent(max_length=255)
    """There are no builds here: only empty."""
    docker_image: Image | None = base.absent()
    """Image that the application gets, and that is deployed."""
    is_restart: bool | None = base.absent()
    """Whether every instance is started anew, also where nothing differs."""


class Rollback(Request):
    """Where to go back to."""

    deployment_id: Id = base.absent()
    """A deployment that succeeded; the last one before what runs, when absent."""


DeploymentStatus = Literal["waiting", "inProgress", "success", "failed", "cancelled", "skipped"]


class Deployment(Reply):
    """A deployment and its course."""

    id: Id
    app_id: Id | None
    status: DeploymentStatus
    type: Literal["manual", "automatic", "rollback"]
    trigger: Annotated[str, Field(examples=["MANUAL_DEPLOY"])]
    steps: list[str] = Field(examples=[["beforeJobs", "rollout"]])
    """The phases that it has gone through, the present one last."""
    docker_image_url: str | None
    git_type: str | None
    repo_url: str | None
    branch: str | None
    commit_sha: str | None
    commit_message: str | None
    author_login: str | None
    author_img: str | None
    started_at: Time | None
    finished_at: Time | None
    created_at: Time
    updated_at: Time
    number: int | None
    """Not in the contract: its number within the application."""
    failure: str | None
    """Not in the contract: why it failed, in one sentence."""
    note: str | None
    """Not in the contract: that the saved image is another one than what was gone back to."""
