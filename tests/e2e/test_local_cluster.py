"""The local cluster is what the other tests take it for: pods run and are reached."""

import urllib.error
import urllib.request

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

import running
from local_cluster import images
from local_cluster.entrance import Entrance
from userside import Body, Namespace

LABELS = {"app": "web"}
READY = "condition=Available"


def pod_spec(**container: object) -> Body:
    """Return a pod that Pod Security `restricted` takes, of the sample's first version."""
    return {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 1,
        "containers": [
            {
                "name": "process",
                "image": f"{images.SAMPLE}:{images.SAMPLE_VERSIONS[0]}",
                "imagePullPolicy": "IfNotPresent",
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                },
                "readinessProbe": {
                    "httpGet": {"path": "/readyz", "port": 8080},
                    "periodSeconds": 1,
                },
                **container,
            }
        ],
    }


def deployment() -> Body:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": pod_spec()},
        },
    }


def service(annotations: Body | None = None) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "annotations": annotations or {}},
        "spec": {"selector": LABELS, "ports": [{"port": 80, "targetPort": 8080}]},
    }


def ingress(host: str) -> Body:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web"},
        "spec": {
            "ingressClassName": "traefik",
            "rules": [{"host": host, "http": {"paths": [path]}}],
        },
    }


@pytest.fixture
def web(here: Namespace) -> Namespace:
    """Return the namespace with a Deployment and a Service `web` that serve."""
    here.apply(deployment(), service())
    here.wait("deployment/web", READY)
    return here


def pod_name(here: Namespace) -> str:
    return here.kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")


def pod_address(here: Namespace) -> str:
    path = "jsonpath={.items[0].status.podIP}"
    return here.kubectl("get", "pods", "-l", "app=web", "-o", path)


def fetch(url: str, *, host: str = "") -> str:
    """Return what an address answers, nothing if it does not."""
    request = urllib.request.Request(url, headers={"Host": host} if host else {})  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as answer:
            text: str = answer.read().decode()
            return text.strip()
    except (urllib.error.URLError, OSError):
        return ""


def test_a_pod_answers_at_its_own_address_and_at_that_of_its_service(web: Namespace) -> None:
    service_address = web.get("service", "web")["spec"]["clusterIP"]

    assert fetch(f"http://{pod_address(web)}:8080/version") == "v1"
    running.until(lambda: fetch(f"http://{service_address}/version") == "v1")


def test_a_pod_finds_services_by_name_and_reaches_even_itself_through_them(web: Namespace) -> None:
    for name in ("web", f"web.{web.name}.svc.cluster.local"):
        url = f"http://{pod_address(web)}:8080/fetch?url=http://{name}/version"
        running.until(lambda url=url: fetch(url) == "v1")  # type: ignore[misc]


def test_a_pod_reaches_another_pod_through_a_service(web: Namespace) -> None:
    web.kubectl("scale", "deployment/web", "--replicas=2")
    web.wait("deployment/web", "jsonpath={.status.availableReplicas}=2")
    url = f"http://{pod_address(web)}:8080/fetch?url=http://web/"

    answers: set[str] = set()

    def have_both_answered() -> bool:
        if answer := fetch(url):
            answers.add(answer)
        return len(answers) == 2

    running.until(have_both_answered)


def test_logs_and_exec_work(web: Namespace) -> None:
    name = pod_name(web)

    assert "version v1 serves on port 8080" in web.kubectl("logs", name)
    assert web.kubectl("exec", name, "--", "/bin/sh", "-c", "echo $VERSION") == "v1\n"


def test_a_job_that_exits_with_a_code_fails_with_it(here: Namespace) -> None:
    spec = pod_spec(command=["/bin/sh", "-c", "sample job --exit 3"], readinessProbe=None)
    here.apply(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "broken"},
            "spec": {"backoffLimit": 0, "template": {"spec": {**spec, "restartPolicy": "Never"}}},
        }
    )
    here.wait("job/broken", "condition=Failed")
    path = "jsonpath={.items[0].status.containerStatuses[0].state.terminated.exitCode}"

    assert here.kubectl("get", "pods", "-l", "job-name=broken", "-o", path) == "3"


def test_the_use_of_cpu_and_memory_is_measured(web: Namespace) -> None:
    name = pod_name(web)

    def is_measured() -> bool:
        metrics = f"/apis/metrics.k8s.io/v1beta1/namespaces/{web.name}/pods"
        return name in web.kubectl("get", "--raw", metrics)

    running.until(is_measured, seconds=90)

    assert name in web.kubectl("top", "pods")


def test_http_and_grpc_reach_pods_through_traefik(web: Namespace, entrance: Entrance) -> None:
    host = f"{web.name}.example.com"
    web.apply(ingress(host))
    running.until(lambda: fetch(f"{entrance.url}/version", host=host) == "v1")

    web.apply(service({"traefik.ingress.kubernetes.io/service.serversscheme": "h2c"}))

    options = [("grpc.default_authority", host), ("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(f"{entrance.host}:{entrance.port}", options) as channel:
        say = channel.unary_unary(
            "/process_operator.sample.Echo/Say",
            request_serializer=StringValue.SerializeToString,
            response_deserializer=StringValue.FromString,
        )

        def answers() -> bool:
            try:
                return bool(say(StringValue(value="hello"), timeout=5).value == "v1: hello")
            except grpc.RpcError:
                return False

        running.until(answers)
