"""Where requests from outside come into a cluster, and what a data plane has there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_cluster import foreign_kinds

_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """Where a data plane takes HTTP/1.1, and HTTP/2 without TLS."""

    class_name: str
    """Name of its IngressClass and of its GatewayClass."""
    host: str
    port: int

    @property
    def url(self) -> str:
        """The address for HTTP clients; the Host header chooses the route."""
        return f"http://{self.host}:{self.port}"


def manifests(
    name: str,
    rules: Sequence[Mapping[str, Any]],
    *,
    ingress_controller: str,
    gateway_controller: str,
) -> list[Mapping[str, Any]]:
    """Return a namespace and an account for a data plane, with rights and both of its classes."""
    place = {"name": name, "namespace": name}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": place},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": rules,
        },
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", **place}],
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": name},
            "spec": {"controller": ingress_controller},
        },
        {
            "apiVersion": f"{foreign_kinds.GATEWAYS}/v1",
            "kind": "GatewayClass",
            "metadata": {"name": name},
            "spec": {"controllerName": gateway_controller},
        },
    ]


def rule(group: str, verbs: Sequence[str], *resources: str) -> Mapping[str, Any]:
    """Return one rule of what a data plane may do."""
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
