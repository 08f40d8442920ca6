"""Each of our kinds as its CRD shows it: names, columns and subresources."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from process_operator.kube import names
from process_operator.models import application, base, process, release, resource_type, run


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of `kubectl get`."""

    name: str
    path: str
    description: str
    type: str = "string"
    wide: bool = False

    def render(self) -> dict[str, Any]:
        """Return the column as the CRD declares it."""
        made: dict[str, Any] = {
            "name": self.name,
            "type": self.type,
            "description": self.description,
            "jsonPath": self.path,
        }
        return made | {"priority": 1} if self.wide else made


def _condition(name: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{name}")].{field}'


_READY = Column(
    name="Ready",
    path=_condition("Ready", "status"),
    description="Whether all that the spec asks for now has been done.",
)
_REASON = Column(
    name="Reason",
    path=_condition("Ready", "reason"),
    description="Why it is ready or not, in one word.",
)
_AGE = Column(
    name="Age",
    path=".metadata.creationTimestamp",
    description="Time since its making.",
    type="date",
)
_MESSAGE = Column(
    name="Message",
    path=_condition("Ready", "message"),
    description="Why it is ready or not, in a sentence.",
    wide=True,
)
_APPLICATION = Column(
    name="Application",
    path=".spec.applicationRef.name",
    description="The application that it belongs to.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of our group, as its CRD declares it."""

    kind: str
    plural: str
    short: str
    namespaced: bool = True
    description: str
    spec: type[base.Model]
    spec_description: str
    status: type[base.Model]
    columns: tuple[Column, ...]
    selectable: tuple[str, ...] = ()
    scale: Mapping[str, str] | None = None
    rules: tuple[Mapping[str, Any], ...] = ()


KINDS = (
    Kind(
        kind=names.APPLICATION_KIND,
        plural="processapplications",
        short="papp",
        description="An application: one image and one environment for a set of processes, "
        "released together.",
        spec=application.ApplicationSpec,
        spec_description="What the application runs and how it is released.",
        status=application.ApplicationStatus,
        columns=(
            _READY,
            _REASON,
            Column(
                name="Processes",
                path=".status.processesReady",
                description="Ready and all processes.",
            ),
            Column(
                name="Pending",
                path=".status.pendingCount",
                description="Changes that wait for the next release.",
                type="integer",
            ),
            Column(
                name="Release",
                path=".status.servingRelease.number",
                description="Number of the release that runs.",
                type="integer",
            ),
            Column(
                name="Releasing",
                path=".status.activeRelease.state",
                description="State of the release that is being made.",
            ),
            _AGE,
            Column(
                name="Image",
                path=".status.image",
                description="The image that runs.",
                wide=True,
            ),
            Column(
                name="Suspended",
                path=".spec.suspend",
                description="Whether everything stands still.",
                type="boolean",
                wide=True,
            ),
            _MESSAGE,
        ),
        rules=(application.NAME_RULE,),
    ),
    Kind(
        kind=names.PROCESS_KIND,
        plural="processes",
        short="pproc",
        description="A process: one thing to run from its application's image, as a web server, "
        "a worker, a cron job or a job of releases.",
        spec=process.ProcessSpec,
        spec_description="What runs, and how many, how large, how often and behind which hosts.",
        status=process.ProcessStatus,
        columns=(
            _APPLICATION,
            Column(name="Type", path=".spec.type", description="What the process is for."),
            _READY,
            _REASON,
            Column(
                name="Replicas",
                path=".status.instances",
                description="Ready and wanted instances.",
            ),
            Column(
                name="Pending",
                path=".status.pendingCount",
                description="Changes that wait for the next release.",
                type="integer",
            ),
            Column(
                name="Release",
                path=".status.release.number",
                description="Number of the release that runs.",
                type="integer",
            ),
            _AGE,
            Column(
                name="Size",
                path=".spec.resourceTypeRef.name",
                description="The machine size that is asked for.",
                wide=True,
            ),
            Column(
                name="Schedule",
                path=".spec.schedule",
                description="When a cron process runs.",
                wide=True,
            ),
            Column(
                name="Zone",
                path=".spec.timeZone",
                description="The schedule's time zone.",
                wide=True,
            ),
            Column(
                name="URL",
                path=".status.urls[0]",
                description="The first address that leads to the process.",
                wide=True,
            ),
            Column(
                name="Image",
                path=".status.image",
                description="The image that runs.",
                wide=True,
            ),
            _MESSAGE,
        ),
        selectable=(".spec.applicationRef.name", ".spec.type", ".spec.key"),
        scale={
            "specReplicasPath": ".spec.scalingStrategy.manual.instanceCount",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    ),
    Kind(
        kind=names.RELEASE_KIND,
        plural="processreleases",
        short="prel",
        description="A release: the request to run what an application says now, and the record "
        "of what became of it.",
        spec=release.ReleaseSpec,
        spec_description="What is asked for; it cannot be changed, except that it can be "
        "cancelled.",
        status=release.ReleaseStatus,
        columns=(
            _APPLICATION,
            Column(
                name="Number",
                path=".status.number",
                description="Number of the release within its application.",
                type="integer",
            ),
            Column(name="State", path=".status.state", description="How far the release is."),
            Column(name="Step", path=".status.step", description="What it is doing."),
            Column(name="Trigger", path=".status.trigger", description="What asked for it."),
            _READY,
            _REASON,
            _AGE,
            Column(
                name="Image",
                path=".status.requested.image",
                description="The image that was asked for.",
                wide=True,
            ),
            Column(
                name="Started",
                path=".status.startedAt",
                description="When it took its snapshot.",
                type="date",
                wide=True,
            ),
            Column(
                name="Finished",
                path=".status.finishedAt",
                description="When it ended.",
                type="date",
                wide=True,
            ),
            _MESSAGE,
        ),
        selectable=(".spec.applicationRef.name", ".status.state"),
    ),
    Kind(
        kind=names.RUN_KIND,
        plural="processruns",
        short="prun",
        description="A run by hand: one run of a cron or job process, with the image and the "
        "environment that serve.",
        spec=run.RunSpec,
        spec_description="What is run; it cannot be changed, and deleting it stops the run.",
        status=run.RunStatus,
        columns=(
            Column(
                name="Process", path=".spec.processRef.name", description="The process that is run."
            ),
            Column(name="Outcome", path=".status.outcome", description="What became of it."),
            Column(
                name="Exit",
                path=".status.exitCode",
                description="Exit code of its container.",
                type="integer",
            ),
            _REASON,
            Column(
                name="Started",
                path=".status.startedAt",
                description="When it started.",
                type="date",
            ),
            Column(
                name="Finished",
                path=".status.finishedAt",
                description="When it ended.",
                type="date",
            ),
            _AGE,
            Column(
                name="By", path=".status.requestedBy", description="Who asked for it.", wide=True
            ),
            _MESSAGE,
        ),
        selectable=(".spec.processRef.name", ".status.outcome"),
    ),
    Kind(
        kind=names.RESOURCE_TYPE_KIND,
        plural="processresourcetypes",
        short="prt",
        namespaced=False,
        description="A machine size: CPU and memory of one instance, chosen by its name.",
        spec=resource_type.ResourceTypeSpec,
        spec_description="Size of one instance, and where instances of this size are placed.",
        status=resource_type.ResourceTypeStatus,
        columns=(
            Column(name="CPU", path=".spec.cpu", description="CPU of one instance."),
            Column(name="Memory", path=".spec.memory", description="Memory of one instance."),
            Column(name="Category", path=".spec.category", description="What it is good for."),
            Column(
                name="Default",
                path=".spec.default",
                description="Whether it is the size of processes that name none.",
                type="boolean",
            ),
            _READY,
            _REASON,
            _AGE,
            Column(
                name="Deprecated",
                path=".spec.deprecated",
                description="Whether processes should move to another size.",
                type="boolean",
                wide=True,
            ),
            _MESSAGE,
        ),
        selectable=(".spec.category",),
    ),
)
