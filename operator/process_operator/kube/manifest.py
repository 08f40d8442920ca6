"""A Kubernetes object as JSON, and who it goes with."""

from typing import Any

from process_operator.kube import names

Manifest = dict[str, Any]
"""A Kubernetes object as JSON: what server-side apply takes."""


def owner(kind: str, name: str, uid: str) -> Manifest:
    """Return a reference to one of our own objects, with which another one goes."""
    return {"apiVersion": names.API_VERSION, "kind": kind, "name": name, "uid": uid}


def controller(kind: str, name: str, uid: str) -> Manifest:
    """Return a reference to the one of our own objects that keeps another one in step."""
    return {**owner(kind, name, uid), "controller": True, "blockOwnerDeletion": True}
