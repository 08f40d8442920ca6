"""What serves on a port of this machine beside a cluster, as long as the cluster is there."""

from collections.abc import Callable, Mapping, Sequence

from local_cluster import components, kubeconfigs
from local_cluster import state as states
from local_cluster.components import Component
from local_cluster.model import Cluster
from local_cluster.network import LOOPBACK


def ensure_anew(
    cluster: Cluster,
    name: str,
    command: Callable[[int], Sequence[str]],
    *,
    answers: str,
    environment: Mapping[str, str],
) -> int:
    """End what ran under a name, run it again, and wait until it answers.

    Args:
        cluster: Whose directory keeps it.
        name: What it is called.
        command: From the port to what is run.
        answers: A path that it answers with success.
        environment: Its variables.

    Returns:
        The port.
    """
    with states.locked(cluster.directory):
        state = states.load(cluster.directory)
        components.stop(state, [name])
        port = state.port(f"{name}-http")
        component = Component(
            name=name,
            command=list(command(port)),
            environment=dict(environment),
            is_ready=lambda: kubeconfigs.answers(f"http://{LOOPBACK}:{port}{answers}"),
        )
        components.ensure(state, [component])
    return port
