"""Facts about a patron: ages, what the flag rows say together, which restrictions are active."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gentle_nudge.domain.patron import FlagRow, FlagState, age, comes_of_age, flag_state, known_birth
from tests.builders.values import SUNDAY, a_patron, in_attributes, in_sort1, ours


@pytest.mark.parametrize(
    ("born", "years"),
    [
        (date(2008, 11, 21), 18),
        (date(2008, 11, 22), 18),
        (date(2008, 11, 23), 17),
        (date(2008, 12, 1), 17),
        (date(2008, 10, 31), 18),
        (date(2026, 11, 22), 0),
    ],
)
def test_a_patron_is_a_year_older_on_the_birthday(born: date, years: int) -> None:
    assert age(born, date(2026, 11, 22)) == years


@pytest.mark.parametrize(
    ("day", "years"),
    [
        (date(2026, 2, 28), 17),
        (date(2026, 3, 1), 18),
        (date(2028, 2, 28), 19),
        (date(2028, 2, 29), 20),
        (date(2028, 3, 1), 20),
    ],
)
def test_born_on_29_february_is_a_year_older_on_1_march_in_ordinary_years(day: date, years: int) -> None:
    assert age(date(2008, 2, 29), day) == years


@given(born=st.dates(date(1900, 1, 1), date(2030, 1, 1)), day=st.dates(date(2030, 1, 2), date(2060, 1, 1)))
def test_nobody_grows_younger_overnight_nor_by_more_than_a_year(born: date, day: date) -> None:
    assert 0 <= age(born, day + timedelta(days=1)) - age(born, day) <= 1


@pytest.mark.parametrize(
    ("born", "known"),
    [
        (date(1915, 11, 23), True),
        (date(1915, 11, 22), False),
        (date(1901, 1, 1), False),
        (date(1809, 2, 12), False),
        (date(1, 1, 1), False),
        (date(2026, 11, 22), True),
        (date(2062, 5, 5), True),
    ],
)
def test_a_date_of_birth_counts_as_unknown_from_the_111th_birthday_on(born: date, *, known: bool) -> None:
    assert known_birth(born, date(2026, 11, 22)) == (born if known else None)


def test_no_date_of_birth_is_unknown() -> None:
    assert known_birth(None, date(2026, 11, 22)) is None


@pytest.mark.parametrize(("day", "known"), [(date(2023, 2, 28), True), (date(2023, 3, 1), False)])
def test_born_on_29_february_is_unknown_from_1_march_on(day: date, *, known: bool) -> None:
    assert (known_birth(date(1912, 2, 29), day) is not None) is known


@pytest.mark.parametrize(
    ("born", "of_age"),
    [
        (date(2008, 11, 22), date(2026, 11, 22)),
        (date(2008, 2, 29), date(2026, 3, 1)),
        (date(2008, 2, 28), date(2026, 2, 28)),
        (date(9990, 5, 5), date(9998, 5, 5)),
        (date(9988, 2, 29), date(9998, 3, 1)),
    ],
)
def test_a_patron_comes_of_age_on_the_birthday_and_no_mistyped_year_is_too_late(born: date, of_age: date) -> None:
    assert comes_of_age(born, 18) == of_age


@given(
    born=st.dates(date(1900, 1, 1), date(2030, 1, 1)),
    day=st.dates(date(1900, 1, 1), date(2060, 1, 1)),
    years=st.integers(0, 150),
)
def test_the_day_of_coming_of_age_is_the_first_of_that_age(born: date, day: date, years: int) -> None:
    assert (day >= comes_of_age(born, years)) is (age(born, day) >= years)


def test_a_patron_without_any_attribute_row_is_not_flagged() -> None:
    assert flag_state(()) is FlagState.NO
    assert not a_patron(flag=None).is_flagged


def test_of_several_attribute_rows_any_yes_is_a_yes() -> None:
    assert flag_state(in_attributes("0", None, "1")) is FlagState.YES
    assert flag_state(in_attributes("sent 2019", "1")) is FlagState.YES


def test_several_attribute_rows_say_no_only_if_every_row_does() -> None:
    assert flag_state(in_attributes("0", None, "", "no")) is FlagState.NO
    assert flag_state(in_attributes("0", "sent 2019")) is FlagState.OTHER


def test_each_row_can_be_read_alone() -> None:
    assert [flag_state((row,)) for row in in_attributes("1", "0", "sent 2019")] == [
        FlagState.YES,
        FlagState.NO,
        FlagState.OTHER,
    ]


def test_a_patron_is_flagged_if_the_flag_says_yes_and_only_then() -> None:
    assert a_patron(flag="yes").is_flagged
    assert not a_patron(flag="no").is_flagged
    assert not a_patron(flag="yes please").is_flagged


@given(st.permutations([*in_attributes("0", "x"), *in_sort1("1"), FlagRow(row=20, value=None)]))
def test_the_order_of_the_rows_does_not_matter(rows: list[FlagRow]) -> None:
    assert flag_state(tuple(rows)) is FlagState.YES


@pytest.mark.parametrize(
    ("expires", "active"),
    [
        (None, True),
        (SUNDAY + timedelta(days=1), True),
        (SUNDAY, False),
        (SUNDAY - timedelta(days=1), False),
    ],
)
def test_a_restriction_is_active_without_an_expiry_or_with_one_after_today(
    expires: date | None, *, active: bool
) -> None:
    assert ours(expires=expires).is_active(SUNDAY) is active
