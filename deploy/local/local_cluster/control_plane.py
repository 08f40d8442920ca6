"""A real control plane as host processes: etcd, API server, controllers and scheduler."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from local_cluster import build, certificates, components, kubeconfigs
from local_cluster.components import Component
from local_cluster.network import LOOPBACK, Network
from local_cluster.state import State

NAMES = ("kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd")
"""In the order in which they end."""
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
"""


def server(state: State, address: str) -> str:
    """Return the API server's URL."""
    return f"https://{address}:{state.port('kube-apiserver', address)}"


def admin_kubeconfig(directory: Path) -> Path:
    """Where the administrator's kubeconfig is."""
    return directory / "kubeconfig"


def audit_log(directory: Path) -> Path:
    """Where the API server writes one line per request."""
    return directory / "audit.log"


def ensure(state: State, *, address: str, network: Network, aggregation: bool) -> None:
    """Bring the control plane up on the address; `aggregation` allows extension API servers."""
    directory = state.directory
    store = certificates.Store(directory / "certificates")
    (directory / "audit-policy.yaml").write_text(AUDIT_POLICY)
    url = server(state, address)
    paths = {name: directory / f"{name}.kubeconfig" for name in NAMES[:2]}
    paths["admin"] = admin_kubeconfig(directory)
    for client, path in paths.items():
        kubeconfigs.write_with_certificate(path, server=url, store=store, client=client)
    components.ensure(state, [_etcd(state)])
    components.ensure(state, [_api_server(state, address, network, store, aggregation=aggregation)])
    components.ensure(
        state,
        [
            _controller_manager(state, network, store, paths["kube-controller-manager"]),
            _scheduler(paths["kube-scheduler"]),
        ],
    )


def stop(state: State) -> None:
    """End the control plane: an API server whose store is gone first takes ten seconds to end."""
    for name in NAMES:
        components.stop(state, [name])


def _etcd(state: State) -> Component:
    client = f"http://{LOOPBACK}:{state.port('etcd')}"
    peer = f"http://{LOOPBACK}:{state.port('etcd-peer')}"
    return Component(
        name="etcd",
        command=command_of(
            "etcd",
            {
                "data-dir": state.directory / "etcd",
                "listen-client-urls": client,
                "advertise-client-urls": client,
                "listen-peer-urls": peer,
                "initial-advertise-peer-urls": peer,
                "initial-cluster": f"default={peer}",
                "quota-backend-bytes": 4 * 1024**3,
                "auto-compaction-mode": "periodic",
                "auto-compaction-retention": "5m",
                "log-level": "warn",
            },
            # The data is thrown away with the cluster: durability would only cost time.
            "--unsafe-no-fsync",
        ),
        is_ready=lambda: kubeconfigs.answers(f"{client}/health"),
    )


def _api_server(
    state: State,
    address: str,
    network: Network,
    store: certificates.Store,
    *,
    aggregation: bool,
) -> Component:
    is_loopback = address == LOOPBACK
    flags: dict[str, object] = {
        "etcd-servers": f"http://{LOOPBACK}:{state.port('etcd')}",
        "bind-address": address,
        "secure-port": state.port("kube-apiserver", address),
        "service-cluster-ip-range": network.services,
        "tls-cert-file": store.certificate("kube-apiserver"),
        "tls-private-key-file": store.key("kube-apiserver"),
        "client-ca-file": store.certificate("ca"),
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": store.directory / "service-account.pub",
        "service-account-signing-key-file": store.key("service-account"),
        "service-account-extend-token-expiration": "false",
        "kubelet-client-certificate": store.certificate("kube-apiserver-kubelet-client"),
        "kubelet-client-key": store.key("kube-apiserver-kubelet-client"),
        "kubelet-certificate-authority": store.certificate("ca"),
        "kubelet-preferred-address-types": "InternalIP",
        "audit-policy-file": state.directory / "audit-policy.yaml",
        "audit-log-path": audit_log(state.directory),
        "audit-log-mode": "batch",
        "audit-log-batch-max-wait": "250ms",
        # In MB. It is read as it grows: what is moved away, by default after 100, is not seen.
        "audit-log-maxsize": 4000,
        "max-requests-inflight": 2000,
        "max-mutating-requests-inflight": 1000,
        "shutdown-delay-duration": "0s",
        **build.KUBERNETES.flags_of_api_server,
        # EndpointSlices refuse loopback addresses, so there the `kubernetes` Service stays empty.
        "endpoint-reconciler-type": "none" if is_loopback else "lease",
    }
    if not is_loopback:
        flags["advertise-address"] = address
    if aggregation:
        flags |= {
            "requestheader-client-ca-file": store.certificate("front-proxy-ca"),
            "requestheader-allowed-names": "front-proxy-client",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-username-headers": "X-Remote-User",
            "proxy-client-cert-file": store.certificate("front-proxy-client"),
            "proxy-client-key-file": store.key("front-proxy-client"),
            "enable-aggregator-routing": "true",
        }
    url = server(state, address)
    return Component(
        name="kube-apiserver",
        command=command_of("kube-apiserver", flags),
        is_ready=lambda: kubeconfigs.answers(f"{url}/readyz", store.certificate("ca")),
    )


def _controller_manager(
    state: State, network: Network, store: certificates.Store, kubeconfig: Path
) -> Component:
    port = state.port("kube-controller-manager")
    return Component(
        name="kube-controller-manager",
        command=command_of(
            "kube-controller-manager",
            {
                "kubeconfig": kubeconfig,
                "authentication-kubeconfig": kubeconfig,
                "authorization-kubeconfig": kubeconfig,
                "bind-address": LOOPBACK,
                "secure-port": port,
                "tls-cert-file": store.certificate("kube-apiserver"),
                "tls-private-key-file": store.key("kube-apiserver"),
                "leader-elect": "false",
                "service-account-private-key-file": store.key("service-account"),
                "root-ca-file": store.certificate("ca"),
                "use-service-account-credentials": "true",
                "service-cluster-ip-range": network.services,
                "controllers": "*,-node-route-controller,-cloud-node-lifecycle-controller,"
                "-service-lb-controller",
                "kube-api-qps": 2000,
                "kube-api-burst": 2200,
                "concurrent-deployment-syncs": 20,
                "concurrent-replicaset-syncs": 20,
                "horizontal-pod-autoscaler-sync-period": "5s",
                "horizontal-pod-autoscaler-cpu-initialization-period": "10s",
                "horizontal-pod-autoscaler-initial-readiness-delay": "5s",
            },
        ),
        is_ready=lambda: kubeconfigs.answers(
            f"https://{LOOPBACK}:{port}/healthz", store.certificate("ca")
        ),
    )


def _scheduler(kubeconfig: Path) -> Component:
    return Component(
        name="kube-scheduler",
        command=command_of(
            "kube-scheduler",
            {
                "kubeconfig": kubeconfig,
                "leader-elect": "false",
                "secure-port": 0,
                "kube-api-qps": 2000,
                "kube-api-burst": 2200,
            },
        ),
    )


def command_of(program: str, flags: Mapping[str, object], *switches: str) -> Sequence[str]:
    """Return the argument list of a program with its flags."""
    return [
        str(build.BIN / program),
        *(f"--{name}={value}" for name, value in flags.items()),
        *switches,
    ]
