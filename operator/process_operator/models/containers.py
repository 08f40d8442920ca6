"""Containers beside the process: those that run before it, and those that run along with it.

In Kubernetes' own shape, but for what Pod Security `restricted` forbids: of that there is nothing
here, and what it demands is added to each.
"""

from typing import Annotated

from pydantic import ConfigDict, Field

from process_operator.kube import names
from process_operator.models.base import (
    MAX_INT32,
    Command,
    LabelName,
    Model,
    keyed_by,
    rule,
    validations,
)
from process_operator.models.environment import EnvFromSource, EnvVar
from process_operator.models.probes import Probe
from process_operator.models.quantity import Between, Quantity
from process_operator.models.volumes import absolute_path

_MOST = 4
_Command = Annotated[
    Command, Field(min_length=1, json_schema_extra={"x-kubernetes-list-type": "atomic"})
]
_Id = Annotated[int, Field(ge=0, le=MAX_INT32)]


class Mount(Model):
    """Where one of the volumes appears in a container."""

    name: LabelName
    """Name of one of the process's volumes."""
    mount_path: Annotated[
        str,
        Field(
            min_length=1,
            max_length=512,
            json_schema_extra=absolute_path("volumeMounts[].mountPath"),
        ),
    ]
    """Absolute directory in the container, for example `/var/cache`."""
    read_only: bool | None = None
    """Whether the container may only read it; absent means no."""


def _amounts(low: str, high: str, field: str, example: str) -> Between:
    return Between(
        low,
        high,
        f"resources.{field} must be a quantity from {low} to {high}, for example {example}",
    )


class ContainerSize(Model):
    """CPU and memory of a container, requested and its limit."""

    cpu: Annotated[Quantity, _amounts("1m", "1k", "cpu", "50m")]
    """CPU, for example `50m`."""
    memory: Annotated[Quantity, _amounts("6Mi", "64Ti", "memory", "64Mi")]
    """Memory, for example `64Mi`."""


class ContainerSecurity(Model):
    """Under which user a container runs, where that is not the pod's."""

    run_as_user: _Id | None = None
    """Numeric user id, for example 65532."""
    run_as_group: _Id | None = None
    """Numeric primary group id."""
    read_only_root_filesystem: bool | None = None
    """Whether it may write to its volumes only; absent means no."""


class Container(Model):
    """One container beside the process."""

    name: Annotated[
        LabelName,
        Field(
            json_schema_extra=validations(
                rule(
                    f"self != '{names.CONTAINER}'",
                    f"{names.CONTAINER} is the name of the process's own container; choose another",
                )
            )
        ),
    ]
    """Its name, unique in the pod, for example `proxy`."""
    image: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^\S+$")]
    """Its image."""
    command: _Command | None = None
    """Program and first arguments; absent means the image's own."""
    args: _Command | None = None
    """Arguments; absent means the image's own."""
    env: Annotated[
        tuple[EnvVar, ...], Field(max_length=32, json_schema_extra=keyed_by("name"))
    ] = ()
    """Its variables; those of the process are not its."""
    env_from: Annotated[
        tuple[EnvFromSource, ...],
        Field(max_length=8, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """Secrets and ConfigMaps whose keys become its variables."""
    volume_mounts: Annotated[
        tuple[Mount, ...], Field(max_length=8, json_schema_extra=keyed_by("mountPath"))
    ] = ()
    """Volumes of the process that it has too."""
    resources: ContainerSize
    """Its size, beside that of the process."""
    security_context: ContainerSecurity | None = None
    """Under which user it runs."""


_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
_ASKED = ("httpGet", "tcpSocket", "grpc")
_NAMES_ITS_PORT = " && ".join(
    f"(!has(self.{probe}) || !has(self.{probe}.{action}) || has(self.{probe}.{action}.port))"
    for probe in _PROBES
    for action in _ASKED
)


class Sidecar(Container):
    """A container that starts before the process, and ends after it."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                _NAMES_ITS_PORT,
                "a probe of sidecars[] must say its port: the process's own is not the container's",
            )
        )
    )

    startup_probe: Probe | None = None
    """What the process waits for; its port has to be said."""
    liveness_probe: Probe | None = None
    """What restarts the container when it fails; its port has to be said."""
    readiness_probe: Probe | None = None
    """What takes the whole instance out of traffic when it fails; its port has to be said."""


InitContainers = Annotated[
    tuple[Container, ...], Field(max_length=_MOST, json_schema_extra=keyed_by("name"))
]
Sidecars = Annotated[
    tuple[Sidecar, ...], Field(max_length=_MOST, json_schema_extra=keyed_by("name"))
]
