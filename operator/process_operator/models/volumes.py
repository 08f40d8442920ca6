"""Volumes and where they are mounted, one object for both: a pod has a single container."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from process_operator.models.base import (
    DataKey,
    LabelName,
    Model,
    ObjectName,
    exactly_one,
    keyed_by,
    rule,
    validations,
)
from process_operator.models.quantity import Between, Quantity

_RELATIVE = "!self.startsWith('/') && !self.contains('..')"
_FileMode = Annotated[int, Field(ge=0, le=0o777)]


class Medium(StrEnum):
    """What an emptyDir is kept on."""

    MEMORY = "Memory"


class KeyToPath(Model):
    """One key and the file it becomes."""

    key: DataKey
    """Key of the Secret or ConfigMap, for example `tls.crt`."""
    path: Annotated[
        str,
        Field(
            min_length=1,
            max_length=512,
            json_schema_extra=validations(
                rule(
                    _RELATIVE,
                    "items[].path must be a relative path without '..', such as conf/app.ini",
                )
            ),
        ),
    ]
    """File below the mount path that gets the value, for example `certificates/tls.crt`."""
    mode: _FileMode | None = None
    """Permission bits of this file as a decimal number, for example 256 for 0400."""


_Items = Annotated[
    tuple[KeyToPath, ...],
    Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
]


class SecretVolume(Model):
    """The keys of a Secret as files."""

    secret_name: ObjectName
    """Name of the Secret in the same namespace."""
    items: _Items = ()
    """Keys that become files; absent means all, each under its own name."""
    default_mode: _FileMode | None = None
    """Permission bits of the files as a decimal number; absent means 420, which is 0644."""
    optional: bool | None = None
    """Whether the pod may start although the Secret is missing; absent means no."""


class ConfigMapVolume(Model):
    """The keys of a ConfigMap as files."""

    name: ObjectName
    """Name of the ConfigMap in the same namespace."""
    items: _Items = ()
    """Keys that become files; absent means all, each under its own name."""
    default_mode: _FileMode | None = None
    """Permission bits of the files as a decimal number; absent means 420, which is 0644."""
    optional: bool | None = None
    """Whether the pod may start although the ConfigMap is missing; absent means no."""


class EmptyDirVolume(Model):
    """A directory that lives as long as the pod."""

    medium: Medium | None = None
    """`Memory` for a tmpfs that counts as memory of the process; absent means the node's disk."""
    size_limit: (
        Annotated[
            Quantity,
            Between(
                "1",
                "1Pi",
                "volumes[].emptyDir.sizeLimit must be a quantity from 1 to 1Pi, for example 1Gi",
            ),
        ]
        | None
    ) = None
    """Most that it may hold before the pod is evicted, for example `1Gi`."""


class ClaimVolume(Model):
    """A PersistentVolumeClaim that exists already."""

    claim_name: ObjectName
    """Name of the PersistentVolumeClaim in the same namespace."""


class Volume(Model):
    """One volume and where it is mounted; exactly one source."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                exactly_one("secret", "configMap", "emptyDir", "persistentVolumeClaim"),
                "volumes[] must have exactly one of secret, configMap, emptyDir and "
                "persistentVolumeClaim; keep the one that is meant",
            )
        )
    )

    name: LabelName
    """Name of the volume, unique in its list, for example `cache`."""
    mount_path: Annotated[
        str,
        Field(
            min_length=1,
            max_length=512,
            json_schema_extra=validations(
                rule(
                    "self.startsWith('/') && !self.contains(':')",
                    "volumes[].mountPath must be an absolute path without a colon, for example "
                    "/var/cache",
                )
            ),
        ),
    ]
    """Absolute directory in the container where the volume appears, for example `/var/cache`."""
    read_only: bool | None = None
    """Whether the process may only read it; absent means no."""
    sub_path: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=512,
                json_schema_extra=validations(
                    rule(
                        _RELATIVE,
                        "volumes[].subPath must be a relative path without '..', such as conf",
                    )
                ),
            ),
        ]
        | None
    ) = None
    """Directory or file inside the volume that is mounted instead of its root."""
    secret: SecretVolume | None = None
    """Files from a Secret."""
    config_map: ConfigMapVolume | None = None
    """Files from a ConfigMap."""
    empty_dir: EmptyDirVolume | None = None
    """An empty directory that lives as long as the pod."""
    persistent_volume_claim: ClaimVolume | None = None
    """Storage that outlives the pod, from a PersistentVolumeClaim that exists already."""


Volumes = Annotated[
    tuple[Volume, ...],
    Field(
        max_length=16,
        json_schema_extra=keyed_by(
            "name",
            rules=[
                rule(
                    "self.all(one, self.exists_one(other, other.mountPath == one.mountPath))",
                    "volumes[] has two items with the same mountPath; give each its own",
                )
            ],
        ),
    ),
]
