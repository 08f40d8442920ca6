"""What is measured: applications of five processes, 40 % web, 30 % worker, 30 % cron.

They are spread over namespaces, as those of many users are: a server's own limits for one namespace
(5,000 Services, 2,000 Deployments) are not what is measured.
"""

from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

from process_operator.kube import names

Manifest = dict[str, Any]
PER_APPLICATION = 5
PER_NAMESPACE = 200
"""Processes."""
_MIX = ("web", "worker", "cron", "web", "worker", "cron", "web", "web", "worker", "cron")
_SCALING = {
    "type": "horizontal",
    "horizontal": {"minInstanceCount": 1, "maxInstanceCount": 3},
}


def namespaces(count: int) -> list[str]:
    """Return the namespaces over which so many processes are spread."""
    return [f"bench-{number}" for number in range(-(-count // PER_NAMESPACE))]


def applications(count: int) -> Iterator[tuple[Manifest, list[Manifest]]]:
    """Yield applications with the processes of each, `count` processes in all."""
    types = islice(cycle(_MIX), count)
    for start in range(0, count, PER_APPLICATION):
        namespace = f"bench-{start // PER_NAMESPACE}"
        name = f"app-{start // PER_APPLICATION}"
        members = [
            _process(namespace, name, index, one)
            for index, one in enumerate(islice(types, min(PER_APPLICATION, count - start)))
        ]
        yield _application(namespace, name), members


def _application(namespace: str, name: str) -> Manifest:
    # Its processes are there before it, so that it need not wait for them. And thousands that
    # change at once keep a control plane busy for longer than a rollout may take by default.
    settings = {"settleSeconds": 0, "progressDeadlineSeconds": 3600}
    spec = {"image": "registry.example.com/app:1", "release": settings}
    return manifest(names.APPLICATION_KIND, namespace, name, spec)


def _process(namespace: str, application: str, index: int, process_type: str) -> Manifest:
    key = f"{process_type}{index}"
    spec: Manifest = {
        "applicationRef": {"name": application},
        "key": key,
        "type": process_type,
        "entrypoint": "bin/run",
        "env": [{"name": "LOG_LEVEL", "value": "info"}],
    }
    if process_type == "web":
        spec["scalingStrategy"] = _SCALING
        spec["readinessProbe"] = {"httpGet": {"path": "/ready"}}
        spec["ingress"] = {"hosts": [{"host": f"{key}.{application}.{namespace}.example.com"}]}
    if process_type == "cron":
        spec["schedule"] = "0 4 1 1 *"
    return manifest(names.PROCESS_KIND, namespace, f"{application}-{key}", spec)


def manifest(kind: str, namespace: str, name: str, spec: Manifest) -> Manifest:
    """Return one of our own objects as it is applied."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
