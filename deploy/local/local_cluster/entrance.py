"""Where requests from outside come into a cluster, and what a data plane has there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_cluster import foreign_kinds, rights


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
    return [
        *rights.account(name, role=name),
        rights.cluster_role(name, rules),
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
