"""The way from the API server to another one that serves a group of its own on this machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_cluster import kubeconfigs


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionServer:
    """A server of this machine: which group it serves, and where the API server reaches it."""

    group: str
    version: str
    name: str
    """Of its Service."""
    namespace: str
    address: str
    port: int
    authority: Path | None = None
    """Certificate of who has signed for it; None where anybody may have."""

    @property
    def api(self) -> str:
        """The name of its APIService."""
        return f"{self.version}.{self.group}"

    def manifests(self) -> Sequence[Mapping[str, Any]]:
        """Return its APIService, and a Service whose one endpoint is no pod."""
        place = {"name": self.name, "namespace": self.namespace}
        https = {"name": "https", "protocol": "TCP"}
        trust: dict[str, Any] = {"insecureSkipTLSVerify": True}
        if self.authority is not None:
            trust = {"caBundle": kubeconfigs.encoded(self.authority)}
        return [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": place,
                "spec": {"ports": [{**https, "port": 443}]},
            },
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {**place, "labels": {"kubernetes.io/service-name": self.name}},
                "addressType": "IPv4",
                "ports": [{**https, "port": self.port}],
                "endpoints": [{"addresses": [self.address], "conditions": {"ready": True}}],
            },
            {
                "apiVersion": "apiregistration.k8s.io/v1",
                "kind": "APIService",
                "metadata": {"name": self.api},
                "spec": {
                    "group": self.group,
                    "version": self.version,
                    "groupPriorityMinimum": 100,
                    "versionPriority": 100,
                    "service": place,
                    **trust,
                },
            },
        ]
