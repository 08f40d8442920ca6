"""Environment variables, in Kubernetes' own shape, from the own namespace only.

The operator never reads the Secrets and ConfigMaps that are named here: the kubelet does.
"""

from typing import Annotated

from pydantic import ConfigDict, Field

from process_operator.models.base import (
    DataKey,
    Model,
    ObjectName,
    exactly_one,
    keyed_by,
    rule,
    validations,
)
from process_operator.models.quantity import Quantity

_BINARY = "['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei']"
_FIELDS = (
    r"^(metadata\.(name|namespace|uid|labels\['[^']+'\]|annotations\['[^']+'\])"
    r"|spec\.(nodeName|serviceAccountName)|status\.(hostIP|hostIPs|podIP|podIPs))$"
)


class KeySelector(Model):
    """One key of a Secret or ConfigMap."""

    name: ObjectName
    """Name of the Secret or ConfigMap in the same namespace."""
    key: DataKey
    """Key whose value is taken, for example `password`."""
    optional: bool | None = None
    """Whether the pod may start although the object or the key is missing; absent means no."""


class FieldSelector(Model):
    """One field of the pod."""

    field_path: Annotated[str, Field(min_length=1, max_length=400, pattern=_FIELDS)]
    """Path of the pod's field, for example `metadata.name` or `status.podIP`."""


class ResourceFieldSelector(Model):
    """One of the container's own limits or requests."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                "!has(self.divisor) || (self.resource.endsWith('.cpu') ? "
                f"string(self.divisor) in ['1', '1m'] : string(self.divisor) in {_BINARY})",
                "resourceFieldRef.divisor must be 1 or 1m for CPU, and 1 or a single unit such as "
                "1Mi for memory",
                field=".divisor",
            )
        )
    )

    resource: Annotated[
        str,
        Field(
            json_schema_extra={
                "enum": [
                    "limits.cpu",
                    "limits.memory",
                    "limits.ephemeral-storage",
                    "requests.cpu",
                    "requests.memory",
                    "requests.ephemeral-storage",
                ]
            }
        ),
    ]
    """Which resource of the container is taken, for example `limits.memory`."""
    divisor: Quantity | None = None
    """Unit that the value is given in, for example `1Mi`; absent means 1 (cores or bytes)."""


class EnvVarSource(Model):
    """Where a variable's value comes from; exactly one member."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                exactly_one("secretKeyRef", "configMapKeyRef", "fieldRef", "resourceFieldRef"),
                "env[].valueFrom must have exactly one of secretKeyRef, configMapKeyRef, fieldRef "
                "and resourceFieldRef; keep the one that is meant",
            )
        )
    )

    secret_key_ref: KeySelector | None = None
    """A key of a Secret in the same namespace."""
    config_map_key_ref: KeySelector | None = None
    """A key of a ConfigMap in the same namespace."""
    field_ref: FieldSelector | None = None
    """A field of the pod itself."""
    resource_field_ref: ResourceFieldSelector | None = None
    """A limit or request of the container itself."""


class EnvVar(Model):
    """One environment variable."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                "!has(self.value) || !has(self.valueFrom)",
                "env[] must have either value or valueFrom, not both; remove one of them",
            )
        )
    )

    name: Annotated[
        str, Field(min_length=1, max_length=255, pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")
    ]
    """Name of the variable, for example `LOG_LEVEL`."""
    value: Annotated[str, Field(max_length=32_768)] | None = None
    """Value as it is, where `$(NAME)` stands for an earlier variable; absent means empty."""
    value_from: EnvVarSource | None = None
    """Source of the value, instead of the value itself."""


class ObjectSource(Model):
    """A whole Secret or ConfigMap."""

    name: ObjectName
    """Name of the Secret or ConfigMap in the same namespace."""
    optional: bool | None = None
    """Whether the pod may start although the object is missing; absent means no."""


class EnvFromSource(Model):
    """All keys of a Secret or ConfigMap as variables; exactly one of both."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                exactly_one("configMapRef", "secretRef"),
                "envFrom[] must have exactly one of configMapRef and secretRef; give one, or split "
                "it in two items",
            )
        )
    )

    prefix: Annotated[str, Field(max_length=253, pattern=r"^([-._a-zA-Z][-._a-zA-Z0-9]*)?$")] | (
        None
    ) = None
    """Text put before each name, for example `DB_`; absent means none."""
    config_map_ref: ObjectSource | None = None
    """The ConfigMap whose keys become variables."""
    secret_ref: ObjectSource | None = None
    """The Secret whose keys become variables."""


Env = Annotated[tuple[EnvVar, ...], Field(max_length=256, json_schema_extra=keyed_by("name"))]
EnvFrom = Annotated[
    tuple[EnvFromSource, ...],
    Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
]
