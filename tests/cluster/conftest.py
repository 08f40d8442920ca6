"""A real API server with real controllers; operator and REST API, each as its ServiceAccount."""

import functools
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import audit
import connecting
import local_cluster
import plain
import receiving
import restside
import running
import userside
from local_cluster import Cluster, build

ROOT = Path(__file__).parents[2]
_KUBECONFIG = "PROCESS_OPERATOR_TEST_KUBECONFIG"
_REST = "PROCESS_OPERATOR_TEST_REST"
_STARTED = pytest.StashKey[ExitStack]()
_CLUSTER = ROOT / "build" / "cluster-kwok"


def pytest_configure(config: pytest.Config) -> None:
    """Bring everything up once, before the workers of this run are started."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    # Pods by stages: what is told here is between the operator and the API server.
    cluster = local_cluster.up("kwok", _CLUSTER)
    os.environ[_KUBECONFIG] = str(cluster.kubeconfig)
    with ExitStack() as started:
        started.callback(running.operator(cluster).stop)
        own = _CLUSTER / "rest-api"
        own.mkdir(exist_ok=True)
        rest = started.enter_context(
            restside.serving(cluster.kubeconfig, "kwok", own, *receiving.ALLOWED)
        )
        os.environ[_REST] = json.dumps(
            {"port": rest.port, "metrics_port": rest.metrics_port, "log": str(rest.log)}
        )
        config.stash[_STARTED] = started.pop_all()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the cluster, and all that the tests have left in it."""
    started = config.stash.get(_STARTED, None)
    if started is not None:
        started.close()
        local_cluster.down(_CLUSTER)


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    return Path(os.environ[_KUBECONFIG])


@pytest.fixture(scope="session")
def cluster(kubeconfig: Path) -> Cluster:
    """Return the cluster, as what installs into it needs it."""
    return Cluster(
        provider="kwok",
        directory=kubeconfig.parent,
        kubeconfig=kubeconfig,
        bin=build.BIN,
        audit_log=None,
    )


@pytest.fixture(scope="session")
def rest() -> restside.Served:
    """Return the REST API of this run; no limit of rates but where a test is about it."""
    served = json.loads(os.environ[_REST])
    return restside.Served(**served | {"log": Path(served["log"])})


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> Iterator[plain.ApiServer]:
    server = plain.ApiServer(connecting.connection(kubeconfig))
    yield server
    server.close()


@pytest.fixture(scope="session")
def kubectl(kubeconfig: Path) -> Callable[..., str]:
    return running.kubectl(build.BIN / "kubectl", kubeconfig)


@pytest.fixture
def namespace(api: plain.ApiServer) -> str:
    """Return a new namespace, which goes with the cluster: to remove it takes eighty requests."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    assert api.send("POST", "/api/v1/namespaces", made)[0] == 201
    return name


@pytest.fixture
def here(kubectl: Callable[..., str], namespace: str) -> userside.Namespace:
    """Return the test's namespace, as somebody with kubectl sees it."""
    return userside.Namespace(kubectl, namespace)


@pytest.fixture
def writes(kubeconfig: Path, namespace: str) -> Callable[[], list[str]]:
    """Return what the operator has written in the test's namespace, when nothing more comes."""
    return functools.partial(audit.writes, kubeconfig.parent / "audit.log", namespace)


@pytest.fixture
def me(rest: restside.Served, kubeconfig: Path, namespace: str) -> restside.Client:
    """Return a user whose key may write in the test's namespace."""
    return restside.user(rest, kubeconfig, namespace)


@pytest.fixture
def app(me: restside.Client) -> restside.App:
    """Return a new application of that user."""
    return restside.App(me)
