"""Names: whose a child is can be read from it, and no two processes ever meet in one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_operator.kube import names

APPLICATIONS = st.from_regex(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)
KEYS = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?", fullmatch=True)
PROCESSES = st.tuples(APPLICATIONS, KEYS)
NEAR = st.tuples(st.text("ab-", min_size=1, max_size=4), st.text("abAB-_", min_size=1, max_size=4))
"""Pairs so short and alike that they meet by chance where a rule lets them."""
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


@pytest.mark.parametrize("key", ["web", "worker2", "0"])
def test_a_plain_key_is_read_from_the_name_as_it_is(key: str) -> None:
    assert names.child("shop", key) == f"shop-{key}"


@pytest.mark.parametrize("key", ["Web", "web-1", "web_1", "a" * 60])
def test_any_other_key_is_made_fit_and_ends_in_a_hash(key: str) -> None:
    assert re.fullmatch(r"shop-[a-z0-9-]+-[0-9a-f]{8}", names.child("shop", key))


@given(st.one_of(PROCESSES, NEAR), st.one_of(PROCESSES, NEAR))
def test_no_two_processes_share_a_name(one: tuple[str, str], other: tuple[str, str]) -> None:
    if one != other:
        assert names.child(*one) != names.child(*other)
        assert names.cron_job(*one) != names.cron_job(*other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a-b", "c"), ("a", "b-c")),
        (("shop", "Web_1"), ("shop", "web-1")),
        (("shop", "web_1"), ("shop", "web-1")),
        (("shop", "w" * 63), ("shop", "w" * 64)),
    ],
)
def test_the_known_ways_to_meet_are_closed(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert names.child(*one) != names.child(*other)


@given(PROCESSES)
def test_a_name_is_a_dns_label_within_the_limit_of_its_kind(process: tuple[str, str]) -> None:
    for name, limit in ((names.child(*process), 63), (names.cron_job(*process), 52)):
        assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)
        assert len(name) <= limit


def test_the_name_of_a_job_is_as_long_as_it_may_be() -> None:
    name = names.job("a" * 40, "b" * 40, "uid")
    assert name.startswith(f"{'a' * 40}-{'b' * 13}-")
    assert len(name) == names.MAX_NAME


@given(PROCESSES)
def test_every_label_is_a_value_that_the_server_takes(process: tuple[str, str]) -> None:
    for value in names.labels(*process, "web").values():
        assert LABEL_VALUE.fullmatch(value)


@given(PROCESSES, KEYS)
def test_selectors_of_two_processes_never_select_the_same_pods(
    process: tuple[str, str], other: str
) -> None:
    application, key = process
    if key != other:
        assert names.selector(application, key) != names.selector(application, other)


@given(PROCESSES)
def test_pods_bear_what_selects_them(process: tuple[str, str]) -> None:
    assert names.selector(*process).items() <= names.labels(*process, "web").items()


def test_a_name_never_changes_because_live_objects_bear_it() -> None:
    assert names.child("shop", "Web_1") == "shop-web-1-e8b0bf24"
    assert names.key_label("k" * 64) == f"{'k' * 54}-{names.digest('k' * 64)}"
    assert names.release("shop", 7) == "shop-7"


def test_a_key_that_just_fits_is_its_own_label() -> None:
    assert names.key_label("k" * names.MAX_NAME) == "k" * names.MAX_NAME
    assert names.key_label("k" * (names.MAX_NAME + 1)).startswith("k" * 50)
    assert len(names.key_label("k" * (names.MAX_NAME + 1))) <= names.MAX_NAME
