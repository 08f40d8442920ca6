import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from local_cluster import images, oci

CONTENTS = {"gosh": b"a shell", "sample": b"a program", "pause": b"it sleeps"}


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def entries(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as opened:
        return {one.name: content(opened, one) for one in opened.getmembers()}


def content(opened: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    handle = opened.extractfile(entry)
    assert handle is not None
    return handle.read()


def blob(found: dict[str, bytes], descriptor: dict[str, Any]) -> bytes:
    """Return what a descriptor points to; it tells the truth about it."""
    data = found[f"blobs/{descriptor['digest'].replace(':', '/')}"]
    assert descriptor["digest"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert descriptor["size"] == len(data)
    return data


def test_an_archive_leads_from_its_index_to_every_file_of_every_image(programs: Path) -> None:
    archive = programs / "images.tar"
    oci.write_archive(archive, images.all_images(programs))

    found = entries(archive)
    assert json.loads(found["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads(found["index.json"])
    files: dict[str, set[str]] = {}
    for one in index["manifests"]:
        manifest = json.loads(blob(found, one))
        config = json.loads(blob(found, manifest["config"]))
        layers = [blob(found, layer) for layer in manifest["layers"]]
        digests = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
        assert config["rootfs"] == {"type": "layers", "diff_ids": digests}
        files[one["annotations"]["io.containerd.image.name"]] = {
            entry.name
            for layer in layers
            for entry in tarfile.open(fileobj=io.BytesIO(layer))  # noqa: SIM115
            if entry.isfile()
        }

    sample = {"sample", "bin/sh"}
    assert files == {
        images.PAUSE: {"pause"},
        **{f"{images.SAMPLE}:{version}": sample for version in ("v1", "v2", "v3")},
    }


def test_an_image_runs_as_a_user_that_pod_security_restricted_takes(programs: Path) -> None:
    for image in images.all_images(programs):
        manifest = json.loads(image.blobs[image.digest])
        config = json.loads(image.blobs[manifest["config"]["digest"]])
        assert config["config"]["User"] == "65532:65532"


def test_versions_of_the_sample_differ_in_one_variable_only(programs: Path) -> None:
    _, *versions = images.all_images(programs)
    manifests = [json.loads(one.blobs[one.digest]) for one in versions]
    configs = [
        json.loads(image.blobs[manifest["config"]["digest"]])["config"]
        for image, manifest in zip(versions, manifests, strict=True)
    ]

    assert [config.pop("Env")[-1] for config in configs] == [
        "VERSION=v1",
        "VERSION=v2",
        "VERSION=v3",
    ]
    assert configs[0] == configs[1] == configs[2]
    assert manifests[0]["layers"] == manifests[1]["layers"] == manifests[2]["layers"]


def test_the_same_programs_make_the_same_archive_byte_for_byte(programs: Path) -> None:
    first, second = programs / "first.tar", programs / "second.tar"
    oci.write_archive(first, images.all_images(programs))
    (programs / "sample").touch()
    oci.write_archive(second, images.all_images(programs))

    assert first.read_bytes() == second.read_bytes()


def test_another_program_makes_another_digest(programs: Path) -> None:
    before = [image.digest for image in images.all_images(programs)]
    (programs / "sample").write_bytes(b"another program")
    after = [image.digest for image in images.all_images(programs)]

    assert before[0] == after[0]
    assert not set(before[1:]) & set(after[1:])
