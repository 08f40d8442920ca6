"""The real Contour with the real Envoy, for Ingresses and for one Gateway of all namespaces.

Both are host processes, where this machine reaches the pods on the bridge.
"""

import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_cluster import (
    build,
    components,
    entrance,
    errors,
    foreign_kinds,
    kubeconfigs,
    machine,
    rights,
)
from local_cluster import state as states
from local_cluster.components import Component
from local_cluster.entrance import Entrance
from local_cluster.model import Cluster
from local_cluster.network import LOOPBACK

NAME = "contour"
GATEWAY: Mapping[str, Any] = {"name": "public", "namespace": NAME}
"""The one Gateway that it serves."""
_ENVOY = "envoy"
_ABOVE = 8000
"""How far above the port of the Gateway's listener Contour lets Envoy listen."""
_CONTROLLER = "projectcontour.io/ingress-controller"
_GATEWAY_CONTROLLER = "projectcontour.io/gateway-controller"
_READ = ["get", "list", "watch"]
_KINDS = foreign_kinds.ForeignKinds(
    module="github.com/projectcontour/contour",
    version=build.TOOLS[NAME].version,
    sum="h1:QoOfwqWws+CVRFpsRC2+f1DmB5IdurtyUtepIsiWfE0=",
    files=("examples/contour/01-crds.yaml",),
)


def ensure(cluster: Cluster) -> Entrance:
    """Start both on this machine, with classes and rights of their own, or find them."""
    programs = build.ensure([NAME])
    with states.locked(cluster.directory):
        state = states.load(cluster.directory)
        found = Entrance(class_name=NAME, host=LOOPBACK, port=state.port(NAME))
        if components.is_running(state, NAME) and components.is_running(state, _ENVOY):
            return found
        foreign_kinds.ensure(cluster, foreign_kinds.GATEWAY_API)
        foreign_kinds.ensure(cluster, _KINDS)
        kubeconfigs.apply(cluster, _manifests(found.port))
        path = cluster.directory / f"{NAME}.kubeconfig"
        kubeconfigs.service_account_kubeconfig(cluster, NAME, NAME, path)
        program = programs / NAME
        components.ensure(state, [_control_plane(state, program, path)])
        components.ensure(state, [_data_plane(state, program)])
    return found


def _control_plane(state: states.State, program: Path, kubeconfig: Path) -> Component:
    """Return Contour, which tells Envoy what to serve."""
    health = state.port(f"{NAME}-health")
    config = state.directory / f"{NAME}.yaml"
    return Component(
        name=NAME,
        files={config: f"gateway:\n  gatewayRef: {{name: public, namespace: {NAME}}}\n"},
        command=[
            *(str(program), "serve", f"--kubeconfig={kubeconfig}", f"--config-path={config}"),
            *("--insecure", "--disable-leader-election"),
            *(f"--xds-address={LOOPBACK}", f"--xds-port={state.port(f'{NAME}-xds')}"),
            *(f"--health-address={LOOPBACK}", f"--health-port={health}"),
            *(f"--http-address={LOOPBACK}", f"--http-port={state.port(f'{NAME}-metrics')}"),
            *(
                f"--debug-http-address={LOOPBACK}",
                f"--debug-http-port={state.port(f'{NAME}-debug')}",
            ),
            *(f"--stats-address={LOOPBACK}", f"--stats-port={state.port(f'{_ENVOY}-stats')}"),
            *(f"--envoy-service-http-address={LOOPBACK}", f"--ingress-status-address={LOOPBACK}"),
            # Of the Gateway API it reads an earlier version of these than is installed.
            *(
                f"--disable-feature={kind}"
                for kind in ("backendtlspolicies", "tlsroutes", "tcproutes", "extensionservices")
            ),
        ],
        is_ready=lambda: kubeconfigs.answers(f"http://{LOOPBACK}:{health}/healthz"),
    )


def _data_plane(state: states.State, contour: Path) -> Component:
    """Return Envoy, with what Contour writes for its start."""
    bootstrap = state.directory / f"{_ENVOY}.json"
    machine.run(
        *(str(contour), "bootstrap", str(bootstrap)),
        *(f"--xds-address={LOOPBACK}", f"--xds-port={state.port(f'{NAME}-xds')}"),
        f"--admin-address={state.directory / f'{_ENVOY}.sock'}",
    )
    stats = state.port(f"{_ENVOY}-stats")
    return Component(
        name=_ENVOY,
        command=[
            # It ends with its parent, and whoever starts it here ends soon: a shell stays.
            *("/bin/sh", "-c", '"$@"; exit $?', _ENVOY),
            *(str(_program()), "--config-path", str(bootstrap)),
            *("--service-cluster", NAME, "--service-node", _ENVOY, "--log-level", "warning"),
            # Where others of this machine run one too.
            "--use-dynamic-base-id",
        ],
        is_ready=lambda: kubeconfigs.answers(f"http://{LOOPBACK}:{stats}/ready"),
    )


def _program() -> Path:
    program = Path(sysconfig.get_path("purelib")) / "envoy" / "_bin" / _ENVOY
    if not program.exists():
        raise errors.ClusterError(f"{program} is missing: `make test-traffic` brings it, on Linux")
    return program


def _manifests(port: int) -> list[Mapping[str, Any]]:
    listener = {
        "name": "web",
        "protocol": "HTTP",
        "port": port - _ABOVE,
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    rules = [
        rights.rule("", _READ, "configmaps", "namespaces", "secrets", "services"),
        rights.rule("", ["create", "update"], "events"),
        rights.rule("discovery.k8s.io", _READ, "endpointslices"),
        rights.rule("networking.k8s.io", _READ, "ingresses"),
        rights.rule("networking.k8s.io", ["create", "get", "update"], "ingresses/status"),
        rights.rule(foreign_kinds.GATEWAYS, _READ, "*"),
        rights.rule(foreign_kinds.GATEWAYS, ["update"], "*/status"),
        rights.rule("projectcontour.io", _READ, "*"),
        rights.rule("projectcontour.io", ["create", "get", "update"], "*/status"),
    ]
    return [
        *entrance.manifests(
            NAME,
            rules,
            ingress_controller=_CONTROLLER,
            gateway_controller=_GATEWAY_CONTROLLER,
        ),
        {
            "apiVersion": f"{foreign_kinds.GATEWAYS}/v1",
            "kind": "Gateway",
            "metadata": dict(GATEWAY),
            "spec": {"gatewayClassName": NAME, "listeners": [listener]},
        },
    ]
