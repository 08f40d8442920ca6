"""The node provider: a real kubelet on this machine, so that pods really run.

It needs Linux and root. Control plane, DNS and metrics are host processes on the address of the
pods' bridge: pods reach them there, other machines do not, and it never changes. What the node
makes stays below the cluster's directory or carries the bridge's name, so that it can be found.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from local_cluster import (
    addons,
    bridge,
    build,
    certificates,
    components,
    containerd,
    control_plane,
    images,
    kubeconfigs,
    leftovers,
    machine,
    network,
)
from local_cluster.components import Component
from local_cluster.model import Cluster
from local_cluster.network import LOOPBACK, Network
from local_cluster.state import State

NODE = "node"
PODS = 200


class Node:
    """Real pods on this machine."""

    name = "node"

    def obstacle(self, state: State) -> str:
        """Return what this machine lacks."""
        return machine.obstacle(state.directory)

    def up(self, state: State) -> Cluster:
        """Start the runtime, the control plane, the node and what serves its pods."""
        machine.install_packages()
        programs = build.ensure((*build.CONTROL_PLANE, *build.NODE))
        net = _network(state)
        machine.change_sysctls(state)
        bridge.ensure(net)
        store = certificates.Store(state.directory / "certificates")
        store.ensure(addresses=[LOOPBACK, net.gateway, net.first_service], node=NODE)
        is_new = not self.is_up(state)
        components.ensure(state, [containerd.component(state.directory, net)])
        containerd.import_images(state.directory, images.all_images(programs))
        control_plane.ensure(state, address=net.gateway, network=net, aggregation=True)
        cluster = Cluster(
            provider=self.name,
            directory=state.directory,
            kubeconfig=control_plane.admin_kubeconfig(state.directory),
            bin=programs,
            audit_log=control_plane.audit_log(state.directory),
        )
        if is_new:
            kubeconfigs.apply(cluster, addons.manifests(state, net, store))
        components.ensure(state, _node(state, net, store))
        _await(cluster, f"node/{NODE}", "Ready")
        _await(cluster, f"apiservice/{addons.METRICS_API}", "Available")
        return cluster

    def down(self, state: State) -> None:
        """End all processes, and remove what they left on the machine."""
        name = network.bridge_name(state.directory)
        leftovers.remove(state.directory, name)
        bridge.remove(name)
        if state.network is not None:
            bridge.forget_connections(state.network)
        machine.restore_sysctls(state)
        state.processes = {}
        state.save()

    def load_image(self, state: State, archive: Path) -> None:
        """Import it into the node's containerd."""
        containerd.import_archive(state.directory, archive)

    def is_up(self, state: State) -> bool:
        """Tell whether all processes run."""
        names = (*control_plane.NAMES, *addons.NAMES, "containerd", "kubelet", "kube-proxy")
        return all(components.is_running(state, name) for name in names)


def _network(state: State) -> Network:
    if state.network is None:
        state.network = network.choose(state.directory)
        state.save()
    return state.network


def _node(state: State, net: Network, store: certificates.Store) -> Sequence[Component]:
    url = control_plane.server(state, net.gateway)
    paths = {}
    for client in ("node", "kube-proxy", "coredns", "metrics-server"):
        paths[client] = state.directory / f"{client}.kubeconfig"
        kubeconfigs.write_with_certificate(paths[client], server=url, store=store, client=client)
    return [
        _kubelet(state, net, store, paths["node"]),
        _kube_proxy(state, net, paths["kube-proxy"]),
        addons.dns(state, net, paths["coredns"]),
        addons.metrics(state, net, store, paths["metrics-server"]),
    ]


def _kubelet(state: State, net: Network, store: certificates.Store, kubeconfig: Path) -> Component:
    for group in machine.cgroups(net.bridge).values():
        group.mkdir(exist_ok=True)
    root = state.directory / "kubelet"
    health = state.port("kubelet-health")
    config = state.directory / "kubelet.yaml"
    settings = _yaml(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": net.gateway,
            "port": state.port("kubelet", net.gateway),
            "healthzBindAddress": LOOPBACK,
            "healthzPort": health,
            "tlsCertFile": str(store.certificate("kubelet")),
            "tlsPrivateKeyFile": str(store.key("kubelet")),
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(store.certificate("ca"))},
            },
            "authorization": {"mode": "Webhook"},
            "containerRuntimeEndpoint": f"unix://{containerd.socket(state.directory)}",
            "clusterDNS": [net.gateway],
            "clusterDomain": addons.DOMAIN,
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{net.bridge}",
            "enforceNodeAllocatable": [],
            "failCgroupV1": False,
            "failSwapOn": False,
            "makeIPTablesUtilChains": False,
            "maxPods": PODS,
            "podLogsDir": str(root / "logs"),
            "volumePluginDir": str(root / "volume-plugins"),
            "serializeImagePulls": False,
            # The machine is not ours: only an almost full disk concerns the pods, and the images
            # cannot be pulled again once they are collected.
            "evictionHard": {
                "memory.available": "100Mi",
                "nodefs.available": "200Mi",
                "imagefs.available": "200Mi",
                "nodefs.inodesFree": "1%",
            },
            "imageGCHighThresholdPercent": 100,
            "kubeAPIQPS": 200,
            "kubeAPIBurst": 400,
        },
    )
    return Component(
        name="kubelet",
        files={config: settings},
        command=control_plane.command_of(
            "kubelet",
            {
                "config": config,
                "kubeconfig": kubeconfig,
                "root-dir": root,
                "cert-dir": root / "certificates",
                "hostname-override": NODE,
                "node-ip": net.gateway,
            },
        ),
        is_ready=lambda: kubeconfigs.answers(f"http://{LOOPBACK}:{health}/healthz"),
    )


def _kube_proxy(state: State, net: Network, kubeconfig: Path) -> Component:
    health = f"{LOOPBACK}:{state.port('kube-proxy-health')}"
    config = state.directory / "kube-proxy.yaml"
    settings = _yaml(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "clientConnection": {"kubeconfig": str(kubeconfig)},
            "hostnameOverride": NODE,
            "clusterCIDR": net.pods,
            "healthzBindAddress": health,
            "metricsBindAddress": f"{LOOPBACK}:{state.port('kube-proxy-metrics')}",
            # The kernel's own limits and time-outs stay as they are.
            "conntrack": {
                "maxPerCore": 0,
                "min": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
            # Two pods on one bridge answer each other directly, past the translation of the
            # Service's address, unless the request seems to come from the host.
            "nftables": {"masqueradeAll": True, "minSyncPeriod": "100ms"},
        },
    )
    return Component(
        name="kube-proxy",
        files={config: settings},
        command=control_plane.command_of("kube-proxy", {"config": config}),
        is_ready=lambda: kubeconfigs.answers(f"http://{health}/healthz"),
    )


def _yaml(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False)


def _await(cluster: Cluster, name: str, condition: str) -> None:
    kubeconfigs.kubectl(cluster, ["wait", f"--for=condition={condition}", name, "--timeout=90s"])
