"""A Process that goes takes its children with it, with the operator up or down."""

from typing import Any

from userside import Namespace, application, process


def test_a_deleted_process_takes_its_children_along(here: Namespace, tiny: None) -> None:
    del tiny
    here.release(application(), process("web", "web", resourceTypeRef={"name": "tiny"}))
    here.kubectl("delete", "pproc", "web")
    for child in ("deployment/shop-web", "service/shop-web"):
        here.wait_gone(child)
    here.kubectl("wait", "pods", "--all", "--for=delete", "--timeout=60s")


def test_children_go_without_the_operator_too(here: Namespace, tiny: None) -> None:
    del tiny
    here.release(application(), process("web", "web", resourceTypeRef={"name": "tiny"}))
    children: dict[str, Any] = here.get("deployment", "shop-web")
    (owner,) = children["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["controller"]) == ("Process", True)
    # It is the garbage collector that removes them: no finalizer holds the Process back.
    assert "finalizers" not in here.get("pproc", "web")["metadata"]
