from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from process_operator.api.http import invalid
from process_operator.api.payloads.processes import CreateProcess, UpdateProcess
from process_operator.api.payloads.variables import CreateVariable


def told(payload: type[BaseModel], body: dict[str, Any]) -> list[str]:
    """Return what is said of a body, sentence by sentence."""
    with pytest.raises(ValidationError) as raised:
        payload.model_validate(body)
    found = [{**one, "loc": ("body", *one["loc"])} for one in raised.value.errors()]
    return invalid.told(found, body).split("; ")


def test_every_wrong_field_is_told_in_one_answer() -> None:
    assert told(CreateProcess, {"port": "x", "nosuch": 1}) == [
        *("display_name is required", "add it"),
        *("type is required", "add it"),
        *("resource_type_id is required", "add it"),
        *("port: Input should be a valid integer", "correct it"),
        *("nosuch is not a field of this request", "remove it"),
    ]


def test_a_field_is_named_as_it_was_sent_and_not_by_its_variant() -> None:
    strategy = {"type": "horizontal", "config": {"minInstanceCount": 1}}
    assert told(UpdateProcess, {"scaling_strategy": strategy})[0] == (
        "scaling_strategy.config.maxInstanceCount is required"
    )
    probe = {"httpGet": {"path": "/x", "port": "x"}}
    assert told(UpdateProcess, {"readiness_probe": probe})[0].startswith(
        "readiness_probe.httpGet.port: "
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"ingress_protocol": "tcp"}, "ingress_protocol must be one of http, grpc"),
        (
            {"scaling_strategy": {"type": "x"}},
            "scaling_strategy.type must be one of manual, horizontal",
        ),
        ({"scaling_strategy": {}}, "scaling_strategy.type is required"),
    ],
)
def test_what_may_be_chosen_is_told_and_not_that_nothing_may_be(
    body: dict[str, Any], sentence: str
) -> None:
    assert told(UpdateProcess, body)[0] == sentence


def test_no_pattern_is_read_aloud() -> None:
    assert told(CreateVariable, {"key": "1 A", "value": ""}) == [
        "key has characters, or a form, that it may not have",
        "/docs shows its form",
    ]


def test_nothing_of_what_was_sent_is_told() -> None:
    sent = "hunter2"
    for body in ({"port": sent}, {"ingress_protocol": sent}, {"scaling_strategy": sent}):
        assert sent not in "; ".join(told(UpdateProcess, body))


def test_what_is_too_much_to_be_read_is_counted() -> None:
    found = [{"loc": ("body", f"field{n}"), "type": "extra_forbidden"} for n in range(25)]
    assert invalid.told(found, {}).endswith("; and 5 more")


def test_a_header_that_is_missing_is_named() -> None:
    found = [{"loc": ("header", "if-match"), "type": "missing", "msg": "Field required"}]
    assert invalid.told(found, None) == "the header if-match is required; add it"
