"""A real API server, from KUBECONFIG or the local cluster; without one these tests are skipped."""

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kubernetes import client, config

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    path = Path(os.environ.get("KUBECONFIG") or ROOT / "build/cluster/kubeconfig")
    if not path.exists():
        pytest.skip(f"no cluster: {path} does not exist; run `make cluster`")
    return path


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> client.ApiClient:
    return config.new_client_from_config(str(kubeconfig))


@pytest.fixture(scope="session")
def kubectl(kubeconfig: Path) -> Callable[..., str]:
    program = ROOT / "build/cluster/bin/kubectl"

    def run(*arguments: str, stdin: str | None = None) -> str:
        command = [str(program), "--kubeconfig", str(kubeconfig), *arguments]
        done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def namespace(api: client.ApiClient) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:10]}"
    core = client.CoreV1Api(api)
    core.create_namespace({"metadata": {"name": name}})
    yield name
    core.delete_namespace(name)
