"""Flux: its source controller and its kustomize controller, before the cluster of the tests."""

import functools
import json
from datetime import UTC, datetime
from pathlib import Path

from gitops.repository import BRANCH
from gitops.tool import Followed, Seen, Tool, Verdict
from local_cluster import Cluster, build, components, foreign_kinds, kubeconfigs
from local_cluster import state as states
from local_cluster.components import Component
from local_cluster.network import LOOPBACK
from local_cluster.state import State
from userside import Body, Namespace

NAMESPACE = "flux-system"
_PARTS = ("source-controller", "kustomize-controller")
_SOURCE = "gitrepositories.source.toolkit.fluxcd.io"
_SYNC = "kustomizations.kustomize.toolkit.fluxcd.io"
_SOURCES = (
    *("gitrepositories", "buckets", "ocirepositories"),
    *("helmcharts", "helmrepositories", "externalartifacts"),
)
"""The source controller wants all of its kinds, whichever are used."""
_FAILED = frozenset(
    {"HealthCheckFailed", "BuildFailed", "ReconciliationFailed", "ArtifactFailed", "PruneFailed"}
)


class Flux(Tool):
    """Kustomizations that prune, and wait for what they have applied."""

    name = "Flux"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def start(self) -> None:
        """Install its kinds, and start its processes."""
        crds = "config/crd/bases"
        for name, group, plurals in (
            (_PARTS[0], "source", _SOURCES),
            (_PARTS[1], "kustomize", ("kustomizations",)),
        ):
            files = (f"{crds}/{group}.toolkit.fluxcd.io_{plural}.yaml" for plural in plurals)
            kinds = foreign_kinds.required(build.FLUX_MODULE, f"github.com/fluxcd/{name}", *files)
            foreign_kinds.ensure(self._cluster, kinds)
        place: Body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        kubeconfigs.apply(self._cluster, [place])
        programs = build.ensure(_PARTS)
        with states.locked(self._cluster.directory):
            state = states.load(self._cluster.directory)
            components.ensure(state, _components(state, programs, self._cluster.kubeconfig))

    def follow(self, here: Namespace, url: str) -> "Kustomization":
        about = {"name": here.name, "namespace": NAMESPACE}
        kubeconfigs.apply(
            self._cluster,
            [
                {
                    "apiVersion": "source.toolkit.fluxcd.io/v1",
                    "kind": "GitRepository",
                    "metadata": about,
                    "spec": {"interval": "10m", "url": url, "ref": {"branch": BRANCH}},
                },
                {
                    "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                    "kind": "Kustomization",
                    "metadata": about,
                    "spec": {
                        "interval": "10m",
                        "retryInterval": "10s",
                        "timeout": "3m",
                        "path": "./",
                        "prune": True,
                        "wait": True,
                        "targetNamespace": here.name,
                        "sourceRef": {"kind": "GitRepository", "name": here.name},
                    },
                },
            ],
        )
        return Kustomization(self._cluster, here.name)


class Kustomization(Followed):
    """One Kustomization with its GitRepository."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self._name = name

    def look(self) -> None:
        now = datetime.now(UTC).isoformat()
        change = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": now}}}
        for kind in (_SOURCE, _SYNC):
            self._kubectl("patch", kind, "--type=merge", f"--patch={json.dumps(change)}")

    def seen(self) -> Seen:
        status = json.loads(self._kubectl("get", _SYNC, "--output=json")).get("status", {})
        attempted = status.get("lastAttemptedRevision", "").rpartition(":")[2]
        ready: Body = next(
            (one for one in status.get("conditions", ()) if one["type"] == "Ready"), {}
        )
        applied = status.get("lastAppliedRevision", "").rpartition(":")[2]
        verdict = Verdict.PROGRESSING
        if ready.get("status") == "True" and applied == attempted:
            verdict = Verdict.READY
        elif ready.get("status") == "False" and ready["reason"] in _FAILED:
            verdict = Verdict.FAILED
        words = f"{ready.get('reason', 'no reason')}: {ready.get('message', '')}"
        return Seen(revision=attempted, verdict=verdict, words=words)

    def end(self) -> None:
        for kind in (_SYNC, _SOURCE):
            self._kubectl("delete", kind, "--timeout=120s")

    def _kubectl(self, verb: str, kind: str, *arguments: str) -> str:
        thing = (kind, self._name, "--namespace", NAMESPACE)
        return kubeconfigs.kubectl(self._cluster, [verb, *thing, *arguments])


def _components(state: State, programs: Path, kubeconfig: Path) -> list[Component]:
    own = state.directory / "flux"
    own.mkdir(exist_ok=True)
    storage = f"{LOOPBACK}:{state.port('flux-storage')}"
    artifacts = ["--storage-path", str(own), "--storage-addr", storage]
    more = {
        _PARTS[0]: [*artifacts, "--storage-adv-addr", storage],
        _PARTS[1]: ["--requeue-dependency=2s"],
    }
    found = []
    for name in _PARTS:
        health = f"{LOOPBACK}:{state.port(f'{name}-health')}"
        metrics = f"{LOOPBACK}:{state.port(f'{name}-metrics')}"
        found.append(
            Component(
                name=name,
                command=[
                    *(str(programs / name), "--health-addr", health, "--metrics-addr", metrics),
                    *more[name],
                ],
                environment={
                    "KUBECONFIG": str(kubeconfig),
                    "RUNTIME_NAMESPACE": NAMESPACE,
                    "TMPDIR": str(own),
                },
                is_ready=functools.partial(kubeconfigs.answers, f"http://{health}/healthz"),
            )
        )
    return found
