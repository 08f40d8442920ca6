"""Where requests from outside come into a cluster."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """Where a data plane takes HTTP/1.1, and HTTP/2 without TLS."""

    class_name: str
    """Name of its IngressClass and of its GatewayClass."""
    host: str
    port: int

    @property
    def url(self) -> str:
        """The address for HTTP clients; the Host header chooses the route."""
        return f"http://{self.host}:{self.port}"
