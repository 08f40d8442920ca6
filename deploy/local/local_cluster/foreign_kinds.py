"""Kinds that others define, and applications or the chart use: from their owners' Go modules."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from local_cluster import build, errors, kubeconfigs
from local_cluster.model import Cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKinds:
    """The CRDs of one owner."""

    group: str
    plurals: tuple[str, ...]
    """Of the kinds that are used here."""
    module: str
    version: str
    sum: str
    """Hash of the module's files, as a go.sum has it."""
    directory: str
    """Where in the module the CRDs are, one file for each."""


GATEWAY_API = ForeignKinds(
    group="gateway.networking.k8s.io",
    plurals=(
        *("gatewayclasses", "gateways", "httproutes", "grpcroutes", "referencegrants"),
        *("backendtlspolicies", "listenersets", "tcproutes", "tlsroutes", "udproutes"),
    ),
    module="sigs.k8s.io/gateway-api",
    version="v1.6.3",
    sum="h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc=",
    directory="config/crd/standard",
)
"""The standard channel of the Gateway API."""
PROMETHEUS_OPERATOR = ForeignKinds(
    group="monitoring.coreos.com",
    plurals=("podmonitors", "prometheusrules"),
    module="github.com/prometheus-operator/prometheus-operator",
    version="v0.94.1",
    sum="h1:QEIb2wenPH+SdMN1xMf8l4Pmj00YYXXI6HlbLlQWkww=",
    directory="example/prometheus-operator-crd",
)


def ensure(cluster: Cluster, kinds: ForeignKinds) -> None:
    """Install the kinds, and return when the API server serves them.

    Raises:
        ClusterError: The module cannot be had, or is another one.
    """
    directory = _downloaded(kinds) / kinds.directory
    files = [directory / f"{kinds.group}_{plural}.yaml" for plural in kinds.plurals]
    how = ("--server-side", "--force-conflicts", "--field-manager=local-cluster")
    kubeconfigs.kubectl(
        cluster, ["apply", *how, *(part for file in files for part in ("-f", str(file)))]
    )
    crds = [f"crd/{plural}.{kinds.group}" for plural in kinds.plurals]
    kubeconfigs.kubectl(cluster, ["wait", "--for=condition=Established", *crds])


def _downloaded(kinds: ForeignKinds) -> Path:
    name = f"{kinds.module}@{kinds.version}"
    done = subprocess.run(
        [str(build.find_go()), "mod", "download", "-json", name],
        env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout or "{}")
    if done.returncode == 0 and found.get("Sum") == kinds.sum:
        return Path(found["Dir"])
    said = found.get("Error") or done.stderr or f"its hash is {found.get('Sum')}, not {kinds.sum}"
    raise errors.ClusterError(f"{name} cannot be had: {said.strip()[-500:]}")
