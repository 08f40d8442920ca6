"""Under which user a process runs, and which Pod Security level its pods keep."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from process_operator.models.base import MAX_INT32, Model

_Id = Annotated[int, Field(ge=0, le=MAX_INT32)]


class PodSecurity(StrEnum):
    """Level of the Pod Security Standards that pods are built for."""

    RESTRICTED = "restricted"
    BASELINE = "baseline"


class SecurityContext(Model):
    """Numeric identities that containers run with."""

    run_as_user: _Id | None = None
    """Numeric user id of the processes, for example 1000; absent means the image's user."""
    run_as_group: _Id | None = None
    """Numeric primary group id of the processes; absent means the image's group."""
    fs_group: _Id | None = None
    """Numeric group id that owns mounted volumes, so that the process can write to them."""
