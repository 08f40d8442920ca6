"""The pod template that Deployments, CronJobs and Jobs share, by rendering profile 1.

A changed template restarts pods. So what stands here may change only under a new profile number:
a snapshot names the profile that it was made with, and an upgrade of the operator restarts nobody.

Values are written as the API server keeps them (empty text, `false` and 0 left out where it leaves
them out), because a child counts as up to date when the live object holds all that we declare.
"""

import re
from collections.abc import Iterable

from process_operator.controller.build import metadata, pod_settings, shape
from process_operator.controller.resolve.target import Target
from process_operator.kube import names, quantities
from process_operator.kube.manifest import Manifest
from process_operator.models.environment import EnvFromSource, EnvVar
from process_operator.models.pod import PodSettings
from process_operator.models.ports import MAIN_NAME, NamedPort, TransportProtocol
from process_operator.models.probes import Probe
from process_operator.models.process import ProcessType
from process_operator.models.resource_type import CPULimit
from process_operator.models.security import PodSecurity
from process_operator.models.snapshot import ResourceType, SnapshotProcess
from process_operator.models.volumes import Volume

PORT_NAME = MAIN_NAME
"""Name of the container's port. Services and probes use it, so that they are right for old and new
pods alike while a release changes the number."""
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
            "containers": [_container(target, settings)],
            "volumes": [_volume(volume) for volume in _volumes(target)],
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
            "envFrom": _env_from((*target.snapshot.env_from, *entry.env_from)),
            "resources": _resources(entry.resource_type),
            "livenessProbe": _probe(entry.liveness_probe, entry.port),
            "readinessProbe": _probe(entry.readiness_probe, entry.port),
            "startupProbe": _probe(entry.startup_probe, entry.port),
            "lifecycle": _lifecycle(entry),
            "securityContext": _container_security_context(target),
            "volumeMounts": [_mount(volume) for volume in _volumes(target)],
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
    main = [{"name": PORT_NAME, "containerPort": entry.port, "protocol": "TCP"}]
    return [
        *(main if entry.port is not None else ()),
        *(
            {"name": one.name, "containerPort": one.port, "protocol": str(protocol_of(one))}
            for one in entry.ports
        ),
    ]


def protocol_of(one: NamedPort) -> TransportProtocol:
    """Return what a port takes."""
    return one.protocol or TransportProtocol.TCP


def _env(target: Target) -> list[Manifest]:
    """Return PORT, the application's variables in their order, then what only the process has."""
    merged = {one.name: one for one in (*target.snapshot.env, *target.entry.env)}
    if target.entry.port is not None:
        # First, so that later values may say $(PORT); the number that the Service leads to wins.
        port = EnvVar(name=PORT_VARIABLE, value=str(target.entry.port))
        merged = {PORT_VARIABLE: port} | merged | {PORT_VARIABLE: port}
    return [_variable(one) for one in merged.values()]


def _variable(one: EnvVar) -> Manifest:
    made = shape.filled(shape.declared(one))
    resource = made.get("valueFrom", {}).get("resourceFieldRef", {})
    if "divisor" in resource:
        resource["divisor"] = quantities.canonical(str(resource["divisor"]))
    return made


def _env_from(sources: Iterable[EnvFromSource]) -> list[Manifest]:
    return [shape.filled(shape.declared(source)) for source in sources]


def _resources(given: ResourceType) -> Manifest:
    """Requests equal limits, unless the size says otherwise: no less and no more than it says."""
    amounts = {"cpu": given.cpu, "memory": given.memory}
    asked = shape.declared(given.requests) if given.requests is not None else {}
    devices = {name: quantities.canonical(str(count)) for name, count in given.extended.items()}
    limited = {"memory": given.memory} if given.cpu_limit is CPULimit.NONE else amounts
    return {"requests": amounts | asked | devices, "limits": limited | devices}


def _probe(probe: Probe | None, port: int | None) -> Manifest | None:
    if probe is None:
        return None
    made = shape.declared(probe)
    if "httpGet" in made:
        _connect_to_pod(made["httpGet"])
        _name_host_in_header(made["httpGet"], probe)
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


def _container_security_context(target: Target) -> Manifest:
    """Return what `restricted` demands; `baseline` leaves root what it needs to become a user.

    Images that start as root change owners of files and switch to another user: under `baseline`
    they keep the runtime's default capabilities for that, and need not run as another user at once.
    """
    made: Manifest = {"allowPrivilegeEscalation": False}
    if target.snapshot.pod_security is PodSecurity.RESTRICTED:
        made["capabilities"] = {"drop": ["ALL"]}
    return made


def _volumes(target: Target) -> list[Volume]:
    """Return the application's volumes and the process's, which win by name and by mount path."""
    own = {volume.name: volume for volume in target.entry.volumes}
    taken = {volume.mount_path for volume in own.values()}
    shared = {
        volume.name: volume
        for volume in target.snapshot.volumes
        if volume.name in own or volume.mount_path not in taken
    }
    return list((shared | own).values())


def _volume(volume: Volume) -> Manifest:
    made = shape.declared(volume)
    for of_the_mount in ("mountPath", "readOnly", "subPath"):
        made.pop(of_the_mount, None)
    limit = made.get("emptyDir", {}).get("sizeLimit")
    if limit is not None:
        made["emptyDir"]["sizeLimit"] = quantities.canonical(str(limit))
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
