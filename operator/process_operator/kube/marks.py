"""What is left in the metadata of an object when the operator begins to act on it.

Whoever copies an object, restores it from a backup or applies what `kubectl get -o yaml` has
printed makes another one of the same content, whose status is gone: it looks as if it had never
been acted on. Annotations come along, and a mark that names another uid tells it from the original.
With it a request that has no owner gets the application that it is for: it would stay behind
otherwise, with the environment in its record. An owner beside another would keep it instead.
"""

from typing import NamedTuple

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


def manifest(
    kind: str, namespace: str, name: str, mark: Mark, owner: Manifest | None = None
) -> Manifest:
    """Return the apply that marks an object, and lets it go when its owner goes."""
    text = f"{mark.uid}/{_GENERATED}" if mark.is_generated else mark.uid
    metadata: Manifest = {
        "namespace": namespace,
        "name": name,
        "annotations": {names.TAKEN_UP: text},
    }
    if owner is not None:
        metadata["ownerReferences"] = [owner]
    return {"apiVersion": names.API_VERSION, "kind": kind, "metadata": metadata}
