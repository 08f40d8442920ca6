"""Probes, in Kubernetes' own shape and ranges; an absent port means the process's port."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from process_operator.models.base import (
    MAX_INT32,
    Argument,
    Model,
    PortNumber,
    exactly_one,
    rule,
    validations,
)

_FromZero = Annotated[int, Field(ge=0, le=MAX_INT32)]
_FromOne = Annotated[int, Field(ge=1, le=MAX_INT32)]
_ProbedHost = Annotated[str, Field(min_length=1, max_length=253)]


class Scheme(StrEnum):
    """Scheme of an HTTP probe."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"


class ExecAction(Model):
    """A command that is run in the container."""

    command: Annotated[
        tuple[Argument, ...],
        Field(min_length=1, max_length=64, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ]
    """Program and arguments, run without a shell; exit code 0 means healthy."""


class HTTPHeader(Model):
    """One header of an HTTP probe."""

    name: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-A-Za-z0-9]+$")]
    """Name of the header, for example `X-Health`."""
    value: Annotated[str, Field(max_length=4096)]
    """Value of the header."""


class HTTPGetAction(Model):
    """An HTTP GET request; a status from 200 to 399 means healthy."""

    path: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Path that is requested, for example `/healthz`; absent means `/`."""
    port: PortNumber | None = None
    """Port that is asked; absent means the process's port."""
    host: _ProbedHost | None = None
    """Host that is connected to; absent means the pod's own address, which is nearly
    always right."""
    scheme: Scheme | None = None
    """Scheme of the request; absent means `HTTP`."""
    http_headers: Annotated[
        tuple[HTTPHeader, ...],
        Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """Headers that are sent along; a header may stand twice."""


class TCPSocketAction(Model):
    """A TCP connection; that it opens means healthy."""

    port: PortNumber | None = None
    """Port that is connected to; absent means the process's port."""
    host: _ProbedHost | None = None
    """Host that is connected to; absent means the pod's own address."""


class GRPCAction(Model):
    """A call of the gRPC health service; SERVING means healthy."""

    port: PortNumber | None = None
    """Port that is asked; absent means the process's port."""
    service: Annotated[str, Field(max_length=253)] | None = None
    """Service name that is sent in the request; absent means the server as a whole."""


class Probe(Model):
    """One question to the container, how often it is asked and what counts as an answer."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                exactly_one("exec", "httpGet", "tcpSocket", "grpc"),
                "a probe must have exactly one of exec, httpGet, tcpSocket and grpc; keep the one "
                "that is meant",
            )
        )
    )

    exec: ExecAction | None = None
    """Asks by a command in the container."""
    http_get: HTTPGetAction | None = None
    """Asks by an HTTP GET request."""
    tcp_socket: TCPSocketAction | None = None
    """Asks by opening a TCP connection."""
    grpc: GRPCAction | None = None
    """Asks the gRPC health service."""
    initial_delay_seconds: _FromZero | None = None
    """Seconds between the container's start and the first question; absent means 0."""
    period_seconds: _FromOne | None = None
    """Seconds between two questions; absent means 10."""
    timeout_seconds: _FromOne | None = None
    """Seconds within which an answer must come; absent means 1."""
    success_threshold: _FromOne | None = None
    """Good answers in a row that end a failure; absent means 1, and only readiness may
    have more."""
    failure_threshold: _FromOne | None = None
    """Bad answers in a row that count as a failure; absent means 3."""
