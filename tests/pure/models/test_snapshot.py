"""The text of a snapshot: what is read from it is what was written into it, at little length."""

import orjson
import pydantic
import pytest

import make
from process_operator.models import snapshot
from process_operator.models.snapshot import Snapshot

LONG = {"name": "KEY", "value": "x" * 17_000}
OWN = {"name": "OWN", "value": "1"}


def with_environments(*environments: list[dict[str, str]]) -> Snapshot:
    processes = [
        make.process(key=f"w{number}", type="worker", env=env, name=f"w{number}")
        for number, env in enumerate(environments)
    ]
    return make.candidate(make.observed(processes=processes))


@pytest.mark.parametrize(
    "environments",
    [
        [[LONG, OWN], [LONG], [OWN, LONG], []],
        [[LONG, LONG]],
        [[LONG], [LONG | {"value": "other"}]],
        [[OWN]],
        [],
    ],
    ids=["shared", "twice in one", "not quite the same", "nothing shared", "no process"],
)
def test_what_is_read_is_what_was_written(environments: list[list[dict[str, str]]]) -> None:
    frozen = with_environments(*environments)
    assert snapshot.read(snapshot.text(frozen)) == frozen


def test_what_many_processes_share_is_written_once() -> None:
    assert len(snapshot.text(with_environments(*[[LONG]] * 100))) < 40_000


def test_a_reader_of_the_api_sees_every_variable_where_it_belongs() -> None:
    shown = snapshot.document(snapshot.text(with_environments([LONG, OWN], [LONG])))
    assert [one["env"] for one in shown["processes"]] == [[LONG, OWN], [LONG]]
    assert "sharedEnv" not in shown


@pytest.mark.parametrize("place", [-1, 1, True, 1.0, "0"])
def test_a_place_that_is_not_there_is_refused(place: object) -> None:
    found = orjson.loads(snapshot.text(with_environments([LONG], [LONG])))
    found["processes"][0]["env"] = [place]
    with pytest.raises(snapshot.Unreadable, match="processes"):
        snapshot.read(orjson.dumps(found).decode())


def test_a_forged_record_that_means_one_long_value_many_times_costs_little() -> None:
    found = orjson.loads(snapshot.text(with_environments([LONG], [LONG])))
    found["sharedEnv"][0]["value"] = "x" * 32_000
    found["processes"][0]["env"] = [0] * 100_000
    read = snapshot.read(orjson.dumps(found).decode())
    values = {id(one.value) for one in read.processes[0].env}
    assert len(values) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1"])
def test_what_is_no_snapshot_is_unreadable(text: str) -> None:
    with pytest.raises(snapshot.Unreadable):
        snapshot.read(text)


def test_a_copy_with_other_inputs_has_another_hash() -> None:
    one = make.candidate(make.observed())
    assert one.inputs_hash == one.model_copy(update={"restart": 7}).inputs_hash
    other = one.model_copy(update={"image": "registry.example.com/shop:2"})
    assert one.inputs_hash != other.inputs_hash
    assert one == one.model_copy()


def test_what_was_read_cannot_be_changed_behind_the_back_of_what_remembers_it() -> None:
    candidate = make.candidate(make.observed())
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        candidate.image = "other"  # type: ignore[misc]
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        make.process().spec.port = 1  # type: ignore[misc]
