"""The Service of a process that listens on a port."""

from process_operator.controller.build import ingress_controllers, metadata, parts
from process_operator.controller.build.protocols import PROTOCOLS
from process_operator.controller.resolve.target import Target
from process_operator.kube.manifest import Manifest
from process_operator.models.application import Backend
from process_operator.models.ports import SERVICE_PORT

API_VERSION = "v1"
KIND = "Service"
PORT = SERVICE_PORT


def service(target: Target) -> Manifest | None:
    """Return the Service of a process; one without any port has none."""
    ports = _ports(target)
    if not ports:
        return None
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata.child(target, metadata.name(target), _annotations(target)),
        "spec": {
            "type": "ClusterIP",
            "selector": metadata.selector(target),
            "ports": ports,
        },
    }


def _ports(target: Target) -> list[Manifest]:
    main = {
        "name": parts.PORT_NAME,
        "port": PORT,
        "protocol": "TCP",
        "targetPort": parts.PORT_NAME,
        "appProtocol": PROTOCOLS[target.protocol].app_protocol,
    }
    return [
        *((main,) if target.entry.port is not None else ()),
        *(
            {
                "name": one.name,
                "port": one.port,
                "protocol": str(parts.protocol_of(one)),
                "targetPort": one.name,
            }
            for one in target.entry.ports
        ),
    ]


def _annotations(target: Target) -> dict[str, str]:
    """Return what the controller of an Ingress wants to read on the Service behind it."""
    route = target.route
    if route is None or not route.hosts or route.backend is not Backend.INGRESS:
        return {}
    profile = ingress_controllers.profile(route.controller, route.class_name)
    if profile is None:
        return {}
    return profile.service_annotations(target.protocol, route.request_timeout_seconds)
