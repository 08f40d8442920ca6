"""The containers beside the process, made as safe as the process's own."""

from process_operator.controller.build import parts, shape
from process_operator.controller.resolve.target import Target
from process_operator.kube import quantities
from process_operator.kube.manifest import Manifest
from process_operator.models.containers import Container, Mount, Sidecar
from process_operator.models.pod import PodSettings


def containers(target: Target, settings: PodSettings) -> list[Manifest]:
    """Return them in the order in which they start: the sidecars are there for the others."""
    return [_container(target, one) for one in settings.containers]


def _container(target: Target, given: Container) -> Manifest:
    amounts = {
        "cpu": quantities.canonical(str(given.resources.cpu)),
        "memory": quantities.canonical(str(given.resources.memory)),
    }
    made: Manifest = {
        "name": given.name,
        "image": given.image,
        "command": list(given.command or ()),
        "args": list(given.args or ()),
        "env": [parts.variable(one) for one in given.env],
        "envFrom": parts.env_from(given.env_from),
        "volumeMounts": [_mount(one) for one in given.volume_mounts],
        "resources": {"requests": amounts, "limits": dict(amounts)},
        "securityContext": _security_context(target, given),
    }
    if isinstance(given, Sidecar):
        made |= {
            "restartPolicy": "Always",  # what makes an init container run along
            "startupProbe": parts.probe(given.startup_probe, None),
            "livenessProbe": parts.probe(given.liveness_probe, None),
            "readinessProbe": parts.probe(given.readiness_probe, None),
        }
    return shape.filled(made)


def _mount(given: Mount) -> Manifest:
    return shape.filled({**shape.declared(given), "readOnly": given.read_only or None})


def _security_context(target: Target, given: Container) -> Manifest:
    own = shape.declared(given.security_context) if given.security_context is not None else {}
    return parts.security_context(target) | own
