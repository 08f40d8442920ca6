"""`make demo-kind`: the image of kind's node, made from packages, where no registry has one.

It is Debian's packages, the files that kind's own module brings for its node, and the programs that
the node provider runs too. kind takes it by the name that `KIND_NODE_IMAGE` gives.

What differs from the image that kind publishes:

- containerd, runc and the network plugins are Debian's, and containerd's settings are kind's, but
  for the hook that hides the machine's serial number;
- the images of the control plane are made of our programs, and that of kube-proxy of Debian's nft;
- pods are joined by the plugin `bridge` in place of kindnet: there is one node;
- there is no provisioner of volumes, as the demo and the tests claim none.
"""

import json
import shutil
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local_cluster import build, errors, images, machine, oci
from local_cluster.build import KUBERNETES_VERSION
from local_cluster.oci import Image
from local_cluster.providers import kind

NAME = "localhost/process-operator-kind-node:latest"
_DEBIAN = "bookworm"
_PACKAGES = (
    *("systemd", "systemd-sysv", "mount", "kmod", "procps", "jq", "ca-certificates"),
    *("containerd", "runc", "containernetworking-plugins"),
    *("iproute2", "iptables", "nftables", "conntrack", "ethtool", "socat"),
)
_PROXY_PACKAGES = ("iptables", "nftables", "conntrack")
_PROGRAMS = ("kubelet", "kubeadm", "kubectl")
_STATIC = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
_REGISTRY = "registry.k8s.io"
_ROOT = {"User": "0:0", "Env": ["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
_NETWORK = {
    "cniVersion": "0.4.0",
    "name": "pods",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "pods0",
            "isDefaultGateway": True,
            "ipMasq": True,
            "hairpinMode": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.0.0/24"}]]},
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}
_IMPORT_UNIT = """\
[Unit]
Description=Imports the images that this node holds
After=containerd.service
Before=kubelet.service multi-user.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/ctr --namespace k8s.io images import /kind/images.tar

[Install]
WantedBy=multi-user.target
"""
_CONTAINERD = {
    '  base_runtime_spec = "/etc/containerd/cri-base.json"\n': "",
    "restrict_oom_score_adj = false": "restrict_oom_score_adj = true",
}
"""No hook of kind's; and a machine whose root may not lower scores can run pods too."""
_KUBELET = {"KUBELET_EXTRA_ARGS=": "KUBELET_EXTRA_ARGS=--fail-cgroupv1=false "}
"""A machine with the first version of cgroups is good enough to try things."""
_SERVICES = ("containerd", "kubelet", "undo-mount-hacks", "import-images")
_PLACES = {
    "usr/local/bin/containerd": "/usr/bin/containerd",
    "usr/local/bin/ctr": "/usr/bin/ctr",
    "usr/local/bin/containerd-shim-runc-v2": "/usr/bin/containerd-shim-runc-v2",
    "usr/local/sbin/runc": "/usr/sbin/runc",
    "opt/cni/bin": "/usr/lib/cni",
}
"""Where kind's files look for what Debian has elsewhere."""


def main() -> int:
    """Make the image, and give it to the engine."""
    try:
        print(f"kind-node: {make(build.CHECKOUT / 'build' / 'kind-node')}")
    except errors.ClusterError as error:
        print(f"kind-node: {error}", file=sys.stderr)
        return 1
    return 0


def make(folder: Path) -> str:
    """Make the image in a folder of its own, and return its name in the engine.

    Raises:
        ClusterError: Something that is needed is missing, or failed.
    """
    engine = kind.engine()
    if not engine:
        raise errors.ClusterError("neither Docker nor Podman answers: start one of them")
    machine.ensure_program("mmdebstrap")
    programs = build.ensure((*_PROGRAMS, *_STATIC, "kube-proxy", "coredns", *images.PROGRAMS))
    shutil.rmtree(folder, ignore_errors=True)
    root = folder / "root"
    _debian(folder / "root.tar", _PACKAGES)
    _unpack(folder / "root.tar", root)
    _lay_out(root, programs)
    _debian(folder / "proxy.tar", _PROXY_PACKAGES)
    held = _images(programs, (folder / "proxy.tar").read_bytes())
    oci.write_archive(root / "kind" / "images.tar", held)
    _give(engine, root)
    return NAME


def _debian(archive: Path, packages: Sequence[str]) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    chosen = f"--include={','.join(packages)}"
    machine.run("mmdebstrap", "--quiet", "--variant=minbase", chosen, _DEBIAN, str(archive))


def _unpack(archive: Path, root: Path) -> None:
    root.mkdir()
    machine.run("tar", "--extract", "--file", str(archive), "--directory", str(root))


def _lay_out(root: Path, programs: Path) -> None:
    """Put all that is not Debian's into its place."""
    shutil.copytree(_files_of_kind(), root, dirs_exist_ok=True, symlinks=True)
    for script in (*(root / "usr/local/bin").iterdir(), *(root / "kind/bin").iterdir()):
        script.chmod(0o755)
    for name in _PROGRAMS:
        shutil.copy2(programs / name, root / "usr/bin" / name)
    for place, target in _PLACES.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).symlink_to(target)
    _write(root / "kind/version", f"v{KUBERNETES_VERSION}")
    _write(root / "kind/manifests/default-cni.yaml", _note("cni", "the plugin bridge joins pods"))
    _write(root / "kind/manifests/default-storage.yaml", _note("storage", "nothing provides it"))
    _write(root / "etc/cni/net.d/10-pods.conflist", json.dumps(_NETWORK))
    _write(root / "etc/systemd/system/import-images.service", _IMPORT_UNIT)
    (root / "etc/kubernetes/manifests").mkdir(parents=True)
    _set_up_systemd(root)
    _change(root / "etc/containerd/config.toml", _CONTAINERD)
    _change(root / "etc/default/kubelet", _KUBELET)


def _note(name: str, text: str) -> str:
    """Return a manifest that does nothing, where kind wants to apply one."""
    about = {"name": f"kind-{name}", "namespace": "kube-system"}
    found = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {"note": text}}
    return json.dumps(found)


