"""Where a live object is not as it was declared: the smallest part that tells it."""

from typing import Any

from process_operator.controller.plan import compare

OWNER = {"kind": "Process", "name": "web", "uid": "1"}


def paths(live: dict[str, Any], **declared: Any) -> list[str]:
    manifest = {"metadata": {"labels": {}, "ownerReferences": [OWNER]}, "spec": declared}
    wish = compare.wanted(manifest)
    about = {"ownerReferences": [OWNER], "annotations": {"process-operator.dev/intent": wish[1]}}
    whole = {"metadata": about, "spec": {}} | live
    return [one.path for one in compare.compare("Service", whole, wish).all]


def test_another_owner_is_told_as_a_whole() -> None:
    live = {"metadata": {"ownerReferences": [OWNER | {"uid": "2"}]}}
    assert "metadata.ownerReferences" in paths(live)


def test_a_list_that_is_no_list_any_more_is_told_as_a_whole() -> None:
    assert paths({"spec": {"ports": {"port": 1}}}, ports=[{"name": "http", "port": 80}]) == [
        "spec.ports"
    ]
    assert paths({"spec": {}}, ports=[{"name": "http", "port": 80}]) == ["spec.ports"]


def test_of_a_list_in_order_the_item_that_differs_is_told() -> None:
    live = {"spec": {"ports": [{"name": "http", "port": 81}]}}
    assert paths(live, ports=[{"name": "http", "port": 80}]) == ["spec.ports[http].port"]
