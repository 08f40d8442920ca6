"""Applications as replies tell them."""

from collections.abc import Iterable, Sequence

from process_operator.api.presenters import deployments, pages, times, waiting
from process_operator.api.presenters.views import Reply, ReplyContext
from process_operator.api.reads import cache
from process_operator.api.reads.cache import Record
from process_operator.api.reads.ownership import FieldConflict
from process_operator.models.release import ReleaseState

_BUILD_NOTHING: Reply = {
    "build_type": "dockerfile",
    "build_path": ".",
    "dockerfile_path": "Dockerfile",
    "docker_context": ".",
    "build_cache_enabled": False,
    "auto_deploy": False,
    "wait_for_checks": False,
    "hibernation_enabled": False,
}
"""What the fields of builds and of hibernation say where there is neither."""
BUILD_FIELDS = _BUILD_NOTHING | {"source": "dockerImage"}


# Applications.


def application_item(record: Record, status: str | None) -> Reply:
    """Return an application as lists have it."""
    spec = record.spec
    return {
        "id": record.uid,
        "name": record.name,
        "display_name": spec.get("displayName", record.name),
        "status": status,
        "type": "app",
        "source": "dockerImage",
        "is_suspended": bool(spec.get("suspend")),
        "created_at": times.time(record.created_at),
        "updated_at": times.time(record.updated_at),
    }


def application(
    record: Record,
    status: str | None,
    view: ReplyContext,
    *,
    cluster_id: str | None,
    taken: Sequence[FieldConflict] = (),
) -> Reply:
    """Return an application with all its fields."""
    spec = record.spec
    nothing = dict.fromkeys(
        (
            "company_id",
            "docker_registry_credential_id",
            "pack_builder",
            "nixpacks_version",
            "hibernate_after_seconds",
            "git_type",
            "repo_url",
            "default_branch",
            "created_by",
        )
    )
    reply = {
        **application_item(record, status),
        **nothing,
        **_BUILD_NOTHING,
        "buildpacks": [],
        "allow_deploy_paths": [],
        "ignore_deploy_paths": [],
        "project_id": record.marks.get(cache.PROJECT),
        "cluster_id": cluster_id,
        "namespace": record.namespace,
        "docker_image": spec.get("image"),
        "pending": waiting.of_application(spec, record.status, view.snapshot),
    }
    return pages.with_taken(reply, taken)


_DEPLOYMENT_STATES = {
    ReleaseState.WAITING: "deploymentInProgress",
    ReleaseState.IN_PROGRESS: "deploymentInProgress",
    ReleaseState.SUCCESS: "deploymentSuccess",
    ReleaseState.FAILED: "deploymentFailed",
    ReleaseState.CANCELLED: "deploymentCancelled",
}


def application_status(releases: Iterable[Record]) -> str | None:
    """Return what became of the newest deployment that was not skipped."""
    for record in pages.newest_first(releases):
        told = _DEPLOYMENT_STATES.get(deployments.state_of(record))
        if told is not None:
            return told
    return None
