"""The Ingress of a web process whose application routes by Ingress."""

from collections.abc import Iterable

from process_operator.controller.build import ingress_controllers, metadata, service
from process_operator.controller.resolve.target import Route, Target
from process_operator.kube.manifest import Manifest
from process_operator.models.application import Backend, IssuerKind
from process_operator.models.process import Path, PathType

API_VERSION = "networking.k8s.io/v1"
KIND = "Ingress"

_ISSUER_ANNOTATIONS = {
    IssuerKind.ISSUER: "cert-manager.io/issuer",
    IssuerKind.CLUSTER_ISSUER: "cert-manager.io/cluster-issuer",
}


def ingress(target: Target) -> Manifest | None:
    """Return the Ingress of a process that is reached from outside."""
    route = target.route
    if route is None or not route.hosts or route.backend is not Backend.INGRESS:
        return None
    name = metadata.name(target)
    spec: Manifest = {"rules": [_rule(one.host, route.paths, name) for one in route.hosts]}
    if route.class_name is not None:
        spec["ingressClassName"] = route.class_name
    tls = _tls(route, f"{name}-tls")
    if tls:
        spec["tls"] = tls
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata.child(target, name, _annotations(target, route)),
        "spec": spec,
    }


def _rule(host: str, paths: Iterable[Path], service_name: str) -> Manifest:
    backend = {"service": {"name": service_name, "port": {"number": service.PORT}}}
    return {
        "host": host,
        "http": {
            "paths": [
                {
                    "path": one.path,
                    "pathType": str(one.type or PathType.PREFIX),
                    "backend": backend,
                }
                for one in paths
            ]
        },
    }


def _tls(route: Route, issued_secret: str) -> list[Manifest]:
    """Return the hosts by the Secret with their certificate, the issuer's one for those without."""
    hosts: dict[str, list[str]] = {}
    for one in route.hosts:
        secret = one.tls_secret_name or (issued_secret if route.issuer else None)
        if secret is not None:
            hosts.setdefault(secret, []).append(one.host)
    return [{"hosts": members, "secretName": secret} for secret, members in hosts.items()]


def _annotations(target: Target, route: Route) -> dict[str, str]:
    """Return the controller's, the issuer's and the user's own annotations, of which these win."""
    made: dict[str, str] = {}
    profile = ingress_controllers.profile(route.controller, route.class_name)
    if profile is not None:
        made |= profile.ingress_annotations(
            target.protocol, route.request_timeout_seconds, metadata.name(target)
        )
    if route.issuer is not None and any(one.tls_secret_name is None for one in route.hosts):
        # Only when there is a certificate to make: cert-manager takes over every Secret that an
        # Ingress with this annotation names.
        made[_ISSUER_ANNOTATIONS[route.issuer.kind]] = route.issuer.name
    return made | dict(route.annotations)
