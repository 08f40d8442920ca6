"""What a user of the REST API does and sees: the API as a process of its own, keys and requests."""

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import connecting
import running
import serve_api
from local_cluster import Cluster, build, network
from process_operator.api.access.keys import KeySet, Role
from process_operator.cli.keys import bound, changed
from process_operator.cluster import client
from serve_api import NAMESPACE
from userside import IMAGE

Body = dict[str, Any]

NEW_PROJECTS = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: new-projects}
rules:
  - {apiGroups: [""], resources: [namespaces], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: new-projects}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: new-projects}
subjects:
  - {kind: ServiceAccount, name: process-operator-api, namespace: process-operator}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: new-projects, namespace: process-operator}
rules:
  - apiGroups: [""]
    resources: [secrets]
    resourceNames: [process-operator-api-keys]
    verbs: [patch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: new-projects, namespace: process-operator}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: new-projects}
subjects:
  - {kind: ServiceAccount, name: process-operator-api, namespace: process-operator}
"""
"""What api.projects.enabled of the chart adds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: bytes

    @property
    def body(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """An API that somebody else has started: where it answers, and where it logs."""

    port: int
    metrics_port: int
    log: Path


class Api:
    """The API as a process of its own, on this machine only."""

    def __init__(
        self, kubeconfig: Path, log: Path, *arguments: str, keys_namespace: str = NAMESPACE
    ) -> None:
        self.log = log
        self._keys_namespace = keys_namespace
        self._arguments = arguments
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.metrics_port = 0

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and return when everything is listed and watched."""
        self.port, self.metrics_port = network.free_port(), network.free_port()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(running.PYTHON, "-m", "process_operator", "api"),
                    *("--host", "127.0.0.1", "--port", str(self.port)),
                    *("--metrics-port", str(self.metrics_port)),
                    *("--keys-namespace", self._keys_namespace, "--log-format", "text"),
                    *("--log-level", "debug", *self._arguments),
                ],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while not self._is_ready():
            assert self._process.poll() is None, f"the API ended: see {self.log}"
            assert time.monotonic() < deadline, f"the API is not ready: see {self.log}"
            time.sleep(0.1)

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=30)

    def _is_ready(self) -> bool:
        try:
            return Client(self).get("/readyz").status == 200
        except OSError:
            return False


def metrics(api: Api | Served) -> str:
    """Return what Prometheus is told."""
    url = f"http://127.0.0.1:{api.metrics_port}/metrics"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


@dataclass(frozen=True, slots=True)
class Client:
    """Requests with one key, or with none."""

    api: Api | Served
    key: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send one request; names of headers are written with underscores."""
        return self.send(
            method, path, None if body is None else json.dumps(body).encode(), **headers
        )

    def send(self, method: str, path: str, data: bytes | None, **headers: str) -> Answer:
        """Send one request whose body need not be JSON."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            given.setdefault("authorization", f"Bearer {self.key}")
        if data is not None:
            given["content-type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.api.port, timeout=30)
        try:
            connection.request(method, path, body=data, headers=self.headers | given)
            answer = connection.getresponse()
            answered = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(status=answer.status, headers=answered, text=answer.read())
        finally:
            connection.close()

    def lines(self, path: str, **query: Any) -> Generator[Body, None, None]:
        """Yield what an answer that goes on tells line by line, but for those without words."""
        connection = http.client.HTTPConnection("127.0.0.1", self.api.port, timeout=60)
        try:
            headers = {"authorization": f"Bearer {self.key}"}
            connection.request("GET", f"{path}?{urllib.parse.urlencode(query)}", headers=headers)
            with connection.getresponse() as answer:
                assert answer.status == 200, answer.read()
                while line := answer.readline():
                    if line.strip():
                        yield json.loads(line)
        finally:
            connection.close()

    def get(self, path: str, **query: Any) -> Answer:
        """Read."""
        return self.ask("GET", f"{path}?{urllib.parse.urlencode(query)}" if query else path)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """Create, or ask for something."""
        return self.ask("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Answer:
        """Change."""
        return self.ask("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Answer:
        """Delete."""
        return self.ask("DELETE", path, **headers)

    def done(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request that has to succeed; return the body of its answer."""
        answer = self.ask(method, path, body, **headers)
        assert 200 <= answer.status < 300, (method, path, answer.status, answer.text)
        return answer.body


def keys(kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `process-operator keys`, as an administrator."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "process_operator", "keys", *arguments),
            *("--keys-namespace", NAMESPACE),
        ],
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        text=True,
        capture_output=True,
        check=False,
    )


