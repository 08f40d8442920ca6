"""The snapshot of a release: all that is needed to render an application again, with no lookup.

It is kept as a JSON text in a release's status, so that nobody but the operator can write it;
this model gives it its shape. To everybody else it is opaque: nothing that it holds, however deep
it nests, is parsed by whoever reads the status. Defaults are filled in before it is made: a
snapshot says what will run even after the defaults of a later operator have changed.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any, Self

import orjson
from cachetools import LRUCache
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from process_operator.models import base, shared_variables
from process_operator.models.environment import EnvFromSource, EnvVar
from process_operator.models.pod import PodSettings
from process_operator.models.ports import NamedPort
from process_operator.models.probes import Probe
from process_operator.models.process import JobStartPolicy, ProcessType, RunWith
from process_operator.models.quantity import QuantityText
from process_operator.models.resource_type import CPULimit
from process_operator.models.scaling import ScalingSchedule
from process_operator.models.security import PodSecurity, SecurityContext
from process_operator.models.update_strategy import UpdateStrategy
from process_operator.models.volumes import Volume

PROFILE = 1
"""The rendering profile that new snapshots name, see `build/pod.py`; no higher one is known."""


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, extra="forbid"
    )


class Requests(_Frozen):
    """What is requested where it is less than the size."""

    cpu: QuantityText | None = None
    memory: QuantityText | None = None


class ResourceType(_Frozen):
    """A resource type as it stood when the release started."""

    name: str
    cpu: QuantityText
    """Canonical quantity, for example `500m`."""
    memory: QuantityText
    """Canonical quantity, for example `512Mi`."""
    node_selector: dict[str, str] = {}
    tolerations: tuple[dict[str, str | int], ...] = ()
    requests: Requests | None = None
    cpu_limit: CPULimit | None = None
    """Absent where it is the size's CPU."""
    extended: dict[str, int] = {}
    pod: PodSettings | None = None


class Scaling(_Frozen):
    """How many instances: a fixed count, or the bounds and paces of an autoscaler."""

    instances: int = 1
    """The count of `manual`; meaningless beside the others."""
    horizontal: "Horizontal | None" = None
    external: bool = False
    """Whether somebody else sets the size."""
    schedules: tuple[ScalingSchedule, ...] = ()
    """What bounds it from moments on."""

    @property
    def by_others(self) -> bool:
        """Whether the size is one that is found, and not one that was given."""
        return self.external or self.horizontal is not None


class Horizontal(_Frozen):
    """The autoscaler's settings with every default filled in, as the user gave them (unclamped)."""

    min_instances: int
    max_instances: int
    cpu_percent: int | None = None
    memory_percent: int | None = None
    scale_up_interval_seconds: int
    scale_up_increment: int
    scale_down_interval_seconds: int
    scale_down_increment: int


class RunLimits(_Frozen):
    """Limits of one run of a job or cron process."""

    timeout_seconds: int | None = None
    retries: int = 0


class SnapshotProcess(_Frozen):
    """The staged side of one process."""

    key: str
    type: ProcessType
    entrypoint: str | None = None
    command: tuple[str, ...] = ()
    resource_type: ResourceType = Field(alias="size")
    """Recorded as `size`, as it always has been."""
    scaling: Scaling = Scaling()
    port: int | None = None
    """The port it listens on: always set for web; on a worker it makes a Service."""
    ports: tuple[NamedPort, ...] = ()
    """Those beside it, which make a Service too."""
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFromSource, ...] = ()
    volumes: tuple[Volume, ...] = ()
    security_context: SecurityContext | None = None
    pod: PodSettings | None = None
    update_strategy: UpdateStrategy | None = None
    termination_grace_period_seconds: int
    job_start_policy: JobStartPolicy | None = None
    run_with: RunWith | None = None
    """Absent where it is the candidate."""
    run: RunLimits | None = None
    restart: int = 0
    """Number of the newest release in this line that restarted it because what configures it had
    changed; 0 for none."""


