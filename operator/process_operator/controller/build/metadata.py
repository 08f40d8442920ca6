"""Metadata of children: how each is named, found again, and taken along when its process goes."""

from collections.abc import Mapping

from process_operator.controller.resolve.target import Target
from process_operator.kube import names
from process_operator.kube.manifest import Manifest, controller


def name(target: Target) -> str:
    """Return the name that all children of a process share, but for its CronJob."""
    return names.child(target.application, target.entry.key)


def labels(target: Target) -> dict[str, str]:
    """Return the labels of a process's children and of its pods."""
    return names.labels(target.application, target.entry.key, str(target.entry.type))


def selector(target: Target) -> dict[str, str]:
    """Return the labels that select a process's pods."""
    return names.selector(target.application, target.entry.key)


def child(
    target: Target, child_name: str, annotations: Mapping[str, str] | None = None
) -> Manifest:
    """Return the metadata of one child, owned by the Process so that it goes when that goes."""
    made: Manifest = {
        "name": child_name,
        "namespace": target.namespace,
        "labels": labels(target),
        "ownerReferences": [controller(names.PROCESS_KIND, target.process, target.uid)],
    }
    if annotations:
        made["annotations"] = dict(annotations)
    return made
