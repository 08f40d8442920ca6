"""The real KEDA: its operator, and the API server of metrics that the autoscaler asks.

Both are host processes, where the API server reaches this machine on the bridge.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_cluster import (
    build,
    certificates,
    components,
    control_plane,
    foreign_kinds,
    kubeconfigs,
    rights,
)
from local_cluster import state as states
from local_cluster.aggregation import ExtensionServer
from local_cluster.components import Component
from local_cluster.model import Cluster
from local_cluster.network import LOOPBACK, Network

NAME = "keda"
METRICS_API = "v1beta1.external.metrics.k8s.io"
_OPERATOR, _ADAPTER = "keda-operator", "keda-adapter"
_GRPC = f"{NAME}-grpc"
_BASES = "config/crd/bases"
_KINDS = foreign_kinds.ForeignKinds(
    module=build.TOOLS[_OPERATOR].module,
    version=build.TOOLS[_OPERATOR].version,
    sum="h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=",
    files=(
        *(
            f"{_BASES}/keda.sh_{plural}.yaml"
            for plural in (
                *("scaledjobs", "scaledobjects"),
                *("triggerauthentications", "clustertriggerauthentications"),
            )
        ),
        f"{_BASES}/eventing.keda.sh_cloudeventsources.yaml",
        f"{_BASES}/eventing.keda.sh_clustercloudeventsources.yaml",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where both find what they need, and each other."""

    state: states.State
    kubeconfig: Path
    store: certificates.Store
    address: str
    """Where the API server reaches this machine."""

    @property
    def grpc(self) -> str:
        return f"{LOOPBACK}:{self.state.port(_GRPC)}"

    @property
    def port(self) -> int:
        return self.state.port(_ADAPTER, self.address)


def ensure(cluster: Cluster, network: Network) -> None:
    """Start both on this machine, or find them; return when the API server has their metrics."""
    build.ensure([_OPERATOR, _ADAPTER])
    with states.locked(cluster.directory):
        place = _Place(
            state=states.load(cluster.directory),
            kubeconfig=cluster.directory / f"{NAME}.kubeconfig",
            store=certificates.Store(cluster.directory / "certificates"),
            address=network.gateway,
        )
        foreign_kinds.ensure(cluster, _KINDS)
        kubeconfigs.apply(cluster, _manifests(place))
        if not place.kubeconfig.exists():
            kubeconfigs.service_account_kubeconfig(cluster, NAME, NAME, place.kubeconfig)
        place.store.ensure_server(_GRPC, addresses=[LOOPBACK])
        components.ensure(place.state, [_operator(place)])
        components.ensure(place.state, [_adapter(place)])
    wait = ["wait", "--for=condition=Available", f"apiservice/{METRICS_API}", "--timeout=60s"]
    kubeconfigs.kubectl(cluster, wait)


def stop(cluster: Cluster) -> None:
    """End both: the API of external metrics is somebody else's again."""
    kubeconfigs.kubectl(cluster, ["delete", "apiservice", METRICS_API, "--ignore-not-found"])
    with states.locked(cluster.directory):
        components.stop(states.load(cluster.directory), [_ADAPTER, _OPERATOR])


def _operator(place: _Place) -> Component:
    health = f"{LOOPBACK}:{place.state.port(f'{NAME}-health')}"
    flags = {
        "kubeconfig": place.kubeconfig,
        "cert-dir": _pair(place.store, _GRPC),
        "metrics-service-bind-address": place.grpc,
        "health-probe-bind-address": health,
        "metrics-bind-address": f"{LOOPBACK}:{place.state.port(f'{NAME}-metrics')}",
    }
    return Component(
        name=_OPERATOR,
        command=control_plane.command_of(_OPERATOR, flags),
        environment=_ENVIRONMENT,
        is_ready=lambda: kubeconfigs.answers(f"http://{health}/readyz"),
    )


def _adapter(place: _Place) -> Component:
    serving = "metrics-server-serving"
    flags = {
        "kubeconfig": place.kubeconfig,
        "lister-kubeconfig": place.kubeconfig,
        "authentication-kubeconfig": place.kubeconfig,
        "authorization-kubeconfig": place.kubeconfig,
        "bind-address": place.address,
        "secure-port": place.port,
        "tls-cert-file": place.store.certificate(serving),
        "tls-private-key-file": place.store.key(serving),
        # Whose certificate it shows the operator counts for nothing, but for its authority.
        "cert-dir": _pair(place.store, "metrics-server"),
        "metrics-service-address": place.grpc,
    }
    return Component(
        name=_ADAPTER,
        command=control_plane.command_of(_ADAPTER, flags),
        environment=_ENVIRONMENT,
    )


_ENVIRONMENT = {
    "POD_NAMESPACE": NAME,
    "KEDA_CLUSTER_OBJECT_NAMESPACE": NAME,
    "WATCH_NAMESPACE": "",
}


def _pair(store: certificates.Store, name: str) -> Path:
    """Return a directory that has a certificate, its key and its authority as KEDA names them."""
    directory = store.directory / f"{NAME}-{name}"
    directory.mkdir(exist_ok=True, mode=0o700)
    for source, there in (
        (store.certificate("ca"), "ca.crt"),
        (store.certificate(name), "tls.crt"),
        (store.key(name), "tls.key"),
    ):
        shutil.copyfile(source, directory / there)
    return directory


def _manifests(where: _Place) -> list[Mapping[str, Any]]:
    # It reads whatever it scales, and what its triggers name.
    return [*rights.account(NAME, role="cluster-admin"), *_server(where).manifests()]


def _server(where: _Place) -> ExtensionServer:
    return ExtensionServer(
        group="external.metrics.k8s.io",
        version="v1beta1",
        name=NAME,
        namespace=NAME,
        address=where.address,
        port=where.port,
    )
