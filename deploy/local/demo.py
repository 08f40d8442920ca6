"""`make demo`: the main job, shown with the commands that it takes and their real output.

Everything that is shown is also checked: the demo ends with 1 as soon as something is not true.
It leaves everything up; `make demo-stop` removes it.
"""

import argparse
import http.client
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import installation
import local_cluster
import operate
import serve_api
from clients import Failed, Grpc, Http, Load
from local_cluster import (
    Cluster,
    ClusterError,
    components,
    forwarding,
    kubeconfigs,
    machine,
    serving,
    traefik,
)
from local_cluster import state as states
from local_cluster.entrance import Entrance
from local_cluster.network import LOOPBACK

NAMESPACE = "demo"
SAMPLES = "deploy/samples/demo"
SHOP_HOST, API_HOST = "shop.localhost", "api.localhost"
OPERATOR, API = "operator", "api"
KEY = "demo"
INSTALLED = ("node", "kind")
"""The clusters that take an image from an archive: there the demo installs the chart."""
_READY = "/readyz"
_READABLE = ("--log-format", "text")
_SHOWN = ("display_name", "resource_type_name", "scaling_strategy", "ingress_protocol", "pending")
"""What is shown of the API's long answers about a process."""


class Untrue(Exception):  # noqa: N818 - what was shown was not true
    """Something that the demo promised did not happen."""


