"""Real requests through real data planes: a release loses none, a route is switched live.

They are Traefik and, in `make test-traffic`, Contour with Envoy.
"""

import queue
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from clients import Failed, Grpc, Http, Load
from local_cluster import Cluster, contour
from local_cluster.entrance import Entrance
from running import until
from userside import IMAGE, Body, Namespace, application, process

LONGEST_GAP_SECONDS = 5.0
SHORT_SECONDS = 1.0
"""How long a request may take where gaps are measured: one that hangs must not look like one."""


def web(here: Namespace, key: str = "web", **spec: Any) -> Body:
    """Return a small web process with a route under a host of this namespace."""
    probe = {"httpGet": {"path": "/readyz"}, "periodSeconds": 1}
    plain: Body = {
        "resourceTypeRef": {"name": "tiny"},
        "readinessProbe": probe,
        "ingress": {"hosts": [{"host": host(here, key)}]},
    }
    return process(key, "web", **(plain | spec))


def host(here: Namespace, key: str = "web") -> str:
    return f"{key}.{here.name}.example.com"


BY_GATEWAY: Body = {"backend": "gateway", "gatewayRef": {"name": "public"}}


def gateway(entrance: Entrance, **listener: Any) -> Body:
    """Return a Gateway for every host, unless the listener says for which."""
    plain = {"name": "web", "protocol": "HTTP", "port": entrance.port}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "public"},
        "spec": {"gatewayClassName": entrance.class_name, "listeners": [plain | listener]},
    }


@pytest.fixture(params=["traefik", pytest.param("contour", marks=pytest.mark.contour)])
def plane(request: pytest.FixtureRequest, cluster: Cluster, entrance: Entrance) -> Entrance:
    """Return where the requests of a test come in."""
    return entrance if request.param == entrance.class_name else contour.ensure(cluster)


@pytest.fixture(params=["ingress", "gateway"])
def shop(request: pytest.FixtureRequest, here: Namespace, plane: Entrance) -> Body:
    """Return an application whose routes are Ingresses, or HTTPRoutes of a Gateway."""
    if request.param == "ingress":
        return application(routing={"ingressClassName": plane.class_name})
    if plane.class_name == contour.NAME:
        return application(routing={"backend": "gateway", "gatewayRef": contour.GATEWAY})
    here.apply(gateway(plane))
    return application(routing=BY_GATEWAY)


def answers(client: Http | Grpc, wanted: str) -> bool:
    try:
        return client() == wanted
    except Failed:
        return False


def says(client: Http, words: str) -> bool:
    try:
        return words in client()
    except Failed:
        return False


def http(plane: Entrance, here: Namespace, path: str = "/version") -> Http:
    return Http(f"{plane.url}{path}", host(here), SHORT_SECONDS)


def grpc(plane: Entrance, here: Namespace, key: str = "web") -> Grpc:
    return Grpc(f"{plane.host}:{plane.port}", "hello", host(here, key), SHORT_SECONDS)


def test_an_http_and_a_grpc_process_take_traffic(
    here: Namespace, plane: Entrance, shop: Body, tiny: None
) -> None:
    del tiny
    route = {"protocol": "grpc", "hosts": [{"host": host(here, "api")}]}
    here.release(shop, web(here), web(here, "api", ingress=route))
    until(lambda: answers(http(plane, here), "v1"))
    until(lambda: answers(grpc(plane, here, "api"), "v1: hello"))


def test_a_release_loses_no_request(
    here: Namespace, plane: Entrance, shop: Body, tiny: None
) -> None:
    del tiny
    two = {"type": "manual", "manual": {"instanceCount": 2}}
    here.release(shop, web(here, scalingStrategy=two))
    until(lambda: answers(http(plane, here), "v1"))
    with Load(lambda: http(plane, here)) as load:
        here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
        here.wait("prel/shop-2", "jsonpath={.status.state}=success")
        # Until the last pod of the old version has ended, requests could still be lost.
        until(lambda: here.kubectl("get", "pods", "-o", "name").count("pod/") == 2)
    assert load.tally.failures == []
    assert load.tally.answers == {"v1", "v2"}


