"""What is seen of the cluster, as small frozen records: our own objects, children and pods.

The pure part decides on these and on nothing else. They hold what the API server said, at one
resourceVersion each; whoever holds one must not expect it to be the newest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from process_operator.controller.observe.child_status import (
    ChildStatus,
    CronJobStatus,
    DeploymentStatus,
    JobStatus,
    RouteStatus,
)
from process_operator.kube.reasons import Reason
from process_operator.models.application import ApplicationSpec, ApplicationStatus
from process_operator.models.configuration import Versions
from process_operator.models.process import ProcessSpec, ProcessStatus
from process_operator.models.release import ReleaseSpec, ReleaseStatus
from process_operator.models.resource_type import ResourceTypeSpec, ResourceTypeStatus
from process_operator.models.run import RunSpec, RunStatus
from process_operator.models.status import Status

RETRY_REFUSED = timedelta(seconds=60)
"""How long a write that was answered with a no is not sent again."""

SpecT = TypeVar("SpecT")
OwnStatusT = TypeVar("OwnStatusT", bound=Status)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomResource(Generic[SpecT, OwnStatusT]):
    """One object of our own kinds, its spec and its status parsed."""

    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    created_at: datetime
    """When it was made, by the API server's clock, which need not be ours."""
    seen_at: datetime
    """When it was first seen, by our own clock: what is waited for begins here."""
    deleting: bool
    owner_uid: str | None
    """uid of the controller owner: set on releases that the operator made."""
    is_owned: bool = False
    """Whether it goes with something else: an owner, controller or not, or what a tool applies."""
    generated: bool
    """Whether its name came from a generateName."""
    maker: str = ""
    """Who made it, by its annotation, or else the field manager of its making (runs only)."""
    asked_at: str = ""
    """When it was asked for through the REST API, as a text that sorts; "" for all others."""
    taken_up: str = ""
    """The uid that it had when the operator began to act on it, "" before."""
    is_ours: bool = False
    """Whether it bears the label of what the operator makes."""
    spec: SpecT
    status: OwnStatusT

    @property
    def is_copy(self) -> bool:
        """Whether it was made of one that the operator has acted on: restored, copied or moved."""
        return self.taken_up not in {"", self.uid}


