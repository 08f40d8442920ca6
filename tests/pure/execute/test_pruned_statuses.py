"""Of a status that older CRDs keep in part the rest is told, and nothing is written for ever."""

import logging
from typing import Any

import pytest

from process_operator.controller.execute.pruned_statuses import Pruned
from process_operator.kube import names

SENT: dict[str, Any] = {"conditions": [{"type": "Ready", "new": 1}], "instances": "1/1"}
KEPT: dict[str, Any] = {"conditions": [{"type": "Ready"}]}


def test_what_was_kept_in_part_is_not_sent_again_until_it_says_something_else() -> None:
    pruned = Pruned()
    assert not pruned.has("1", SENT)
    pruned.note(names.PROCESS_KIND, "1", SENT, KEPT)
    assert pruned.has("1", SENT)
    assert not pruned.has("1", SENT | {"instances": "2/2"})
    assert not pruned.has("2", SENT)


def test_what_was_kept_as_a_whole_is_forgotten() -> None:
    pruned = Pruned()
    pruned.note(names.PROCESS_KIND, "1", SENT, KEPT)
    pruned.note(names.PROCESS_KIND, "1", SENT, SENT | {"default": True})
    assert not pruned.has("1", SENT)


def test_it_is_told_once_for_each_kind_with_the_fields(caplog: pytest.LogCaptureFixture) -> None:
    pruned = Pruned()
    with caplog.at_level(logging.WARNING):
        for uid in "123":
            pruned.note(names.PROCESS_KIND, uid, SENT, KEPT)
    [record] = caplog.records
    assert record.__dict__["fields"] == "status.conditions[].new, status.instances"