class Snapshot(_Frozen):
    """The staged side of an application: its image, its environment and its processes."""

    profile: int
    """Which rendering rules `build/pod.py` applies; never changes for a snapshot."""
    image: str
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFromSource, ...] = ()
    image_pull_secrets: tuple[str, ...] = ()
    service_account_name: str | None = None
    volumes: tuple[Volume, ...] = ()
    security_context: SecurityContext | None = None
    pod_security: PodSecurity
    pod: PodSettings | None = None
    restart: int = 0
    """Number of the newest release in this line that asked for a restart; 0 for none."""
    processes: tuple[SnapshotProcess, ...]

    @cached_property
    def inputs_hash(self) -> str:
        """A hash of all staged inputs, but of a resource type only its name; scaling stands apart.

        An edit of a resource type alone must never roll every application of a cluster.
        """
        inputs = self.model_dump(by_alias=True, exclude_none=True, mode="json")
        del inputs["profile"], inputs["restart"]
        scaling = []
        _forget_empty(inputs)
        for entry in inputs["processes"]:
            _forget_empty(entry)
            del entry["restart"]
            if not entry["ports"]:
                del entry["ports"]  # as before there were any: nobody asked for a release
            entry["size"] = entry["size"]["name"]
            sized = entry.pop("scaling")
            if not sized["external"]:
                del sized["external"]  # as before there was any
            if not sized["schedules"]:
                del sized["schedules"]  # likewise
            scaling.append([entry["key"], sized])
        return f"{_hash(inputs)}.{_hash(scaling)}"

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy, whose inputs may be others."""
        made = super().model_copy(update=update, deep=deep)
        made.__dict__.pop("inputs_hash", None)
        return made

    def process(self, key: str, process_type: ProcessType) -> SnapshotProcess | None:
        """Return the entry that belongs to a process of this key and type."""
        for entry in self.processes:
            if entry.key == key and entry.type == process_type:
                return entry
        return None


def _forget_empty(inputs: dict[str, Any]) -> None:
    """Forget containers beside the process where there are none: as before there were any."""
    pod = inputs.get("pod", {})
    for field in ("initContainers", "sidecars"):
        if not pod.get(field, True):
            del pod[field]


def _hash(value: Any) -> str:
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=16).hexdigest()


class Unreadable(ValueError):  # noqa: N818 - it is the snapshot that is unreadable
    """A snapshot was recorded by another version, or by somebody else; the text says what is wrong.

    Nothing can be rendered from it: what it stands for counts as gone.
    """


class FromNewer(Unreadable):
    """A snapshot was recorded by a newer version, which knows how to render it."""


def text(snapshot: Snapshot) -> str:
    """Return a snapshot as the status of its release holds it.

    A variable that several processes have is written once, see `shared_variables`: a hundred
    processes with the same environment make a record of a hundred keys, not of a megabyte.
    """
    plain = snapshot.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude_none=True
    )
    return orjson.dumps(shared_variables.collected(plain)).decode()


def read(recorded: object) -> Snapshot:
    """Return a snapshot from the status of its release.

    Raises:
        FromNewer: It is of a rendering profile that this version does not know, or has fields that
            it does not.
        Unreadable: It is no text, or holds what this version refuses, such as a quantity beyond
            all bounds.
    """
    if not isinstance(recorded, str):
        raise Unreadable("status.snapshot: is not the JSON text that this version records")
    try:
        return _read(recorded)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"status.snapshot: is no JSON: {error}") from None
    except ValidationError as error:
        unknown = all(one["type"] == "extra_forbidden" for one in error.errors(include_url=False))
        kind = FromNewer if unknown or _profile(recorded) > PROFILE else Unreadable
        raise kind(base.faults(error, "status.snapshot")) from None


def document(recorded: object) -> dict[str, Any]:
    """Return a snapshot as plain JSON.

    Raises:
        Unreadable: As `read` does.
    """
    read(recorded)
    found: dict[str, Any] = shared_variables.spread(orjson.loads(str(recorded)))
    return found


def readable(recorded: object) -> Snapshot | None:
    """Return a snapshot from the status of its release; None without one it can be read from."""
    with suppress(Unreadable):
        return read(recorded)
    return None


PARSED_BYTES = 4 * 1024 * 1024
"""How much text the snapshots have that are kept as parsed, which takes about ten times as much."""
_parsed: LRUCache[str, tuple[str, Snapshot]] = LRUCache(
    PARSED_BYTES, getsizeof=lambda kept: len(kept[0])
)


def _read(recorded: str) -> Snapshot:
    """Parse a snapshot: the same one is asked for at every look, and to read it takes longest."""
    kept = _parsed.get(recorded)
    if kept is not None:
        return kept[1]
    found = Snapshot.model_validate(shared_variables.spread(orjson.loads(recorded)))
    if found.profile > PROFILE:
        raise FromNewer(
            f"status.snapshot.profile: is {found.profile}, and this version knows {PROFILE}"
        )
    _parsed[recorded] = (recorded, found)
    return found


def _profile(recorded: str) -> int:
    """Return the profile of a snapshot that cannot be read, 0 if it has none."""
    with suppress(orjson.JSONDecodeError):
        found = orjson.loads(recorded)
        profile = found.get("profile") if isinstance(found, dict) else None
        return profile if isinstance(profile, int) else 0
    return 0