Application = CustomResource[ApplicationSpec, ApplicationStatus]
Process = CustomResource[ProcessSpec, ProcessStatus]
Release = CustomResource[ReleaseSpec, ReleaseStatus]
Run = CustomResource[RunSpec, RunStatus]
ResourceTypeObject = CustomResource[ResourceTypeSpec, ResourceTypeStatus]
AnyResource = CustomResource[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidObject:
    """One object of our own kinds that this version of the operator cannot read."""

    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    created_at: datetime
    seen_at: datetime
    deleting: bool
    status: Status
    """What of it can be read."""
    message: str


class ApplicationKey(NamedTuple):
    """The unit of reconciliation: one application, there or not."""

    namespace: str
    name: str


RESOURCE_TYPES = ApplicationKey("", "")
"""The one key that stands for all resource types, which belong to no application."""


class ChildKey(NamedTuple):
    """What identifies a child on the server."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One object that bears our `managed-by` label: a child, or something that claims to be one."""

    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    spec_generation: int
    """The first generation with this spec, as far as has been seen: an annotation of a Deployment
    makes a new generation too, and moves nothing."""
    created_at: datetime
    deleting: bool
    owner_kind: str | None
    """`apiVersion/kind` of the controller owner."""
    owner_name: str | None
    owner_uid: str | None
    application: str
    """Value of our application label, "" where it is missing."""
    desired_hash: str | None
    release: int | None
    others_own_replicas: bool
    """Whether `spec.replicas` is not ours: another manager owns it (an autoscaler or kubectl), or
    nobody does any more."""
    body: bytes
    """JSON of `{metadata: {labels, annotations, ownerReferences}, spec}` as it is live."""
    status: ChildStatus
    """What decisions read of its status."""

    @property
    def key(self) -> ChildKey:
        """What identifies it on the server."""
        return ChildKey(self.kind, self.namespace, self.name)


def spec(child: Child) -> Mapping[str, Any]:
    """Return the live spec of a child."""
    live: Mapping[str, Any] = orjson.loads(child.body).get("spec") or {}
    return live


StatusT = TypeVar("StatusT", DeploymentStatus, CronJobStatus, JobStatus, RouteStatus)


def status(child: Child | None, kind: type[StatusT]) -> StatusT:
    """Return the status of a child; one that is not there, or of another kind, says nothing."""
    found = child.status if child is not None else None
    return found if isinstance(found, kind) else kind()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One pod of a process, reduced to what explains why it does not serve."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    application: str
    process: str
    """Value of our process label, see `names.key_label`."""
    created_at: datetime
    deleting: bool
    ready: bool
    phase: str
    restarts: int
    problem: "PodProblem | None"
    owner_uid: str | None = None
    """uid of its controller: the Job of a run, or the ReplicaSet of a Deployment."""
    started: bool = True
    """Whether any of its containers has ever run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodProblem:
    """What a pod says is wrong with it, in its own words."""

    reason: str
    """One of our reason words: ImagePullFailed, CrashLoop, Unschedulable, ProbeFailing, ..."""
    message: str
    exit_code: int | None = None
    state: str = ""
    """State of the container, for example `Waiting: ImagePullBackOff`, where one is to blame."""


def refusal(message: str) -> PodProblem:
    """Return why the API server takes no pods, from the words in which it refused one."""
    if "exceeded quota" in message:
        return PodProblem(reason=Reason.QUOTA_EXCEEDED, message=message)
    if "violates PodSecurity" in message:
        return PodProblem(reason=Reason.POD_SECURITY_REFUSED, message=message)
    return PodProblem(reason=Reason.PODS_REFUSED, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFailure:
    """What the kubelet said of a failing probe, in an event."""

    namespace: str
    pod_uid: str
    resource_version: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRefusal:
    """What the API server said when the Job controller made a pod, in an event."""

    namespace: str
    job_uid: str
    resource_version: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IngressClass:
    """One IngressClass: who serves it, and whether it is the cluster's default."""

    name: str
    controller: str
    default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationObject:
    """One ConfigMap or Secret, of which nothing is known but that it changes."""

    kind: str
    namespace: str
    name: str
    version: str
    """Its resourceVersion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenHost:
    """A host that a process asks for, and that another one has."""

    host: str
    holder: str | None
    """Name of that Process; None in another namespace, which is nobody else's business."""
    path: str | None = None
    """The path that it has of it; None for the whole host."""

    @property
    def place(self) -> str:
        """What is taken, as it is told."""
        return self.host if self.path is None else place(self.host, self.path)


def place(host: str, path: str) -> str:
    """Return a path of a host; the root is the host itself."""
    return host if path == "/" else f"{host}{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedState:
    """All that one reconcile of one application may depend on."""

    key: ApplicationKey
    now: datetime
    application: Application | InvalidObject | None
    processes: tuple[Process | InvalidObject, ...]
    """Every process that names this application, oldest first."""
    releases: tuple[Release | InvalidObject, ...]
    resource_types: Mapping[str, ResourceTypeObject | InvalidObject]
    ingress_classes: tuple[IngressClass, ...]
    children: Mapping[ChildKey, Child]
    pods: tuple[Pod, ...]
    probe_failures: Mapping[str, str]
    """By pod uid: what the kubelet last said of a failing probe."""
    changed_at: datetime
    """When an object of this application last changed, by our clock."""
    in_progress_since: Mapping[str, datetime]
    """By uid: since when an object has waited for its children to settle, or since that was last
    told."""
    refused: Mapping[ChildKey, "RefusedWrite"]
    """Writes of children that the API server, or the owner of the name, did not let through."""
    allowed_annotations: tuple[str, ...]
    """Names that `ingress.annotations` may have; one that ends in `*` allows what begins so."""
    taken_hosts: Mapping[str, tuple["TakenHost", ...]] = field(default_factory=dict)
    """By uid of a process: hosts that it asks for, and that another process has."""
    backlog: int = 0
    """How many applications wait for their turn, and how many objects of any have begun to move."""
    runs: tuple[Run | InvalidObject, ...] = ()
    """Runs by hand of this application's processes, oldest first."""
    job_refusals: Mapping[str, str] = field(default_factory=dict)
    """By uid of a Job: what the API server last said when it refused its pod."""
    configuration: Versions = field(default_factory=dict)
    """What configures the application and its lasting processes, as far as that is watched."""
    shown: Mapping[ChildKey, "Shown"] = field(default_factory=dict)
    """What the API server said of children of a release that waits."""
    contests: Mapping[ChildKey, "Contest"] = field(default_factory=dict)
    """Children that had to be repaired lately, or that somebody keeps otherwise than declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A child that the API server was shown before it was to be written, and what it said."""

    desired_hash: str
    """Hash of what it was shown."""
    refused: "RefusedWrite | None"
    """None: it would take it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedWrite:
    """A write of a child that was answered with a no; not sent again until `retry_at`."""

    desired_hash: str
    """Hash of what was to be written: another intent is another try."""
    reason: str
    message: str
    retry_at: datetime


class Difference(NamedTuple):
    """One place of a live object that is not as we declare it."""

    path: str
    """As it is told: `spec.template.spec.containers[process].image`."""
    live: str
    """Digest of what stands there: somebody may change it to yet another value."""
    place: tuple[str | int, ...]
    """Names of fields and indices of items from the top of the object, as far as it has them."""


class Standing(Enum):
    """Where a child is between us and somebody else."""

    HELD = auto()
    """Our last repair holds."""
    CHANGED = auto()
    """The answer to our last write did not hold it; it is left so until `retry_at`."""
    FOUGHT = auto()
    """Somebody undid our writes one after the other; it is left so until `retry_at`."""
    PROBATION = auto()
    """After a fight our last write holds; that is believed from `retry_at` on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """What became of our latest writes of one child that somebody else changes too."""

    key: ChildKey
    uid: str
    desired: str
    """What was wished for: hash and size. Another wish is written at once."""
    standing: Standing
    recent: tuple[datetime, ...]
    """When it was last written, newest last."""
    retry_at: datetime
    differences: tuple[Difference, ...] = ()
    """What is told, and accepted while the standing says so."""
    by: str = ""
    failures: int = 0
    """How many times in a row it was written in vain."""
