"""Ports of this machine that lead into a cluster whose pods and Services it does not reach."""

from local_cluster import components, kubeconfigs
from local_cluster import state as states
from local_cluster.components import Component
from local_cluster.model import Cluster
from local_cluster.network import LOOPBACK


def ensure(
    cluster: Cluster, name: str, target: str, *, namespace: str, port: int, answers: str
) -> int:
    """Let a port lead to a workload or Service anew, and wait until something answers there.

    Args:
        cluster: Where it leads to.
        name: What the forwarding is called.
        target: What `kubectl port-forward` takes.
        namespace: That of the target.
        port: The target's.
        answers: A path that the target answers with success.

    Returns:
        The port of this machine.
    """
    with states.locked(cluster.directory):
        state = states.load(cluster.directory)
        components.stop(state, [name])
        own = state.port(f"{name}-http")
        about = ["--kubeconfig", str(cluster.kubeconfig), "--namespace", namespace]
        command = [str(cluster.kubectl), *about, "port-forward", target, f"{own}:{port}"]
        component = Component(
            name=name,
            command=command,
            environment={},
            is_ready=lambda: kubeconfigs.answers(f"http://{LOOPBACK}:{own}{answers}"),
        )
        components.ensure(state, [component])
    return own
