"""What is left in the metadata of an object when the operator begins to act on it.

Whoever copies an object, restores it from a backup or applies what `kubectl get -o yaml` has
printed makes another one of the same content, whose status is gone: it looks as if it had never
been acted on. Annotations come along, and a mark that names another uid tells it from the original.
With it a request gets the application that it is for as an owner: it would stay behind otherwise,
with the environment in its record.
"""

from typing import Any, NamedTuple

from process_operator.kube import names
from process_operator.kube.manifest import Manifest

_GENERATED = "generated"


class Mark(NamedTuple):
    """What a mark says."""

    uid: str = ""
    """uid of the object that was marked, "" without a mark."""
    is_generated: bool = False
    """Whether its name came from a generateName, which a backup does not bring back."""


def read(annotation: str | None) -> Mark:
    """Return what a mark says; anybody may write anything there."""
    uid, _, word = (annotation or "").partition("/")
    return Mark(uid[:64], word == _GENERATED)


class Application(NamedTuple):
    """The application that a request is for."""

    name: str
    uid: str


def manifest(
    kind: str, namespace: str, name: str, mark: Mark, owner: Application | None = None
) -> Manifest:
    """Return the apply that marks an object, and lets it go when its owner goes.

    The owner is none that controls: who made the object keeps it, and who it was is still told.
    """
    text = f"{mark.uid}/{_GENERATED}" if mark.is_generated else mark.uid
    metadata: dict[str, Any] = {
        "namespace": namespace,
        "name": name,
        "annotations": {names.TAKEN_UP: text},
    }
    if owner is not None:
        reference = {"apiVersion": names.API_VERSION, "kind": names.APPLICATION_KIND}
        metadata["ownerReferences"] = [{**reference, "name": owner.name, "uid": owner.uid}]
    return {"apiVersion": names.API_VERSION, "kind": kind, "metadata": metadata}
