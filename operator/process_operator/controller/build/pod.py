"""The pod template that Deployments, CronJobs and Jobs share, by rendering profile 1.

A changed template restarts pods. So what stands here may change only under a new profile number:
a snapshot names the profile that it was made with, and an upgrade of the operator restarts nobody.

Values are written as the API server keeps them (empty text, `false` and 0 left out where it leaves
them out), because a child counts as up to date when the live object holds all that we declare.
"""

import re

from process_operator.controller.build import beside, metadata, parts, pod_settings, shape
from process_operator.controller.resolve.target import Target
from process_operator.kube import names, quantities
from process_operator.kube.manifest import Manifest
from process_operator.models import volumes
from process_operator.models.environment import EnvVar
from process_operator.models.pod import PodSettings
from process_operator.models.process import ProcessType
from process_operator.models.resource_type import CPULimit
from process_operator.models.security import PodSecurity
from process_operator.models.snapshot import ResourceType, SnapshotProcess
from process_operator.models.volumes import Volume

PORT_VARIABLE = "PORT"

DRAIN_SECONDS = 5
"""How long a web process goes on serving after it was told to stop: the removal of its address
from load balancers runs beside the signal, not before it."""
_EXPANDED_BY_KUBERNETES = re.compile(r"\$(?=[$(])")


def template(target: Target) -> Manifest:
    """Return the pod template of a process."""
    settings = pod_settings.merged(target)
    annotations = dict(settings.annotations or {})
    restart = max(target.snapshot.restart, target.entry.restart)
    if restart:
        annotations[names.RESTART] = str(restart)
    made: Manifest = {"labels": (settings.labels or {}) | metadata.labels(target)}
    if annotations:
        made["annotations"] = annotations
    return {"metadata": made, "spec": _spec(target, settings)}


def redirected_probes(entry: SnapshotProcess) -> tuple[str, ...]:
    """Return one sentence for each probe whose host is not connected to."""
    probes = {
        "livenessProbe": entry.liveness_probe,
        "readinessProbe": entry.readiness_probe,
        "startupProbe": entry.startup_probe,
    }
    told: list[str] = []
    for field, probe in probes.items():
        actions = {"httpGet": probe.http_get, "tcpSocket": probe.tcp_socket} if probe else {}
        told.extend(
            f"{field}.{name}.host {action.host} is not connected to, because Pod Security allows "
            "probes of the pod itself only"
            for name, action in actions.items()
            if action is not None and action.host is not None
        )
    return tuple(told)


def _spec(target: Target, settings: PodSettings) -> Manifest:
    snapshot, entry = target.snapshot, target.entry
    return shape.filled(
        {
            "restartPolicy": _restart_policy(entry.type),
            # Named even where it is the namespace's own: once set, a service account cannot be
            # unset by leaving it out, because the server keeps a copy in a deprecated field.
            "serviceAccountName": snapshot.service_account_name or "default",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": entry.termination_grace_period_seconds,
            "securityContext": _pod_security_context(target),
            "imagePullSecrets": [{"name": name} for name in snapshot.image_pull_secrets],
            **pod_settings.placed(target, settings),
            "initContainers": beside.containers(target, settings),
            "containers": [_container(target, settings)],
            "volumes": [_volume(volume) for volume in _mounted(target)],
        }
    )


def _restart_policy(process_type: ProcessType) -> str:
    """A run that failed is tried again by its Job, in a new pod, which keeps the old one's logs."""
    return "Never" if process_type in (ProcessType.CRON, ProcessType.JOB) else "Always"


def _container(target: Target, settings: PodSettings) -> Manifest:
    entry = target.entry
    return shape.filled(
        {
            "name": names.CONTAINER,
            "image": target.snapshot.image,
            "imagePullPolicy": settings.image_pull_policy and str(settings.image_pull_policy),
            "command": _command(entry),
            "ports": _ports(entry),
            "env": _env(target),
            "envFrom": parts.env_from((*target.snapshot.env_from, *entry.env_from)),
            "resources": _resources(entry.resource_type),
            "livenessProbe": parts.probe(entry.liveness_probe, entry.port),
            "readinessProbe": parts.probe(entry.readiness_probe, entry.port),
            "startupProbe": parts.probe(entry.startup_probe, entry.port),
            "lifecycle": _lifecycle(entry),
            "securityContext": parts.security_context(target),
            "volumeMounts": [_mount(volume) for volume in _mounted(target)],
        }
    )


