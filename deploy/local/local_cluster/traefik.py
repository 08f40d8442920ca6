"""The real Traefik for Ingresses and Gateways.

It is a host process where this machine reaches the pods on the bridge; elsewhere it is a pod, and a
port of this machine leads to it.
"""

import sysconfig
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from local_cluster import (
    components,
    control_plane,
    entrance,
    errors,
    foreign_kinds,
    forwarding,
    kubeconfigs,
    oci,
    rights,
)
from local_cluster import state as states
from local_cluster.components import Component
from local_cluster.entrance import Entrance
from local_cluster.model import Cluster
from local_cluster.network import LOOPBACK

NAME = "traefik"
CONTROLLER = "traefik.io/ingress-controller"
GATEWAY_CONTROLLER = "traefik.io/gateway-controller"
_READ = ["get", "list", "watch"]
IMAGE = "process-operator.dev/traefik:1"
_PORT = 8000
_PING = "/ping"


def ensure(cluster: Cluster) -> Entrance:
    """Start Traefik on this machine with both of its classes and rights of its own, or find it."""
    program = _program()
    with states.locked(cluster.directory):
        state = states.load(cluster.directory)
        found = Entrance(class_name=NAME, host=LOOPBACK, port=state.port(NAME))
        if not components.is_running(state, NAME):
            foreign_kinds.ensure(cluster, foreign_kinds.GATEWAY_API)
            kubeconfigs.apply(cluster, _manifests())
            path = cluster.directory / f"{NAME}.kubeconfig"
            kubeconfigs.service_account_kubeconfig(cluster, NAME, NAME, path)
            health = state.port(f"{NAME}-health")
            components.ensure(state, [_component(program, found, health, path)])
    return found


def ensure_inside(cluster: Cluster, load: Callable[[Path], None]) -> Entrance:
    """Start Traefik as a pod, with the same classes and rights, and lead a port to it.

    Args:
        cluster: One whose pods this machine does not reach.
        load: Gives the cluster the images of an archive.
    """
    program = oci.layer({NAME: _program().read_bytes()}, folders=("tmp",))
    archive = cluster.directory / f"{NAME}.tar"
    oci.write_archive(archive, [oci.image(IMAGE, [program], {"Entrypoint": [f"/{NAME}"]})])
    load(archive)
    foreign_kinds.ensure(cluster, foreign_kinds.GATEWAY_API)
    kubeconfigs.apply(cluster, [*_manifests(), _deployment()])
    rolled = ["rollout", "status", f"deployment/{NAME}", "--namespace", NAME, "--timeout=120s"]
    kubeconfigs.kubectl(cluster, rolled)
    port = forwarding.ensure(
        cluster, NAME, f"deployment/{NAME}", namespace=NAME, port=_PORT, answers=_PING
    )
    return Entrance(class_name=NAME, host=LOOPBACK, port=port)


def stop(cluster: Cluster) -> None:
    """End Traefik, and remove its classes and rights."""
    with states.locked(cluster.directory):
        components.stop(states.load(cluster.directory), [NAME])
    kinds = "gatewayclass,ingressclass,clusterrole,clusterrolebinding,namespace"
    kubeconfigs.kubectl(cluster, ["delete", kinds, NAME, "--ignore-not-found", "--timeout=60s"])


def _program() -> Path:
    program = Path(sysconfig.get_path("scripts")) / NAME
    if not program.exists():
        raise errors.ClusterError(f"{program} is missing: run `make install`, it needs Linux")
    return program


def _component(program: Path, found: Entrance, health: int, kubeconfig: Path) -> Component:
    ping = f"{LOOPBACK}:{health}"
    flags = {
        "entrypoints.web.address": f"{found.host}:{found.port}",
        "entrypoints.ping.address": ping,
        "ping.entrypoint": "ping",
    }
    return Component(
        name=NAME,
        command=[str(program), *_arguments(flags)],
        environment={"KUBECONFIG": str(kubeconfig)},
        is_ready=lambda: kubeconfigs.answers(f"http://{ping}{_PING}"),
    )


def _arguments(flags: Mapping[str, str]) -> Sequence[str]:
    common = {
        "providers.kubernetesingress.ingressendpoint.ip": LOOPBACK,
        "providers.kubernetesgateway.statusaddress.ip": LOOPBACK,
        # A route is switched as soon as it is known.
        "providers.providersthrottleduration": "50ms",
        "global.checknewversion": "false",
        "log.level": "INFO",
        "log.nocolor": "true",
    }
    return control_plane.command_of(NAME, {**flags, **common})[1:]


def _deployment() -> Mapping[str, Any]:
    labels = {"app": NAME}
    flags = {"entrypoints.web.address": f":{_PORT}", "ping.entrypoint": "web"}
    container = {
        "name": NAME,
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "args": _arguments(flags),
        "readinessProbe": {"httpGet": {"path": _PING, "port": _PORT}, "periodSeconds": 1},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": NAME},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"serviceAccountName": NAME, "containers": [container]},
            },
        },
    }


def _manifests() -> list[Mapping[str, Any]]:
    return entrance.manifests(
        NAME,
        [
            # It wants Secrets for the certificates of Ingresses, as its own chart gives them.
            rights.rule("", _READ, "configmaps", "namespaces", "nodes", "secrets", "services"),
            rights.rule("discovery.k8s.io", ["list", "watch"], "endpointslices"),
            rights.rule("networking.k8s.io", _READ, "ingressclasses", "ingresses"),
            rights.rule("networking.k8s.io", ["update"], "ingresses/status"),
            rights.rule(foreign_kinds.GATEWAYS, _READ, "*"),
            rights.rule(foreign_kinds.GATEWAYS, ["update"], "*/status"),
        ],
        ingress_controller=CONTROLLER,
        gateway_controller=GATEWAY_CONTROLLER,
    )
