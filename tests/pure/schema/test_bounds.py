"""Every status fits the schema of its kind, and keeps what users need when it has to be cut."""

import copy
import dataclasses
from typing import Any

import pytest

import atbounds
import checked
import make
from process_operator.controller.observe.records import CustomResource, ObservedState
from process_operator.controller.plan import plan
from process_operator.controller.release.history import next_number, release_history
from process_operator.controller.status import report as status_report
from process_operator.kube import names
from process_operator.models.base import Model
from process_operator.schema import bounds, structural

LONG_PREFIX = "service.beta.kubernetes.io/"


def statuses(seen: ObservedState) -> dict[str, dict[str, Any]]:
    """Return what is written when all has been open for long, by kind and name."""
    objects = [seen.application, *seen.processes, *seen.releases, *seen.runs]
    waited = {one.uid: make.LONG_AGO for one in objects if one is not None}
    seen = make.observed(seen, in_progress_since=waited)
    report = status_report.report(seen, plan.plan(seen))
    return {
        f"{one.of.kind} {one.of.name}": make.stored(one.of, one.status) for one in report.writes
    }


def annotated(count: int) -> ObservedState:
    annotations = {f"{LONG_PREFIX}{'x' * 50}-{number}": "1" for number in range(count)}
    hosts = [{"host": "shop.example.com"}]
    web = make.process(ingress={"hosts": hosts, "annotations": annotations})
    return make.served(make.observed(processes=[web]))


def staged(*variables: str) -> ObservedState:
    """Return the observed state after these variables have been added."""
    seen = make.served()
    env = [{"name": name, "value": "1"} for name in variables]
    return make.observed(seen, processes=[make.process(env=env)])


def test_a_warning_that_is_too_long_is_cut_and_keeps_what_to_do() -> None:
    found = statuses(annotated(15))["Process web"]
    assert checked.refused(names.PROCESS_KIND, found) == []
    (warning,) = found["warnings"]
    assert len(warning) == 1024
    assert warning.startswith(f"spec.ingress.annotations: {LONG_PREFIX}")
    assert warning.endswith("be added to the operator's --allowed-ingress-annotations")


def test_a_variable_with_a_long_name_is_shown_as_pending() -> None:
    found = statuses(staged("V" * 249))["Process web"]
    assert checked.refused(names.PROCESS_KIND, found) == []
    (pending,) = found["pending"]
    assert pending["field"].startswith("env[VVVV")
    assert pending["field"].endswith("VVVV]")


def test_variables_whose_long_names_differ_in_one_letter_stay_two_and_keep_their_times() -> None:
    twins = ["V" * 125 + letter + "V" * 125 for letter in "AB"]
    seen = staged(*twins)
    found = statuses(seen)["Process web"]
    first, second = found["pending"]
    assert first["field"] != second["field"]
    before = [
        {**one, "since": f"2026-01-0{day}T00:00:00Z"} for day, one in enumerate([first, second], 1)
    ]
    (web,) = seen.processes
    status = make.status(names.PROCESS_KIND, {**found, "pending": before})
    web = dataclasses.replace(web, status=status)
    later = make.observed(seen, processes=[dataclasses.replace(web, generation=2)])
    assert statuses(later)["Process web"]["pending"] == before


# The rules.


@pytest.mark.parametrize("kind", names.OWN_KINDS)
def test_whatever_is_given_is_brought_within_the_schema_and_nothing_else_is_changed(
    kind: str,
) -> None:
    for title, given in atbounds.cases(checked.SCHEMAS[kind]):
        before = copy.deepcopy(given)
        found = bounds.fitted(kind, given)
        assert checked.refused(kind, found) == [], title
        assert bounds.fitted(kind, found) is found, title
        assert (found is given) == (checked.refused(kind, given) == []), title
        assert given == before


def test_a_text_loses_its_middle_and_is_as_long_as_it_may_be() -> None:
    assert bounds.shortened("it is as long", 13) == "it is as long"
    assert bounds.shortened("it is a bit longer", 13) == "it is … onger"
    assert len(bounds.shortened("\N{UNICORN FACE}" * 99, 50)) == 50


