"""Volumes and where they are mounted, one object for both: a pod has a single container."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from process_operator.models.base import (
    DNS_SUBDOMAIN,
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
from process_operator.models.references import Reference

_RELATIVE = "!self.startsWith('/') && !self.contains('..')"
_FileMode = Annotated[int, Field(ge=0, le=0o777)]


def absolute_path(field: str) -> JsonDict:
    """Return the rule of a path at which a volume appears in a container."""
    told = f"{field} must be an absolute path without a colon, for example /var/cache"
    return validations(rule("self.startsWith('/') && !self.contains(':')", told))


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


class CSIVolume(Model):
    """A volume that a driver makes for each pod."""

    driver: Annotated[str, Field(min_length=1, max_length=63, pattern=f"^{DNS_SUBDOMAIN}$")]
    """Name of the driver, for example `secrets-store.csi.k8s.io`."""
    read_only: bool | None = None
    """Whether the driver is asked for a volume that can only be read; absent means no."""
    volume_attributes: dict[str, Annotated[str, Field(max_length=1024)]] = Field(
        default_factory=dict, max_length=16
    )
    """What the driver is told, by its own documentation."""
    node_publish_secret_ref: Reference | None = None
    """A Secret of the namespace that the driver is given."""


class AccessMode(StrEnum):
    """Who may use storage at the same time."""

    READ_WRITE_ONCE = "ReadWriteOnce"
    READ_WRITE_ONCE_POD = "ReadWriteOncePod"
    READ_WRITE_MANY = "ReadWriteMany"
    READ_ONLY_MANY = "ReadOnlyMany"


class StorageRequests(Model):
    """How much storage is asked for."""

    storage: Annotated[
        Quantity,
        Between(
            "1Mi",
            "1Pi",
            "resources.requests.storage must be a quantity from 1Mi to 1Pi, for example 10Gi",
        ),
    ]
    """Its size, for example `10Gi`."""


class StorageResources(Model):
    """What a claim asks for."""

    requests: StorageRequests
    """At least this."""


class ClaimSpec(Model):
    """The claim that is made for each pod."""

    access_modes: Annotated[
        tuple[AccessMode, ...],
        Field(
            min_length=1,
            max_length=4,
            json_schema_extra={
                "x-kubernetes-list-type": "atomic",
                **validations(
                    rule(
                        "self.size() == 1 || self.all(one, one != 'ReadWriteOncePod')",
                        "accessModes with ReadWriteOncePod must have nothing else; remove the "
                        "others",
                    )
                ),
            },
        ),
    ]
    """Who may use it; `ReadWriteOnce` is nearly always right."""
    storage_class_name: ObjectName | None = None
    """StorageClass; absent means the cluster's default."""
    resources: StorageResources
    """Its size."""


class ClaimTemplate(Model):
    """What the claim of each pod is made of."""

    spec: ClaimSpec
    """The claim."""


class EphemeralVolume(Model):
    """Storage of its own for each pod, which goes with the pod."""

    volume_claim_template: ClaimTemplate
    """What its claim is made of."""


_FewItems = Annotated[
    tuple[KeyToPath, ...],
    Field(max_length=8, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
]


class ProjectedKeys(Model):
    """Keys of a Secret or ConfigMap beside other sources."""

    name: ObjectName
    """Name of the Secret or ConfigMap in the same namespace."""
    items: _FewItems = ()
    """Keys that become files; absent means all, each under its own name."""
    optional: bool | None = None
    """Whether the pod may start although it is missing; absent means no."""


class ServiceAccountToken(Model):
    """A token of the pod's service account, for one audience, renewed before it expires."""

    audience: Annotated[str, Field(min_length=1, max_length=253)]
    """Who is to take it, for example `vault` or the address of a cloud's token service."""
    expiration_seconds: Annotated[int, Field(ge=600, le=86_400)] | None = None
    """Seconds for which it holds; absent means 3600."""
    path: Annotated[
        str,
        Field(
            min_length=1,
            max_length=512,
            json_schema_extra=validations(
                rule(
                    _RELATIVE,
                    "serviceAccountToken.path must be a relative path without '..', such as token",
                )
            ),
        ),
    ]
    """File below the mount path, for example `token`."""


class ProjectedSource(Model):
    """One of the sources of a projected volume."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                exactly_one("secret", "configMap", "serviceAccountToken"),
                "projected.sources[] must have exactly one of secret, configMap and "
                "serviceAccountToken; give one, or split it in several items",
            )
        )
    )

    secret: ProjectedKeys | None = None
    """Files from a Secret."""
    config_map: ProjectedKeys | None = None
    """Files from a ConfigMap."""
    service_account_token: ServiceAccountToken | None = None
    """A token of the pod's service account; without this item pods have none."""


class ProjectedVolume(Model):
    """Files from several sources in one directory."""

    sources: Annotated[
        tuple[ProjectedSource, ...],
        Field(min_length=1, max_length=4, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ]
    """The sources."""
    default_mode: _FileMode | None = None
    """Permission bits of the files as a decimal number; absent means 420, which is 0644."""


class Volume(Model):
    """One volume and where it is mounted; exactly one source."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                exactly_one(
                    *("secret", "configMap", "emptyDir", "persistentVolumeClaim"),
                    *("csi", "ephemeral", "projected"),
                ),
                "volumes[] must have exactly one of secret, configMap, emptyDir, "
                "persistentVolumeClaim, csi, ephemeral and projected; keep the one that is meant",
            )
        )
    )

    name: LabelName
    """Name of the volume, unique in its list, for example `cache`."""
    mount_path: Annotated[
        str,
        Field(min_length=1, max_length=512, json_schema_extra=absolute_path("volumes[].mountPath")),
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
    csi: CSIVolume | None = None
    """A volume that a driver makes for each pod."""
    ephemeral: EphemeralVolume | None = None
    """Storage of its own for each pod, which goes with the pod."""
    projected: ProjectedVolume | None = None
    """Files from several sources, among them a token of the service account."""

    @property
    def is_made(self) -> bool:
        """Whether it is made for each pod, by a driver or of several sources."""
        return any(one is not None for one in (self.csi, self.ephemeral, self.projected))


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


def merged(shared: Iterable[Volume], own: Iterable[Volume]) -> tuple[Volume, ...]:
    """Return shared volumes and the own, which win by name and by mount path."""
    mine = {volume.name: volume for volume in own}
    taken = {volume.mount_path for volume in mine.values()}
    kept = {
        volume.name: volume
        for volume in shared
        if volume.name in mine or volume.mount_path not in taken
    }
    return tuple((kept | mine).values())
