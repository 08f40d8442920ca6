"""What the watch tells of our own writes ends before Kopf; all else goes on as it came."""

import orjson
import pytest

import make
from process_operator.controller.echoes import Echoes
from process_operator.kube import names


class Known:
    """One object at version 100."""

    def has(self, kind: str, namespace: str, name: str, uid: str, version: int) -> bool:
        known = (names.PROCESS_KIND, make.NAMESPACE, "web", "uid-1")
        return (kind, namespace, name, uid) == known and version <= 100


def line(event: str, *, uid: str = "uid-1", version: str = "100", name: str = "web") -> bytes:
    about = {"namespace": make.NAMESPACE, "name": name, "uid": uid, "resourceVersion": version}
    return orjson.dumps(
        {"type": event, "object": {"kind": names.PROCESS_KIND, "metadata": about, "spec": {}}}
    )


@pytest.mark.parametrize("event", ["ADDED", "MODIFIED"])
@pytest.mark.parametrize("version", ["99", "100"])
def test_what_is_known_becomes_a_bookmark_of_its_version(event: str, version: str) -> None:
    told = orjson.loads(Echoes(Known()).news(line(event, version=version)))
    assert told == {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}}


@pytest.mark.parametrize(
    "told",
    [
        line("MODIFIED", version="101"),
        line("ADDED", uid="uid-of-a-namesake"),
        line("ADDED", name="worker"),
        line("DELETED"),
        b'{"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "100"}}}',
        b'{"type": "ERROR", "object": {"code": 410}}',
        b'{"type": "ADDED", "obj',
    ],
    ids=["newer", "namesake", "another", "gone", "bookmark", "error", "broken"],
)
def test_what_may_be_news_goes_on_as_it_came(told: bytes) -> None:
    assert Echoes(Known()).news(told) == told
