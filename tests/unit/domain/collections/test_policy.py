"""The library's rules as values: how a flag is read, which days the window covers, which comments are ours."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gentle_nudge.domain.collections.policy import Scope, Section
from gentle_nudge.domain.ledger import Window
from gentle_nudge.domain.moment import midnight
from gentle_nudge.domain.patron import Flag, FlagState, state_of_values
from tests.builders.values import SUNDAY, a_policy

NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
HAVANA = ZoneInfo("America/Havana")
SECOND = timedelta(seconds=1)


# How a flag is read


@pytest.mark.parametrize("value", ["yes", "YES", "Yes", "1", " yes", "yes ", "\t1 \n"])
def test_yes_and_1_say_yes_whatever_the_letter_case_and_the_blanks_around(value: str) -> None:
    assert state_of_values([value]) is FlagState.YES


@pytest.mark.parametrize("value", [None, "", "  ", "no", "NO", " No ", "0", " 0"])
def test_null_empty_no_and_0_say_no(value: str | None) -> None:
    assert state_of_values([value]) is FlagState.NO


def test_a_missing_value_says_no() -> None:
    assert state_of_values([]) is FlagState.NO


@pytest.mark.parametrize("value", ["y", "n", "true", "11", "01", "yes!", "y e s", "none", "Class of 2027", "-1", "1.0"])
def test_anything_else_is_in_other_use(value: str) -> None:
    assert state_of_values([value]) is FlagState.OTHER


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["no", "yes"], FlagState.YES),
        (["Class of 2027", "1"], FlagState.YES),
        (["no", None, "0"], FlagState.NO),
        (["no", "Class of 2027"], FlagState.OTHER),
    ],
)
def test_several_values_any_yes_is_a_yes_and_a_no_needs_every_row(values: list[str | None], said: FlagState) -> None:
    assert state_of_values(values) is said


@given(st.lists(st.sampled_from(["yes", "1", "no", "0", "", None, "x"])), st.randoms(use_true_random=False))
def test_the_order_of_values_does_not_matter(values: list[str | None], chance: Random) -> None:
    assert state_of_values(chance.sample(values, len(values))) is state_of_values(values)


# Which field is the flag


@pytest.mark.parametrize("text", ["sort1", "sort2", "attribute:COLLECT"])
def test_a_flag_is_written_in_the_settings_as_it_is_read(text: str) -> None:
    assert str(Flag.parse(text)) == text


@pytest.mark.parametrize("text", ["", "sort3", "attribute", "attribute:", "attribute: ", "sort1:x", "userid"])
def test_any_other_field_is_no_flag(text: str) -> None:
    with pytest.raises(ValueError, match="sort1, sort2 or attribute:CODE"):
        Flag.parse(text)


def test_a_sort_field_is_written_yes_and_no_an_attribute_1_and_0() -> None:
    assert [(flag.yes, flag.no) for flag in map(Flag.parse, ("sort1", "sort2", "attribute:X"))] == [
        ("yes", "no"),
        ("yes", "no"),
        ("1", "0"),
    ]


# The window


def days_ago(days: int) -> date:
    return SUNDAY - timedelta(days=days)


def covers(window: Window, day: date) -> bool:
    return window.first <= day <= window.last


@pytest.mark.parametrize(
    ("days", "counts"), [(59, False), (60, True), (61, True), (75, True), (89, True), (90, True), (91, False)]
)
def test_both_ends_of_the_window_count(days: int, *, counts: bool) -> None:
    assert covers(a_policy().window(SUNDAY), days_ago(days)) is counts


def test_a_window_given_the_wrong_way_round_is_swapped() -> None:
    swapped = a_policy(count_fees_newer_than=60, count_fees_older_than=90)
    assert swapped.window(SUNDAY) == a_policy().window(SUNDAY) == Window(first=days_ago(90), last=days_ago(60))


def test_a_window_of_a_single_day_holds_that_day() -> None:
    window = a_policy(count_fees_newer_than=60, count_fees_older_than=60).window(SUNDAY)
    assert [covers(window, days_ago(days)) for days in (61, 60, 59)] == [False, True, False]


def test_a_window_may_reach_to_the_day_itself() -> None:
    window = a_policy(count_fees_older_than=0).window(SUNDAY)
    assert covers(window, SUNDAY)
    assert not covers(window, SUNDAY + timedelta(days=1))


def test_the_window_is_that_of_the_business_day_in_leap_years_too() -> None:
    window = a_policy().window(date(2028, 4, 29))
    assert (window.first, window.last) == (date(2028, 1, 30), date(2028, 2, 29))


@pytest.mark.parametrize(
    ("zone", "first", "after"),
    [
        # The clock goes back between the ends of the window: an hour more than 31 days.
        (NEW_YORK, datetime(2026, 10, 5, 4, tzinfo=UTC), datetime(2026, 11, 5, 5, tzinfo=UTC)),
        (BERLIN, datetime(2026, 10, 4, 22, tzinfo=UTC), datetime(2026, 11, 4, 23, tzinfo=UTC)),
        (ZoneInfo("UTC"), datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 11, 5, tzinfo=UTC)),
        (
            ZoneInfo("Asia/Kolkata"),
            datetime(2026, 10, 4, 18, 30, tzinfo=UTC),
            datetime(2026, 11, 4, 18, 30, tzinfo=UTC),
        ),
    ],
)
def test_the_bounds_are_midnights_of_the_librarys_zone(zone: ZoneInfo, first: datetime, after: datetime) -> None:
    window = Window(first=date(2026, 10, 5), last=date(2026, 11, 4))
    assert window.bounds(zone) == (first, after)


@pytest.mark.parametrize("zone", [NEW_YORK, BERLIN])
@pytest.mark.parametrize(
    "changing",
    [
        date(2026, 3, 8),
        date(2026, 11, 1),
        date(2026, 3, 29),
        date(2026, 10, 25),
    ],
)
def test_a_day_on_which_the_clock_changes_is_inside_from_its_first_second_to_its_last(
    zone: ZoneInfo, changing: date
) -> None:
    first, after = Window(first=changing, last=changing).bounds(zone)
    midnight_of = datetime(changing.year, changing.month, changing.day, tzinfo=zone)
    last_second = midnight_of.replace(hour=23, minute=59, second=59)
    assert first <= midnight_of.astimezone(UTC)
    assert first <= last_second.astimezone(UTC) < after
    assert (first - SECOND).astimezone(zone).date() == changing - timedelta(days=1)
    assert after.astimezone(zone).date() == changing + timedelta(days=1)


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        (NEW_YORK, date(2026, 3, 8), datetime(2026, 3, 8, 5, tzinfo=UTC)),
        (NEW_YORK, date(2026, 3, 9), datetime(2026, 3, 9, 4, tzinfo=UTC)),
        (NEW_YORK, date(2026, 11, 1), datetime(2026, 11, 1, 4, tzinfo=UTC)),
        (NEW_YORK, date(2026, 11, 2), datetime(2026, 11, 2, 5, tzinfo=UTC)),
        (BERLIN, date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC)),
        (BERLIN, date(2026, 3, 30), datetime(2026, 3, 29, 22, tzinfo=UTC)),
        # Midnight itself was skipped: the day began at one o'clock.
        (SAO_PAULO, date(2018, 11, 4), datetime(2018, 11, 4, 3, tzinfo=UTC)),
        # Midnight came twice: the day began with the first.
        (HAVANA, date(2026, 11, 1), datetime(2026, 11, 1, 4, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_midnight_where_the_library_is(zone: ZoneInfo, day: date, begins: datetime) -> None:
    assert midnight(day, zone) == begins


@given(
    day=st.dates(date(2024, 1, 1), date(2030, 1, 1)),
    zone=st.sampled_from([NEW_YORK, BERLIN, HAVANA, ZoneInfo("Australia/Lord_Howe")]),
    second=st.integers(-100_000, 100_000),
)
def test_an_instant_is_within_the_bounds_exactly_if_its_day_is_within_the_window(
    day: date, zone: ZoneInfo, second: int
) -> None:
    window = Window(first=day, last=day + timedelta(days=1))
    first, after = window.bounds(zone)
    for edge in (first, after):
        at = edge + timedelta(seconds=second)
        assert (first <= at < after) is covers(window, at.astimezone(zone).date())


# Comments of restrictions


def test_the_comment_of_a_restriction_holds_the_business_day() -> None:
    assert a_policy().comment(SUNDAY) == "Patron sent to collections on 2026-11-22"
    assert a_policy(restriction_comment="UMS {date} (desk)").comment(SUNDAY) == "UMS 2026-11-22 (desk)"


@pytest.mark.parametrize("written", ["2026-11-22", "1999-01-01", "11/22/2026", "22.11.2026", "11-22-2026"])
def test_our_comment_is_ours_with_any_date(written: str) -> None:
    policy = a_policy(restriction_comment="UMS {date} (desk)")
    assert policy.made_this_comment(f"UMS {written} (desk)")


def test_the_plugins_sentence_is_ours_whatever_our_own_is() -> None:
    policy = a_policy(restriction_comment="UMS {date}")
    assert policy.made_this_comment("Patron sent to collections on 2019-03-04")


@pytest.mark.parametrize(
    "comment",
    [
        None,
        "",
        "Patron sent to collections on",
        "Patron sent to collections on Sunday",
        "Patron sent to collections on 2026-11-22. Do not lift! JD",
        "See: Patron sent to collections on 2026-11-22",
        "Lost card",
        "UMS 2026-11-22",
    ],
)
def test_only_the_whole_comment_is_ours(comment: str | None) -> None:
    assert not a_policy().made_this_comment(comment)


def test_signs_in_our_sentence_mean_themselves() -> None:
    policy = a_policy(restriction_comment="(UMS) sent {date}. Call +1.")
    assert policy.made_this_comment("(UMS) sent 2026-11-22. Call +1.")
    assert not policy.made_this_comment("UMS sent 2026-11-22x Call 1.")


@pytest.mark.parametrize("sentence", ["UMS {date}", " UMS {date} ", "{date} UMS {date}", "{date}"])
def test_what_we_write_we_recognise(sentence: str) -> None:
    policy = a_policy(restriction_comment=sentence)
    assert policy.made_this_comment(policy.comment(SUNDAY))


# Recipients, scope, section


def test_everybody_gets_one_message_however_often_they_are_named() -> None:
    policy = a_policy(send_to=("a@x.example", "b@x.example"), copy_to=("c@x.example", "a@x.example"))
    assert policy.recipients() == ("a@x.example", "b@x.example", "c@x.example")


def test_global_speaks_for_every_branch_no_section_names() -> None:
    scope = Scope(branches=frozenset({"CPL"}), all_but=True)
    assert not scope.holds("CPL")
    assert scope.holds("MPL")
    assert scope.holds(None)
    assert Scope().holds("CPL")


def test_a_section_speaks_for_the_branches_it_names_only() -> None:
    scope = Scope(branches=frozenset({"CPL"}), all_but=False)
    assert scope.holds("CPL")
    assert not scope.holds("MPL")
    assert not scope.holds(None)


def test_open_cases_under_earlier_names_are_the_sections_own() -> None:
    section = Section(name="north", policy=a_policy(), formerly=("old",), keeps_up=("closed",))
    assert section.names == ("north", "old")
    assert section.cases_of == ("north", "old", "closed")
    assert replace(section, held=("gone",), frees=("gone",)).may_end == ("north", "old", "closed", "gone")
    assert not section.is_global
    assert Section(policy=a_policy()).is_global