@pytest.mark.parametrize("text", ["é" * 600, "\N{UNICORN FACE}" * 300, "a" * 1025, "a\ud800b"])
def test_the_bytes_of_a_text_are_bounded_without_cutting_a_character(text: str) -> None:
    found = bounds.shortened_to_bytes(text, 1024)
    assert len(found.encode()) <= 1024
    assert set(found) <= {*text, *" …\N{REPLACEMENT CHARACTER}"}


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("Evicted", "Evicted"),
        ("OutOfephemeral-storage", "OutOfephemeral_storage"),
        ("it is: late,", "it_is:_late"),
        ("5xx", "xx"),
        ("-", "Unknown"),
        ("", "Unknown"),
        ("137", "Unknown"),
        ("R" * 2000, "R" * 1024),
    ],
)
def test_somebodys_word_becomes_a_legal_reason(said: str, word: str) -> None:
    assert bounds.word(said) == word
    found = bounds.fitted(names.PROCESS_KIND, {"conditions": [condition(reason=said)]})
    assert found["conditions"][0]["reason"] == word


def condition(**difference: Any) -> dict[str, Any]:
    plain = {
        "type": "Ready",
        "status": "True",
        "reason": "Available",
        "message": "it serves",
        "lastTransitionTime": atbounds.MOMENT,
    }
    return plain | difference


def test_a_list_of_texts_that_is_too_long_says_how_many_are_left_out() -> None:
    found = bounds.fitted(names.PROCESS_KIND, {"warnings": [f"w{one}" for one in range(140)]})
    assert len(found["warnings"]) == 128
    assert found["warnings"][-2:] == ["w126", "… and 13 more"]


def test_of_items_with_the_same_key_the_first_stays() -> None:
    given = {"conditions": [condition(), condition(message="twice")]}
    found = bounds.fitted(names.PROCESS_KIND, given)
    assert [one["message"] for one in found["conditions"]] == ["it serves"]


def test_what_has_no_cure_is_left_out_with_what_cannot_be_without_it() -> None:
    given = {
        "jobs": [{"key": "a", "policy": "never"}, {"key": None, "result": "failed"}],
        "failure": {"pod": "Not_a_name", "signal": 872, "exitCode": -(2**31), "reason": None},
        "activeRelease": {"name": "of another version"},
    }
    assert bounds.fitted(names.RELEASE_KIND, given) == {
        "jobs": [{"key": "a"}],
        "failure": {"signal": 255, "exitCode": -1},
        # Nothing is known of it, so that it is not ours to leave out.
        "activeRelease": {"name": "of another version"},
    }


def test_the_snapshot_of_a_release_is_never_touched() -> None:
    frozen = "i" * 1_000_000
    assert bounds.fitted(names.RELEASE_KIND, {"snapshot": frozen})["snapshot"] is frozen


def test_a_bound_that_nothing_fits_a_status_to_is_an_error() -> None:
    class Odd(Model):
        few: dict[str, str]

    with pytest.raises(ValueError, match="additionalProperties"):
        bounds._of(structural.structural(Odd))


# What the bounds mean for releases.


def test_more_jobs_than_a_record_has_room_for_are_not_released() -> None:
    job = make.process(key="first", type="job", jobStartPolicy="beforeDeployment")
    many = [
        dataclasses.replace(
            job, name=f"j{one}", uid=f"u{one}", spec=job.spec.model_copy(update={"key": f"j{one}"})
        )
        for one in range(1025)
    ]
    seen = make.observed(processes=many, releases=[make.request()])
    assert said_of_waiting(seen) == ("TooManyJobs", "delete some")
    assert said_of_waiting(make.observed(seen, processes=many[1:])) is None


def said_of_waiting(seen: ObservedState) -> tuple[str, str] | None:
    waiting = plan.plan(seen).decision.waiting
    return None if waiting is None else (waiting.reason, waiting.message.rpartition("; ")[2])


def test_a_number_that_somebody_put_into_a_name_does_not_count_if_it_is_too_large() -> None:
    seen = make.served()
    assert isinstance(seen.application, CustomResource)
    for name, expected in (("shop-7", 7), ("shop-99999999999", 2)):
        one = make.request(name=name, owner_uid=seen.application.uid)
        history = release_history(seen, seen.application)
        assert next_number(one, seen.application, history) == expected
