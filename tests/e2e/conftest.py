"""Real pods, the real Traefik, and the operator as users have it: its image, by its chart."""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import demo
import installation
import local_cluster
import running
import userside
from local_cluster import DIRECTORY, Cluster, build, control_plane, state, traefik
from local_cluster.entrance import Entrance

_PLACE = "PROCESS_OPERATOR_TEST_PLACE"
"""Tells the workers of a run where everything is, or why there is nothing."""
_TOLD = "told"
_WAS_UP = pytest.StashKey[bool]()
"""Whether there was a cluster before: then it stays."""
_CLUSTER = pytest.StashKey[local_cluster.Cluster]()


def pytest_configure(config: pytest.Config) -> None:
    """Bring cluster, Traefik and operator up once, before the workers of this run are started."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    provider = os.environ.get("CLUSTER", "") or "node"
    if obstacle := _obstacle(provider):
        os.environ[_PLACE] = json.dumps({"obstacle": obstacle})
        return
    config.stash[_WAS_UP] = local_cluster.is_up()
    cluster = local_cluster.up(provider)
    demo.stop_operator(cluster)
    entrance = traefik.ensure(cluster)
    config.stash[_CLUSTER] = cluster
    installation.install(cluster, "crds.keep=true")
    os.environ[_PLACE] = json.dumps(
        {
            "kubeconfig": str(cluster.kubeconfig),
            "kubectl": str(cluster.kubectl),
            "host": entrance.host,
            "port": entrance.port,
        }
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    cluster = config.stash.get(_CLUSTER, None)
    if cluster is None:
        return
    installation.uninstall(cluster)
    if not config.stash[_WAS_UP] and not os.environ.get("KEEP"):
        local_cluster.down()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip everything where no pod can run."""
    if obstacle := _place().get("obstacle"):
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=obstacle))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what tools that follow Git were seen to say, and loudly what was not tested."""
    lines = [
        line
        for kind in ("passed", "failed")
        for report in terminalreporter.getreports(kind)
        for name, line in report.user_properties
        if name == _TOLD
    ]
    for line in [("tool", "story", "what was seen", "seconds"), *sorted(lines)] if lines else ():
        terminalreporter.write_line("| " + " | ".join(str(one) for one in line) + " |")
    if obstacle := _place().get("obstacle"):
        count = len(terminalreporter.getreports("skipped"))
        terminalreporter.write_line(
            f"{count} TESTS WITH REAL PODS WERE SKIPPED: {obstacle}", red=True, bold=True
        )


def _obstacle(provider: str) -> str:
    if provider == "kwok":
        return "CLUSTER=kwok has no real pods: use CLUSTER=node"
    return local_cluster.obstacle(provider)


def _place() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(os.environ.get(_PLACE, "{}"))
    return found


@pytest.fixture(scope="session")
def entrance() -> Entrance:
    """Return where Traefik takes requests."""
    return Entrance(class_name=traefik.NAME, host=_place()["host"], port=_place()["port"])


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    return Path(_place()["kubeconfig"])


@pytest.fixture(scope="session")
def cluster(kubeconfig: Path) -> Cluster:
    return Cluster(
        provider=os.environ.get("CLUSTER", "") or state.load(DIRECTORY).provider,
        directory=DIRECTORY,
        kubeconfig=kubeconfig,
        bin=build.BIN,
        audit_log=control_plane.audit_log(DIRECTORY),
    )


@pytest.fixture
def told(record_property: Callable[[str, object], None]) -> Callable[[str, str, str, float], None]:
    """Return what puts a line into the table of what tools that follow Git were seen to say."""

    def record(tool: str, story: str, seen: str, seconds: float) -> None:
        record_property(_TOLD, (tool, story, seen, round(seconds, 1)))

    return record


@pytest.fixture(scope="session")
def program() -> Path:
    """Return kubectl itself."""
    return Path(_place()["kubectl"])


@pytest.fixture(scope="session")
def kubectl(kubeconfig: Path, program: Path) -> Callable[..., str]:
    return running.kubectl(program, kubeconfig)


@pytest.fixture
def namespace(kubectl: Callable[..., str]) -> Iterator[str]:
    """Return a namespace in which Pod Security refuses what is not restricted."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def here(kubectl: Callable[..., str], namespace: str) -> userside.Namespace:
    """Return the test's namespace, as somebody with kubectl sees it."""
    return userside.Namespace(kubectl, namespace)


@pytest.fixture(scope="session")
def tiny(kubectl: Callable[..., str]) -> None:
    """Make a machine size that leaves room for many pods on two cores."""
    size = {
        "apiVersion": "process-operator.dev/v1alpha1",
        "kind": "ProcessResourceType",
        "metadata": {"name": "tiny"},
        "spec": {"category": "hobby", "cpu": "50m", "memory": "64Mi"},
    }
    kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(size))
