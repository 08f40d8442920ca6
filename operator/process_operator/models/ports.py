"""Ports of a process beside the one that traffic is routed to."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from process_operator.models.base import Model, PortNumber, keyed_by, rule

MAIN_NAME = "http"
"""Name of the port that traffic is routed to."""
SERVICE_PORT = 80
"""Number of that port in the Service."""


class TransportProtocol(StrEnum):
    """What a port takes."""

    TCP = "TCP"
    UDP = "UDP"


class NamedPort(Model):
    """One port more, in the Service under its own number; nothing is routed to it."""

    name: Annotated[
        str,
        Field(min_length=1, max_length=15, pattern="^[a-z0-9]([a-z0-9]|-[a-z0-9])*$"),
    ]
    """Name of the port, with a letter in it, for example `metrics`."""
    port: PortNumber
    """Port that the process listens on."""
    protocol: TransportProtocol | None = None
    """`TCP` or `UDP`; absent means `TCP`."""


Ports = Annotated[
    tuple[NamedPort, ...],
    Field(
        max_length=8,
        json_schema_extra=keyed_by(
            "name",
            rules=[
                rule(
                    f"self.all(one, one.name != '{MAIN_NAME}' && one.name.matches('[a-z]'))",
                    "ports[].name must have a letter, and not be http, which is the name of "
                    "spec.port; choose another one, for example metrics",
                ),
                rule(
                    "self.all(one, self.exists_one(other, other.port == one.port && "
                    "(has(other.protocol) && other.protocol == 'UDP') == "
                    "(has(one.protocol) && one.protocol == 'UDP')))",
                    "ports[] has the same port twice; keep one of them",
                ),
            ],
        ),
    ),
]
