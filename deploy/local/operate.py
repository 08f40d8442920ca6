"""`make run`: the operator in the foreground, as its own ServiceAccount with the shipped rights."""

import os
import sys
from pathlib import Path

import yaml

import local_cluster
from local_cluster import Cluster, kubeconfigs

CHECKOUT = Path(__file__).resolve().parents[2]
NAMESPACE = "process-operator"
_RIGHTS = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}


def install(cluster: Cluster) -> Path:
    """Install CRDs, sizes and rights; return a kubeconfig of the operator's ServiceAccount."""
    apply_kinds(cluster)
    apply_rights(cluster, "deploy/install.yaml")
    path = cluster.directory / "operator.kubeconfig"
    return local_cluster.service_account_kubeconfig(cluster, NAMESPACE, "process-operator", path)


def apply_kinds(cluster: Cluster) -> None:
    """Install the CRDs, and the sizes once the server knows their kind."""
    _apply(cluster, "-f", str(CHECKOUT / "crds"))
    for crd in (CHECKOUT / "crds").glob("*.yaml"):
        name = f"crd/{crd.stem}.process-operator.dev"
        kubeconfigs.kubectl(cluster, ["wait", "--for=condition=Established", name])
    _apply(cluster, "-f", str(CHECKOUT / "deploy" / "resource-types.yaml"))


def apply_rights(cluster: Cluster, file: str) -> None:
    """Install of a rendered chart what gives rights, and nothing that runs."""
    apply_rights_of(cluster, (CHECKOUT / file).read_text())


def apply_rights_of(cluster: Cluster, rendered: str) -> None:
    """Install what gives rights of a chart that has been rendered."""
    documents = yaml.load_all(rendered, yaml.CSafeLoader)  # a second faster
    chosen = [one for one in documents if one and one["kind"] in _RIGHTS]
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    _apply(cluster, "-f", "-", stdin=yaml.safe_dump_all([space, *chosen]))


def _apply(cluster: Cluster, *what: str, stdin: str = "") -> None:
    how = ["apply", "--server-side", "--force-conflicts"]
    kubeconfigs.kubectl(cluster, [*how, *what], stdin=stdin)


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
