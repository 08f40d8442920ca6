"""Probes as clients send and get them."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from process_operator.api.payloads import base
from process_operator.api.payloads.base import Port, Reply, Request

# Probes.

_FromZero = Annotated[int, Field(ge=0, le=3600)]
_FromOne = Annotated[int, Field(ge=1, le=3600)]
_Host = Annotated[str, Field(min_length=1, max_length=253)]


class Exec(Request):
    """A command that is run in the container."""

    command: Annotated[
        list[Annotated[str, Field(max_length=4096)]], Field(min_length=1, max_length=64)
    ]
    """Program and arguments; exit code 0 means healthy."""


class HttpHeader(Request):
    """A header of the request."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=253,
            pattern="^[-A-Za-z0-9]+$",
            examples=["X-Custom-Header"],
        ),
    ]
    value: Annotated[str, Field(max_length=4096, examples=["custom-value"])]


class HttpGet(Request):
    """An HTTP GET request; a status from 200 to 399 means healthy."""

    path: Annotated[str, Field(min_length=1, max_length=1024, examples=["/health"])] = base.absent()
    """Path that is requested; `/` when absent."""
    port: Port = base.absent()
    """Port that is asked; the process's port when absent."""
    host: _Host = base.absent()
    """Host that is connected to; the instance itself when absent."""
    scheme: Literal["HTTP", "HTTPS"] = base.absent()
    """Scheme of the request; HTTP when absent."""
    httpHeaders: Annotated[list[HttpHeader], Field(max_length=16)] = base.absent()  # noqa: N815
    """Headers that are sent along."""


class TcpSocket(Request):
    """A TCP connection; that it opens means healthy."""

    port: Port
    host: _Host = base.absent()
    """Host that is connected to; the instance itself when absent."""


class Probe(Request):
    """One question to each instance; exactly one of exec, httpGet and tcpSocket asks it."""

    exec: Exec = base.absent()
    httpGet: HttpGet = base.absent()  # noqa: N815
    tcpSocket: TcpSocket = base.absent()  # noqa: N815
    initialDelaySeconds: _FromZero = base.absent()  # noqa: N815
    """Seconds before the first question; 0 when absent."""
    periodSeconds: _FromOne = base.absent()  # noqa: N815
    """Seconds between two questions; 10 when absent."""
    timeoutSeconds: _FromOne = base.absent()  # noqa: N815
    """Seconds within which an answer must come; 1 when absent."""
    successThreshold: _FromOne = base.absent()  # noqa: N815
    """Good answers in a row that end a failure; 1 when absent, and always for liveness."""
    failureThreshold: _FromOne = base.absent()  # noqa: N815
    """Bad answers in a row that make a failure; 3 when absent."""


PROBE_EXAMPLE = {"httpGet": {"path": "/health", "port": 8080, "scheme": "HTTP"}}


class SavedTcpSocket(Reply):
    """A TCP connection, as it is saved."""

    model_config = ConfigDict(json_schema_extra=base.without_null_defaults)

    port: Port = base.absent()
    """The process's port, when absent."""
    host: _Host = base.absent()


class SavedGrpc(Reply):
    """A call of the gRPC health service: only a manifest can ask by one."""

    model_config = ConfigDict(json_schema_extra=base.without_null_defaults)

    port: Port = base.absent()
    """The process's port, when absent."""
    service: str = base.absent()


class SavedProbe(Reply):
    """A probe as it is saved, which may have come from a manifest."""

    model_config = ConfigDict(json_schema_extra=base.without_null_defaults)

    exec: Exec = base.absent()
    httpGet: HttpGet = base.absent()  # noqa: N815
    tcpSocket: SavedTcpSocket = base.absent()  # noqa: N815
    grpc: SavedGrpc = base.absent()
    initialDelaySeconds: int = base.absent()  # noqa: N815
    periodSeconds: int = base.absent()  # noqa: N815
    timeoutSeconds: int = base.absent()  # noqa: N815
    successThreshold: int = base.absent()  # noqa: N815
    failureThreshold: int = base.absent()  # noqa: N815
