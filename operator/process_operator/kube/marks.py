"""What is left in the metadata of an object when the operator begins to act on it.

Whoever copies an object, restores it from a backup or applies what `kubectl get -o yaml` has
printed makes another one of the same content, whose status is gone: it looks as if it had never
been acted on. Annotations come along, and a mark that names another uid tells it from the original.
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


def manifest(kind: str, namespace: str, name: str, mark: Mark) -> Manifest:
    """Return the apply that marks an object."""
    text = f"{mark.uid}/{_GENERATED}" if mark.is_generated else mark.uid
    return {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name, "annotations": {names.TAKEN_UP: text}},
    }
