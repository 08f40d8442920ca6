"""Settings of the API, read once at its start from flags and environment."""

import argparse
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from process_operator.settings import LogFormat, LogLevel

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PREFIX = "PROCESS_OPERATOR_API_"
DEFAULT_NAMESPACE = "process-operator"
MAX_CONNECTIONS = 1024
"""How many connections may be open, of all clients together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the API can be told from outside."""

    host: str
    port: int
    metrics_port: int
    """Where Prometheus finds `/metrics`, without a key: no Service leads there."""
    tls_certificate: Path | None
    tls_key: Path | None
    keys_namespace: str
    """Namespace of the Secret that holds the keys."""
    cluster_name: str
    """Name of the cluster in replies."""
    rate_scale: int
    """What every rate limit is multiplied with."""
    connections_per_address: int
    """How many connections one address may have; whoever has a proxy before the API needs more."""
    webhooks: bool
    """Whether deployments are told to addresses that users name."""
    webhook_networks: tuple[Network, ...]
    """What such addresses may be, beside all that are public."""
    projects: bool
    """Whether keys that may write may have namespaces made."""
    log_format: LogFormat
    log_level: LogLevel


def add_arguments(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    """Add the flags to a parser, with what the environment says as their defaults."""

    def flag(name: str, default: str | None, text: str, **how: Any) -> None:
        variable = _PREFIX + name.upper().replace("-", "_")
        told = f"default: {default}; " if default is not None else ""
        parser.add_argument(
            f"--{name}",
            default=environment.get(variable, default),
            help=f"{text} ({told}variable: {variable})",
            **how,
        )

    flag("host", "0.0.0.0", "address to listen on")  # noqa: S104 - a Service leads here
    flag("port", "8080", "port to listen on; 0 for a free one", type=_port)
    flag("metrics-port", "8082", "port of /metrics; 0 for a free one", type=_port)
    flag("tls-certificate", None, "file with the certificate chain; without it: HTTP", type=Path)
    flag("tls-key", None, "file with the certificate's private key", type=Path)
    add_keys_namespace(parser, environment)
    flag("cluster-name", "local", "name of this cluster in replies")
    flag("rate-scale", "1", "what every rate limit is multiplied with", type=_scale)
    flag(
        "connections-per-address",
        "256",
        f"how many connections of one address may be open, of {MAX_CONNECTIONS} in all; behind a "
        "proxy all come from its address",
        type=_connections,
    )
    flag(
        "webhooks",
        "off",
        "on or off: whether users may have their deployments told to public addresses",
        type=_switch,
    )
    flag(
        "webhook-networks",
        "",
        "networks that webhooks may lead to beside public addresses, such as "
        "10.1.0.0/16,fd00:1::/64",
        type=_networks,
    )
    flag(
        "projects",
        "off",
        "on or off: whether a key that may write may have new namespaces",
        type=_switch,
    )
    flag("log-format", "json", "json or text", type=LogFormat)
    flag("log-level", "info", "debug, info, warning or error", type=LogLevel)


def add_keys_namespace(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    """Add the one flag that the API and the commands about its keys share."""
    default = environment.get("POD_NAMESPACE", DEFAULT_NAMESPACE)
    variable = f"{_PREFIX}KEYS_NAMESPACE"
    parser.add_argument(
        "--keys-namespace",
        default=environment.get(variable, default),
        help=f"namespace of the Secret with the keys (default: {default}; variable: {variable})",
    )


def of(parsed: argparse.Namespace) -> Settings:
    """Return the settings that a parser with our flags has read."""
    if parsed.tls_key is not None and parsed.tls_certificate is None:
        raise SystemExit("--tls-key is given without --tls-certificate: give both, or neither")
    return Settings(
        host=parsed.host,
        port=parsed.port,
        metrics_port=parsed.metrics_port,
        tls_certificate=parsed.tls_certificate,
        tls_key=parsed.tls_key,
        keys_namespace=parsed.keys_namespace,
        cluster_name=parsed.cluster_name,
        rate_scale=parsed.rate_scale,
        connections_per_address=parsed.connections_per_address,
        webhooks=parsed.webhooks,
        webhook_networks=parsed.webhook_networks,
        projects=parsed.projects,
        log_format=parsed.log_format,
        log_level=parsed.log_level,
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"give a number from 0 to 65535, not {text!r}")
    return int(text)


def _scale(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"give a number from 1 to 1000000, not {text!r}")
    return int(text)


def _connections(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_CONNECTIONS:
        raise argparse.ArgumentTypeError(f"give a number from 1 to {MAX_CONNECTIONS}, not {text!r}")
    return int(text)


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise argparse.ArgumentTypeError(f"give on or off, not {text!r}")
    return text == "on"


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(one.strip()) for one in text.split(",") if one.strip())
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"give networks such as 10.1.0.0/16, with commas between them: {error}"
        ) from None
