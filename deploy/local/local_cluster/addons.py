"""Cluster DNS and metrics: host processes that serve the pods as if they were pods themselves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local_cluster import certificates, control_plane, kubeconfigs
from local_cluster.aggregation import ExtensionServer
from local_cluster.components import Component
from local_cluster.network import LOOPBACK, Network
from local_cluster.state import State

NAMES = ("coredns", "metrics-server")
DOMAIN = "cluster.local"
METRICS_API = "v1beta1.metrics.k8s.io"
_RBAC = "rbac.authorization.k8s.io"
_RESOLVER = Path("/etc/resolv.conf")


def dns(state: State, network: Network, kubeconfig: Path) -> Component:
    """Return the process that answers on the bridge."""
    port = state.port("coredns")
    path = state.directory / "Corefile"
    config = f"""\
.:53 {{
  bind {network.gateway}
  errors
  ready {LOOPBACK}:{port}
  kubernetes {DOMAIN} in-addr.arpa {{
    kubeconfig {kubeconfig} {kubeconfigs.NAME}
    fallthrough in-addr.arpa
  }}
{_forward()}}}
"""
    return Component(
        name="coredns",
        files={path: config},
        command=control_plane.command_of("coredns", {}, "-conf", str(path)),
        is_ready=lambda: kubeconfigs.answers(f"http://{LOOPBACK}:{port}/ready"),
    )


def metrics(
    state: State, network: Network, store: certificates.Store, kubeconfig: Path
) -> Component:
    """Return the process that serves the metrics API on the bridge."""
    port = state.port("metrics-server", network.gateway)
    return Component(
        name="metrics-server",
        command=control_plane.command_of(
            "metrics-server",
            {
                "kubeconfig": kubeconfig,
                "authentication-kubeconfig": kubeconfig,
                "authorization-kubeconfig": kubeconfig,
                "bind-address": network.gateway,
                "secure-port": port,
                "tls-cert-file": store.certificate("metrics-server-serving"),
                "tls-private-key-file": store.key("metrics-server-serving"),
                "kubelet-certificate-authority": store.certificate("ca"),
                "kubelet-preferred-address-types": "InternalIP",
                "metric-resolution": "10s",
                "kubelet-request-timeout": "5s",
            },
            "--kubelet-use-node-status-port",
        ),
    )


def manifests(state: State, network: Network, store: certificates.Store) -> Sequence[Any]:
    """Return the rights of both, and the way from the API server to the metrics."""
    return [
        *_rights(
            "coredns",
            [
                _rule("", ("namespaces", "pods", "services"), ("list", "watch")),
                _rule("discovery.k8s.io", ("endpointslices",), ("list", "watch")),
            ],
        ),
        *_rights(
            "metrics-server",
            [
                _rule("", ("nodes/metrics",), ("get",)),
                _rule("", ("nodes", "pods"), ("get", "list", "watch")),
            ],
        ),
        _binding("metrics-server-delegates", "system:auth-delegator", "metrics-server"),
        {
            **_binding(
                "metrics-server-reads-authentication",
                "extension-apiserver-authentication-reader",
                "metrics-server",
                kind="Role",
            ),
            "metadata": {
                "name": "metrics-server-reads-authentication",
                "namespace": "kube-system",
            },
        },
        _binding("kubelet-api", "system:kubelet-api-admin", "kube-apiserver-kubelet-client"),
        *ExtensionServer(
            group="metrics.k8s.io",
            version="v1beta1",
            name="metrics-server",
            namespace="kube-system",
            address=network.gateway,
            port=state.port("metrics-server", network.gateway),
            authority=store.certificate("ca"),
        ).manifests(),
    ]


def _rights(user: str, rules: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
    role = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": user},
        "rules": rules,
    }
    return [role, _binding(user, user, user)]


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _binding(name: str, role: str, user: str, *, kind: str = "ClusterRole") -> dict[str, Any]:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": f"{kind}Binding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": role},
        "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": user}],
    }


def _forward() -> str:
    """Return the way to all other names, where the machine has one."""
    has_resolver = _RESOLVER.exists() and "nameserver" in _RESOLVER.read_text()
    return f"  forward . {_RESOLVER}\n" if has_resolver else ""
