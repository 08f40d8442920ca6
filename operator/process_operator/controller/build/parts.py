"""What containers are made of, whichever they are."""

from collections.abc import Iterable

from process_operator.controller.build import shape
from process_operator.controller.resolve.target import Target
from process_operator.kube import quantities
from process_operator.kube.manifest import Manifest
from process_operator.models.environment import EnvFromSource, EnvVar
from process_operator.models.ports import MAIN_NAME, NamedPort, TransportProtocol
from process_operator.models.probes import Probe
from process_operator.models.security import PodSecurity

PORT_NAME = MAIN_NAME
"""Name of the container's port. Services and probes use it, so that they are right for old and new
pods alike while a release changes the number."""


def variable(one: EnvVar) -> Manifest:
    """Return one variable."""
    made = shape.filled(shape.declared(one))
    resource = made.get("valueFrom", {}).get("resourceFieldRef", {})
    if "divisor" in resource:
        resource["divisor"] = quantities.canonical(str(resource["divisor"]))
    return made


def env_from(sources: Iterable[EnvFromSource]) -> list[Manifest]:
    """Return sources of variables."""
    return [shape.filled(shape.declared(source)) for source in sources]


def probe(given: Probe | None, port: int | None) -> Manifest | None:
    """Return a probe; one without a port asks the process's."""
    if given is None:
        return None
    made = shape.declared(given)
    if "httpGet" in made:
        _connect_to_pod(made["httpGet"])
        _name_host_in_header(made["httpGet"], given)
    if "tcpSocket" in made:
        _connect_to_pod(made["tcpSocket"])
    if "grpc" in made:
        # The one handler that takes no name of a port.
        made["grpc"].setdefault("port", port)
    if made.get("initialDelaySeconds") == 0:
        del made["initialDelaySeconds"]
    return made


def _connect_to_pod(action: Manifest) -> None:
    """Ask the pod itself: since Kubernetes 1.34 Pod Security refuses a probe of another host."""
    action.setdefault("port", PORT_NAME)
    action.pop("host", None)


def _name_host_in_header(action: Manifest, probe: Probe) -> None:
    """Send a given host as the Host header, which is what it is nearly always given for."""
    host = probe.http_get.host if probe.http_get else None
    headers = action.get("httpHeaders", [])
    if host is not None and not any(one["name"].lower() == "host" for one in headers):
        action["httpHeaders"] = [*headers, {"name": "Host", "value": host}]


def security_context(target: Target) -> Manifest:
    """Return what `restricted` demands; `baseline` leaves root what it needs to become a user.

    Images that start as root change owners of files and switch to another user: under `baseline`
    they keep the runtime's default capabilities for that, and need not run as another user at once.
    """
    made: Manifest = {"allowPrivilegeEscalation": False}
    if target.snapshot.pod_security is PodSecurity.RESTRICTED:
        made["capabilities"] = {"drop": ["ALL"]}
    return made


def protocol_of(one: NamedPort) -> TransportProtocol:
    """Return what a port takes."""
    return one.protocol or TransportProtocol.TCP
