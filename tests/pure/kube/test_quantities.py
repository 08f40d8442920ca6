"""Quantities: spelt as the API server spells them, so that a comparison finds no difference."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_operator.kube import quantities

QUANTITIES = st.builds(
    lambda number, suffix: f"{number}{suffix}",
    st.one_of(
        st.integers(0, 10**6),
        st.decimals(0, 10**4, places=3, allow_nan=False).map(lambda d: f"{d:f}"),
    ),
    st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3"]),
)


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("0", "0"),
        ("1", "1"),
        ("0.5", "500m"),
        (".5", "500m"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("2000", "2k"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("512Mi", "512Mi"),
        ("0.5Gi", "512Mi"),
        ("1000Ki", "1000Ki"),
        ("128M", "128M"),
        ("0.0001", "1m"),
        ("1500000u", "1500m"),
        ("1n", "1m"),
        ("1e3", "1e3"),
        ("1e-1", "100m"),
        ("1.5e1", "15"),
    ],
)
def test_a_quantity_is_written_as_the_server_keeps_it(given_text: str, kept: str) -> None:
    assert quantities.canonical(given_text) == kept


@given(QUANTITIES)
def test_the_canonical_form_is_its_own(text: str) -> None:
    kept = quantities.canonical(text)
    assert quantities.canonical(kept) == kept


@given(st.integers(0, 10**9), st.sampled_from(["", "m", "k", "M", "Ki", "Mi"]))
def test_a_whole_number_of_units_keeps_its_value(number: int, suffix: str) -> None:
    text = f"{number}{suffix}"
    assert quantities.value(quantities.canonical(text)) == quantities.value(text)


@pytest.mark.parametrize(
    ("cpu", "millicores"), [("1", 1000), ("250m", 250), ("0.5", 500), ("1.0005", 1001)]
)
def test_processors_are_told_in_thousandths_of_a_core(cpu: str, millicores: int) -> None:
    assert quantities.millicores(cpu) == millicores


@pytest.mark.parametrize(
    ("memory", "megabytes"), [("1Gi", 1024), ("512Mi", 512), ("1000M", 954), ("1", 1)]
)
def test_memory_is_told_in_binary_megabytes_rounded_up(memory: str, megabytes: int) -> None:
    assert quantities.megabytes(memory) == megabytes


@pytest.mark.parametrize("text", ["", "1 Gi", "1gi", "one", "1Mib", "--1"])
def test_what_is_no_quantity_is_refused_with_an_example_of_one(text: str) -> None:
    with pytest.raises(quantities.InvalidQuantity, match="write for example 500m"):
        quantities.value(text)


@pytest.mark.parametrize(
    "text",
    [
        *("1e999999", "1e99999999", "1e-100", "1E+123"),
        *("1234567890123456789", "0.1234567890", "9" * 33, "9" * 5000, "1e" + "9" * 5000),
        "\u0661\u0662",
    ],
)
def test_what_is_beyond_the_bounds_is_refused_with_their_names(text: str) -> None:
    for read in (quantities.value, quantities.canonical, quantities.millicores, quantities.text):
        with pytest.raises(quantities.InvalidQuantity, match="at most 18 digits, 9 decimals") as no:
            read(text)
        assert len(str(no.value)) < 200


@pytest.mark.parametrize("number", [10**18, -(10**18), 10**5000], ids=["+", "-", "endless"])
def test_a_number_beyond_the_bounds_is_refused_without_spelling_it_out(number: int) -> None:
    with pytest.raises(quantities.InvalidQuantity, match="within 18 digits"):
        quantities.text(number)


def test_the_value_is_exact() -> None:
    assert quantities.value("0.1") == Decimal("0.1")
    assert quantities.value("1073741823.999999999Mi") == Decimal("1125899906842623.998951424")


@pytest.mark.parametrize(
    ("suffix", "power"),
    [("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)],
)
def test_a_decimal_suffix_is_a_power_of_ten(suffix: str, power: int) -> None:
    assert quantities.value(f"7{suffix}") == 7 * Decimal(10) ** power


@pytest.mark.parametrize(
    ("suffix", "power"), [("Ki", 1), ("Mi", 2), ("Gi", 3), ("Ti", 4), ("Pi", 5), ("Ei", 6)]
)
def test_a_binary_suffix_is_a_power_of_1024(suffix: str, power: int) -> None:
    assert quantities.value(f"7{suffix}") == 7 * 1024**power


def test_the_longest_text_that_is_read_has_so_many_characters() -> None:
    longest = "123456789012345678.123456789e-09"
    assert len(longest) == quantities.MAX_LENGTH
    assert quantities.text(longest) == longest
    with pytest.raises(quantities.InvalidQuantity):
        quantities.text(f"+{longest}")


def test_of_what_is_no_quantity_so_much_is_shown_as_one_may_have() -> None:
    whole = "x" * quantities.MAX_LENGTH
    for text, shown in ((whole, whole), (f"{whole}y", f"{whole}...")):
        with pytest.raises(quantities.InvalidQuantity) as told:
            quantities.canonical(text)
        assert str(told.value).startswith(f'"{shown}" is not')
