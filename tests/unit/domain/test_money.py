"""Amounts: Decimal, rounded to the cent, half up, and written one way."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gentle_nudge.domain.money import can_be_kept, format_amount, parse_amount, round_to_cent

amounts_of_koha = st.decimals(min_value=-(10**12), max_value=10**12, places=6)


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [
        ("24.994999", "24.99"),
        ("24.995000", "25.00"),
        ("24.990000", "24.99"),
        ("-0.005000", "-0.01"),
        ("-24.994999", "-24.99"),
        ("1234567.894999", "1234567.89"),
        ("99999999999999999999999999999999.995000", "100000000000000000000000000000000.00"),
    ],
)
def test_sums_are_rounded_to_the_cent_half_up(amount: str, rounded: str) -> None:
    assert round_to_cent(Decimal(amount)) == Decimal(rounded)
    assert str(round_to_cent(Decimal(amount))) == rounded


@pytest.mark.parametrize(
    ("amount", "kept"),
    [("999999999999999.99", True), ("1000000000000000.00", False), ("-999999999999999.99", True), ("-1E+15", False)],
)
def test_a_sum_can_be_kept_up_to_the_last_cent_below_a_million_billions(amount: str, *, kept: bool) -> None:
    assert can_be_kept(Decimal(amount)) is kept


def test_null_amounts_count_as_zero() -> None:
    assert str(round_to_cent(None)) == "0.00"


@pytest.mark.parametrize("nothing", ["0", "0.000000", "-0", "-0.004", "0.004"])
def test_nothing_is_written_without_a_sign(nothing: str) -> None:
    assert format_amount(Decimal(nothing)) == "0.00"


def test_whole_amounts_get_their_two_decimals() -> None:
    assert format_amount(round_to_cent(10)) == "10.00"


@pytest.mark.parametrize("amount", ["10786.95", "1234567.89", "-1234567.89"])
def test_there_is_never_a_thousands_separator(amount: str) -> None:
    assert format_amount(Decimal(amount)) == amount


def test_large_amounts_are_written_without_an_exponent() -> None:
    assert format_amount(Decimal("1E+6")) == "1000000.00"


@given(amounts_of_koha)
def test_rounding_moves_an_amount_by_half_a_cent_at_most(amount: Decimal) -> None:
    assert abs(round_to_cent(amount) - amount) <= Decimal("0.005")


@given(amounts_of_koha)
def test_an_amount_read_back_is_the_same(amount: Decimal) -> None:
    assert Decimal(format_amount(amount)) == round_to_cent(amount)
    assert round_to_cent(round_to_cent(amount)) == round_to_cent(amount)


@pytest.mark.parametrize("amount", ["1000", " 1000.00 ", "+1000", "1000."])
def test_an_amount_is_read_in_digits(amount: str) -> None:
    assert str(parse_amount(amount)) == "1000.00"


@pytest.mark.parametrize("amount", ["1e3", "1E+3", "1_000", "１０００"])
def test_an_amount_in_another_way_of_writing_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="in digits"):
        parse_amount(amount)
