"""One host, several tenants: first come, first served, on a real API server."""

import uuid
from collections.abc import Callable

from userside import Namespace, application, process


def another(kubectl: Callable[..., str]) -> Namespace:
    name = f"test-{uuid.uuid4().hex[:10]}"
    kubectl("create", "namespace", name)
    return Namespace(kubectl, name)


def test_a_host_belongs_to_who_had_it_first_and_then_to_the_next(
    here: Namespace, kubectl: Callable[..., str]
) -> None:
    there = another(kubectl)
    host = f"{uuid.uuid4().hex[:10]}.example.com"
    wanted = process("web", "web", ingress={"hosts": [{"host": host}]})
    here.release(application(), wanted)
    here.wait("ingress/shop-web", "create")
    there.apply(application(), wanted)
    there.wait("prel/shop-1", "jsonpath={.status.state}=success")
    there.wait_reason("pproc/web", "HostTaken", of="RouteProgrammed")
    told = there.get("pproc", "web")
    assert told["status"].get("urls") is None
    assert here.name not in str(told["status"])
    assert there.kubectl("get", "ingress", "-o", "name") == ""
    assert here.get("pproc", "web")["status"]["urls"] == [f"http://{host}"]
    here.kubectl("delete", "pproc", "web")
    there.wait("ingress/shop-web", f"jsonpath={{.spec.rules[0].host}}={host}")
    there.wait("pproc/web", "condition=Ready")
