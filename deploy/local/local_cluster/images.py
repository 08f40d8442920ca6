"""The images of the local cluster: the sandbox's, and the sample in its versions."""

from collections.abc import Sequence
from pathlib import Path

from local_cluster.oci import Image, image, layer

PAUSE = "process-operator.dev/pause:1"
SAMPLE = "process-operator.dev/sample"
SAMPLE_VERSIONS = ("v1", "v2", "v3")
PROGRAMS = ("sample", "pause", "gosh")


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
