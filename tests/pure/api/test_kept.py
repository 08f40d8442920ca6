import orjson
import pytest

from process_operator.api.reads import kept
from process_operator.api.reads.kept import ResponseCache


class Presenter:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> dict[str, int]:
        self.times += 1
        return {"times": self.times}


def shown(found: orjson.Fragment) -> object:
    return orjson.loads(orjson.dumps({"data": [found]}))["data"][0]


def test_what_has_not_changed_is_presented_once() -> None:
    made, present = ResponseCache(), Presenter()
    for _ in range(3):
        assert shown(made.get("u-1", ("7", "3"), present)) == {"times": 1}
    assert orjson.dumps(made.get("u-1", ("7", "3"), present)) == b'{"times":1}'


@pytest.mark.parametrize("versions", [("8", "3"), ("7", "4"), ("7", None)])
def test_whatever_it_depends_on_makes_it_be_presented_anew(versions: tuple[str, ...]) -> None:
    made, present = ResponseCache(), Presenter()
    made.get("u-1", ("7", "3"), present)
    assert shown(made.get("u-1", versions, present)) == {"times": 2}


def test_only_what_was_presented_last_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MAX_KEPT", 2)
    made, present = ResponseCache(), Presenter()
    for uid in ("u-1", "u-2", "u-1", "u-3"):
        made.get(uid, ("7",), present)
    assert shown(made.get("u-1", ("7",), present)) == {"times": 1}
    assert shown(made.get("u-2", ("7",), present)) == {"times": 4}
