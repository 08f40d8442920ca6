"""Runs and measurements as clients get them."""

from typing import Annotated, Literal

from pydantic import Field

from process_operator.api.payloads.base import Id, Reply, Time

# Runs.


class Run(Reply):
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


class Point(Reply):
    """One measurement."""

    time: Time
    value: Annotated[str, Field(examples=["42"])]
    """A decimal number."""
