"""Makes container images without a registry: an OCI archive that a container runtime imports.

An archive is a function of the programs in it, byte for byte. So the digest of an image tells
whether a runtime holds it already.
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME_ANNOTATION = "io.containerd.image.name"
PAUSE = "process-operator.dev/pause:1"
SAMPLE = "process-operator.dev/sample"
SAMPLE_VERSIONS = ("v1", "v2", "v3")
PROGRAMS = ("sample", "pause", "gosh")
USER = 65532
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image by its name, the digest of its manifest, and all blobs by digest."""

    name: str
    digest: str
    blobs: Mapping[str, bytes]


def all_images(programs: Path) -> Sequence[Image]:
    """Return the sandbox's image and the sample's versions, made of the programs in a directory."""
    shell = layer({"bin/sh": (programs / "gosh").read_bytes()})
    program = layer({"sample": (programs / "sample").read_bytes()}, folders=("work",))
    pause = layer({"pause": (programs / "pause").read_bytes()})
    samples = [
        image(
            f"{SAMPLE}:{version}",
            [shell, program],
            {
                "Entrypoint": ["/sample"],
                "Env": ["PATH=/:/bin", f"VERSION={version}"],
                "ExposedPorts": {"8080/tcp": {}},
                "WorkingDir": "/work",
            },
        )
        for version in SAMPLE_VERSIONS
    ]
    return [image(PAUSE, [pause], {"Entrypoint": ["/pause"]}), *samples]


def image(name: str, layers: Sequence[bytes], settings: Mapping[str, Any]) -> Image:
    """Return the image of these layers; it runs as a numeric user that is not root."""
    machine = platform.machine()
    config = _json(
        {
            "architecture": _ARCHITECTURES.get(machine, machine),
            "os": "linux",
            "config": {"User": f"{USER}:{USER}", **settings},
            "rootfs": {"type": "layers", "diff_ids": [_digest(content) for content in layers]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, config),
            "layers": [_descriptor(_LAYER, content) for content in layers],
        }
    )
    blobs = {_digest(content): content for content in (*layers, config, manifest)}
    return Image(name=name, digest=_digest(manifest), blobs=blobs)


def layer(files: Mapping[str, bytes], *, folders: Sequence[str] = ()) -> bytes:
    """Return a layer that holds executable files (and the folders above them)."""
    above = {str(parent) for name in files for parent in Path(name).parents} - {"."}
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for folder in sorted(above | set(folders)):
            entry = tarfile.TarInfo(folder)
            entry.type = tarfile.DIRTYPE
            entry.mode = 0o755
            archive.addfile(entry)
        for name, data in sorted(files.items()):
            _add(archive, name, data, mode=0o755)
    return content.getvalue()


def write_archive(path: Path, images: Sequence[Image]) -> None:
    """Write one OCI archive with all images; layers that they share are in it once."""
    index = {
        "schemaVersion": 2,
        "mediaType": _INDEX,
        "manifests": [
            {
                **_descriptor(_MANIFEST, one.blobs[one.digest]),
                "annotations": {NAME_ANNOTATION: one.name},
            }
            for one in images
        ],
    }
    blobs = {digest: content for one in images for digest, content in one.blobs.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive:
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", _json(index))
        for digest, content in sorted(blobs.items()):
            _add(archive, f"blobs/{digest.replace(':', '/')}", content)
    temporary.replace(path)


def _add(archive: tarfile.TarFile, name: str, content: bytes, *, mode: int = 0o644) -> None:
    """Add a file of nobody's and of no time, so that the same content makes the same archive."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = mode
    archive.addfile(entry, io.BytesIO(content))


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