def _command(entry: SnapshotProcess) -> list[str]:
    if entry.entrypoint is not None:
        return ["/bin/sh", "-c", _for_shell(entry.entrypoint)]
    return list(entry.command)


def _for_shell(entrypoint: str) -> str:
    """Keep `$$` and `$(...)` for the shell, which Kubernetes would replace before it starts."""
    return _EXPANDED_BY_KUBERNETES.sub("$$", entrypoint)


def _ports(entry: SnapshotProcess) -> list[Manifest]:
    main = [{"name": parts.PORT_NAME, "containerPort": entry.port, "protocol": "TCP"}]
    return [
        *(main if entry.port is not None else ()),
        *(
            {"name": one.name, "containerPort": one.port, "protocol": str(parts.protocol_of(one))}
            for one in entry.ports
        ),
    ]


def _env(target: Target) -> list[Manifest]:
    """Return PORT, the application's variables in their order, then what only the process has."""
    merged = {one.name: one for one in (*target.snapshot.env, *target.entry.env)}
    if target.entry.port is not None:
        # First, so that later values may say $(PORT); the number that the Service leads to wins.
        port = EnvVar(name=PORT_VARIABLE, value=str(target.entry.port))
        merged = {PORT_VARIABLE: port} | merged | {PORT_VARIABLE: port}
    return [parts.variable(one) for one in merged.values()]


def _resources(given: ResourceType) -> Manifest:
    """Requests equal limits, unless the size says otherwise: no less and no more than it says."""
    amounts = {"cpu": given.cpu, "memory": given.memory}
    asked = shape.declared(given.requests) if given.requests is not None else {}
    devices = {name: quantities.canonical(str(count)) for name, count in given.extended.items()}
    limited = {"memory": given.memory} if given.cpu_limit is CPULimit.NONE else amounts
    return {"requests": amounts | asked | devices, "limits": limited | devices}


def _lifecycle(entry: SnapshotProcess) -> Manifest | None:
    """Let a web process serve while its address is being removed, if its grace period has room."""
    seconds = min(DRAIN_SECONDS, entry.termination_grace_period_seconds - 1)
    if entry.type is not ProcessType.WEB or seconds < 1:
        return None
    return {"preStop": {"sleep": {"seconds": seconds}}}


def _pod_security_context(target: Target) -> Manifest:
    made: Manifest = {"seccompProfile": {"type": "RuntimeDefault"}}
    if target.snapshot.pod_security is PodSecurity.RESTRICTED:
        made["runAsNonRoot"] = True
    for identities in (target.snapshot.security_context, target.entry.security_context):
        if identities is not None:
            made |= shape.declared(identities)
    return made


def _mounted(target: Target) -> tuple[Volume, ...]:
    return volumes.merged(target.snapshot.volumes, target.entry.volumes)


def _volume(volume: Volume) -> Manifest:
    made = shape.declared(volume)
    for of_the_mount in ("mountPath", "readOnly", "subPath"):
        made.pop(of_the_mount, None)
    limit = made.get("emptyDir", {}).get("sizeLimit")
    if limit is not None:
        made["emptyDir"]["sizeLimit"] = quantities.canonical(str(limit))
    claim = made.get("ephemeral", {}).get("volumeClaimTemplate", {}).get("spec")
    if claim is not None:
        asked = claim["resources"]["requests"]
        asked["storage"] = quantities.canonical(str(asked["storage"]))
    return made


def _mount(volume: Volume) -> Manifest:
    return shape.filled(
        {
            "name": volume.name,
            "mountPath": volume.mount_path,
            "readOnly": volume.read_only or None,
            "subPath": volume.sub_path,
        }
    )
