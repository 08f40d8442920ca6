"""What is masked of values in texts: all that a plain, slow search finds, and in little time."""

import random
import string
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import processor
from process_operator.controller.observe import quoting

SECRET = "tr0ub4dor&3-correct-horse-battery"  # noqa: S105 - made up
FEW = st.text("ab\n", max_size=12)


def masked(text: str, *values: str, cut_before: bool = False) -> str:
    (told,) = quoting.masked([text], frozenset(values), cut_before=cut_before)
    return told


def covered(text: str, parts: set[str], *, cut_before: bool) -> Iterator[int]:
    """Yield the places of a text that may not be told, by looking everywhere for everything."""
    for part in parts:
        for place in range(len(text)):
            if text.startswith(part, place):
                yield from range(place, place + len(part))
        for length in range(quoting.SHORTEST, len(part)):
            if text.endswith(part[:length]):
                yield from range(len(text) - length, len(text))
            if cut_before and text.startswith(part[-length:]):
                yield from range(length)


@given(st.lists(FEW, max_size=6), st.lists(FEW, max_size=3), st.booleans())
def test_what_is_masked_is_what_a_plain_search_finds(
    values: list[str], texts: list[str], cut_before: bool
) -> None:
    parts = {part for one in values for part in (one, *one.splitlines()) if len(part) >= 4}
    told = quoting.masked(texts, frozenset(values), cut_before=cut_before)
    for text, said in zip(texts, told, strict=True):
        hidden = set(covered(text, parts, cut_before=cut_before))
        kept = "".join("*" if place in hidden else c for place, c in enumerate(text))
        while "**" in kept:
            kept = kept.replace("**", "*")
        assert said == kept.replace("*", quoting.MASK)


@given(st.integers(4, len(SECRET)), st.sampled_from(["", "so: ", "\n", "tr0"]))
def test_of_a_value_that_was_cut_no_four_characters_are_left(length: int, before: str) -> None:
    assert masked(before + SECRET[:length], SECRET) == before + quoting.MASK
    after = before[::-1]
    assert masked(SECRET[-length:] + after, SECRET, cut_before=True) == quoting.MASK + after


def fully_escaped(text: str) -> str:
    return text.encode("unicode_escape").decode()


@given(
    st.text(min_size=4, max_size=20) | st.text("\\ntx0aü\n\x01", min_size=4, max_size=20),
    st.sampled_from([quoting.printable, fully_escaped]),
    st.data(),
)
def test_a_value_is_found_escaped_and_cut(
    value: str, escaped: Callable[[str], str], data: st.DataObject
) -> None:
    told = [escaped(one) for one in value]
    whole = data.draw(st.integers(4, len(told)))
    begun = "".join(told[whole : whole + 1])
    cut = begun[: data.draw(st.integers(0, max(0, len(begun) - 1)))]
    assert masked("so: " + "".join(told[:whole]) + cut, value) == "so: " + quoting.MASK


@pytest.mark.parametrize("told", [r"a \"b\"\nc d", r"a \u0022b\x22\nc d", 'a "b"\nc d'])
def test_a_value_is_found_as_programs_quote_it(told: str) -> None:
    assert masked(f'env: "{told}".', 'a "b"\nc d') == 'env: "***".'


def test_values_side_by_side_have_one_mask() -> None:
    assert masked("aaaabbbb, aaabbbb", "aaaa", "abbbb") == "***, aa***"


# How long it takes.


def lines(count: int, length: int) -> str:
    letters = random.Random(count * length)  # noqa: S311 - for a test
    return "\n".join("".join(letters.choices(string.ascii_letters, k=length)) for _ in range(count))


def many_lines(seed: int) -> list[str]:
    return [lines(4_600, 6) + f"\n{seed}-{number}" for number in range(43)]


def many_values(seed: int) -> list[str]:
    return [("x" * 4_080 + f"{seed}-{number}") for number in range(256)]


@pytest.mark.parametrize("values", [many_lines, many_values])
@pytest.mark.parametrize("text", [lines(1, 4_096), "x" * 1_024, "password: " + lines(1, 500)])
def test_a_large_environment_does_not_hold_up_the_loop(
    values: Callable[[int], list[str]], text: str
) -> None:
    """At the first look and at later ones: in 50 ms of the processor's time."""
    first, later = [], []
    with processor.undisturbed():
        for seed in range(3):
            known = frozenset(values(seed))
            first.append(processor.seconds(quoting.masked, [f"0 {text}"], known))
            later.append(processor.seconds(quoting.masked, [f"1 {text}"], known))
    assert processor.usual(min(first)) < 0.05
    assert processor.usual(min(later)) < 0.05


def test_what_is_told_again_and_again_is_masked_once() -> None:
    texts = [f"pod {number} exited with code 1: " + "x" * 400 for number in range(200)]
    known = frozenset([*many_lines(9), SECRET])
    assert len(quoting.masked(texts, known)) == 200
    again = min(processor.seconds(quoting.masked, texts, known) for _ in range(3))
    assert processor.usual(again) < 0.01
