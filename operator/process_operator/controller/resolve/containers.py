"""What no rule of a CRD sees of containers beside the process: all that names them, together."""

from process_operator.controller.resolve.refusal import Refusal
from process_operator.kube.reasons import Reason
from process_operator.models import pod, volumes
from process_operator.models.application import ApplicationSpec
from process_operator.models.pod import PodSettings
from process_operator.models.process import ProcessSpec
from process_operator.models.security import PodSecurity


def refusal(
    application: ApplicationSpec, process: ProcessSpec, size: PodSettings | None
) -> Refusal | None:
    """Return why the pods of a process could not be, or would not be what is meant."""
    settings = pod.merged(application.pod, process.pod, size)
    known = {one.name for one in volumes.merged(application.volumes, process.volumes)}
    restricted = (application.pod_security or PodSecurity.RESTRICTED) is PodSecurity.RESTRICTED
    twice = {one.name for one in settings.sidecars} & {one.name for one in settings.init_containers}
    if twice:
        return _refused(
            f'spec.pod: "{min(twice)}" is an init container and a sidecar, of application, process '
            "and resource type together; give one of them another name"
        )
    for one in settings.containers:
        unknown = sorted({mount.name for mount in one.volume_mounts} - known)
        if unknown:
            return _refused(
                f'spec.pod: volumeMounts of container "{one.name}" name no volume: "{unknown[0]}"; '
                "add it to spec.volumes of the process or its application"
            )
        user = one.security_context.run_as_user if one.security_context is not None else None
        if user == 0 and restricted:
            return Refusal(
                reason=Reason.POD_SECURITY_REFUSED,
                message=f'spec.pod: securityContext.runAsUser of container "{one.name}" must not '
                "be 0 under spec.podSecurity restricted of the ProcessApplication; choose another "
                "user, or set podSecurity to baseline there",
            )
    return None


def _refused(message: str) -> Refusal:
    return Refusal(reason=Reason.POD_REFUSED, message=message)
