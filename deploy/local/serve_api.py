"""`make api`: the REST API in the foreground, as its own ServiceAccount with the shipped rights."""

import os
import sys
from pathlib import Path

import local_cluster
import operate
from local_cluster import Cluster

NAMESPACE = "process-operator"
SERVICE_ACCOUNT = "process-operator-api"


def install(cluster: Cluster, path: Path | None = None) -> Path:
    """Install CRDs, sizes and rights; return a kubeconfig of the API's ServiceAccount."""
    operate.apply_kinds(cluster)
    operate.apply_rights(cluster, "deploy/api/install.yaml")
    return local_cluster.service_account_kubeconfig(
        cluster, NAMESPACE, SERVICE_ACCOUNT, path or cluster.directory / "api.kubeconfig"
    )


def main() -> None:
    """Install what the API needs, then become it."""
    cluster = operate.target()
    os.environ["KUBECONFIG"] = str(install(cluster))
    command = [sys.executable, "-m", "process_operator", "api", "--log-format", "text"]
    command += ["--keys-namespace", NAMESPACE, "--host", "127.0.0.1", *sys.argv[1:]]
    print(
        f"keys: KUBECONFIG={cluster.kubeconfig} process-operator keys create --name me "
        "--namespace default --role write",
        file=sys.stderr,
    )
    os.execv(sys.executable, command)  # noqa: S606 - it becomes the API, signals and all


if __name__ == "__main__":
    main()
