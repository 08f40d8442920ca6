import pytest

from process_operator.kube import kinds, names
from process_operator.kube.kinds import KINDS


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_path_tells_what_it_is_about(kind: str) -> None:
    one = KINDS[kind]
    assert kinds.resource_of(one.path()) == one.plural
    assert kinds.resource_of(one.path("processes", "pods")) == one.plural
    assert kinds.resource_of(one.path("ns", "x", "status")) == f"{one.plural}/status"


def test_a_path_of_discovery_is_about_nothing() -> None:
    assert kinds.resource_of("/apis") == ""
    assert kinds.resource_of(f"/apis/{names.API_VERSION}") == ""


def test_what_belongs_to_the_cluster_has_no_namespace_in_its_path() -> None:
    for kind in ("Namespace", names.RESOURCE_TYPE_KIND, "IngressClass"):
        one = KINDS[kind]
        assert one.path("ns", "x") == one.path(None, "x")