@pytest.mark.long
def test_fifty_releases_in_a_row_lose_no_request(
    here: Namespace, plane: Entrance, shop: Body, tiny: None
) -> None:
    del tiny
    two = {"type": "manual", "manual": {"instanceCount": 2}}
    here.release(shop, web(here, scalingStrategy=two))
    until(lambda: answers(http(plane, here), "v1"))
    with Load(lambda: http(plane, here)) as load:
        for number in range(2, 52):
            here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v{2 - number % 2}"}})
            here.wait(f"prel/shop-{number}", "jsonpath={.status.state}=success")
        until(lambda: here.kubectl("get", "pods", "-o", "name").count("pod/") == 2)
    print(f"{load.tally.answered} requests, {len(load.tally.failures)} failed")  # noqa: T201
    assert load.tally.failures == []
    assert load.tally.answers == {"v1", "v2"}


async def test_websockets_and_events_pass_as_they_are_written(
    here: Namespace, plane: Entrance, shop: Body, tiny: None
) -> None:
    del tiny
    here.release(shop, web(here))
    until(lambda: answers(http(plane, here), "v1"))
    headers = {"Host": host(here)}
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        async with session.ws_connect(f"{plane.url}/echo") as socket:
            for words in ("one", "two", "three"):
                await socket.send_str(words)
                assert await socket.receive_str() == words
        async with session.get(f"{plane.url}/events") as events:
            arrived: list[float] = []
            while len(arrived) < 5:
                if (await events.content.readline()).startswith(b"data: v1"):
                    arrived.append(time.monotonic())
    # Each as it was written, and not all at once from a buffer.
    assert arrived[-1] - arrived[0] > 0.2


def test_a_grpc_stream_passes_as_it_is_spoken(
    here: Namespace, plane: Entrance, shop: Body, tiny: None
) -> None:
    del tiny
    route = {"protocol": "grpc", "hosts": [{"host": host(here)}]}
    here.release(shop, web(here, ingress=route))
    until(lambda: answers(grpc(plane, here), "v1: hello"))
    said: queue.Queue[str | None] = queue.Queue()
    heard = grpc(plane, here).talk(iter(said.get, None))
    # Each word is said only after the one before it was answered.
    for word in ("one", "two", "three"):
        said.put(word)
        assert next(heard) == f"v1: {word}"
    said.put(None)
    assert next(heard, "the end") == "the end"


def test_http_becomes_grpc_and_back_within_a_bounded_gap(
    here: Namespace, plane: Entrance, shop: Body, tiny: None
) -> None:
    del tiny
    here.release(shop, web(here))
    until(lambda: answers(http(plane, here), "v1"))

    def switch(protocol: str) -> None:
        here.patch("pproc", "web", {"spec": {"ingress": {"protocol": protocol}}})

    # Clients that are there before a switch keep their connections and ask on and on.
    with Load(lambda: http(plane, here), clients=1) as http_clients:
        switch("grpc")
        until(lambda: answers(grpc(plane, here), "v1: hello"))
        with Load(lambda: grpc(plane, here), clients=1) as grpc_clients:
            until(lambda: grpc_clients.tally.answered > 0)
            switch("http")
            until(lambda: bool(grpc_clients.tally.failures))
            switch("grpc")
            back = grpc_clients.tally.answered
            until(lambda: grpc_clients.tally.answered > back)
        switch("http")
        until(lambda: answers(http(plane, here), "v1"))
    for protocol, tally in (("HTTP", http_clients.tally), ("gRPC", grpc_clients.tally)):
        print(f"{protocol} clients went without an answer for {tally.longest_gap:.2f} s")  # noqa: T201
        assert tally.longest_gap < LONGEST_GAP_SECONDS
    assert here.get("deployment", "shop-web")["metadata"]["generation"] == 1


def test_a_host_is_added_and_the_route_taken_away_at_once(
    here: Namespace, plane: Entrance, shop: Body, tiny: None
) -> None:
    del tiny
    here.release(shop, web(here))
    until(lambda: answers(http(plane, here), "v1"))
    second = Http(f"{plane.url}/version", host(here, "second"))
    hosts = [{"host": host(here)}, {"host": host(here, "second")}]
    here.patch("pproc", "web", {"spec": {"ingress": {"hosts": hosts}}})
    until(lambda: answers(second, "v1"))
    here.patch("pproc", "web", {"spec": {"ingress": {"enabled": False}}})
    until(lambda: not answers(second, "v1"))
    here.patch("pproc", "web", {"spec": {"ingress": {"enabled": True}}})
    until(lambda: answers(second, "v1"))


