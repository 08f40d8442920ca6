"""What each ingress controller wants to be told: to speak gRPC to a Service, and how long to wait.

A gRPC process speaks HTTP/2 without TLS (h2c) on its port. The Service always says so with
`appProtocol: kubernetes.io/h2c`, but on the Ingress API hardly any controller reads that; most want
an annotation of their own, on the Ingress or on the Service. This table is the only place that
knows which. A controller that is not in it is not guessed at: the route is made without
annotations, and a condition says that nobody knows whether it works.

How long a request may take is a setting of single routes with some controllers. What they measure
differs: Contour and Cilium the whole answer, the others the silence between two parts of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from process_operator.models.process import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What one controller needs for a route; `{service}` is the Service's name."""

    name: str
    controllers: tuple[str, ...]
    """What `spec.controller` of its classes begins with: some append an instance's name."""
    grpc_ingress: Mapping[str, str] = field(default_factory=dict)
    """Annotations of the Ingress."""
    grpc_service: Mapping[str, str] = field(default_factory=dict)
    """Annotations of the Service."""
    serves_grpc: bool = True
    """Whether it can reach a gRPC process at all."""
    timeout_ingress: Mapping[str, str] = field(default_factory=dict)
    """Annotations of an Ingress whose requests may take `{seconds}`."""
    timeout_service: Mapping[str, str] = field(default_factory=dict)
    """Annotations of the Service behind such an Ingress."""

    @property
    def has_timeouts(self) -> bool:
        """Whether how long a request may take is a setting of single routes."""
        return bool(self.timeout_ingress or self.timeout_service)

    def ingress_annotations(
        self, protocol: Protocol, seconds: int | None, service: str
    ) -> dict[str, str]:
        """Return what the Ingress of a process must say, of these seconds for a request."""
        return _said(protocol, seconds, self.grpc_ingress, self.timeout_ingress, service=service)

    def service_annotations(self, protocol: Protocol, seconds: int | None) -> dict[str, str]:
        """Return what the Service of a process must say."""
        return _said(protocol, seconds, self.grpc_service, self.timeout_service)


def _said(
    protocol: Protocol,
    seconds: int | None,
    grpc: Mapping[str, str],
    timeout: Mapping[str, str],
    **names: str,
) -> dict[str, str]:
    said = dict(grpc) if protocol is Protocol.GRPC else {}
    if seconds is not None:
        said |= timeout
    return {key: value.format(seconds=seconds, **names) for key, value in said.items()}


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
        timeout_ingress={
            "nginx.ingress.kubernetes.io/proxy-read-timeout": "{seconds}",
            "nginx.ingress.kubernetes.io/proxy-send-timeout": "{seconds}",
        },
    ),
    Profile(
        name="HAProxy Technologies",
        controllers=("haproxy.org/ingress-controller",),
        grpc_ingress={"haproxy.org/server-proto": "h2"},
        timeout_ingress={"haproxy.org/timeout-server": "{seconds}s"},
    ),
    Profile(
        name="HAProxy Ingress",
        controllers=("haproxy-ingress.github.io/controller",),
        grpc_ingress={"haproxy-ingress.github.io/backend-protocol": "h2"},
        timeout_ingress={"haproxy-ingress.github.io/timeout-server": "{seconds}s"},
    ),
    Profile(
        # It reads appProtocol.
        name="Contour",
        controllers=("projectcontour.io/",),
        timeout_ingress={"projectcontour.io/response-timeout": "{seconds}s"},
    ),
    Profile(
        name="Kong",
        controllers=("ingress-controllers.konghq.com/kong",),
        grpc_ingress={"konghq.com/protocols": "grpc,grpcs"},
        grpc_service={"konghq.com/protocol": "grpc"},
        # In milliseconds.
        timeout_service={"konghq.com/read-timeout": "{seconds}000"},
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
        timeout_ingress={"nginx.org/proxy-read-timeout": "{seconds}s"},
    ),
    Profile(
        # Speaks to the pods what the client speaks to it.
        name="Cilium",
        controllers=("cilium.io/ingress-controller",),
        timeout_ingress={"ingress.cilium.io/request-timeout": "{seconds}s"},
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