def _set_up_systemd(root: Path) -> None:
    """Let systemd start what makes a node, and nothing that is for machines."""
    for wanted in (
        *(root / "etc/systemd/system").glob("*.wants/*"),
        *(root / "lib/systemd/system/multi-user.target.wants").glob("*"),
        *(root / "lib/systemd/system/local-fs.target.wants").glob("*"),
        *(root / "lib/systemd/system/sockets.target.wants").glob("*udev*"),
        *(root / "lib/systemd/system/sysinit.target.wants").glob("systemd-tmpfiles-setup.service"),
    ):
        wanted.unlink()
    units = root / "etc/systemd/system"
    (units / "multi-user.target.wants").mkdir(exist_ok=True)
    for name in _SERVICES:
        link = units / "multi-user.target.wants" / f"{name}.service"
        link.symlink_to(f"/etc/systemd/system/{name}.service")
    (units / "systemd-binfmt.service").symlink_to("/dev/null")


def _files_of_kind() -> Path:
    """Return what kind's module brings for its node: the same version as the program."""
    tool = build.TOOLS["kind"]
    asked = f"{tool.package}@{tool.version}"
    found: dict[str, Any] = json.loads(
        machine.run(str(build.find_go()), "mod", "download", "-json", asked)
    )
    return Path(found["Dir"]) / "images" / "base" / "files"


def _images(programs: Path, proxy: bytes) -> Sequence[Image]:
    """Return the images that kubeadm asks for, by the names that it gives them."""
    asked = ("config", "images", "list", f"--kubernetes-version=v{KUBERNETES_VERSION}")
    listed = machine.run(str(programs / "kubeadm"), *asked).split()
    named = {name.rpartition("/")[2].partition(":")[0]: name for name in listed}

    def program(name: str, place: str) -> oci.Layer:
        return oci.layer({place: (programs / name).read_bytes()})

    made = [
        oci.image(named[name], [program(name, f"usr/local/bin/{name}")], _ROOT) for name in _STATIC
    ]
    debian = oci.Layer(proxy, oci.digest(proxy))
    proxy_layers = [debian, program("kube-proxy", "usr/local/bin/kube-proxy")]
    made.append(oci.image(named["kube-proxy"], proxy_layers, _ROOT))
    # Nobody else may take port 53 without the capabilities of a file, which archives do not keep.
    coredns = {"User": "0:0", "Entrypoint": ["/coredns"]}
    made.append(oci.image(named["coredns"], [program("coredns", "coredns")], coredns))
    # The sandbox of every pod, by the name that containerd's settings give it.
    pause = {"Entrypoint": ["/pause"]}
    made.append(oci.image(f"{_REGISTRY}/pause:3.10", [program("pause", "pause")], pause))
    return made


def _give(engine: str, root: Path) -> None:
    """Import a root file system as an image that starts as kind's does."""
    archive = root.with_name("image.tar")
    with tarfile.open(archive, "w") as opened:
        opened.add(root, arcname=".")
    start = json.dumps(["/usr/local/bin/entrypoint", "/sbin/init"])
    settings = (f"ENTRYPOINT {start}", "STOPSIGNAL SIGRTMIN+3", "ENV container=docker")
    changes = [part for one in settings for part in ("--change", one)]
    machine.run(engine, "import", *changes, str(archive), NAME)


def _change(path: Path, changes: Mapping[str, str]) -> None:
    text = path.read_text()
    for old, new in changes.items():
        if old not in text:
            raise errors.ClusterError(
                f"{path.name} of kind's module has no {old.strip()!r} any more"
            )
        text = text.replace(old, new)
    path.write_text(text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