def test_processes_of_two_applications_share_a_host_by_paths(
    here: Namespace, plane: Entrance, shop: Body, tiny: None
) -> None:
    del tiny
    here.release(shop, web(here))
    mine = Http(f"{plane.url}/env", host(here))
    until(lambda: answers(http(plane, here), "v1"))
    spec = {**shop["spec"], "env": [{"name": "WHO", "value": "another-application"}]}
    other = {**shop, "metadata": {"name": "other"}, "spec": spec}
    route = {"hosts": [{"host": host(here)}], "paths": [{"path": "/env"}]}
    here.apply(other, web(here, "env", of="other", ingress=route))
    here.wait_reason("papp/other", "Released")
    until(lambda: says(mine, "another-application"))
    assert answers(http(plane, here), "v1")
    url = f"http://{host(here)}/env"
    here.wait("pproc/env", f"jsonpath={{.status.urls[0]}}={url}")
    # Whoever comes later for the same path is told, and keeps what he has besides.
    twice = {**route, "paths": [{"path": "/env"}, {"path": "/version/all"}]}
    here.apply(web(here, "late", ingress=twice))
    here.patch("papp", "shop", {"spec": {"revision": "2"}})
    here.wait_reason("pproc/late", "HostTaken", of="RouteProgrammed")
    assert f'{host(here)}/env of Process "env"' in here.kubectl(
        *("get", "pproc", "late", "-o", "jsonpath={.status.conditions[*].message}")
    )
    assert says(mine, "another-application")


@pytest.mark.contour
@pytest.mark.parametrize(
    "routing",
    [
        {"ingressClassName": contour.NAME},
        {"backend": "gateway", "gatewayRef": contour.GATEWAY},
    ],
    ids=["ingress", "gateway"],
)
def test_a_request_that_takes_too_long_is_ended(
    here: Namespace, cluster: Cluster, routing: Body, tiny: None
) -> None:
    del tiny
    plane = contour.ensure(cluster)
    hosts = [{"host": host(here)}]
    here.release(application(routing=routing), web(here))
    until(lambda: answers(http(plane, here), "v1"))
    slow = Http(f"{plane.url}/sleep?ms=2500", host(here), keep=False)
    assert slow() == "slept"
    here.patch("pproc", "web", {"spec": {"ingress": {"hosts": hosts, "requestTimeoutSeconds": 1}}})
    until(lambda: not answers(slow, "slept"))
    with pytest.raises(Failed, match="504"):
        slow()
    assert "warnings" not in here.get("pproc", "web")["status"]


def test_what_the_gateway_makes_of_a_route_is_told_in_its_words(
    here: Namespace, entrance: Entrance, tiny: None
) -> None:
    del tiny

    def told(reason: str) -> str:
        return here.wait_reason("pproc/web", reason, of="RouteProgrammed")

    here.release(application(routing=BY_GATEWAY), web(here))
    assert 'see whether Gateway "public" is in this namespace' in told("AwaitingGateway")
    here.apply(gateway(entrance, hostname="other.example.com"))
    assert "NoMatchingListenerHostname" in told("RouteRefused")
    here.apply(gateway(entrance, hostname="*.example.com"))
    told("RouteAccepted")
    until(lambda: answers(http(entrance, here), "v1"))


def test_a_shared_gateway_of_another_namespace_admits_whom_it_will(
    here: Namespace, kubectl: Callable[..., str], entrance: Entrance, tiny: None
) -> None:
    del tiny
    platform = Namespace(kubectl, f"{here.name}-gateways")
    kubectl("create", "namespace", platform.name)
    try:
        platform.apply(gateway(entrance))
        shared = {"name": "public", "namespace": platform.name, "sectionName": "web"}
        here.release(
            application(routing={"backend": "gateway", "gatewayRefs": [shared]}), web(here)
        )

        def told(reason: str) -> str:
            return here.wait_reason("pproc/web", reason, of="RouteProgrammed")

        refused = told("RouteRefused")
        assert f'Gateway "{platform.name}/public", listener "web" does not serve' in refused
        assert f"let allowedRoutes of its listener admit namespace {here.name}" in refused
        platform.apply(gateway(entrance, allowedRoutes={"namespaces": {"from": "All"}}))
        told("RouteAccepted")
        until(lambda: answers(http(entrance, here), "v1"))
    finally:
        kubectl("delete", "namespace", platform.name, "--wait=false")
