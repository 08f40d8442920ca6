"""The operator as users have it: its image in the cluster, installed by Helm from its chart."""

import hashlib
import os
import subprocess
from pathlib import Path

import local_cluster
import operate
from local_cluster import Cluster, ClusterError, build, kubeconfigs, oci
from operator_image import image as builder
from released import Released

CHECKOUT = operate.CHECKOUT
NAMESPACE = operate.NAMESPACE
CHART = CHECKOUT / "deploy" / "chart" / "process-operator"
ARCHIVE = builder.OUTPUT / builder.ARCHIVE
RELEASE = "process-operator"
API_SERVICE = f"service/{RELEASE}-api"
_SOURCES = ("operator/**/*.py", "deploy/image/**/*.py", "deploy/local/local_cluster/oci.py")


class Helm:
    """One of the two Helms, with all that it keeps in the cluster's directory."""

    def __init__(self, cluster: Cluster, version: int = 4) -> None:
        self._program = build.ensure([f"helm{version}"]) / f"helm{version}"
        home = cluster.directory / "helm"
        self._environment = os.environ | {
            "KUBECONFIG": str(cluster.kubeconfig),
            "HELM_CACHE_HOME": str(home / "cache"),
            "HELM_CONFIG_HOME": str(home / "config"),
            "HELM_DATA_HOME": str(home / "data"),
        }

    def __call__(self, *arguments: str) -> str:
        """Run Helm; return what it prints.

        Raises:
            ClusterError: It failed; the text is Helm's own.
        """
        done = subprocess.run(
            [str(self._program), *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ClusterError(f"helm {' '.join(arguments[:2])}: {done.stderr.strip()}")
        return done.stdout


def install(cluster: Cluster, *settings: str, of: Released | None = None) -> None:
    """Install the chart with its image, or change to it, and wait until it is ready.

    Args:
        cluster: One with real pods.
        settings: More values, as `--set` has them.
        of: An earlier version; without it that of this checkout.
    """
    chart, archive = (of.chart, of.archive) if of is not None else (CHART, image())
    local_cluster.load_image(cluster, archive)
    values = ("image.pullPolicy=Never", *settings)
    arguments = ["upgrade", RELEASE, str(chart), "--install", "--namespace", NAMESPACE]
    arguments += ["--create-namespace", "--take-ownership", "--force-conflicts"]
    arguments += [part for one in values for part in ("--set", one)]
    Helm(cluster)(*arguments, "--wait", "--timeout=180s")


def uninstall(cluster: Cluster) -> None:
    """Take the operator away, and leave CRDs and applications where they are."""
    Helm(cluster)("uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found", "--wait")


def api_address(cluster: Cluster) -> str:
    """Return where the API answers, on a machine that reaches the cluster's Services."""
    return f"http://{_of_api(cluster, '{.spec.clusterIP}')}:{api_port(cluster)}"


def api_port(cluster: Cluster) -> str:
    """Return the port of the API's Service."""
    return _of_api(cluster, "{.spec.ports[0].port}")


def _of_api(cluster: Cluster, path: str) -> str:
    asked = ["get", API_SERVICE, "-n", NAMESPACE, "-o", f"jsonpath={path}"]
    return kubeconfigs.kubectl(cluster, asked)


def image() -> Path:
    """Return the archive with the image of this checkout, built if its sources have changed."""
    stamp = ARCHIVE.with_suffix(".sources")
    digest = _digest()
    if not (ARCHIVE.exists() and stamp.exists() and stamp.read_text() == digest):
        print("Building the operator's image (less than a minute)", flush=True)
        builder.build([oci.architecture()], ARCHIVE.parent)
        stamp.write_text(digest)
    return ARCHIVE


def _digest() -> str:
    found = hashlib.sha256((CHECKOUT / "uv.lock").read_bytes())
    for pattern in _SOURCES:
        for path in sorted(CHECKOUT.glob(pattern)):
            found.update(str(path.relative_to(CHECKOUT)).encode())
            found.update(path.read_bytes())
    return found.hexdigest()
