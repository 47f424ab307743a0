"""The sample library's three Sundays, on whatever day they are shown."""

from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gentle_nudge.demo.founding import HOW_MANY, patrons
from gentle_nudge.demo.play import Story, play, sunday
from gentle_nudge.demo.roles import Role
from gentle_nudge.demo.year import Fate
from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.collections.plan import Adoption, Referral
from gentle_nudge.domain.collections.referral import Reason
from gentle_nudge.domain.outbox import Channel
from gentle_nudge.views.night_view import changes, outcome

A_SUNDAY = date(2026, 11, 22)
OTHER_SUNDAYS = [
    date(2027, 3, 14),  # the clocks go forward that night
    date(2027, 11, 7),  # and back
    date(2032, 2, 29),
    date(2027, 1, 3),
]


@cache
def the_story(day: date = A_SUNDAY, *, with_year: bool = False) -> Story:
    """Played once for all tests; what is left of it is in memory."""
    with TemporaryDirectory() as folder:
        return play(Path(folder) / "demo", day, with_year=with_year)


def surnames(story: Story) -> set[str]:
    return {story.samples[referral.number].surname for referral in story.tonight.plan.of(Referral)}


NOT_IN_THE_DEMO = {
    Reason.OTHER_SECTION,
    Reason.ON_HOLD,
    Reason.NO_NOTICE,
    Reason.PAID_LATELY,
    Reason.UNREACHABLE,
    Reason.LEFT_OUT,
    Reason.NOT_ON_THE_LIST,
}


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason not in NOT_IN_THE_DEMO])
def test_every_rule_of_one_section_leaves_out_two_patrons_at_least(reason: Reason) -> None:
    plan = the_story().tonight.plan
    others = plan.owing_less if reason is Reason.BELOW_THRESHOLD else 0
    assert plan.left_out.get(reason, 0) + others >= 2


def test_everything_that_may_become_of_a_patron_happens() -> None:
    counts = {what: len(decisions) for what, decisions in changes(the_story().tonight.plan).items()}
    closed = {state.value for state in CaseState if state not in {CaseState.OPEN, CaseState.ANONYMIZED}}
    # In the two weeks of the demo no payment is voided, nobody is anonymized, and nobody is on hold.
    assert [counts.pop(word) for word in ("reopened", "anonymized", "paused", "resumed")] == [0, 0, 0, 0]
    assert counts.keys() == {"referred", "adopted", "followed", *closed}
    assert all(counts.values()), counts


def test_some_cases_just_go_on_and_one_is_named() -> None:
    plan = the_story().tonight.plan
    assert len(plan.kept) > 2
    assert len(plan.named) == len(the_story().those_who(Role.FLAG_OVERWRITTEN)) == 1


def test_the_nights_before_referred_adopted_released_and_withdrew() -> None:
    first, second, _ = the_story().chapters
    assert len(first.plan.of(Referral)) == 10
    assert len(first.plan.of(Adoption)) == 4
    assert [adoption.released for adoption in first.plan.of(Adoption)].count(True) == 1
    assert len(second.plan.of(Referral)) == 9
    assert second.plan.closes[CaseState.RELEASED] == 2
    assert second.plan.closes[CaseState.WITHDRAWN] == 2


def test_nothing_is_refused_and_everything_is_delivered() -> None:
    for chapter in the_story().chapters:
        assert not chapter.plan.refusals
        assert Counter(delivery.address.channel for delivery in chapter.delivered) == {
            Channel.EMAIL: 4,
            Channel.FILE: 2,
        }


def test_those_on_the_right_side_of_a_boundary_are_referred() -> None:
    assert {"Threshold", "Eighteen", "Sixtieth", "O'Brien", "=HYPERLINK(A1)", "王"} <= surnames(the_story())


def test_after_a_year_the_same_things_happen_to_the_cast(year: Story) -> None:
    alone, after = the_story(), year
    for one, other in zip(alone.chapters, after.chapters, strict=True):
        assert one.plan.owing_less == other.plan.owing_less
        beside = {Reason.IN_COLLECTIONS: other.plan.left_out[Reason.IN_COLLECTIONS]}
        assert {**one.plan.left_out, **beside} == other.plan.left_out
        assert [(outcome(d), d.number, d.balance) for d in one.plan.decisions] == [
            (outcome(d), d.number, d.balance) for d in other.plan.decisions
        ]


def test_a_year_is_the_same_whenever_it_is_played(year: Story) -> None:
    one, other = year.year, the_story(date(2027, 3, 14), with_year=True).year
    assert one is not None
    assert other is not None
    by_days = [
        [((year.shown - entry.day).days, entry.number, entry.line, entry.what, entry.amount) for entry in year.ledger]
        for year in (one, other)
    ]
    assert by_days[0] == by_days[1]
    assert [each.number for each in one.debtors] == list(range(HOW_MANY + 1, HOW_MANY + 1 + len(one.debtors)))


def test_everything_that_may_become_of_a_patron_of_the_year_happens(year: Story) -> None:
    assert year.year is not None
    assert {debtor.fate for debtor in year.year.debtors} == set(Fate)
    per_sunday = Counter(debtor.week for debtor in year.year.debtors)
    assert (min(per_sunday.values()), max(per_sunday.values())) == (2, 9)
    assert (max(per_sunday), min(per_sunday), len(per_sunday)) == (52, 3, 44)


@pytest.mark.parametrize("day", OTHER_SUNDAYS, ids=str)
def test_on_any_sunday_the_same_things_happen(day: date) -> None:
    here, there = the_story(), the_story(day)
    assert there.tonight.plan.day == day
    for one, other in zip(here.chapters, there.chapters, strict=True):
        assert one.plan.left_out == other.plan.left_out
        assert one.plan.owing_less == other.plan.owing_less
        assert [(outcome(d), d.number, d.balance) for d in one.plan.decisions] == [
            (outcome(d), d.number, d.balance) for d in other.plan.decisions
        ]


@pytest.mark.parametrize("days_after", range(7))
def test_the_sunday_shown_is_the_latest_not_after_the_day(days_after: int) -> None:
    assert sunday(date(2026, 11, 22 + days_after)) == A_SUNDAY


def test_there_are_two_hundred_patrons_with_names_of_many_scripts() -> None:
    everybody = patrons(A_SUNDAY).values()
    assert len(everybody) == HOW_MANY
    letters = "".join(sample.surname + sample.firstname for sample in everybody)
    assert all(sign in letters for sign in "',\"=-ÅłĐ王小김Воאعக")
