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
from collections.abc import Callable, Sequence
from pathlib import Path

import local_cluster
import operate
from clients import Failed, Grpc, Http, Load
from local_cluster import Cluster, ClusterError, components, kubeconfigs, traefik
from local_cluster import state as states
from local_cluster.components import Component
from local_cluster.traefik import Traefik

NAMESPACE = "demo"
SAMPLES = "deploy/samples/demo"
SHOP_HOST, API_HOST = "shop.localhost", "api.localhost"
OPERATOR = "operator"


class Untrue(Exception):  # noqa: N818 - what was shown was not true
    """Something that the demo promised did not happen."""


class Demo:
    """The chapters, and what they share."""

    def __init__(self, cluster: Cluster, entrance: Traefik | None) -> None:
        self._cluster = cluster
        self._entrance = entrance
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
            self._title("Traffic needs real pods: not shown on a kwok cluster")
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
        self._kubectl("get", f"processrelease/shop-{number}", "-o", f"jsonpath={jobs}")
        self._http("/version", "v3")
        self._title("The nightly job, now", "A ProcessRun runs a cron or job process once.")
        print(f"$ cat {SAMPLES}/run.yaml")
        print((operate.CHECKOUT / SAMPLES / "run.yaml").read_text())
        made = self._kubectl("create", "-f", f"{SAMPLES}/run.yaml", "-o", "name").strip()
        self._wait(made, "jsonpath={.status.outcome}=success")
        self._kubectl("get", "processruns")
        if self._cluster.has_real_pods:
            log = self._kubectl("get", made, "-o", "jsonpath={.status.log}")
            self._check(holds="nightly report" in log, otherwise=f"the run's log is {log!r}")

    def _fails(self) -> None:
        self._kubectl("apply", "--server-side", "-f", f"{SAMPLES}/jobs.yaml")
        patch = ["patch", "processapplication", "shop", "--type=merge", "-p"]
        image = json.dumps({"spec": {"image": "process-operator.dev/sample:v3"}})
        if self._entrance is None:
            raise Untrue("a cluster with real pods has no ingress controller")
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
    cluster = local_cluster.up()
    _remove(cluster)
    entrance = traefik.ensure(cluster) if cluster.provider == "node" else None
    run_operator(cluster, operate.install(cluster))
    kubeconfig = _kubeconfig(cluster)
    print(f"\n$ export KUBECONFIG={kubeconfig} PATH={cluster.bin}:$PATH")
    Demo(cluster, entrance).show()
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
        "   make demo-stop                            # removes the demo\n"
        "   make cluster-stop                         # removes the cluster"
    )
    return 0


def stop() -> int:
    """Remove the demo's namespace, the operator and Traefik; the cluster stays."""
    if not local_cluster.is_up():
        print("demo: there is no cluster, so there is nothing to remove")
        return 0
    cluster = local_cluster.up()
    _remove(cluster)
    with states.locked(cluster.directory):
        components.stop(states.load(cluster.directory), [OPERATOR])
    if cluster.provider == "node":
        traefik.stop(cluster)
    print("demo: gone; `make cluster-stop` ends the cluster too")
    return 0


def run_operator(cluster: Cluster, kubeconfig: Path) -> None:
    """Run the operator as its own ServiceAccount, in the background of the cluster."""
    with states.locked(cluster.directory):
        state = states.load(cluster.directory)
        components.stop(state, [OPERATOR])
        port = state.port(f"{OPERATOR}-health")
        command: Sequence[str] = [
            *(sys.executable, "-m", "process_operator", "run", "--log-format", "text"),
            *("--lease-namespace", operate.NAMESPACE, "--health-port", str(port)),
        ]
        url = f"http://127.0.0.1:{port}/readyz"
        component = Component(
            name=OPERATOR,
            command=command,
            environment={"KUBECONFIG": str(kubeconfig)},
            is_ready=lambda: kubeconfigs.answers(url),
        )
        components.ensure(state, [component])


def _remove(cluster: Cluster) -> None:
    """Remove what an earlier demo left, and wait until it is gone."""
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