class Demo:
    """The chapters, and what they share."""

    def __init__(self, cluster: Cluster, entrance: Entrance | None, api: str) -> None:
        self._cluster = cluster
        self._entrance = entrance
        self._api = api
        self._chapter = 0

    # How things are shown.

    def _title(self, text: str, *lines: str) -> None:
        self._chapter += 1
        print(f"\n{'─' * 88}\n{self._chapter}. {text}")
        for line in lines:
            print(f"   {line}")
        print(flush=True)

    def _kubectl(self, *arguments: str, show: bool = True, may_fail: bool = False) -> str:
        """Run kubectl in the demo's namespace; print command and output."""
        if show:
            print(f"$ kubectl {shlex.join(arguments)}", flush=True)
        done = subprocess.run(
            [str(self._cluster.kubectl), *arguments],
            env=os.environ | {"KUBECONFIG": str(self._cluster.directory / "demo.kubeconfig")},
            cwd=operate.CHECKOUT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if show:
            print(done.stdout.rstrip(), flush=True)
        if done.returncode != 0 and not may_fail:
            raise Untrue(f"kubectl {shlex.join(arguments)}: {done.stdout.strip()}")
        return done.stdout

    def _value(self, thing: str, path: str) -> str:
        return self._kubectl("get", thing, "-o", f"jsonpath={path}", show=False, may_fail=True)

    def _wait(self, thing: str, condition: str, seconds: int = 120) -> None:
        self._kubectl("wait", thing, "--for=create", f"--timeout={seconds}s", show=False)
        self._kubectl("wait", thing, f"--for={condition}", f"--timeout={seconds}s")

    def _check(self, *, holds: bool, otherwise: str) -> None:
        if not holds:
            raise Untrue(otherwise)

    def _ask(self, client: Callable[[], str], shown: str, wanted: str, seconds: int = 30) -> None:
        """Show a request; it must answer as wanted before the time is over."""
        print(f"$ {shown}", flush=True)
        deadline = time.monotonic() + seconds
        answer = ""
        while wanted not in answer:
            self._check(
                holds=time.monotonic() < deadline, otherwise=f"{shown} answered: {answer!r}"
            )
            try:
                answer = client()
            except Failed as failure:
                answer = str(failure)
                time.sleep(0.1)
        print(answer, flush=True)

    def _http(self, path: str, wanted: str) -> None:
        if self._entrance is not None:
            url = f"{self._entrance.url}{path}"
            client = Http(url, SHOP_HOST)
            self._ask(client, f"curl -H 'Host: {SHOP_HOST}' {url}", wanted)
            client.close()

    def _grpc(self, host: str, wanted: str) -> None:
        if self._entrance is not None:
            address = f"{self._entrance.host}:{self._entrance.port}"
            client = Grpc(address, "hello", host)
            shown = f"python deploy/local/clients.py grpc {address} hello --authority {host}"
            self._ask(client, shown, wanted)
            client.close()

    # The chapters.

    def show(self) -> None:
        """Show everything, in order."""
        self._comes_up()
        self._takes_traffic()
        self._holds_back()
        self._releases()
        self._switches()
        self._fails_and_succeeds()
        self._is_asked_over_http()
        self._lists_all()

    def _comes_up(self) -> None:
        self._title(
            "An application of four processes",
            "Web over HTTP, web over gRPC, a worker and a cron job share one image.",
        )
        print(f"$ cat {SAMPLES}/shop.yaml")
        print((operate.CHECKOUT / SAMPLES / "shop.yaml").read_text())
        self._kubectl("apply", "--server-side", "-f", f"{SAMPLES}/sizes.yaml")
        self._kubectl("apply", "--server-side", "-f", f"{SAMPLES}/shop.yaml")
        self._wait("processapplication/shop", "condition=Available")
        for process in ("web", "api", "worker", "nightly"):
            self._wait(f"process/{process}", "condition=Ready")
        self._kubectl("get", "process")
        self._kubectl("get", "deployments,cronjobs,services,ingresses")

    def _takes_traffic(self) -> None:
        if self._entrance is None:
            self._title(
                "Traffic through an ingress controller: not shown",
                "This needs pods that are real: CLUSTER=node (root on Linux), or CLUSTER=kind.",
            )
            return
        self._title("HTTP and gRPC through Traefik")
        self._http("/version", "v1")
        self._grpc(API_HOST, "v1: hello")

    def _holds_back(self) -> None:
        self._title(
            "A staged change", "Size, scaling and a probe, in one apply: nothing changes yet."
        )
        before = self._value("deployment/shop-web", "{.metadata.generation}")
        self._kubectl("apply", "--server-side", "-f", f"{SAMPLES}/staged.yaml")
        self._wait("process/web", "jsonpath={.status.pendingCount}=3")
        self._kubectl("get", "process", "web")
        pending = '{range .status.pending[*]}{.field}: {.from} -> {.to}{"\\n"}{end}'
        self._kubectl("get", "process", "web", "-o", f"jsonpath={pending}")
        after = self._value("deployment/shop-web", "{.metadata.generation}")
        self._check(holds=before == after, otherwise="the Deployment changed before the release")

    def _releases(self) -> None:
        self._title("The release", "A new image is a release; it takes what was staged along.")
        patch = ["patch", "processapplication", "shop", "--type=merge", "-p"]
        spec = json.dumps({"spec": {"image": "process-operator.dev/sample:v2"}})
        if self._entrance is None:
            self._kubectl(*patch, spec)
            self._wait("processrelease/shop-2", "jsonpath={.status.state}=success")
        else:
            url = f"{self._entrance.url}/version"
            print(f"(4 clients ask {url} all the while)")
            with Load(lambda: Http(url, SHOP_HOST)) as load:
                self._kubectl(*patch, spec)
                self._wait("processrelease/shop-2", "jsonpath={.status.state}=success")
                # Old instances end after the new ones serve: ask on until they are gone.
                time.sleep(8)
            tally = load.tally
            print(f"{tally.answered} requests answered, {len(tally.failures)} failed")
            self._check(holds=not tally.failures, otherwise=f"failed: {tally.failures[:3]}")
            self._check(holds=tally.answers == {"v1", "v2"}, otherwise=f"saw {tally.answers}")
        self._wait("process/web", "jsonpath={.status.pendingCount}=0")
        self._kubectl("get", "process", "web", "-o", "wide")
        size = self._value("deployment/shop-web", "{.spec.replicas}")
        self._check(holds=size == "3", otherwise=f"web has {size} instances instead of 3")

    def _switches(self) -> None:
        self._title("From HTTP to gRPC, live", "Routing does not wait for a release.")
        patch = ["patch", "process", "web", "--type=merge", "-p"]
        grpc = json.dumps({"spec": {"ingress": {"protocol": "grpc"}}})
        if self._entrance is None:
            self._kubectl(*patch, grpc)
            self._wait(
                "service/shop-web", "jsonpath={.spec.ports[0].appProtocol}=kubernetes.io/h2c"
            )
        else:
            self._kubectl(*patch, grpc)
            begun = time.monotonic()
            self._grpc(SHOP_HOST, "v2: hello")
            print(f"(it took {time.monotonic() - begun:.2f} s until a gRPC call was answered)")
        self._kubectl(*patch, json.dumps({"spec": {"ingress": {"protocol": "http"}}}))
        self._http("/version", "v2")

    def _fails_and_succeeds(self) -> None:
        self._title(
            "A release whose migration fails",
            "Jobs run before a release, after its success, after its failure.",
        )
        if self._cluster.has_real_pods:
            self._fails()
        else:
            print("   A migration that fails needs real pods: not shown on a kwok cluster.\n")
            self._kubectl("apply", "--server-side", "-f", f"{SAMPLES}/jobs.yaml")
        self._title("The migration is put right", "The next release runs it first, once.")
        number = 4 if self._cluster.has_real_pods else 3
        fixed = json.dumps({"spec": {"entrypoint": "sample job --print migrated"}})
        self._kubectl("patch", "process", "migrate", "--type=merge", "-p", fixed)
        again = json.dumps({"spec": {"image": "process-operator.dev/sample:v3", "revision": "2"}})
        self._kubectl("patch", "processapplication", "shop", "--type=merge", "-p", again)
        self._wait(f"processrelease/shop-{number}", "jsonpath={.status.state}=success")
        jobs = '{range .status.jobs[*]}{.policy} {.key}: {.result}{"\\n"}{end}'
        told = self._kubectl("get", f"processrelease/shop-{number}", "-o", f"jsonpath={jobs}")
        self._check(
            holds="migrate: success" in told and "announce: success" in told,
            otherwise=f"the jobs ended as {told!r}",
        )
        self._http("/version", "v3")
        if self._cluster.has_real_pods:
            self._is_stopped_by_a_gate(f"shop-{number + 1}")
        self._title("The nightly job, now", "A ProcessRun runs a cron or job process once.")
        print(f"$ cat {SAMPLES}/run.yaml")
        print((operate.CHECKOUT / SAMPLES / "run.yaml").read_text())
        made = self._kubectl("create", "-f", f"{SAMPLES}/run.yaml", "-o", "name").strip()
        self._wait(made, "jsonpath={.status.outcome}=success")
        self._kubectl("get", "processruns")
        if self._cluster.has_real_pods:
            log = self._kubectl("get", made, "-o", "jsonpath={.status.log}")
            self._check(holds="nightly report" in log, otherwise=f"the run's log is {log!r}")

    def _is_stopped_by_a_gate(self, name: str) -> None:
        self._title(
            "The gate that stops a release",
            "After the migration the version that serves is tried with the new schema. It cannot",
            "live with it: no new instance starts, and the newer one undoes what it had done.",
        )
        print(f"$ cat {SAMPLES}/gate.yaml")
        print((operate.CHECKOUT / SAMPLES / "gate.yaml").read_text())
        self._kubectl("apply", "--server-side", "-f", f"{SAMPLES}/gate.yaml")
        patch = ["patch", "processapplication", "shop", "--type=merge", "-p"]
        image = '{"spec": {"image": "process-operator.dev/sample:%s"}}'
        self._kubectl(*patch, image % "v2")
        self._wait(f"processrelease/{name}", "jsonpath={.status.state}=failed")
        jobs = '{range .status.jobs[*]}{.policy} {.key}: {.result}{"\\n"}{end}'
        why = '{.status.failure.sentence}{"\\n"}its last lines: {.status.failure.log}{"\\n"}'
        told = self._kubectl("get", f"processrelease/{name}", "-o", f"jsonpath={jobs}{why}")
        for wanted in ("migrate: success", "check: failed", "undo: success", "v3 cannot read"):
            self._check(holds=wanted in told, otherwise=f"the release does not tell: {wanted}")
        self._http("/version", "v3")
        print("(the commit is reverted, and nothing is left to do)")
        self._kubectl("delete", "-f", f"{SAMPLES}/gate.yaml")
        self._kubectl(*patch, image % "v3")
        self._wait("processapplication/shop", "condition=Ready")

    def _fails(self) -> None:
        self._kubectl("apply", "--server-side", "-f", f"{SAMPLES}/jobs.yaml")
        patch = ["patch", "processapplication", "shop", "--type=merge", "-p"]
        image = json.dumps({"spec": {"image": "process-operator.dev/sample:v3"}})
        if self._entrance is None:
            self._kubectl(*patch, image)
            self._wait("processrelease/shop-3", "jsonpath={.status.state}=failed")
        else:
            url = f"{self._entrance.url}/version"
            with Load(lambda: Http(url, SHOP_HOST)) as load:
                self._kubectl(*patch, image)
                self._wait("processrelease/shop-3", "jsonpath={.status.state}=failed")
            tally = load.tally
            print(f"{tally.answered} requests answered meanwhile, all by {tally.answers}")
            self._check(
                holds=tally.answers == {"v2"} and not tally.failures,
                otherwise=f"answers {tally.answers}, failures {tally.failures[:3]}",
            )
        self._kubectl("get", "processreleases")
        why = '{.status.failure.sentence}{"\\n"}its last lines: {.status.failure.log}{"\\n"}'
        report = self._kubectl("get", "processrelease", "shop-3", "-o", f"jsonpath={why}")
        self._check(holds="column price is missing" in report, otherwise="the report has no log")

    def _is_asked_over_http(self) -> None:
        self._title(
            "The REST API: a second front door to the same objects",
            "A key is made, a process is updated, and a deployment is asked for.",
        )
        key = self._new_key()
        (application,) = self._curl(key, "GET", "/v3/applications")["data"]
        place = f"/v3/applications/{application['id']}"
        found = self._curl(key, "GET", f"{place}/processes")["data"]
        web = f"{place}/processes/{next(one['id'] for one in found if one['key'] == 'web')}"
        sizes = self._curl(key, "GET", "/v3/resources/process-resource-types")
        change = {
            "resource_type_id": next(one["id"] for one in sizes if one["name"] == "demo-small"),
            "scaling_strategy": {"type": "manual", "config": {"instanceCount": 2}},
            "readiness_probe": {"httpGet": {"path": "/readyz"}, "periodSeconds": 3},
            "ingress_protocol": "grpc",
        }
        print("kubectl applied a manifest that declares these fields, and would set them back:\n")
        refused = self._curl(key, "PATCH", web, change, show=("status", "message"))
        self._check(
            holds=refused["status"] == 422 and "kubectl" in refused["message"],
            otherwise=f"the change was not refused: {refused}",
        )
        print("Forced, they change hands. The protocol acts at once, the rest waits:\n")
        shown = (*_SHOWN, "routing_status", "taken_over")
        saved = self._curl(key, "PATCH", f"{web}?force=true", change, show=shown)
        waits = [one["field"] for one in saved["pending"]]
        self._check(
            holds=waits == ["resource_type_id", "scaling_strategy", "readiness_probe"],
            otherwise=f"what waits is {waits}",
        )
        self._grpc(SHOP_HOST, "v3: hello")
        asked = self._curl(key, "POST", f"{place}/deployments", {}, show=("id", "status"))
        self._check(holds=asked["status"] == "waiting", otherwise=f"it is {asked['status']}")
        ended = self._polled(key, f"{place}/deployments/{asked['id']}")
        self._check(holds=ended["status"] == "success", otherwise=f"it {ended['status']}")
        after = self._curl(key, "GET", web, show=_SHOWN)
        self._check(holds=not after["pending"], otherwise=f"{after['pending']} still waits")
        print("kubectl shows the same:\n")
        self._kubectl("get", "process", "web", "-o", "wide")
        self._kubectl("get", "processreleases")
        size = self._value("deployment/shop-web", "{.spec.replicas}")
        self._check(holds=size == "2", otherwise=f"web has {size} instances instead of 2")

    def _new_key(self) -> str:
        arguments = ["keys", "create", "--name", KEY, "--namespace", NAMESPACE, "--role", "write"]
        print(
            f"$ export API={self._api} KEY=$(process-operator {shlex.join(arguments)})", flush=True
        )
        key = keys(self._cluster, *arguments).stdout.strip()
        print(f"$ echo $KEY\n{key}\n", flush=True)
        self._check(holds=self._is_known(key), otherwise="the API does not know the new key")
        return key

    def _is_known(self, key: str) -> bool:
        """Wait until a key is valid: the API reads its keys once a second."""
        url = f"{self._api}/v3/api-keys/validate"
        validate = [
            "curl",
            "-s",
            "-o",
            "-",
            "-w",
            "%{http_code}",
            "-H",
            f"Authorization: Bearer {key}",
        ]
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            done = subprocess.run([*validate, url], capture_output=True, text=True, check=False)
            if done.stdout.endswith("200"):
                return True
            time.sleep(0.2)
        return False

    def _curl(
        self, key: str, method: str, path: str, body: Any = None, *, show: tuple[str, ...] = ()
    ) -> Any:
        """Send a request by curl, with its command; print what is asked for of its answer."""
        words = ["-X", method, f"$API{path}", "-H", "Authorization: Bearer $KEY"]
        if body is not None:
            words += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        print("$ curl " + " ".join(map(_quoted, words)), flush=True)
        told = [one.replace("$API", self._api).replace("$KEY", key) for one in words]
        command = ["curl", "--silent", "--show-error", *told]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            raise Untrue(f"curl: {done.stderr.strip() or done.stdout}") from None
        if show:
            print(json.dumps({name: answer[name] for name in show if name in answer}, indent=2))
        print(flush=True)
        return answer

    def _polled(self, key: str, path: str) -> Any:
        """Ask for a deployment until it has ended."""
        deadline = time.monotonic() + 120
        while True:
            found = self._curl(key, "GET", path, show=("status", "steps", "finished_at"))
            if found["finished_at"] is not None:
                return found
            self._check(holds=time.monotonic() < deadline, otherwise="the deployment did not end")
            time.sleep(2)

    def _lists_all(self) -> None:
        self._title("All kinds at once")
        self._kubectl("get", "process-operator")


def main() -> int:
    """Show everything, or with `stop` remove what the demo made."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("command", choices=("start", "stop"), nargs="?", default="start")
    try:
        if parser.parse_args().command == "stop":
            return stop()
        return start()
    except (ClusterError, Untrue, http.client.HTTPException) as error:
        print(f"\ndemo: NOT AS PROMISED: {error}", file=sys.stderr)
        return 1


def start() -> int:
    """Bring everything up and show it."""
    begun = time.monotonic()
    machine.ensure_program("curl")
    cluster = local_cluster.up(order=local_cluster.QUICKEST)
    _remove(cluster)
    entrance = _entrance(cluster)
    api = _install(cluster) if cluster.provider in INSTALLED else _run_beside(cluster)
    kubeconfig = _kubeconfig(cluster)
    print(f"\n$ export KUBECONFIG={kubeconfig} PATH={cluster.bin}:$PATH")
    Demo(cluster, entrance, api).show()
    print(
        f"\n{'─' * 88}\n"
        f"The demo ended as promised after {time.monotonic() - begun:.0f} s. "
        "Everything is still up. Try next:\n\n"
        f"   export KUBECONFIG={kubeconfig} PATH={cluster.bin}:$PATH\n"
        "   kubectl describe process web\n"
        "   kubectl patch process web --type=merge -p "
        '\'{"spec":{"resourceTypeRef":{"name":"nosuch"}}}\'; kubectl get process web -o wide\n'
        "   kubectl delete deployment shop-web        # it comes back\n"
        "   kubectl scale process web --replicas=1    # staged, until the next release\n"
        f"   open {api}/docs            # every path of the REST API\n"
        "   make demo-stop                            # removes the demo\n"
        "   make cluster-stop                         # removes the cluster"
    )
    return 0


def _install(cluster: Cluster) -> str:
    """Install operator and API as users do, as pods; return the API's address."""
    print(
        "\n$ helm upgrade --install process-operator deploy/chart/process-operator ...", flush=True
    )
    installation.install(cluster, "api.enabled=true")
    return installation.api_address(cluster) if cluster.provider == "node" else _forward(cluster)


def _forward(cluster: Cluster) -> str:
    """Let a port of this machine lead to the API of a cluster that it does not reach."""
    port = int(installation.api_port(cluster))
    target = installation.API_SERVICE
    own = forwarding.ensure(
        cluster, API, target, namespace=installation.NAMESPACE, port=port, answers=_READY
    )
    return f"http://{LOOPBACK}:{own}"


def _entrance(cluster: Cluster) -> Entrance | None:
    """Return Traefik where pods are real."""
    if cluster.provider == "node":
        return traefik.ensure(cluster)
    if cluster.provider == "kind":
        return traefik.ensure_inside(cluster, partial(local_cluster.load_image, cluster))
    return None


def _run_beside(cluster: Cluster) -> str:
    """Run operator and API beside a cluster whose pods this machine does not reach; likewise."""
    run_operator(cluster, operate.install(cluster))
    return run_api(cluster, serve_api.install(cluster))


def stop() -> int:
    """Remove the demo's namespace, operator, API and Traefik; the cluster stays."""
    if not local_cluster.is_up():
        print("demo: there is no cluster, so there is nothing to remove")
        return 0
    cluster = local_cluster.up()
    _remove(cluster)
    stop_operator(cluster)
    if cluster.provider in INSTALLED:
        installation.uninstall(cluster)
        traefik.stop(cluster)
    print("demo: gone; `make cluster-stop` ends the cluster too")
    return 0


def stop_operator(cluster: Cluster) -> None:
    """End the demo's operator and API, if they run."""
    with states.locked(cluster.directory):
        components.stop(states.load(cluster.directory), [OPERATOR, API])


def run_operator(cluster: Cluster, kubeconfig: Path) -> None:
    """Run the operator as its own ServiceAccount, in the background of the cluster."""
    arguments = ["run", "--lease-namespace", operate.NAMESPACE, "--health-port"]
    _run(cluster, OPERATOR, arguments, kubeconfig)


def run_api(cluster: Cluster, kubeconfig: Path) -> str:
    """Run the REST API as its own ServiceAccount, likewise; return its address."""
    arguments = ["api", "--host", LOOPBACK, "--keys-namespace", serve_api.NAMESPACE]
    arguments += ["--metrics-port", "0", "--port"]
    return _run(cluster, API, arguments, kubeconfig)


def _run(cluster: Cluster, name: str, arguments: list[str], kubeconfig: Path) -> str:
    """Run a command of ours anew, on the port that its arguments end with; return its address."""

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "process_operator", *arguments, str(port), *_READABLE]

    environment = {"KUBECONFIG": str(kubeconfig)}
    port = serving.ensure_anew(cluster, name, command, answers=_READY, environment=environment)
    return f"http://{LOOPBACK}:{port}"


