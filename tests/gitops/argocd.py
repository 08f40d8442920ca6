"""Argo CD: its application controller and repo server, before the cluster of the tests."""

import functools
import json
import os
from pathlib import Path
from typing import Any

from gitops.repository import BRANCH
from gitops.scripts import SETTINGS
from gitops.tool import Followed, Seen, Tool, Verdict
from local_cluster import Cluster, build, components, foreign_kinds, kubeconfigs
from local_cluster import state as states
from local_cluster.components import Component
from local_cluster.network import LOOPBACK
from local_cluster.state import State
from userside import Body, Namespace

NAMESPACE = "argocd"
_GROUP = "argoproj.io/v1alpha1"
_PARTS = ("argocd-cache", "argocd-repo-server", "argocd-application-controller")
_FAILED = frozenset({"Failed", "Error"})


class ArgoCD(Tool):
    """Applications with automated sync, pruning and self-heal; `options` are sync options."""

    def __init__(self, cluster: Cluster, name: str, *options: str) -> None:
        self.name = name
        self._cluster = cluster
        self._options = list(options)

    def start(self) -> None:
        """Install its kinds and settings, ours among them, and start its processes."""
        kinds = foreign_kinds.required(
            build.ARGOCD_MODULE,
            "github.com/argoproj/argo-cd/v3",
            "manifests/crds/application-crd.yaml",
            "manifests/crds/appproject-crd.yaml",
        )
        foreign_kinds.ensure(self._cluster, kinds)
        kubeconfigs.apply(self._cluster, _settings())
        how = ("--server-side", "--field-manager", "process-operator")
        kubeconfigs.kubectl(self._cluster, ["apply", *how, "-f", str(SETTINGS)])
        program = build.ensure(["argocd"]) / "argocd"
        with states.locked(self._cluster.directory):
            state = states.load(self._cluster.directory)
            _install_scripts(foreign_kinds.downloaded(kinds), _own(state))
            for component in _components(state, program, self._cluster.kubeconfig):
                components.ensure(state, [component])

    def follow(self, here: Namespace, url: str, **spec: Any) -> "Application":
        """Make an Application; `spec` goes into it."""
        options = [*self._options, *spec.pop("syncOptions", ())]
        manifest: Body = {
            "apiVersion": _GROUP,
            "kind": "Application",
            "metadata": {
                "name": here.name,
                "namespace": NAMESPACE,
                "finalizers": ["resources-finalizer.argocd.argoproj.io"],
            },
            "spec": {
                "project": "default",
                "source": {"repoURL": url, "targetRevision": BRANCH, "path": "."},
                "destination": {
                    "server": "https://kubernetes.default.svc",
                    "namespace": here.name,
                },
                "syncPolicy": {
                    "automated": {"prune": True, "selfHeal": True},
                    "syncOptions": options,
                    "retry": {"limit": 3, "backoff": {"duration": "2s"}},
                },
                **spec,
            },
        }
        kubeconfigs.apply(self._cluster, [manifest])
        return Application(self._cluster, here.name)


