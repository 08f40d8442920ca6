"""What each ingress controller wants to be told before it speaks gRPC to a Service.

A gRPC process speaks HTTP/2 without TLS (h2c) on its port. The Service always says so with
`appProtocol: kubernetes.io/h2c`, but on the Ingress API hardly any controller reads that; most want
an annotation of their own, on the Ingress or on the Service. This table is the only place that
knows which. A controller that is not in it is not guessed at: the route is made without
annotations, and a condition says that nobody knows whether it works.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What one controller needs for a route to gRPC; `{service}` is the Service's name."""

    name: str
    controllers: tuple[str, ...]
    """What `spec.controller` of its classes begins with: some append an instance's name."""
    grpc_ingress: Mapping[str, str] = field(default_factory=dict)
    """Annotations of the Ingress."""
    grpc_service: Mapping[str, str] = field(default_factory=dict)
    """Annotations of the Service."""
    serves_grpc: bool = True
    """Whether it can reach a gRPC process at all."""

    def ingress_annotations(self, service: str) -> dict[str, str]:
        """Return what the Ingress of a gRPC process must say."""
        return {key: value.format(service=service) for key, value in self.grpc_ingress.items()}

    def service_annotations(self) -> dict[str, str]:
        """Return what the Service of a gRPC process must say."""
        return dict(self.grpc_service)


PROFILES = (
    Profile(
        name="Traefik",
        controllers=("traefik.io/ingress-controller",),
        # Without it Traefik speaks HTTP/1.1 to the pods, whatever appProtocol says.
        grpc_service={"traefik.ingress.kubernetes.io/service.serversscheme": "h2c"},
    ),
    Profile(
        # Also its forks, and Traefik's provider for classes of ingress-nginx.
        name="ingress-nginx",
        controllers=("k8s.io/ingress-nginx",),
        grpc_ingress={"nginx.ingress.kubernetes.io/backend-protocol": "GRPC"},
    ),
    Profile(
        name="HAProxy Technologies",
        controllers=("haproxy.org/ingress-controller",),
        grpc_ingress={"haproxy.org/server-proto": "h2"},
    ),
    Profile(
        name="HAProxy Ingress",
        controllers=("haproxy-ingress.github.io/controller",),
        grpc_ingress={"haproxy-ingress.github.io/backend-protocol": "h2"},
    ),
    Profile(
        # It reads appProtocol.
        name="Contour",
        controllers=("projectcontour.io/",),
    ),
    Profile(
        name="Kong",
        controllers=("ingress-controllers.konghq.com/kong",),
        grpc_ingress={"konghq.com/protocols": "grpc,grpcs"},
        grpc_service={"konghq.com/protocol": "grpc"},
    ),
    Profile(
        name="AWS Load Balancer Controller",
        controllers=("ingress.k8s.aws/alb",),
        grpc_ingress={"alb.ingress.kubernetes.io/backend-protocol-version": "GRPC"},
    ),
    Profile(
        name="F5 NGINX",
        controllers=("nginx.org/ingress-controller",),
        grpc_ingress={"nginx.org/grpc-services": "{service}"},
    ),
    Profile(
        # Speaks to the pods what the client speaks to it.
        name="Cilium",
        controllers=("cilium.io/ingress-controller",),
    ),
    Profile(
        # Its HTTP/2 to pods is always inside TLS, which a gRPC process does not speak.
        name="GKE Ingress",
        controllers=(),
        serves_grpc=False,
    ),
)

_CLASSES = {"contour": "Contour", "gce": "GKE Ingress", "gce-internal": "GKE Ingress"}
"""Controllers that go by the name of the class and need no IngressClass object."""


def profile(controller: str | None, class_name: str | None) -> Profile | None:
    """Return the profile of a controller, None for one that nobody knows."""
    for known in PROFILES:
        if controller is not None and controller.startswith(known.controllers):
            return known
    if controller is None and class_name is not None:
        wanted = _CLASSES.get(class_name)
        return next((known for known in PROFILES if known.name == wanted), None)
    return None
