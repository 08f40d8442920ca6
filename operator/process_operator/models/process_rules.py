"""The rules of a Process that are the same for several fields: whose it is, and what it needs."""

from pydantic.config import JsonDict

from process_operator.models.base import forbidden, rule


def only_for(field: str, *types: str) -> JsonDict:
    """Return the rule that refuses a field on processes of any other type."""
    names = " and ".join(types)
    choice = " or ".join(types)
    allowed = ", ".join(f"'{one}'" for one in types)
    return forbidden(
        f"self.type in [{allowed}] || !has(self.{field})",
        f"spec.{field} is only for {names} processes; remove it or set spec.type to {choice}",
        field=f".{field}",
    )


def unchanged(field: str) -> JsonDict:
    """Return the rule that keeps a required field as it is; on the parent, so that it holds."""
    return rule(
        f"self.{field} == oldSelf.{field}",
        f"spec.{field} cannot be changed; make a new Process and delete this one",
        field=f".{field}",
    )


def one_success(field: str) -> JsonDict:
    """Return the rule that Kubernetes has for this probe's successThreshold."""
    return rule(
        f"self.?{field}.?successThreshold.orValue(1) == 1",
        f"spec.{field}.successThreshold must be 1; remove it, only a readinessProbe may have more",
        field=f".{field}.successThreshold",
    )


def has_port(field: str) -> JsonDict:
    """Return the rule that the probe of a worker without a port names one."""
    named = " || ".join(
        f"has(self.{field}.{action}) && has(self.{field}.{action}.port)"
        for action in ("httpGet", "tcpSocket", "grpc")
    )
    return forbidden(
        f"self.type != 'worker' || has(self.port) || !has(self.{field}) || "
        f"has(self.{field}.exec) || {named}",
        f"spec.{field} asks no port, because the process has none; give the probe a port, or set "
        "spec.port",
        field=f".{field}",
    )
