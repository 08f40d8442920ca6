"""The list of materials of an image (CycloneDX): every package, its version and its hash."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from operator_image.debian import SUITE, Package

_NAMESPACE = uuid.UUID("6f1f1f0e-5d8c-4f0c-9c5e-0c6f0e6b7a11")


def document(
    name: str,
    version: str,
    *,
    packages: Iterable[Package],
    distributions: Iterable[tuple[str, str]],
    hashes: Mapping[str, Sequence[str]],
    at: datetime,
) -> dict[str, Any]:
    """Return the list.

    Args:
        name: Of the image.
        version: Of the image.
        packages: Debian's packages, of every architecture.
        distributions: Name and version of each Python distribution.
        hashes: The locked hashes of a distribution's files, by its lower-case name.
        at: When the image was made.
    """
    main = {"type": "container", "bom-ref": f"{name}@{version}", "name": name, "version": version}
    components = [*map(_debian, packages), *(_python(*one, hashes) for one in distributions)]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{name}@{version}@{at.isoformat()}')}",
        "version": 1,
        "metadata": {"timestamp": at.isoformat(), "component": main},
        "components": sorted(components, key=lambda one: str(one["bom-ref"])),
    }


def _debian(one: Package) -> dict[str, Any]:
    url = f"pkg:deb/debian/{one.name}@{one.version}?arch={one.architecture}&distro={SUITE}"
    return _component(one.name, one.version, url, [one.sha256])


def _python(name: str, version: str, hashes: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    own = hashes.get(name.lower().replace("_", "-"), ())
    return _component(name, version, f"pkg:pypi/{name.lower()}@{version}", own)


def _component(name: str, version: str, url: str, hashes: Sequence[str]) -> dict[str, Any]:
    listed = [{"alg": "SHA-256", "content": one} for one in hashes]
    about = {"type": "library", "name": name, "version": version, "purl": url, "bom-ref": url}
    return about | ({"hashes": listed} if listed else {})
