"""Settings of the process, read once at its start from flags and environment, and never again.

Every flag has a variable: `--health-port` is `PROCESS_OPERATOR_HEALTH_PORT`; the flag wins.
"""

import argparse
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from process_operator.kube import names
from process_operator.kube.manifest import Manifest

_VARIABLE_PREFIX = "PROCESS_OPERATOR_"

# Ingress annotations are configuration of a shared proxy. Allowed are names, never whole prefixes,
# whose values are a number, a time, a size or a switch, and act on requests to that Ingress alone.
# Left out is what takes code (snippets), names an address (auth-url, external-dns target) or an
# object of somebody else's (Traefik's middlewares, Contour's tls-cert-namespace), goes before the
# routes of others (Traefik's router.priority, external-dns hostname), chooses an entry of the proxy
# (router.entrypoints) or a load balancer (ALB groups), hides requests (Traefik's
# router.observability), or takes memory of the proxy for each Ingress (limit-rps and the like of
# ingress-nginx). Which of these a platform wants to give is for it to say.
_ALLOWED_ANNOTATIONS = (
    # ingress-nginx, and whoever reads its annotations (Traefik, forks).
    "nginx.ingress.kubernetes.io/force-ssl-redirect",  # switch: own hosts, HTTP to HTTPS
    "nginx.ingress.kubernetes.io/proxy-body-size",  # size: the largest upload to own processes
    "nginx.ingress.kubernetes.io/proxy-connect-timeout",  # time: own processes may be slow
    "nginx.ingress.kubernetes.io/proxy-read-timeout",  # time: so that websockets stay open
    "nginx.ingress.kubernetes.io/proxy-send-timeout",  # time: so that websockets stay open
    "nginx.ingress.kubernetes.io/ssl-redirect",  # switch: own hosts, HTTP to HTTPS
    # F5 NGINX.
    "nginx.org/client-max-body-size",  # size: the largest upload to own processes
    "nginx.org/proxy-connect-timeout",  # time: own processes may be slow
    "nginx.org/proxy-read-timeout",  # time: own processes may be slow
    "nginx.org/proxy-send-timeout",  # time: own processes may be slow
    "nginx.org/websocket-services",  # names among the Services of that Ingress
    # Contour.
    "projectcontour.io/response-timeout",  # time: own processes may be slow
    "projectcontour.io/websocket-routes",  # paths of that Ingress
)
_ANY = "*"
_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class LogFormat(StrEnum):
    """How log lines are written."""

    JSON = "json"
    TEXT = "text"