class Application(Followed):
    """One Application."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self._name = name

    def look(self) -> None:
        change = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}}
        self._kubectl("patch", "--type=merge", f"--patch={json.dumps(change)}")

    def status(self) -> Body:
        """Return its whole status."""
        found: Body = json.loads(self._kubectl("get", "--output=json")).get("status", {})
        return found

    def seen(self) -> Seen:
        status = self.status()
        sync, health = status.get("sync", {}), status.get("health", {})
        operation = status.get("operationState", {})
        revision = operation.get("syncResult", {}).get("revision", "")
        ready = (sync.get("status"), health.get("status")) == ("Synced", "Healthy")
        verdict = Verdict.PROGRESSING
        if health.get("status") == "Degraded" or operation.get("phase") in _FAILED:
            verdict = Verdict.FAILED
        elif ready and operation.get("phase") == "Succeeded" and sync.get("revision") == revision:
            verdict = Verdict.READY
        return Seen(revision=revision, verdict=verdict, words=_words(status))

    def end(self) -> None:
        self._kubectl("delete", "--timeout=120s")

    def _kubectl(self, verb: str, *arguments: str) -> str:
        thing = ("applications.argoproj.io", self._name, "--namespace", NAMESPACE)
        return kubeconfigs.kubectl(self._cluster, [verb, *thing, *arguments])


def _words(status: Body) -> str:
    """Return what it shows: sync, health, and the words of each resource that is not well."""
    health = status.get("health", {}).get("status", "no health")
    operation = status.get("operationState", {})
    told = [
        f"{one['kind']} {one['name']} {one['health']['status']}: {one['health'].get('message', '')}"
        for one in status.get("resources", ())
        if one.get("health", {}).get("status") not in {None, "Healthy"}
    ]
    if operation.get("phase") in _FAILED:
        told.append(f"{operation['phase']}: {operation.get('message', '')}")
    return "; ".join([f"{status.get('sync', {}).get('status', 'no sync')}, {health}", *told])


def _settings() -> list[Body]:
    about = {"namespace": NAMESPACE, "labels": {"app.kubernetes.io/part-of": "argocd"}}
    every = [{"group": "*", "kind": "*"}]
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", **about}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "argocd-secret", **about},
            "stringData": {"server.secretkey": "nobody signs in here"},
        },
        {
            "apiVersion": _GROUP,
            "kind": "AppProject",
            "metadata": {"name": "default", "namespace": NAMESPACE},
            "spec": {
                "sourceRepos": ["*"],
                "destinations": [{"server": "*", "namespace": "*"}],
                "clusterResourceWhitelist": every,
            },
        },
    ]


def _own(state: State) -> Path:
    return state.directory / "argocd"


def _install_scripts(module: Path, own: Path) -> None:
    """Put the script into its PATH by which its image looks for signatures of commits."""
    (own / "bin").mkdir(parents=True, exist_ok=True)
    script = own / "bin" / "git-verify-wrapper.sh"
    script.write_text((module / "hack" / script.name).read_text())
    script.chmod(0o755)


def _components(state: State, program: Path, kubeconfig: Path) -> list[Component]:
    """Return the processes in the order in which they need each other."""
    own = _own(state)
    (own / "plugins").mkdir(parents=True, exist_ok=True)
    cache, repo_server, controller = _PARTS
    address = {name: f"{LOOPBACK}:{state.port(name)}" for name in _PARTS}
    metrics = {name: state.port(f"{name}-metrics") for name in (repo_server, controller)}
    environment = {
        "KUBECONFIG": str(kubeconfig),
        "ARGOCD_FAKE_IN_CLUSTER": "true",
        "ARGOCD_GPG_ENABLED": "false",
        "ARGOCD_TLS_DATA_PATH": str(own),
        "ARGOCD_SSH_DATA_PATH": str(own),
        "ARGOCD_PLUGINSOCKFILEPATH": str(own / "plugins"),
        "ARGOCD_APPLICATION_CONTROLLER_PERSIST_RESOURCE_HEALTH": "true",
        "HOSTNAME": f"{controller}-0",
        "PATH": f"{own / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(own),
    }
    server = [
        *(str(program), "repo-server", "--disable-tls", "--client-ca-path="),
        *("--address", LOOPBACK, "--port", str(state.port(repo_server))),
        *("--metrics-address", LOOPBACK, "--metrics-port", str(metrics[repo_server])),
        *("--redis", address[cache]),
    ]
    follows = [
        *(str(program), "application-controller", "--namespace", NAMESPACE),
        *("--metrics-port", str(metrics[controller]), "--redis", address[cache]),
        *("--repo-server", address[repo_server], "--repo-server-plaintext"),
    ]
    return [
        Component(name=cache, command=[str(program), "cache", address[cache]]),
        *(
            Component(
                name=name,
                command=command,
                environment=environment,
                is_ready=functools.partial(
                    kubeconfigs.answers, f"http://{LOOPBACK}:{metrics[name]}/metrics"
                ),
            )
            for name, command in ((repo_server, server), (controller, follows))
        ),
    ]