def keys(cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `process-operator keys ...` as the cluster's administrator."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "process_operator", *arguments),
            *("--keys-namespace", serve_api.NAMESPACE),
        ],
        env=os.environ | {"KUBECONFIG": str(cluster.kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
    )


def _quoted(word: str) -> str:
    """Quote a word for a shell that shall still fill in what begins with $."""
    return f'"{word}"' if "$" in word else shlex.quote(word)


def _remove(cluster: Cluster) -> None:
    """Remove what an earlier demo left, and wait until it is gone."""
    keys(cluster, "keys", "revoke", "--name", KEY)
    kubeconfigs.kubectl(
        cluster, ["delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s"]
    )


def _kubeconfig(cluster: Cluster) -> Path:
    """Return a kubeconfig whose namespace is the demo's."""
    kubeconfigs.kubectl(cluster, ["create", "namespace", NAMESPACE])
    path = cluster.directory / "demo.kubeconfig"
    view = ["config", "view", "--raw", "--flatten", "--minify"]
    path.write_text(kubeconfigs.kubectl(cluster, view))
    path.chmod(0o600)
    settings = ["config", "set-context", "--current", f"--namespace={NAMESPACE}"]
    subprocess.run(
        [str(cluster.kubectl), "--kubeconfig", str(path), *settings],
        check=True,
        capture_output=True,
    )
    return path


if __name__ == "__main__":
    sys.exit(main())
