"""What a plan is made of."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from process_operator.controller.observe.records import (
    Application,
    Child,
    ChildKey,
    Contest,
    CustomResource,
    InvalidObject,
    Pod,
    Process,
    RefusedWrite,
    Release,
    Run,
)
from process_operator.controller.plan.compare import Wanted
from process_operator.controller.release import jobs, restored, rollout
from process_operator.controller.release.decision import Decision
from process_operator.controller.release.history import ReleaseHistory
from process_operator.controller.release.rollout import Progress
from process_operator.controller.release.runs import RunDecision, Serving, started
from process_operator.controller.resolve.application import Resolved
from process_operator.controller.resolve.target import Target
from process_operator.kube.manifest import Manifest
from process_operator.models.process import ProcessType
from process_operator.models.release import ReleaseStatus
from process_operator.models.run import RunStatus
from process_operator.models.snapshot import Snapshot, SnapshotProcess
from process_operator.models.status import Status


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
class Show:
    """A child of a release that waits, which the API server is to judge in a dry run."""

    process: str
    """Name of its Process."""
    manifest: Manifest
    desired_hash: str

    @property
    def key(self) -> ChildKey:
        """What identifies the child on the server."""
        return child_key(self.manifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanForeignItems:
    """Items of others to take out of a child that is otherwise as wanted."""

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
class Concede:
    """A child to leave as somebody else has made it again and again, once it is known who."""

    child: Child
    wanted: Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """One child to delete."""

    child: Child
    waits_for_pods: bool = False
    """Whether it is to stay until its own children are gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOfRelease:
    """The record that the Job of a release's job process goes into."""

    owner: Release
    process: str
    """Key of its process."""

    def with_job(self, *, name: str, uid: str, now: datetime) -> ReleaseStatus:
        """Return the status of the owner once its Job has been made."""
        return jobs.with_job(self.owner, self.process, name=name, uid=uid, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOfRun:
    """The record that the Job of a run by hand goes into."""

    owner: Run
    serving: Serving

    def with_job(self, *, name: str, uid: str, now: datetime) -> RunStatus:
        """Return the status of the owner once its Job has been made."""
        return started(self.owner, self.serving, name=name, uid=uid, by=self.owner.maker, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateJob:
    """A Job to make by a plain create, and to record at once: never twice, whatever happens.

    It depends on the record of its owner. While that is refused, the Job is not made: its uid
    could not be recorded, and it would be made anew if somebody removed it.
    """

    record: JobOfRelease | JobOfRun
    manifest: Manifest

    @property
    def key(self) -> ChildKey:
        """What identifies the Job on the server."""
        return child_key(self.manifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureEvidence:
    """The last lines of a pod, and what Kubernetes said of it, to put into a release's failure."""

    pod: Pod


@dataclass(frozen=True, slots=True, kw_only=True)
class LastLines:
    """The last lines of a pod to put into the record of a run."""

    pod: Pod
    secrets: frozenset[str]
    """Values that are masked in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordStatus:
    """The status of one of our own objects to write, because something depends on it."""

    of: CustomResource[Any, Any] | InvalidObject
    status: Status
    evidence: FailureEvidence | LastLines | None = None
    """What can only be fetched, and is added before it is written."""
    note: str = ""
    """What has happened once it is written, for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeUp:
    """One of our own objects to mark with its uid, so that a copy of it is known for one."""

    of: Application | Release | Run
    owner: Application | None = None
    """Whom it goes with: the application that a request by hand is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRelease:
    """A release to make by a plain create."""

    manifest: Manifest
    last_number: int
    """The highest that a release of the application has: it gets the first free one above."""
    note: str
    """What has happened once it is made, for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prune:
    """One of our own objects to remove: the history has no room for it."""

    old: Release | Run


Action = (
    Apply
    | Show
    | CleanForeignItems
    | Concede
    | Delete
    | CreateJob
    | RecordStatus
    | TakeUp
    | CreateRelease
    | Prune
)
"""One thing to do. Each is one write, but for Show and Concede, which only look."""

Stages = tuple[tuple[Action, ...], ...]
"""Actions in the order in which they are carried out.

A stage begins if all of the one before it was taken; within a stage one that is refused holds up
nothing.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What the runs by hand need now."""

    decisions: tuple[RunDecision, ...] = ()
    prune: tuple[Run, ...] = ()
    """Old ones to remove."""
    wake_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessPlan:
    """One process as the plan sees it."""

    process: Process | InvalidObject
    target: Target | None
    """What is rendered of it; None where the running release does not know it."""
    stages: Stages = ()
    """What is to be done for it, side by side with the other processes."""
    contested: tuple[Contest, ...] = ()
    """Children that somebody else keeps otherwise than they are declared; that is told."""
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
    progress: Progress = rollout.NOT_MADE

    @property
    def actions(self) -> Iterator[Action]:
        """All that is to be done for it, in order."""
        return itertools.chain.from_iterable(self.stages)

    @property
    def applies(self) -> tuple[Apply, ...]:
        """The children to write."""
        return tuple(one for one in self.actions if isinstance(one, Apply))


@dataclass(frozen=True, slots=True)
class Version:
    """Which version of an application is rendered, and since when."""

    number: int
    """Number of its release."""
    since: datetime | None
    """When what is rendered last became another version; None if that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationContext:
    """The application of a plan, there and readable, and what was found out about it."""

    application: Application
    resolved: Resolved
    history: ReleaseHistory
    running: Release | None
    """The release whose snapshot is rendered."""
    snapshot: Snapshot | None
    """That snapshot."""
    entries: Mapping[tuple[str, ProcessType], SnapshotProcess]
    """Its processes, by key and type."""
    version: Version | None
    children: Mapping[str | None, tuple[Child, ...]]
    """All that is seen of children, by the uid of their owner."""
    pods: Mapping[str, tuple[Pod, ...]]
    """The pods, by the label of their process."""

    @property
    def is_to_be_marked(self) -> bool:
        """Whether a copy of the application would be taken for one that was never released."""
        newest, uid = self.history.newest, self.application.uid
        released = newest is not None and newest.status.application_uid == uid
        return released and self.application.taken_up != uid


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do for one application, and what the decision rests on."""

    context: ApplicationContext | None
    """None without an application: then nothing is rendered, and what runs is left alone."""
    decision: Decision
    processes: tuple[ProcessPlan, ...]
    """Their stages come after all actions of the application, side by side."""
    actions: tuple[Action, ...] = ()
    """What is to be done for the application as a whole, in order."""
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
        targets = [one.target for one in self.processes if one.target is not None]
        times += [one.until for one in targets if one.until is not None]
        copies = restored.due(self.context.history) if self.context is not None else None
        times += [at for at in (self.decision.wake_at, self.runs.wake_at, copies) if at is not None]
        return min(times, default=None)


def child_key(manifest: Manifest) -> ChildKey:
    """Return what identifies the object of a manifest on the server."""
    metadata = manifest["metadata"]
    return ChildKey(manifest["kind"], metadata["namespace"], metadata["name"])
