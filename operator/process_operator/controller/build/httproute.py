"""The HTTPRoute of a web process whose application routes by the Gateway API.

It stays an HTTPRoute for gRPC, so that the protocol can change both ways without a gap: the
Service's appProtocol tells the gateway what to speak.
"""

from process_operator.controller.build import metadata, service, shape
from process_operator.controller.resolve.target import Route, Target
from process_operator.kube.manifest import Manifest
from process_operator.models.application import Backend
from process_operator.models.process import Path, PathType

API_VERSION = "gateway.networking.k8s.io/v1"
KIND = "HTTPRoute"


def http_route(target: Target) -> Manifest | None:
    """Return the HTTPRoute of a process that is reached from outside."""
    route = target.route
    if route is None or not route.hosts or route.backend is not Backend.GATEWAY:
        return None
    if not route.gateways:
        return None
    name = metadata.name(target)
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata.child(target, name, route.annotations),
        "spec": {
            "parentRefs": [shape.filled(shape.declared(one)) for one in route.gateways],
            "hostnames": [one.host for one in route.hosts],
            "rules": [_rule(route, name)],
        },
    }


def _rule(route: Route, service_name: str) -> Manifest:
    rule: Manifest = {
        "matches": [{"path": _match(one)} for one in route.paths],
        "backendRefs": [{"name": service_name, "port": service.PORT}],
    }
    if route.request_timeout_seconds is not None:
        rule["timeouts"] = {"request": f"{route.request_timeout_seconds}s"}
    return rule


def _match(given: Path) -> Manifest:
    kind = "Exact" if given.type is PathType.EXACT else "PathPrefix"
    return {"type": kind, "value": given.path}
