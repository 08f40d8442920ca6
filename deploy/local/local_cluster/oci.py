"""Container images as OCI archives, made without an engine and without a registry.

An archive is a function of what is in it, byte for byte: its files belong to nobody and are of no
time but the one that is given. So the digest of an image tells whether somebody holds it already.
"""

import gzip
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME_ANNOTATION = "io.containerd.image.name"
USER = 65532
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer, as it is stored, and the digest of what it holds once it is unpacked."""

    content: bytes
    diff_id: str
    media_type: str = _LAYER


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image by its name, the digest of its manifest or index, and all blobs by digest."""

    name: str
    digest: str
    blobs: Mapping[str, bytes]
    media_type: str = _MANIFEST
    platform: Mapping[str, str] | None = None

    @property
    def descriptor(self) -> dict[str, Any]:
        """What names this image in an index."""
        found = descriptor(self.media_type, self.blobs[self.digest])
        return found | ({"platform": dict(self.platform)} if self.platform else {})


def architecture() -> str:
    """Return this machine's architecture, as images name it."""
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, machine)


def image(
    name: str,
    layers: Sequence[Layer],
    settings: Mapping[str, Any],
    *,
    of: str | None = None,
    created: str | None = None,
) -> Image:
    """Return the image of these layers; it runs as a numeric user that is not root.

    Args:
        name: What it is called.
        layers: The lowest first.
        settings: Entry point, environment, labels, as an image's configuration has them.
        of: The architecture; this machine's without one.
        created: When it was made, as RFC 3339 says it.
    """
    runs_on = {"architecture": of or architecture(), "os": "linux"}
    config = encoded(
        {
            **runs_on,
            **({"created": created} if created else {}),
            "config": {"User": f"{USER}:{USER}", **settings},
            "rootfs": {"type": "layers", "diff_ids": [one.diff_id for one in layers]},
        }
    )
    manifest = encoded(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": descriptor(_CONFIG, config),
            "layers": [descriptor(one.media_type, one.content) for one in layers],
        }
    )
    contents = (*(one.content for one in layers), config, manifest)
    blobs = {digest(content): content for content in contents}
    return Image(name=name, digest=digest(manifest), blobs=blobs, platform=runs_on)


def index(name: str, images: Sequence[Image]) -> Image:
    """Return one image of the same one for several architectures."""
    content = encoded(
        {
            "schemaVersion": 2,
            "mediaType": _INDEX,
            "manifests": [one.descriptor for one in images],
        }
    )
    blobs = {key: blob for one in images for key, blob in one.blobs.items()}
    found = digest(content)
    return Image(name=name, digest=found, blobs=blobs | {found: content}, media_type=_INDEX)


def layer(files: Mapping[str, bytes], *, folders: Sequence[str] = ()) -> Layer:
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
            add(archive, name, data, mode=0o755)
    return Layer(content.getvalue(), digest(content.getvalue()))


def folder_layer(folder: Path, *, mtime: int) -> Layer:
    """Return a compressed layer of all that is in a folder: of root, of one time, in order.

    Args:
        folder: Its files keep their modes, without those of group and others to write.
        mtime: Seconds since 1970 that every entry bears.
    """
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in _sorted(folder):
            entry = archive.gettarinfo(path, arcname=path.relative_to(folder).as_posix())
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = mtime
            if entry.isfile():
                with path.open("rb") as opened:
                    archive.addfile(entry, opened)
            else:
                archive.addfile(entry)
    plain = content.getvalue()
    packed = gzip.compress(plain, compresslevel=9, mtime=0)
    return Layer(packed, digest(plain), f"{_LAYER}+gzip")


def _sorted(folder: Path) -> Iterable[Path]:
    return sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix())


def write_archive(path: Path, images: Sequence[Image]) -> None:
    """Write one OCI archive with all images; layers that they share are in it once."""
    document = {
        "schemaVersion": 2,
        "mediaType": _INDEX,
        "manifests": [
            {
                **descriptor(one.media_type, one.blobs[one.digest]),
                "annotations": {
                    NAME_ANNOTATION: one.name,
                    "org.opencontainers.image.ref.name": one.name.rpartition(":")[2],
                },
            }
            for one in images
        ],
    }
    blobs = {digest: content for one in images for digest, content in one.blobs.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive:
        add(archive, "oci-layout", encoded({"imageLayoutVersion": "1.0.0"}))
        add(archive, "index.json", encoded(document))
        for key, content in sorted(blobs.items()):
            add(archive, f"blobs/{key.replace(':', '/')}", content)
    temporary.replace(path)


def add(archive: tarfile.TarFile, name: str, content: bytes, *, mode: int = 0o644) -> None:
    """Add a file of nobody's and of no time, so that the same content makes the same archive."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = mode
    archive.addfile(entry, io.BytesIO(content))


def descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    """Return what names a blob."""
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


def digest(content: bytes) -> str:
    """Return the digest of a blob, with the name of its algorithm."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def encoded(document: Mapping[str, Any]) -> bytes:
    """Return a document as JSON, always the same way."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
