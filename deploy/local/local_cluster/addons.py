"""Cluster DNS and metrics: host processes that serve the pods as if they were pods themselves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local_cluster import certificates, control_plane, kubeconfigs, rights
from local_cluster.aggregation import ExtensionServer
from local_cluster.components import Component
from local_cluster.network import LOOPBACK, Network
from local_cluster.state import State

NAMES = ("coredns", "metrics-server")
DOMAIN = "cluster.local"
METRICS_API = "v1beta1.metrics.k8s.io"
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
    metrics_server = rights.user("metrics-server")
    return [
        *_rights(
            "coredns",
            [
                rights.rule("", ["list", "watch"], "namespaces", "pods", "services"),
                rights.rule("discovery.k8s.io", ["list", "watch"], "endpointslices"),
            ],
        ),
        *_rights(
            "metrics-server",
            [
                rights.rule("", ["get"], "nodes/metrics"),
                rights.rule("", ["get", "list", "watch"], "nodes", "pods"),
            ],
        ),
        rights.binding("metrics-server-delegates", "system:auth-delegator", metrics_server),
        {
            **rights.binding(
                "metrics-server-reads-authentication",
                "extension-apiserver-authentication-reader",
                metrics_server,
                kind="Role",
            ),
            "metadata": {
                "name": "metrics-server-reads-authentication",
                "namespace": "kube-system",
            },
        },
        rights.binding(
            "kubelet-api",
            "system:kubelet-api-admin",
            rights.user("kube-apiserver-kubelet-client"),
        ),
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
    return [rights.cluster_role(user, rules), rights.binding(user, user, rights.user(user))]


def _forward() -> str:
    """Return the way to all other names, where the machine has one."""
    has_resolver = _RESOLVER.exists() and "nameserver" in _RESOLVER.read_text()
    return f"  forward . {_RESOLVER}\n" if has_resolver else ""