def new_key(
    kubeconfig: Path,
    namespace: str,
    role: str = "write",
    name: str = "",
    keys_namespace: str = NAMESPACE,
) -> str:
    """Make a key as an administrator; without a process of its own, which takes seconds."""

    async def made() -> str | None:
        async with client.Cluster(connecting.connection(kubeconfig)) as api:
            namespaces = await bound(api, [namespace])

            def add(book: KeySet) -> str:
                return book.add(
                    name=name or f"{namespace}-{role}",
                    role=Role(role),
                    namespaces=namespaces,
                    now=datetime.now(UTC),
                    lifetime=None,
                )

            return await changed(api, keys_namespace, add)

    text = asyncio.run(made())
    assert text is not None
    return text


@contextmanager
def serving(kubeconfig: Path, provider: str, folder: Path, *arguments: str) -> Iterator[Api]:
    """Run the API as its own ServiceAccount; no limit of rates but where a test is about it."""
    cluster = Cluster(
        provider=provider,
        directory=kubeconfig.parent,
        kubeconfig=kubeconfig,
        bin=build.BIN,
        audit_log=None,
    )
    own = serve_api.install(cluster, folder / "kubeconfig")
    log = kubeconfig.parent / "logs" / f"api-under-test-{os.getpid()}.log"
    started = Api(own, log, "--rate-scale", "10000", *arguments)
    try:
        started.start()
        yield started
    finally:
        started.stop()


def user(rest: Api | Served, kubeconfig: Path, namespace: str) -> Client:
    """Return a user whose key may write in a namespace, as soon as the API knows of both."""
    client = Client(rest, new_key(kubeconfig, namespace))
    running.until(lambda: client.get("/v3/api-keys/validate").status == 200, seconds=10)
    running.until(lambda: client.get("/v3/projects").body["total"] == 1, seconds=10)
    return client


class App:
    """One application, as a user of the API has it."""

    def __init__(self, me: Client, *, image: str | None = f"{IMAGE}:v1") -> None:
        self.me = me
        sizes = me.done("GET", "/v3/resources/process-resource-types")
        self.sizes = {one["name"]: one["id"] for one in sizes}
        self.cluster = me.done("GET", "/v3/resources/clusters")[0]["id"]
        body = {"display_name": "Shop", "cluster_id": self.cluster, "source": "dockerImage"}
        self.made = me.done(
            "POST", "/v3/applications", body | ({"docker_image": image} if image else {})
        )
        self.path = f"/v3/applications/{self.made['id']}"
        self.web = self.processes()[0]
        self.web_path = f"{self.path}/processes/{self.web['id']}"

    def processes(self) -> list[Body]:
        """Return its processes."""
        found: list[Body] = self.me.done("GET", f"{self.path}/processes")["data"]
        return found

    def process(self, kind: str, **more: Any) -> Body:
        """Create a process."""
        body = {"display_name": kind, "type": kind, "resource_type_id": self.sizes["s1"], **more}
        made: Body = self.me.done("POST", f"{self.path}/processes", body)
        return made

    def deploy(self, **body: Any) -> Body:
        """Trigger a deployment; return it when it has ended."""
        asked = self.me.done("POST", f"{self.path}/deployments", body)
        assert asked["status"] == "waiting"
        return self.ended(asked["id"])

    def ended(self, identifier: str) -> Body:
        """Wait until a deployment has ended; return it."""
        path = f"{self.path}/deployments/{identifier}"
        running.until(lambda: self.me.get(path).body["finished_at"] is not None)
        found: Body = self.me.done("GET", path)
        return found
