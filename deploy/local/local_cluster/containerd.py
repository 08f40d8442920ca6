"""The container runtime: a containerd of the cluster's own, with its pod network."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from local_cluster import errors, images, machine, oci
from local_cluster.components import Component
from local_cluster.network import Network
from local_cluster.oci import Image

NAMESPACE = "k8s.io"


def socket(directory: Path) -> Path:
    """Where containerd listens."""
    return _state(directory) / "containerd.sock"


def component(directory: Path, network: Network) -> Component:
    """Return the process, with the configuration of runtime and pod network."""
    folder = directory / "containerd"
    config = folder / "config.toml"
    return Component(
        name="containerd",
        files={
            config: _config(directory),
            folder / "networks" / "10-pods.conflist": _pod_network(directory, network),
        },
        command=[machine.program("containerd"), "--config", str(config)],
        is_ready=lambda: _ctr(directory, "version").returncode == 0,
    )


def import_images(directory: Path, wanted: Sequence[Image]) -> None:
    """Import the images that the runtime does not hold in this very state."""
    held = {
        tuple(line.split()[index] for index in (0, 2))
        for line in _ctr(directory, "images", "list").stdout.splitlines()[1:]
    }
    missing = [image for image in wanted if (image.name, image.digest) not in held]
    if not missing:
        return
    archive = directory / "containerd" / "images.tar"
    oci.write_archive(archive, missing)
    import_archive(directory, archive)
    archive.unlink()


def import_archive(directory: Path, archive: Path) -> None:
    """Import what an archive holds for this machine's architecture."""
    result = _ctr(directory, "images", "import", str(archive))
    if result.returncode != 0:
        raise errors.ClusterError(f"containerd refused our images: {result.stderr.strip()}")


def shim_sockets(directory: Path) -> list[Path]:
    """Return the sockets that live outside the directory: containerd allows no other place."""
    found = []
    for bundle in (_state(directory) / "io.containerd.runtime.v2.task" / NAMESPACE).glob("*"):
        address = bundle / "address"
        if address.exists():
            found.append(Path(address.read_text().strip().removeprefix("unix://")))
        bootstrap = bundle / "bootstrap.json"
        if bootstrap.exists():
            text = json.loads(bootstrap.read_text())["address"]
            found.append(Path(text.removeprefix("unix://")))
    return found


def _state(directory: Path) -> Path:
    return directory / "containerd" / "state"


def _ctr(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(machine.program("ctr"), "--address", str(socket(directory))),
            *("--connect-timeout", "2s", "--namespace", NAMESPACE, *arguments),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def _config(directory: Path) -> str:
    """Return the configuration: whatever is made or mounted stays below the directory."""
    folder = directory / "containerd"
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""\
version = 2
root = "{folder}/root"
state = "{folder}/state"

[grpc]
address = "{socket(directory)}"

[plugins."io.containerd.internal.v1.opt"]
path = "{folder}/opt"

[{cri}]
sandbox_image = "{images.PAUSE}"
stream_server_address = "127.0.0.1"
netns_mounts_under_state_dir = true
# Without CAP_SYS_RESOURCE runc cannot lower the score, and no pod would start.
restrict_oom_score_adj = true

[{cri}.cni]
bin_dir = "{machine.network_plugins()}"
conf_dir = "{folder}/networks"

[{cri}.containerd]
snapshotter = "{_snapshotter(directory)}"
default_runtime_name = "runc"

[{cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[{cri}.containerd.runtimes.runc.options]
BinaryName = "{machine.program("runc")}"
Root = "{folder}/state/runc"
SystemdCgroup = false
"""


def _snapshotter(directory: Path) -> str:
    """Choose copies where the directory is an overlay itself: overlays do not stack."""
    return "native" if machine.file_system(directory) == "overlay" else "overlayfs"


def _pod_network(directory: Path, network: Network) -> str:
    return json.dumps(
        {
            "cniVersion": "0.4.0",
            "name": network.bridge,
            "plugins": [
                {
                    "type": "bridge",
                    "bridge": network.bridge,
                    "isGateway": True,
                    "hairpinMode": True,
                    "ipam": {
                        "type": "host-local",
                        "dataDir": str(directory / "containerd" / "addresses"),
                        "ranges": [[{"subnet": network.pods}]],
                        "routes": [{"dst": "0.0.0.0/0"}],
                    },
                },
            ],
        },
        indent=2,
    )
