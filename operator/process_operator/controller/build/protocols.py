"""What each protocol of a process is called elsewhere.

The kind of a route does not depend on it: an HTTPRoute or an Ingress carries both, so that the
protocol can change either way without a gap. What an ingress controller has to be told stands in
`ingress_controllers`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from process_operator.models.process import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of one protocol."""

    app_protocol: str
    """`appProtocol` of the Service's port."""
    scheme: str
    """Of a URL that is reached without TLS."""
    secure_scheme: str
    """Of a URL that is reached by TLS."""


PROTOCOLS: Mapping[Protocol, Names] = {
    Protocol.HTTP: Names(app_protocol="http", scheme="http", secure_scheme="https"),
    Protocol.GRPC: Names(
        # HTTP/2 without TLS: what a gRPC process speaks on its port.
        app_protocol="kubernetes.io/h2c",
        scheme="grpc",
        secure_scheme="grpcs",
    ),
}
