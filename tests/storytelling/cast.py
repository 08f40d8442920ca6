"""The objects that every story has: where they stand, and as what they begin."""

from datetime import UTC, datetime
from typing import Any

import orjson

import userside
from process_operator.controller.observe.records import ApplicationKey
from process_operator.kube import names

Body = dict[str, Any]
Place = tuple[str, str, str]
NAMESPACE = "demo"
KEY = ApplicationKey(NAMESPACE, "shop")
START = datetime(2026, 1, 5, 12, 0, 0, tzinfo=UTC)
SMALL: Body = {
    "apiVersion": names.API_VERSION,
    "kind": names.RESOURCE_TYPE_KIND,
    "metadata": {"name": "s1"},
    "spec": {"cpu": "500m", "memory": "1Gi", "category": "standard", "default": True},
}


def copied(body: Body) -> Body:
    """Return an object as it comes over the wire: nobody else's changes show in it."""
    copy: Body = orjson.loads(orjson.dumps(body))
    return copy


def place_of(kind: str, name: str) -> Place:
    """Return where an object of this story stands."""
    return (kind, "" if kind == names.RESOURCE_TYPE_KIND else NAMESPACE, name)


def application(image: str = "1", **spec: Any) -> Body:
    """Return the application `shop`."""
    plain = userside.application(**spec)
    plain["spec"] |= {"image": f"registry.example.com/shop:{image}", "release": {}} | spec
    return plain


def request(name: str, **spec: Any) -> Body:
    """Return a release made by hand."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.RELEASE_KIND,
        "metadata": {"name": name},
        "spec": {"applicationRef": {"name": "shop"}, **spec},
    }
