"""Every default there is: of release settings, scaling, ports and times.

They live here and not in the CRDs, because a default of a CRD changes the meaning of objects that
are already stored.
"""

from dataclasses import dataclass
from typing import Any

from process_operator.models.application import ApplicationSpec, InitialRelease, ReleasePolicy
from process_operator.models.process import ProcessSpec, Protocol
from process_operator.models.scaling import ScalingStrategy, ScalingType
from process_operator.models.snapshot import Horizontal, Scaling

DEFAULT_PORT = 8080
DEFAULT_GRACE_SECONDS = 30
DEFAULT_CPU_PERCENT = 80
DEFAULT_TIME_ZONE = "Etc/UTC"
DEFAULT_PROTOCOL = Protocol.HTTP


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The release settings of an application, defaults filled in."""

    initial: InitialRelease
    policy: ReleasePolicy
    settle_seconds: int
    progress_deadline_seconds: int
    job_timeout_seconds: int
    rollback: bool
    on_config_change: bool


def settings(spec: ApplicationSpec) -> Settings:
    """Return the release settings with every default filled in."""
    given = spec.release
    return Settings(
        initial=(given and given.initial) or InitialRelease.AUTOMATIC,
        policy=spec.release_policy or ReleasePolicy.STAGED,
        settle_seconds=or_default(given and given.settle_seconds, 2),
        progress_deadline_seconds=or_default(given and given.progress_deadline_seconds, 600),
        job_timeout_seconds=or_default(given and given.job_timeout_seconds, 3600),
        rollback=or_default(given and given.rollback, True),
        on_config_change=or_default(given and given.on_config_change, False),
    )


def scaling(spec: ProcessSpec) -> Scaling:
    """Return how many instances a process asks for, defaults filled in, nothing clamped."""
    return of_strategy(spec.scaling_strategy).model_copy(
        update={"schedules": spec.scaling_schedules}
    )


def of_strategy(strategy: ScalingStrategy | None) -> Scaling:
    """Return how many instances a strategy means, whatever the time."""
    if strategy is None:
        return Scaling()
    if strategy.manual is not None:
        return Scaling(instances=strategy.manual.instance_count)
    if strategy.type is ScalingType.EXTERNAL:
        return Scaling(external=True)
    given = strategy.horizontal
    if given is None:
        return Scaling()
    cpu, memory = given.target_cpu_percent, given.target_memory_percent
    return Scaling(
        horizontal=Horizontal(
            min_instances=given.min_instance_count,
            max_instances=given.max_instance_count,
            cpu_percent=DEFAULT_CPU_PERCENT if cpu is None and memory is None else cpu,
            memory_percent=memory,
            scale_up_interval_seconds=or_default(given.scale_up_interval_seconds, 60),
            scale_up_increment=or_default(given.scale_up_increment, 1),
            scale_down_interval_seconds=or_default(given.scale_down_interval_seconds, 600),
            scale_down_increment=or_default(given.scale_down_increment, 1),
        )
    )


def or_default(given: Any, otherwise: Any) -> Any:
    """Return what was given, or the default where nothing was."""
    return otherwise if given is None else given
