"""What a plan is made of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from process_operator.controller.observe.records import (
    Child,
    ChildKey,
    Contest,
    CustomResource,
    InvalidObject,
    RefusedWrite,
)
from process_operator.controller.plan.compare import Wanted
from process_operator.controller.release import rollout
from process_operator.controller.release.decision import Decision
from process_operator.controller.release.history import ReleaseHistory
from process_operator.controller.release.record import Release
from process_operator.controller.release.rollout import Progress
from process_operator.controller.release.runs import Run, RunDecision, Serving
from process_operator.controller.resolve.application import Resolved
from process_operator.controller.resolve.target import Target
from process_operator.kube.manifest import Manifest
from process_operator.models.application import ApplicationSpec
from process_operator.models.process import ProcessSpec
from process_operator.models.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """One child to write."""

    process_uid: str
    manifest: Manifest
    """The whole intent, with its hash and, where we own it, its size."""
    wanted: Wanted
    child: Child | None
    """What it was compared with; None when nothing of this name is known."""
    is_repair: bool = False
    """Whether the same has been written before."""

    @property
    def desired_hash(self) -> str:
        """Hash of the intent."""
        return self.wanted.desired_hash

    @property
    def key(self) -> ChildKey:
        """What identifies the child on the server."""
        metadata = self.manifest["metadata"]
        return ChildKey(self.manifest["kind"], metadata["namespace"], metadata["name"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """Foreign items to take out of a child that is otherwise as wanted."""

    child: Child
    wanted: Wanted
    operations: tuple[dict[str, Any], ...]
    """A JSON patch that tests the resourceVersion first."""

    @property
    def key(self) -> ChildKey:
        """What identifies the child on the server."""
        return self.child.key

    @property
    def is_repair(self) -> bool:
        """It always is: the child has been applied before."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Concession:
    """A child that is left as somebody else has made it again and again."""

    child: Child
    wanted: Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStart:
    """The Job of a release to make, by a plain create."""

    release: Release
    process: str
    """Key of its process."""
    manifest: Manifest

    @property
    def key(self) -> ChildKey:
        """What identifies the Job on the server."""
        return child_key(self.manifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStart:
    """The Job of a run by hand to make, by a plain create."""

    run: Run
    serving: Serving
    manifest: Manifest

    @property
    def key(self) -> ChildKey:
        """What identifies the Job on the server."""
        return child_key(self.manifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What the runs by hand need now."""

    decisions: tuple[RunDecision, ...] = ()
    starts: tuple[RunStart, ...] = ()
    prune: tuple[Run, ...] = ()
    """Old ones to remove."""
    wake_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessPlan:
    """One process as the plan sees it."""

    process: CustomResource[ProcessSpec] | InvalidObject
    target: Target | None
    """What is rendered of it; None where the running release does not know it."""
    applies: tuple[Apply, ...] = ()
    cleans: tuple[Clean, ...] = ()
    concessions: tuple[Concession, ...] = ()
    contested: tuple[Contest, ...] = ()
    """Children that somebody else keeps otherwise than they are declared; that is told."""
    deletes: tuple[Child, ...] = ()
    refused: RefusedWrite | None = None
    """The write of a child that was answered with a no, if there is one."""
    blocked: RefusedWrite | None = None
    """The same of its Deployment or CronJob: without that nothing is rolled out."""
    workload: Child | None = None
    kept: Child | None = None
    """Its Deployment or CronJob where nothing is rendered: it goes on as it was made last."""
    route: Child | None = None
    size: int = 0
    """How many instances it is to have now."""
    remember: int | None = None
    """Size to write into the status before the application is suspended."""
    progress: Progress = rollout.NOT_MADE


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationContext:
    """The application of a plan, there and readable, and what was found out about it."""

    application: CustomResource[ApplicationSpec]
    resolved: Resolved
    history: ReleaseHistory
    running: Release | None
    """The release whose snapshot is rendered."""
    snapshot: Snapshot | None
    """That snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do for one application, and what the decision rests on."""

    context: ApplicationContext | None
    """None without an application: then nothing is rendered, and what runs is left alone."""
    decision: Decision
    processes: tuple[ProcessPlan, ...]
    job: JobStart | None = None
    runs: Runs = Runs()

    @property
    def wake_at(self) -> datetime | None:
        """The next moment at which the answer could change by itself."""
        times = [
            process_plan.refused.retry_at
            for process_plan in self.processes
            if process_plan.refused is not None
        ]
        times += [one.retry_at for process_plan in self.processes for one in process_plan.contested]
        times += [at for at in (self.decision.wake_at, self.runs.wake_at) if at is not None]
        return min(times, default=None)


def child_key(manifest: Manifest) -> ChildKey:
    """Return what identifies the object of a manifest on the server."""
    metadata = manifest["metadata"]
    return ChildKey(manifest["kind"], metadata["namespace"], metadata["name"])
