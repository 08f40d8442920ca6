"""An object as the API server tells it, with the metadata that every one has."""

from typing import Any

from process_operator.kube.manifest import Manifest

ABOUT = {
    "namespace": "ns",
    "name": "shop-web",
    "uid": "u-1",
    "resourceVersion": "7",
    "creationTimestamp": "2026-01-02T03:04:05Z",
}


def found(**changed: Any) -> Manifest:
    """Return an object with these parts; metadata that is given is added to the usual."""
    return {"metadata": ABOUT | changed.pop("metadata", {}), **changed}
