"""A real API server with real controllers, and the operator as its own ServiceAccount."""

import functools
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kubernetes import client, config

import audit
import local_cluster
import running
import userside

ROOT = Path(__file__).parents[2]
_KUBECONFIG = "PROCESS_OPERATOR_TEST_KUBECONFIG"
_OPERATOR = pytest.StashKey[running.Operator]()


def pytest_configure(config: pytest.Config) -> None:
    """Bring cluster and operator up once, before the workers of this run are started."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    # Pods by stages: what is told here is between the operator and the API server.
    cluster = local_cluster.up("kwok", ROOT / "build" / "cluster-kwok")
    os.environ[_KUBECONFIG] = str(cluster.kubeconfig)
    config.stash[_OPERATOR] = running.operator(cluster)


def pytest_unconfigure(config: pytest.Config) -> None:
    operator = config.stash.get(_OPERATOR, None)
    if operator is not None:
        operator.stop()


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    return Path(os.environ[_KUBECONFIG])


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> client.ApiClient:
    return config.new_client_from_config(str(kubeconfig))


@pytest.fixture(scope="session")
def kubectl(kubeconfig: Path) -> Callable[..., str]:
    return running.kubectl(ROOT / "build/cluster/bin/kubectl", kubeconfig)


@pytest.fixture
def namespace(api: client.ApiClient) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:10]}"
    core = client.CoreV1Api(api)
    core.create_namespace({"metadata": {"name": name}})
    yield name
    core.delete_namespace(name)


@pytest.fixture
def here(kubectl: Callable[..., str], namespace: str) -> userside.Namespace:
    """Return the test's namespace, as somebody with kubectl sees it."""
    return userside.Namespace(kubectl, namespace)


@pytest.fixture
def writes(kubeconfig: Path, namespace: str) -> Callable[[], list[str]]:
    """Return what the operator has written in the test's namespace, when nothing more comes."""
    return functools.partial(audit.writes, kubeconfig.parent / "audit.log", namespace)
