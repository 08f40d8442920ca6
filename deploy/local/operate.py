"""`make run`: the operator in the foreground, as its own ServiceAccount with the shipped rights."""

import os
import sys
from pathlib import Path

import local_cluster
from local_cluster import Cluster, kubeconfigs

CHECKOUT = Path(__file__).resolve().parents[2]
NAMESPACE = "process-operator"


def install(cluster: Cluster) -> Path:
    """Install CRDs, sizes and rights; return a kubeconfig of the operator's ServiceAccount."""
    for folder in ("crds", "deploy/operator", "deploy/resource-types.yaml"):
        kubeconfigs.kubectl(
            cluster,
            ["apply", "--server-side", "--force-conflicts", "-f", str(CHECKOUT / folder)],
        )
    for crd in (CHECKOUT / "crds").glob("*.yaml"):
        name = f"crd/{crd.stem}.process-operator.dev"
        kubeconfigs.kubectl(cluster, ["wait", "--for=condition=Established", name])
    path = cluster.directory / "operator.kubeconfig"
    return local_cluster.service_account_kubeconfig(cluster, NAMESPACE, "process-operator", path)


def target() -> Cluster:
    """Return the cluster that KUBECONFIG names; without it, the local one."""
    named = os.environ.get("KUBECONFIG")
    if not named or Path(named) == local_cluster.DIRECTORY / "kubeconfig":
        return local_cluster.up()
    directory = local_cluster.DIRECTORY.with_name("cluster-current")
    # What is kept of the way there may be of another KUBECONFIG, from another day.
    local_cluster.down(directory)
    return local_cluster.up("current", directory)


def main() -> None:
    """Install what the operator needs, then become it."""
    kubeconfig = install(target())
    os.environ["KUBECONFIG"] = str(kubeconfig)
    command = [sys.executable, "-m", "process_operator", "run", "--log-format", "text"]
    command += ["--lease-namespace", NAMESPACE, *sys.argv[1:]]
    os.execv(sys.executable, command)  # noqa: S606 - it becomes the operator, signals and all


if __name__ == "__main__":
    main()
