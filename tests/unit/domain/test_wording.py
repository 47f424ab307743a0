"""Numbers and zones in sentences."""

from datetime import timedelta

import pytest

from gentle_nudge.domain.wording import counted, is_blank, ordinal, utc_offset


@pytest.mark.parametrize(("number", "text"), [(0, "0 patrons"), (1, "1 patron"), (2, "2 patrons"), (21, "21 patrons")])
def test_one_is_singular_and_all_other_numbers_are_plural(number: int, text: str) -> None:
    assert counted(number, "patron") == text


def test_a_plural_may_be_more_than_an_s() -> None:
    assert [counted(number, "delivery is", "deliveries are") for number in (1, 2)] == [
        "1 delivery is",
        "2 deliveries are",
    ]


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(0, "UTC"), (-300, "UTC-5"), (330, "UTC+5:30"), (-210, "UTC-3:30"), (-30, "UTC-0:30"), (845, "UTC+14:05")],
)
def test_a_zone_is_shown_as_people_write_it(minutes: int, text: str) -> None:
    assert utc_offset(timedelta(minutes=minutes)) == text


@pytest.mark.parametrize(
    ("place", "words"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (22, "22nd")]
)
def test_a_place_in_a_row(place: int, words: str) -> None:
    assert ordinal(place) == words


@pytest.mark.parametrize(
    ("text", "blank"),
    [
        ("", True),
        (" \t\n", True),
        ("\u00a0", True),
        ("\u200b", True),
        ("'", True),
        (" ' ", True),
        ("-", False),
        ("'x", False),
    ],
)
def test_a_text_in_which_nobody_could_read_anything_is_blank(text: str, *, blank: bool) -> None:
    assert is_blank(text) is blank