class LogLevel(StrEnum):
    """The least important line that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator can be told from outside."""

    workers: int
    """How many applications are worked on at the same time."""
    election: bool
    """Whether to elect one active replica; if not, there must be only one."""
    lease_namespace: str
    lease_name: str
    log_format: LogFormat
    log_level: LogLevel
    allowed_annotations: tuple[str, ...]
    """Names that `ingress.annotations` may have; one that ends in `*` allows what begins so."""
    resync: timedelta
    """How often every application is compared with what it declares, though nothing changed."""
    health_port: int
    watch_namespaces: tuple[str, ...]
    """The namespaces whose applications are looked after; empty: all."""
    resource_types: tuple[Manifest, ...]
    """ProcessResourceTypes that are created where they are missing."""
    watch_secrets: bool
    """Whether it is looked at which Secrets change: at their metadata, with the right to more."""
    metrics_per_application: bool
    """Whether Prometheus is told of each application by its name."""
    traces: bool
    """Whether releases are told to a collector of OpenTelemetry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flag:
    name: str
    default: str
    read: Callable[[str], Any]
    help: str


def _flags(pod_namespace: str | None) -> tuple[_Flag, ...]:
    def flag(name: str, default: str, read: Callable[[str], Any], text: str) -> _Flag:
        return _Flag(name=name, default=default, read=read, help=text)

    return (
        flag("workers", "20", _between(1, 200), "applications worked on at the same time"),
        flag("election", "true", _truth, "true: elect one active replica; false: there is one"),
        flag("lease-namespace", pod_namespace or "default", str, "where the Lease is"),
        flag("lease-name", "process-operator", str, "name of the Lease"),
        flag("log-format", "json", _one_of(LogFormat), "json or text"),
        flag("log-level", "info", _one_of(LogLevel), "debug, info, warning or error"),
        flag(
            "allowed-ingress-annotations",
            ",".join(_ALLOWED_ANNOTATIONS),
            _annotations,
            "names that ingress.annotations may have, separated by commas; one that ends in * "
            "allows every name that begins so",
        ),
        flag("resync-seconds", "1800", _between(60, 86_400), "time between two full comparisons"),
        flag(
            "resource-types",
            "",
            _resource_types,
            "file with ProcessResourceTypes: at its start the active replica creates those that "
            "are missing",
        ),
        flag(
            "watch-namespaces",
            "",
            _namespaces,
            "namespaces to look after, separated by commas, with rights in these alone; empty: all",
        ),
        flag(
            "watch-secrets",
            "false",
            _truth,
            "true: what changes in a Secret that a process uses waits for a release too; takes the "
            "right to list Secrets, of which nothing but the metadata is asked for",
        ),
        flag(
            "metrics-per-application",
            "false",
            _truth,
            "true: tell Prometheus of each application by its name, some series for each",
        ),
        flag(
            "traces",
            "false",
            _truth,
            "true: tell each release as a trace to the collector that OpenTelemetry's own "
            "variables name (OTEL_EXPORTER_OTLP_ENDPOINT)",
        ),
        flag("health-port", "8081", _between(1, 65_535), "port of /healthz, /readyz, /metrics"),
    )


def add_arguments(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    """Add the flags to a parser, with what the environment says as their defaults."""
    for flag in _flags(environment.get("POD_NAMESPACE")):
        variable = _VARIABLE_PREFIX + flag.name.upper().replace("-", "_")
        parser.add_argument(
            f"--{flag.name}",
            # argparse reads a default that is text as if it had been typed, with its errors.
            default=environment.get(variable, flag.default),
            type=flag.read,
            help=f"{flag.help} (default: {flag.default}; variable: {variable})",
        )


def of(parsed: argparse.Namespace) -> Settings:
    """Return the settings that a parser with our flags has read."""
    return Settings(
        workers=parsed.workers,
        election=parsed.election,
        lease_namespace=parsed.lease_namespace,
        lease_name=parsed.lease_name,
        log_format=parsed.log_format,
        log_level=parsed.log_level,
        allowed_annotations=parsed.allowed_ingress_annotations,
        resync=timedelta(seconds=parsed.resync_seconds),
        health_port=parsed.health_port,
        watch_namespaces=parsed.watch_namespaces,
        resource_types=parsed.resource_types,
        watch_secrets=parsed.watch_secrets,
        metrics_per_application=parsed.metrics_per_application,
        traces=parsed.traces,
    )


def allowed_annotations(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return these alone, for commands that take none of the operator's flags."""
    parser = argparse.ArgumentParser()
    add_arguments(parser, environment)
    return of(parser.parse_args([])).allowed_annotations


def _between(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"give a number from {least} to {most}, not {text!r}")
        return int(text)

    return read


def _one_of(choices: type[StrEnum]) -> Callable[[str], StrEnum]:
    def read(text: str) -> StrEnum:
        if text not in list(choices):
            raise argparse.ArgumentTypeError(f"give one of {', '.join(choices)}, not {text!r}")
        return choices(text)

    return read


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"give true or false, not {text!r}")
    return text == "true"


def _namespaces(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))
    for name in found:
        if not _NAMESPACE.fullmatch(name):
            raise argparse.ArgumentTypeError(f"{name!r} is no name of a namespace")
    return found


def _resource_types(text: str) -> tuple[Manifest, ...]:
    if not text:
        return ()
    try:
        found = tuple(one for one in yaml.safe_load_all(Path(text).read_text()) if one)
    except (OSError, yaml.YAMLError) as error:
        raise argparse.ArgumentTypeError(f"{text} cannot be read: {error}") from None
    for one in found:
        if not isinstance(one, dict) or one.get("kind") != names.RESOURCE_TYPE_KIND:
            raise argparse.ArgumentTypeError(
                f"{text} must hold nothing but manifests of kind {names.RESOURCE_TYPE_KIND}"
            )
    return found


def _annotations(text: str) -> tuple[str, ...]:
    names = tuple(item.strip() for item in text.split(",") if item.strip())
    for name in names:
        if _ANY in name[:-1] or not (name.endswith(_ANY) or name[-1].isalnum()):
            raise argparse.ArgumentTypeError(
                f"give full names, or beginnings that end in {_ANY} (example.com/{_ANY}), "
                f"not {name!r}"
            )
    return names
