import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import local_cluster
from local_cluster import (
    Cluster,
    ClusterError,
    components,
    images,
    leftovers,
    machine,
    network,
    providers,
)
from local_cluster import state as states
from local_cluster.components import Component
from local_cluster.providers.current import Current
from local_cluster.providers.kind import Kind
from local_cluster.state import State

Refuses = Callable[..., None]


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(directory=tmp_path)


@pytest.fixture
def refuses(monkeypatch: pytest.MonkeyPatch) -> Refuses:
    """Give providers an obstacle; all others have none."""

    def give(**obstacles: str) -> None:
        for name, provider in local_cluster.PROVIDERS.items():
            text = obstacles.get(name, "")
            monkeypatch.setattr(type(provider), "obstacle", lambda _, __, text=text: text)

    return give


@pytest.fixture
def fit(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let the machine be one that lacks nothing; a test takes away what it is about."""
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(machine, "_is_root", lambda: True)
    monkeypatch.setattr(machine, "_lacking_capabilities", lambda: "")
    monkeypatch.setattr(machine, "_cgroups_are_writable", lambda: True)
    monkeypatch.setattr(machine, "missing_packages", list)
    monkeypatch.setattr(machine, "_installs_packages", lambda: False)
    monkeypatch.setattr(machine, "_other_cluster", lambda _: "")
    return monkeypatch


def chosen(state: State, wanted: str = "", order: Sequence[str] = local_cluster.BEST) -> str:
    return local_cluster._choose(wanted, state, order).name


def test_without_a_choice_the_best_that_the_machine_can_have_is_taken_and_told(
    state: State, refuses: Refuses, capsys: pytest.CaptureFixture[str]
) -> None:
    refuses()

    assert chosen(state) == "node"
    assert capsys.readouterr().out == (
        "cluster: node (its pods really run; CLUSTER= chooses another)\n"
    )


@pytest.mark.parametrize(("engine", "taken"), [("", "kind"), ("no engine answers", "node")])
def test_the_demo_takes_kind_where_an_engine_answers(
    state: State, refuses: Refuses, engine: str, taken: str
) -> None:
    refuses(**({"kind": engine} if engine else {}))
    assert chosen(state, order=local_cluster.QUICKEST) == taken


def test_what_keeps_a_better_one_away_is_told_in_the_same_line(
    state: State, refuses: Refuses, capsys: pytest.CaptureFixture[str]
) -> None:
    refuses(node="pods need root")

    assert chosen(state) == "kwok"
    assert capsys.readouterr().out == "cluster: kwok (not node: pods need root)\n"


@pytest.mark.parametrize("name", ["kind", "current"])
def test_what_is_not_ours_is_taken_by_choice_only(
    state: State, refuses: Refuses, name: str
) -> None:
    refuses(node="no", kwok="no")
    with pytest.raises(ClusterError, match=r"^not node: no; not kwok: no$"):
        chosen(state)

    assert chosen(state, name) == name


def test_a_choice_that_cannot_be_had_is_refused_with_the_reason(
    state: State, refuses: Refuses
) -> None:
    refuses(node="pods need root")
    with pytest.raises(ClusterError, match=r"^no node cluster: pods need root$"):
        chosen(state, "node")


def test_an_unknown_choice_is_answered_with_the_known_ones(state: State) -> None:
    with pytest.raises(ClusterError, match=r"use one of node, kwok, kind, current$"):
        chosen(state, "minikube")


def test_the_cluster_that_is_there_is_kept(
    state: State, refuses: Refuses, capsys: pytest.CaptureFixture[str]
) -> None:
    refuses()
    state.provider = "kwok"

    assert chosen(state) == "kwok"
    assert "it was chosen when the cluster was made" in capsys.readouterr().out
    with pytest.raises(ClusterError, match="a kwok cluster is there already"):
        chosen(state, "node")


def test_a_machine_that_lacks_nothing_has_no_obstacle(
    fit: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del fit
    assert machine.obstacle(tmp_path) == ""


@pytest.mark.parametrize(
    ("gap", "told"),
    [
        ((platform, "system", lambda: "Darwin"), "pods need Linux, and this is Darwin"),
        ((machine, "_is_root", lambda: False), "pods need root: run it as the machine's root"),
        ((machine, "_lacking_capabilities", lambda: "CAP_SYS_ADMIN"), "root lacks CAP_SYS_ADMIN"),
        ((machine, "_cgroups_are_writable", lambda: False), "/sys/fs/cgroup cannot be written"),
        ((machine, "missing_packages", lambda: ["containerd", "runc"]), "containerd, runc missing"),
        ((machine, "DISK_NEEDED_BYTES", 2**70), "GB free: free some"),
        ((machine, "_other_cluster", lambda _: "the kube-proxy of /elsewhere"), "of /elsewhere"),
    ],
)
def test_what_the_machine_lacks_is_told_in_one_line(
    fit: pytest.MonkeyPatch, tmp_path: Path, gap: tuple[Any, str, Any], told: str
) -> None:
    fit.setattr(*gap)

    obstacle = machine.obstacle(tmp_path / "not" / "there" / "yet")

    assert told in obstacle
    assert "\n" not in obstacle


def test_packages_that_can_be_installed_are_no_obstacle(
    fit: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fit.setattr(machine, "missing_packages", lambda: ["containerd"])
    fit.setattr(machine, "_installs_packages", lambda: True)

    assert machine.obstacle(tmp_path) == ""


def test_packages_are_installed_without_removing_any(
    fit: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = ["conntrack", "runc"]
    ran: list[Sequence[str]] = []

    def run(command: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        if "install" in command:
            missing.clear()
        return subprocess.CompletedProcess(command, 0, "", "")

    fit.setattr(machine, "missing_packages", lambda: list(missing))
    fit.setattr(subprocess, "run", run)

    machine.install_packages()

    assert capsys.readouterr().out == "cluster: installing conntrack runc by apt-get\n"
    assert [command[1] for command in ran] == ["update", "install"]
    assert {"--yes", "--no-remove", "conntrack", "runc"} <= set(ran[1])


def test_packages_that_cannot_be_had_are_named_with_the_remedy(fit: pytest.MonkeyPatch) -> None:
    fit.setattr(machine, "missing_packages", lambda: ["runc"])
    failed = subprocess.CompletedProcess([], 100, "", "E: no\nnetwork")
    fit.setattr(subprocess, "run", lambda *_, **__: failed)

    with pytest.raises(ClusterError) as raised:
        machine.install_packages()

    assert str(raised.value) == (
        "apt-get update failed: install runc by hand, or use CLUSTER=kwok (E: no network)"
    )


def test_kind_needs_an_engine_that_answers(monkeypatch: pytest.MonkeyPatch, state: State) -> None:
    monkeypatch.setenv("PATH", str(state.directory))

    assert "neither Docker nor Podman answers" in Kind().obstacle(state)


def test_kind_loads_our_images_into_a_cluster_named_after_the_directory(
    monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    ran = programs_that_succeed(monkeypatch, state.directory)

    cluster = Kind().up(state)
    Kind().down(state)

    name = network.bridge_name(state.directory)
    kubeconfig, archive = cluster.kubeconfig, state.directory / "images.tar"
    assert [line for line in ran() if line.startswith("kind ")] == [
        "kind get clusters",
        f"kind create cluster --name {name} --kubeconfig {kubeconfig}",
        f"kind export kubeconfig --name {name} --kubeconfig {kubeconfig}",
        f"kind load image-archive {archive} --name {name}",
        f"kind delete cluster --name {name}",
    ]
    assert archive.exists()
    assert cluster.audit_log is None
    assert cluster.has_real_pods


def programs_that_succeed(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> Callable[[], Sequence[str]]:
    """Put programs on PATH that do nothing; return what was asked of them."""
    asked = folder / "asked"
    for name in ("docker", "kind", *images.PROGRAMS):
        program = folder / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> {asked}\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(local_cluster.build, "ensure", lambda _: folder)
    return lambda: asked.read_text().splitlines()


KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: theirs, cluster: {server: "https://theirs.example.com"}}]
contexts:
- {name: first, context: {cluster: theirs, user: me}}
- {name: second, context: {cluster: theirs, user: me}}
current-context: first
users: [{name: me, user: {token: secret}}]
"""


@pytest.fixture
def no_kubeconfig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return where KUBECONFIG points to; nothing is there."""
    path = tmp_path / "theirs"
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


needs_kubectl = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not on PATH")


def test_without_a_context_there_is_no_current_cluster(no_kubeconfig: Path, state: State) -> None:
    assert not no_kubeconfig.exists()
    assert "there is no current context: set KUBECONFIG" in Current().obstacle(state)

    no_kubeconfig.write_text(KUBECONFIG)

    assert Current().obstacle(state) == ""


@needs_kubectl
def test_a_cluster_that_does_not_answer_is_not_taken(no_kubeconfig: Path, state: State) -> None:
    no_kubeconfig.write_text(KUBECONFIG.replace("theirs.example.com", "127.0.0.1:1"))

    with pytest.raises(ClusterError, match="context first does not answer"):
        Current().up(state)


def test_what_was_made_is_remembered(state: State) -> None:
    state.provider = "node"
    state.network = network.Network(bridge="po-1", pods="10.244.1.0/24", services="10.96.0.0/16")
    state.sysctls = {"net/ipv4/ip_forward": "0"}
    state.save()

    assert states.load(state.directory) == state


def test_a_change_of_its_configuration_restarts_a_process(state: State) -> None:
    config = state.directory / "config"

    def pid(text: str) -> int:
        one = Component(name="sleeper", command=["sleep", "60"], files={config: text})
        components.ensure(state, [one])
        found: int = state.processes["sleeper"]["pid"]
        return found

    try:
        first = pid("one")
        touched = config.stat().st_mtime_ns
        assert pid("one") == first
        assert config.stat().st_mtime_ns == touched
        assert pid("two") != first
        assert config.read_text() == "two"
    finally:
        components.stop(state, ["sleeper"])


def test_every_provider_is_known_by_its_name() -> None:
    for name, provider in local_cluster.PROVIDERS.items():
        known: providers.Provider = provider
        assert known.name == name


def test_only_kwok_has_no_real_pods(tmp_path: Path) -> None:
    real = {
        name
        for name in local_cluster.PROVIDERS
        if Cluster(
            provider=name, directory=tmp_path, kubeconfig=tmp_path, bin=tmp_path, audit_log=None
        ).has_real_pods
    }
    assert real == {"node", "kind", "current"}


def test_cgroups_are_found_while_the_runtime_removes_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pod's cgroup that goes between being listed and being opened is nobody's any more."""
    kept, going = tmp_path / "node" / "kept", tmp_path / "node" / "going"
    (kept / "container").mkdir(parents=True)
    going.mkdir()
    (kept / "container" / "cgroup.procs").write_text(f"{os.getpid()}\n")
    listed = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path) == going:
            going.rmdir()
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(machine, "cgroups", lambda name: {tmp_path: tmp_path / name})
    assert [process.pid for process in leftovers._in_cgroups("node")] == [os.getpid()]
    assert not going.exists()
