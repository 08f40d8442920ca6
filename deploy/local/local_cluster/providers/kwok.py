"""The kwok provider: a real control plane, and nodes and pods that only seem to run.

It works wherever Go runs, without root. Pods become Ready and Jobs complete by the stages of
`stages.yaml`; no container exists, so there are no logs, no traffic and no metrics.
"""

from pathlib import Path
from typing import Any

from local_cluster import build, certificates, components, control_plane, kubeconfigs, network
from local_cluster.components import Component
from local_cluster.model import Cluster
from local_cluster.state import State

NODES = 10
STAGES = Path(__file__).resolve().parents[1] / "stages.yaml"
POD_RANGE = "10.0.0.0/8"


class Kwok:
    """Nodes and pods by stages."""

    name = "kwok"

    def obstacle(self, state: State) -> str:  # noqa: ARG002 - the others ask
        """Return nothing: Go is fetched where it is missing."""
        return ""

    def up(self, state: State) -> Cluster:
        """Start the control plane, the fake nodes and what plays them."""
        programs = build.ensure((*build.CONTROL_PLANE, "kwok"))
        if state.network is None:
            state.network = network.choose(state.directory)
            state.save()
        store = certificates.Store(state.directory / "certificates")
        store.ensure(addresses=[network.LOOPBACK, state.network.first_service], node="kwok")
        cluster = Cluster(
            provider=self.name,
            directory=state.directory,
            kubeconfig=control_plane.admin_kubeconfig(state.directory),
            bin=programs,
            audit_log=control_plane.audit_log(state.directory),
        )
        is_new = not components.is_running(state, "kwok")
        control_plane.ensure(
            state, address=network.LOOPBACK, network=state.network, aggregation=False
        )
        kubeconfig = state.directory / "kwok.kubeconfig"
        url = control_plane.server(state, network.LOOPBACK)
        kubeconfigs.write_with_certificate(kubeconfig, server=url, store=store, client="kwok")
        if is_new:
            kubeconfigs.apply(cluster, [_node(number) for number in range(NODES)])
        components.ensure(state, [_kwok(kubeconfig)])
        if is_new:
            kubeconfigs.kubectl(
                cluster, ["wait", "--for=condition=Ready", "nodes", "--all", "--timeout=60s"]
            )
        return cluster

    def down(self, state: State) -> None:
        """End the processes."""
        components.stop(state, ["kwok"])
        control_plane.stop(state)

    def load_image(self, state: State, archive: Path) -> None:
        """Do nothing: no pod of it takes an image."""

    def is_up(self, state: State) -> bool:
        """Tell whether all processes run."""
        return all(components.is_running(state, name) for name in (*control_plane.NAMES, "kwok"))


def _kwok(kubeconfig: Path) -> Component:
    flags = {
        "kubeconfig": kubeconfig,
        "config": STAGES,
        "manage-all-nodes": "true",
        "node-lease-duration-seconds": 40,
        "cidr": POD_RANGE,
    }
    return Component(name="kwok", command=control_plane.command_of("kwok", flags))


def _node(number: int) -> dict[str, Any]:
    resources = {"cpu": "1000", "memory": "4Ti", "ephemeral-storage": "4Ti", "pods": "10000"}
    name = f"kwok-{number}"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"node.alpha.kubernetes.io/ttl": "0"},
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/os": "linux",
                "kubernetes.io/hostname": name,
                "topology.kubernetes.io/zone": f"zone-{number % 3}",
            },
        },
        "status": {"allocatable": resources, "capacity": resources},
    }
