"""Days named by words."""

from datetime import date

import pytest

from gentle_nudge.domain.moment import DAY_WORDS, named_day
from tests.builders.days import LAST_SUNDAY, MONDAY, NEXT_SUNDAY, SUNDAY


@pytest.mark.parametrize(
    ("word", "ahead", "back"),
    [
        ("today", MONDAY, MONDAY),
        ("TOMORROW", date(2026, 11, 24), date(2026, 11, 24)),
        ("yesterday", SUNDAY, SUNDAY),
        ("monday", MONDAY, MONDAY),
        ("tuesday", date(2026, 11, 24), date(2026, 11, 17)),
        ("Sunday", NEXT_SUNDAY, SUNDAY),
    ],
)
def test_a_weekday_is_the_coming_or_the_last_one_and_today_is_either(word: str, ahead: date, back: date) -> None:
    assert named_day(word, MONDAY, ahead=True) == ahead
    assert named_day(word, MONDAY, ahead=False) == back


def test_every_word_means_a_day_of_the_weeks_around_today() -> None:
    assert len(DAY_WORDS) == 10
    assert all(LAST_SUNDAY < named_day(word, SUNDAY, ahead=False) <= MONDAY for word in DAY_WORDS)
