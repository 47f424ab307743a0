"""The sums of cases, their groups, what a higher threshold would have meant, how soon cases are settled, the road."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from gentle_nudge.domain.case import CaseState
from gentle_nudge.domain.money import ZERO
from gentle_nudge.domain.outcomes.figures import Amounts, CaseFigures, FollowedCase, LineFigures, Share
from gentle_nudge.domain.outcomes.road import road
from gentle_nudge.domain.outcomes.terms import Outcomes
from gentle_nudge.domain.outcomes.threshold_study import higher_thresholds, how_soon, threshold_studies
from gentle_nudge.domain.outcomes.totals import (
    By,
    Figures,
    Group,
    age_group,
    grouped,
    median_days,
    over,
)

REFERRED = date(2026, 7, 1)
TERMS = Outcomes(price_per_case=Decimal("8.95"))
PERIOD = (date(2026, 6, 1), date(2026, 8, 1))


def a_line(*, recorded: str = "40.00", paid: str = "0.00", credit: date | None = None, **share: Any) -> LineFigures:
    """A lost charge of which so much was paid."""
    amounts = Amounts(recorded=Decimal(recorded), paid=Decimal(paid), owing=Decimal(recorded) - Decimal(paid))
    return LineFigures(
        line=7,
        share=Share(case=1, outstanding=Decimal(recorded), **share),
        amounts=amounts,
        type="LOST",
        first_credit=credit,
        last_credit=credit,
    )


def a_case(*lines: LineFigures, **facts: Any) -> CaseFigures:
    """A case of that day with one line of 40.00, unless told."""
    case = FollowedCase(**{"id": 1, "section": "global", "referred_on": REFERRED, "owed": Decimal(40), **facts})
    return CaseFigures.of(case, lines or [a_line()])


def settled(days: int, amount: str = "40.00", **facts: Any) -> CaseFigures:
    """A case that was paid in full so many days after its referral."""
    return a_case(a_line(recorded=amount, paid=amount, credit=REFERRED + timedelta(days=days)), **facts)


def sizes(cases: Iterable[CaseFigures], by: By = "branch", **how: Any) -> list[tuple[str, int]]:
    """The groups with the number of their cases."""
    groups = grouped(cases, by, period=PERIOD, smallest=5, **how)
    return [(group.name, len(group.cases)) for group in groups]


def of_branches(**counts: int) -> list[CaseFigures]:
    return [a_case(branch=branch) for branch, count in counts.items() for _ in range(count)]


# Sums


def test_the_sums_of_no_case_are_nothing_and_its_medians_are_unknown() -> None:
    figures = Figures.of([], TERMS)
    assert (figures.cases, figures.recorded, figures.price) == (0, ZERO, ZERO)
    assert (figures.came_back_of_100, figures.median_days, figures.median_recorded) == (None, None, None)


def test_what_came_back_of_100_and_the_price_of_all_cases() -> None:
    figures = Figures.of([settled(3), a_case()], TERMS)
    assert (figures.came_back_of_100, figures.price) == (Decimal("50.00"), Decimal("17.90"))
    assert (figures.settled, figures.unblocked, figures.open) == (1, 0, 2)


def test_a_released_case_is_unblocked_and_not_open() -> None:
    figures = Figures.of([settled(3, state=CaseState.RELEASED), a_case(state=CaseState.WITHDRAWN)], TERMS)
    assert (figures.unblocked, figures.open) == (1, 0)


@pytest.mark.parametrize(("days", "middle"), [([4], 4), ([1, 2], 2), ([1, 3], 2), ([2, 3, 9], 3), ([], None)])
def test_the_median_of_two_days_is_rounded_half_up(days: list[int], middle: int | None) -> None:
    assert median_days(days) == middle


def test_the_median_of_what_was_recorded_is_rounded_half_up_to_the_cent() -> None:
    cases = [a_case(a_line(recorded=amount)) for amount in ("10.00", "10.01")]
    assert Figures.of(cases, TERMS).median_recorded == Decimal("10.01")


def test_cases_per_thousand_patrons() -> None:
    assert Figures.of([a_case()] * 3, TERMS, patrons=800).per_1000 == Decimal("3.75")
    assert Figures.of([a_case()] * 3, TERMS, patrons=0).per_1000 is None


# Groups


def test_small_groups_are_put_together_and_if_still_few_the_smallest_of_the_others_joins_them() -> None:
    assert sizes(of_branches(A=7, B=6, C=4)) == [("A", 7), ("smaller groups", 10)]
    assert sizes(of_branches(A=7, B=3, C=3)) == [("A", 7), ("smaller groups", 6)]
    assert sizes(of_branches(A=7, B=5)) == [("A", 7), ("B", 5)]
    assert sizes(of_branches(A=3)) == [("smaller groups", 3)]


def test_groups_come_by_size_and_then_by_name() -> None:
    names = {"A": "Yonder", "B": "Hither"}
    assert sizes(of_branches(A=5, B=5, C=6), names=names) == [("C", 6), ("Hither", 5), ("Yonder", 5)]


def test_sections_are_never_put_together() -> None:
    assert sizes([a_case(section="north"), *[a_case(section="south")] * 2], "section") == [("south", 2), ("north", 1)]


def test_groups_that_nobody_knows_are_unknown() -> None:
    assert sizes([a_case()] * 5) == [("unknown", 5)]


@pytest.mark.parametrize(
    ("years", "group"),
    [
        (17, "under 18"),
        (18, "18 to 24"),
        (24, "18 to 24"),
        (25, "25 to 39"),
        (39, "25 to 39"),
        (40, "40 to 64"),
        (64, "40 to 64"),
        (65, "65 and over"),
        (0, "under 18"),
        (-1, "unknown"),
        (None, "unknown"),
    ],
)
def test_the_groups_of_ages(years: int | None, group: str) -> None:
    assert age_group(years) == group


def test_ages_come_in_their_order_and_small_ones_last() -> None:
    ages = [70] * 5 + [20] * 9 + [None] * 5 + [30] * 6 + [10]
    cases = [a_case(age=years) for years in ages]
    assert sizes(cases, "age") == [("18 to 24", 9), ("25 to 39", 6), ("65 and over", 5), ("smaller groups", 6)]


def test_months_without_a_case_are_there() -> None:
    assert sizes([a_case()], "month") == [("2026-06", 0), ("2026-07", 1), ("2026-08", 0)]


def test_submissions_come_in_order_of_date() -> None:
    days = [date(2026, 7, 12), date(2026, 7, 5), date(2026, 7, 12)]
    cases = [a_case(referred_on=day) for day in days]
    assert sizes(cases, "submission") == [("2026-07-05", 1), ("2026-07-12", 2)]


@pytest.mark.parametrize(("days", "says"), [(129, "True"), (130, "False")])
def test_a_group_is_running_until_its_last_day_is_running_days_ago(days: int, says: str) -> None:
    group = Group(name="2026-07", cases=[], last_day=REFERRED)
    assert str(group.is_running(REFERRED + timedelta(days=days), TERMS)) == says


# Had it been another threshold; how soon; the road


def test_a_case_is_over_running_days_after_its_referral() -> None:
    case = a_case()
    assert over([case], REFERRED + timedelta(days=130), TERMS) == [case]
    assert over([case], REFERRED + timedelta(days=129), TERMS) == []


def test_a_higher_threshold_leaves_out_who_owed_less() -> None:
    cases = [
        settled(3, "30.00", owed=Decimal("49.99")),
        settled(3, "70.00", owed=Decimal(50)),
        a_case(owed=Decimal(90)),
    ]
    in_force, higher = threshold_studies(cases, Decimal(25), [Decimal(50)], TERMS)
    assert (in_force.cases, in_force.came_back, in_force.of_100) == (3, Decimal("100.00"), Decimal("100.00"))
    assert (higher.cases, higher.came_back, higher.of_100) == (2, Decimal("70.00"), Decimal("70.00"))
    assert higher.price == Decimal("17.90")


@pytest.mark.parametrize(
    ("in_force", "tried"),
    [("25.00", [30, 40, 50, 75, 100]), ("12.50", [15, 20, 25, 38, 50]), ("1.10", [2, 3, 4]), ("0.00", [])],
)
def test_higher_thresholds_are_whole_units_above_the_one_in_force(in_force: str, tried: list[int]) -> None:
    assert higher_thresholds(Decimal(in_force)) == tried


def test_there_is_no_share_of_nothing() -> None:
    (in_force,) = threshold_studies([a_case()], Decimal(25), [], TERMS)
    assert in_force.of_100 is None


def test_how_soon_cases_are_settled() -> None:
    cases = [settled(30), settled(31), settled(130), settled(131), a_case()]
    soon = [(each.days, each.settled) for each in how_soon(cases, TERMS)]
    assert soon == [(30, 1), (60, 2), (90, 2), (130, 3)]
    assert [each.days for each in how_soon(cases, Outcomes(running_days=60))] == [30, 60]


def test_the_road_counts_each_step_of_which_both_ends_are_known() -> None:
    due, charged = date(2026, 4, 1), date(2026, 5, 1)
    line = a_line(paid="40.00", credit=REFERRED + timedelta(days=10), day=charged, due_on=due)
    later = a_line(day=charged + timedelta(days=9), due_on=due + timedelta(days=9))
    cases = [a_case(line, later, number=3), a_case(a_line(day=REFERRED - timedelta(days=60)), number=4)]
    outside = [due - timedelta(days=1), REFERRED + timedelta(days=1)]
    notices = {3: [*outside, date(2026, 4, 20), date(2026, 4, 11)], 4: [charged]}
    steps = {each.step: (each.cases, each.days) for each in road(cases, notices)}
    # The first case has a line that is not paid: it is not settled.
    assert steps == {
        "due_to_charged": (1, 30),
        "due_to_notice": (1, 10),
        "charged_to_referred": (2, 61),
        "referred_to_settled": (0, None),
    }
    assert road([a_case(line)], {})[-1].days == 10
