"""The sizes that come with the operator: made once, where nobody has made them.

They cannot come with the CRDs in one apply, because a server takes no object of a kind that it does
not know yet; and an upgrade must not set back what a platform has made of them.
"""

import logging
from collections.abc import Container, Iterable
from typing import Protocol

from process_operator.kube.errors import AlreadyExists, ApiError
from process_operator.kube.manifest import Manifest

log = logging.getLogger("process_operator")


class Creates(Protocol):
    """Whoever makes objects."""

    async def create(self, manifest: Manifest) -> Manifest:
        """Create an object that must not be there yet."""
        ...


async def create_missing(
    api: Creates, manifests: Iterable[Manifest], known: Container[str]
) -> None:
    """Create the resource types whose names are not known; what is there is left as it is."""
    for one in manifests:
        name = one["metadata"]["name"]
        if name in known:
            continue
        about = {"kind": one["kind"], "object": name}
        try:
            await api.create(one)
        except AlreadyExists:
            continue
        except ApiError as error:
            log.warning("could not be created", extra=about | {"detail": str(error)})
            continue
        log.info("created, because it was missing", extra=about)
