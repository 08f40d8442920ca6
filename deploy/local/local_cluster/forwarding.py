"""Ports of this machine that lead into a cluster whose pods and Services it does not reach."""

from local_cluster import serving
from local_cluster.model import Cluster


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
    about = ("--kubeconfig", str(cluster.kubeconfig), "--namespace", namespace)

    def command(own: int) -> list[str]:
        return [str(cluster.kubectl), *about, "port-forward", target, f"{own}:{port}"]

    return serving.ensure_anew(cluster, name, command, answers=answers, environment={})
