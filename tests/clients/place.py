"""Where clients are tried: a cluster with the operator, the API over HTTPS, and a key for each."""

import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import local_cluster
import restside
import running
import serve_api
from local_cluster.certificates import Store

KINDS = "papp,pproc,prel,prun,deployments,cronjobs,jobs,services,ingresses,hpa"
ADDRESS = "127.0.0.1"


class SecureApi(restside.Api):
    """The API over HTTPS, as a process of its own; its certificate is of an authority of its own.

    There is no limit of rates: what the clients are tried for is not how often they ask.
    """

    def __init__(self, kubeconfig: Path, log: Path, folder: Path) -> None:
        store = Store(folder)
        store.ensure_server("api", addresses=[ADDRESS])
        certificate, key = store.certificate("api"), store.key("api")
        super().__init__(
            kubeconfig,
            log,
            *("--tls-certificate", str(certificate), "--tls-key", str(key)),
            *("--rate-scale", "10000", "--webhooks", "on", "--projects", "on"),
        )
        self.authority = store.certificate("ca")
        self._trust = ssl.create_default_context(cafile=self.authority)

    def answers(self, path: str, key: str = "") -> bool:
        """Whether a path answers with success."""
        connection = http.client.HTTPSConnection(ADDRESS, self.port, context=self._trust, timeout=5)
        try:
            connection.request("GET", path, headers={"authorization": f"Bearer {key}"})
            return connection.getresponse().status == HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    def _is_ready(self) -> bool:
        return self.answers("/readyz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a client is given, and how what it does is seen from the other side."""

    url: str
    """The base address, as clients have it in their settings."""
    authority: Path
    """Certificate of the one who has signed the API's."""
    key: str
    namespace: str
    """The one that the key may use."""
    project: str
    """Its id."""
    kubectl: Callable[..., str]

    def objects(self) -> list[str]:
        """Return every object there is of ours, and of what is made of ours."""
        return self.inside("get", KINDS, "-o", "name").split()

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object."""
        found: dict[str, Any] = json.loads(self.inside("get", kind, name, "-o", "json"))
        return found

    def await_success(self, deployment: str) -> None:
        """Wait until a deployment has ended, and see that it has ended well."""

        def state() -> str:
            found = json.loads(self.inside("get", "prel", "-o", "json"))["items"]
            (mine,) = [one for one in found if one["metadata"]["uid"] == deployment]
            return str(mine.get("status", {}).get("state", "waiting"))

        running.until(lambda: state() not in {"waiting", "inProgress"}, seconds=120)
        assert state() == "success", f"the deployment ended as {state()}"

    def inside(self, *arguments: str, stdin: str | None = None) -> str:
        """Use kubectl in the namespace."""
        return self.kubectl("-n", self.namespace, *arguments, stdin=stdin)


@contextmanager
def ready(directory: Path) -> Iterator[Callable[[str], Place]]:
    """Bring everything up on a fresh cluster; afterwards all of it goes.

    What is yielded makes a place in a namespace of its own.
    """
    with ExitStack() as ending:
        local_cluster.down(directory)
        ending.callback(local_cluster.down, directory)
        made = local_cluster.up("kwok", directory)
        ending.callback(running.operator(made).stop)
        kubectl = running.kubectl(made.bin / "kubectl", made.kubeconfig)
        own = serve_api.install(made)
        kubectl("apply", "-f", "-", stdin=restside.NEW_PROJECTS)
        log = made.directory / "logs" / "api.log"
        api = SecureApi(own, log, made.directory / "tls")
        ending.callback(api.stop)
        api.start()
        yield lambda namespace: _place(made, api, namespace)


def _place(made: local_cluster.Cluster, api: SecureApi, namespace: str) -> Place:
    kubectl = running.kubectl(made.bin / "kubectl", made.kubeconfig)
    kubectl("create", "namespace", namespace)
    project = kubectl("get", "namespace", namespace, "-o", "jsonpath={.metadata.uid}")
    key = restside.new_key(made.kubeconfig, namespace)
    running.until(lambda: api.answers(f"/v3/projects/{project}", key), seconds=10)
    return Place(
        url=f"https://{ADDRESS}:{api.port}/v3",
        authority=api.authority,
        key=key,
        namespace=namespace,
        project=project,
        kubectl=kubectl,
    )
