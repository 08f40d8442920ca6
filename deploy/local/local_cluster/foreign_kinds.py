"""Kinds that others define, and applications or the chart use: from their owners' Go modules."""

from dataclasses import dataclass
from pathlib import Path

from local_cluster import build, errors, go_modules, kubeconfigs
from local_cluster.model import Cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKinds:
    """The CRDs of one owner."""

    module: str
    version: str
    sum: str
    """Hash of the module's files, as a go.sum has it."""
    files: tuple[str, ...]
    """Where in the module the CRDs of the kinds are that are used here."""


def _of_group(directory: str, group: str, *plurals: str) -> tuple[str, ...]:
    return tuple(f"{directory}/{group}_{plural}.yaml" for plural in plurals)


GATEWAYS = "gateway.networking.k8s.io"
GATEWAY_API = ForeignKinds(
    module="sigs.k8s.io/gateway-api",
    version="v1.6.3",
    sum="h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc=",
    files=_of_group(
        *("config/crd/standard", GATEWAYS),
        *("gatewayclasses", "gateways", "httproutes", "grpcroutes", "referencegrants"),
        *("backendtlspolicies", "listenersets", "tcproutes", "tlsroutes", "udproutes"),
    ),
)
"""The standard channel of the Gateway API."""
PROMETHEUS_OPERATOR = ForeignKinds(
    module="github.com/prometheus-operator/prometheus-operator",
    version="v0.94.1",
    sum="h1:QEIb2wenPH+SdMN1xMf8l4Pmj00YYXXI6HlbLlQWkww=",
    files=_of_group(
        *("example/prometheus-operator-crd", "monitoring.coreos.com"),
        *("podmonitors", "prometheusrules"),
    ),
)


def required(directory: Path, module: str, *files: str) -> ForeignKinds:
    """Return kinds of a module in the version that a module of ours requires.

    Args:
        directory: Of our module.
        module: Of the kinds.
        files: As in `ForeignKinds`.
    """
    sums = (line.split() for line in (directory / "go.sum").read_text().splitlines())
    (found,) = (
        (version, sum_) for name, version, sum_ in sums if name == module and "/" not in version
    )
    return ForeignKinds(module=module, version=found[0], sum=found[1], files=files)


def ensure(cluster: Cluster, kinds: ForeignKinds) -> None:
    """Install the kinds, and return when the API server serves them.

    Raises:
        ClusterError: The module cannot be had, or is another one.
    """
    directory = downloaded(kinds)
    files = [part for file in kinds.files for part in ("-f", str(directory / file))]
    how = ("--server-side", "--force-conflicts", "--field-manager=local-cluster")
    kubeconfigs.kubectl(cluster, ["apply", *how, *files])
    # kubectl fails at a condition of which there is none yet: the names come with the first ones.
    for wanted in ("jsonpath={.status.acceptedNames.kind}", "condition=Established"):
        kubeconfigs.kubectl(cluster, ["wait", f"--for={wanted}", *files])


def downloaded(kinds: ForeignKinds) -> Path:
    """Return where the module of the kinds is, with all of its files.

    Raises:
        ClusterError: The module cannot be had, or is another one.
    """
    found = go_modules.downloaded(build.find_go(), kinds.module, kinds.version)
    if found["Sum"] != kinds.sum:
        raise errors.ClusterError(
            f"{kinds.module}@{kinds.version} is not the one that is known: its hash is "
            f"{found['Sum']}, not {kinds.sum}"
        )
    return Path(found["Dir"])
