"""The Job of a job process within one release: made once, never changed, owned by the release."""

from collections.abc import Mapping

from process_operator.controller.build import metadata, pod
from process_operator.controller.resolve.target import Target
from process_operator.kube import names
from process_operator.kube.manifest import Manifest, controller

API_VERSION = "batch/v1"
KIND = "Job"


def job(
    target: Target,
    *,
    name: str,
    owner: Manifest,
    timeout_seconds: int,
    environment: Mapping[str, str],
) -> Manifest:
    """Return the Job of one run of a job process.

    Args:
        target: The process, with the snapshot that it runs.
        name: Name of the Job.
        owner: `kind`, `name` and `uid` of the object that the Job belongs to.
        timeout_seconds: When the run is stopped, unless the process has a limit of its own.
        environment: Variables that tell the run what it is for; they win over the user's.
    """
    limits = target.entry.run
    own_timeout = limits.timeout_seconds if limits is not None else None
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "name": name,
            "namespace": target.namespace,
            "labels": metadata.labels(target) | names.NO_BACKUP,
            "ownerReferences": [controller(**owner)],
        },
        "spec": {
            "backoffLimit": limits.retries if limits is not None else 0,
            "activeDeadlineSeconds": own_timeout if own_timeout is not None else timeout_seconds,
            "template": _template(target, environment),
        },
    }


def _template(target: Target, environment: Mapping[str, str]) -> Manifest:
    template = pod.template(target)
    (container,) = template["spec"]["containers"]
    kept = [one for one in container.get("env", ()) if one["name"] not in environment]
    told = [{"name": name, "value": value} for name, value in environment.items() if value]
    if kept or told:
        container["env"] = [*kept, *told]
    return template
