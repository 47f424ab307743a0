"""Who is referred, and for everybody else the first reason why not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

import pytest

from gentle_nudge.domain.collections.policy import Scope, Section
from gentle_nudge.domain.collections.referral import Candidate, PatronRecords, Reason, verdicts, why_not
from gentle_nudge.domain.collections.review import ListRow, Outcome, Place
from gentle_nudge.domain.hold import Hold, HoldSource
from gentle_nudge.domain.ledger import Line
from gentle_nudge.domain.patron import Flag, Guardian, SentNotice
from tests.builders.values import (
    IN_CASE,
    SUNDAY,
    a_candidate,
    a_patron,
    a_section,
    an_account,
    in_attributes,
    in_sort1,
    with_case,
)

EIGHTEEN_TODAY = date(2008, 11, 22)
EIGHTEEN_TOMORROW = date(2008, 11, 23)
A_GUARDIAN = Guardian(surname="Example", firstname="Ann", card="20000099", phone=None, email=None)
EXEMPT = Flag(column="attribute", code="EXEMPT")


def reason(candidate: Candidate, section: Section | None = None) -> Reason | None:
    return why_not(candidate, section or a_section(), SUNDAY)


def owing(owed: str, *, balance: str | None = None, whole: str | None = None) -> Candidate:
    return replace(a_candidate(), account=an_account(owed, balance=balance, whole=whole))


def test_a_patron_whom_no_rule_keeps_out_is_referred() -> None:
    assert reason(a_candidate()) is None


# 1 Another section


def test_a_patron_of_another_section_is_not_ours_to_refer() -> None:
    elsewhere = replace(a_section(), scope=Scope(branches=frozenset({"FPL"}), all_but=False))
    assert reason(a_candidate(branch="CPL"), elsewhere) is Reason.OTHER_SECTION


def test_while_submissions_are_off_nobody_is_ours_to_refer() -> None:
    assert reason(a_candidate(), replace(a_section(), enabled=False)) is Reason.OTHER_SECTION


@pytest.mark.parametrize("charges_by", ["charge", "item"])
def test_where_charges_belong_to_branches_one_of_them_is_enough(charges_by: Literal["charge", "item"]) -> None:
    section = replace(a_section(), charges_by=charges_by, scope=Scope(branches=frozenset({"FPL"}), all_but=False))
    for has_lines_here, expected in ((True, None), (False, Reason.OTHER_SECTION)):
        account = replace(an_account(), has_lines_here=has_lines_here)
        assert reason(replace(a_candidate(branch="CPL"), account=account), section) is expected


def test_an_open_case_of_another_section_counts_where_all_charges_are_the_patrons() -> None:
    candidate = replace(a_candidate(), records=PatronRecords(open_cases=frozenset({"north"})))
    assert reason(candidate, a_section()) is Reason.IN_COLLECTIONS
    assert reason(candidate, replace(a_section(), charges_by="charge")) is None
    assert reason(candidate, replace(a_section(), charges_by="charge", held=("north",))) is Reason.IN_COLLECTIONS


def test_a_flag_stands_for_an_open_case_of_any_section_where_all_charges_are_the_patrons() -> None:
    elsewhere, charge = PatronRecords(open_cases=frozenset({"north"})), replace(a_section(), charges_by="charge")
    assert elsewhere.has_flag_of(a_section())
    assert not elsewhere.has_flag_of(charge)
    assert elsewhere.has_flag_of(replace(charge, sharing=("north",)))
    assert elsewhere.has_flag_of(replace(charge, held=("north",)))


# 2, 3 In collections, or the flag is somebody else's


def test_a_patron_with_an_open_case_is_in_collections_although_the_flag_says_no() -> None:
    assert reason(with_case(a_candidate(flag="no"))) is Reason.IN_COLLECTIONS


@pytest.mark.parametrize("flag", ["yes", " YES ", "1"])
def test_a_patron_whose_flag_says_yes_is_in_collections_without_a_case(flag: str) -> None:
    assert reason(a_candidate(flag=flag)) is Reason.IN_COLLECTIONS


@pytest.mark.parametrize("flag", [None, "", "no", "No", "0", "  "])
def test_a_patron_whose_flag_says_no_is_referred(flag: str | None) -> None:
    assert reason(a_candidate(flag=flag)) is None


def test_a_patron_without_the_attribute_is_referred() -> None:
    assert reason(Candidate(patron=replace(a_patron(), flag=()), account=an_account())) is None


def test_one_attribute_row_of_several_that_says_yes_is_enough() -> None:
    flagged = Candidate(patron=replace(a_patron(), flag=in_attributes("0", "1")), account=an_account())
    assert reason(flagged) is Reason.IN_COLLECTIONS


def test_a_flag_in_other_use_keeps_the_patron_out() -> None:
    assert reason(a_candidate(flag="Class of 2027")) is Reason.FLAG_IN_OTHER_USE


# 4 Protected


def test_a_protected_patron_is_not_referred() -> None:
    assert reason(a_candidate(protected=True)) is Reason.PROTECTED


# 5 Exempt


@pytest.mark.parametrize("value", ["1", "yes", "YES", "hardship", "until 2027"])
def test_anything_but_a_no_in_the_exemption_field_exempts(value: str) -> None:
    exempting = a_section(exemption=EXEMPT)
    assert reason(a_candidate(exemption=in_attributes(value)), exempting) is Reason.EXEMPT
    assert reason(a_candidate(exemption=in_attributes("0", value)), exempting) is Reason.EXEMPT


@pytest.mark.parametrize("value", [None, "", "no", "NO", "0", " "])
def test_a_no_in_the_exemption_field_does_not_exempt(value: str | None) -> None:
    exempting = a_section(exemption=EXEMPT)
    assert reason(a_candidate(exemption=in_attributes(value)), exempting) is None
    assert reason(a_candidate(exemption=()), exempting) is None


def test_without_an_exemption_field_nobody_is_exempt() -> None:
    assert reason(a_candidate(exemption=in_sort1("yes"))) is None


# 6 Category


def test_with_a_list_of_categories_only_those_are_referred() -> None:
    section = a_section(categories=frozenset({"PT", "ST"}))
    assert reason(a_candidate(category="PT"), section) is None
    assert reason(a_candidate(category="J"), section) is Reason.CATEGORY


def test_an_excluded_category_is_not_referred_and_the_others_are() -> None:
    section = a_section(excluded_categories=frozenset({"STAFF"}))
    assert reason(a_candidate(category="STAFF"), section) is Reason.CATEGORY
    assert reason(a_candidate(category="PT"), section) is None


def test_an_excluded_category_is_not_referred_even_if_it_is_also_listed() -> None:
    section = a_section(categories=frozenset({"PT"}), excluded_categories=frozenset({"PT"}))
    assert reason(a_candidate(category="PT"), section) is Reason.CATEGORY


def test_categories_are_the_same_whatever_their_letter_case_as_in_koha() -> None:
    assert reason(a_candidate(category="pt"), a_section(categories=frozenset({"PT"}))) is None
    assert reason(a_candidate(category="PT"), a_section(excluded_categories=frozenset({"pt"}))) is Reason.CATEGORY


@pytest.mark.parametrize("kind", ["A", "C", "I", "P", "S", "X"])
def test_patrons_of_an_excluded_category_type_are_not_referred(kind: str) -> None:
    assert reason(a_candidate(category_type=kind), a_section(excluded_category_types=frozenset({kind}))) is (
        Reason.CATEGORY
    )
    others = frozenset("ACIPSX") - {kind}
    assert reason(a_candidate(category_type=kind), a_section(excluded_category_types=others)) is None


# 7 Minors


def test_eighteen_today_is_an_adult_and_eighteen_tomorrow_a_minor() -> None:
    section = a_section(minors="exclude")
    assert reason(a_candidate(born=EIGHTEEN_TODAY), section) is None
    assert reason(a_candidate(born=EIGHTEEN_TOMORROW), section) is Reason.MINOR


@pytest.mark.parametrize(("day", "why"), [(date(2026, 2, 28), Reason.MINOR), (date(2026, 3, 1), None)])
def test_born_on_29_february_is_an_adult_on_1_march(day: date, why: Reason | None) -> None:
    leapling = a_candidate(born=date(2008, 2, 29))
    assert why_not(leapling, a_section(minors="exclude"), day) is why


def test_the_library_says_who_is_an_adult() -> None:
    section = a_section(minors="exclude", adult_age=21)
    assert reason(a_candidate(born=date(2005, 11, 22)), section) is None
    assert reason(a_candidate(born=date(2005, 11, 23)), section) is Reason.MINOR


def test_with_minors_included_age_does_not_matter() -> None:
    assert reason(a_candidate(born=date(2020, 1, 1)), a_section(minors="include")) is None
    assert reason(a_candidate(born=None), a_section(minors="include", unknown_birthdate="exclude")) is None


def test_with_guardians_only_a_minor_with_a_linked_guarantor_is_referred() -> None:
    section = a_section(minors="guardian")
    assert reason(a_candidate(born=EIGHTEEN_TOMORROW), section) is Reason.MINOR
    assert reason(a_candidate(born=EIGHTEEN_TOMORROW, guardian=A_GUARDIAN), section) is None


def test_with_guardians_an_adult_needs_none() -> None:
    assert reason(a_candidate(born=EIGHTEEN_TODAY), a_section(minors="guardian")) is None


def test_a_guardian_changes_nothing_where_minors_are_excluded() -> None:
    minor = a_candidate(born=EIGHTEEN_TOMORROW, guardian=A_GUARDIAN)
    assert reason(minor, a_section(minors="exclude")) is Reason.MINOR


@pytest.mark.parametrize("minors", ["exclude", "guardian"])
def test_without_a_date_of_birth_the_library_decides(minors: str) -> None:
    unknown = a_candidate(born=None)
    assert reason(unknown, a_section(minors=minors, unknown_birthdate="exclude")) is Reason.UNKNOWN_AGE
    assert reason(unknown, a_section(minors=minors, unknown_birthdate="include")) is None


@pytest.mark.parametrize("minors", ["exclude", "guardian"])
@pytest.mark.parametrize(
    ("born", "why"),
    [(date(1915, 11, 22), Reason.UNKNOWN_AGE), (date(1, 1, 1), Reason.UNKNOWN_AGE), (date(1915, 11, 23), None)],
)
def test_a_date_of_birth_more_than_110_years_ago_is_unknown(minors: str, born: date, why: Reason | None) -> None:
    assert reason(a_candidate(born=born), a_section(minors=minors)) is why
    assert reason(a_candidate(born=born), a_section(minors=minors, unknown_birthdate="include")) is None


def test_an_adult_age_that_nobody_reaches_makes_nobody_of_unknown_age_a_minor() -> None:
    section = a_section(minors="exclude", adult_age=150)
    assert reason(a_candidate(born=date(1901, 1, 1)), section) is Reason.UNKNOWN_AGE
    assert reason(a_candidate(born=date(1980, 5, 5)), section) is Reason.MINOR


def test_an_unknown_date_of_birth_is_excluded_unless_the_library_says_otherwise() -> None:
    assert reason(a_candidate(born=None), a_section(minors="exclude")) is Reason.UNKNOWN_AGE


# 8 Lost charges


def test_where_a_lost_charge_is_required_a_patron_without_one_is_not_referred() -> None:
    section = a_section(require_lost_fee=True)
    lost = replace(a_candidate(), account=an_account(lost_charge=True))
    assert reason(a_candidate(), section) is Reason.NO_LOST_CHARGE
    assert reason(lost, section) is None


def test_where_none_is_required_lost_charges_do_not_matter() -> None:
    assert reason(a_candidate(), a_section(require_lost_fee=False)) is None


# 9, 10 The threshold


def test_the_cent_at_the_threshold_decides_in_the_window() -> None:
    assert reason(owing("24.99", balance="500.00")) is Reason.BELOW_THRESHOLD
    assert reason(owing("25.00", balance="500.00")) is None
    assert reason(owing("25.01", balance="500.00")) is None


def test_the_cent_at_the_threshold_decides_in_the_sections_balance() -> None:
    assert reason(owing("30.00", balance="24.99", whole="500.00")) is Reason.BALANCE_BELOW_THRESHOLD
    assert reason(owing("30.00", balance="25.00", whole="500.00")) is None


def test_the_cent_at_the_threshold_decides_in_the_whole_balance() -> None:
    assert reason(owing("30.00", balance="30.00", whole="24.99")) is Reason.BALANCE_BELOW_THRESHOLD
    assert reason(owing("30.00", balance="30.00", whole="25.00")) is None


def test_credits_outside_the_window_that_bring_the_balance_under_the_threshold_keep_the_patron_out() -> None:
    assert reason(owing("400.00", balance="-1.00")) is Reason.BALANCE_BELOW_THRESHOLD


def test_a_large_debt_outside_the_window_does_not_refer() -> None:
    assert reason(owing("0.00", balance="9000.00")) is Reason.BELOW_THRESHOLD


def test_the_threshold_is_the_librarys() -> None:
    section = a_section(threshold=Decimal("30.01"))
    assert reason(owing("30.00"), section) is Reason.BELOW_THRESHOLD
    assert reason(owing("30.01"), section) is None


# Letters, payments, nobody to reach


def billed(*sent: date, counted: bool = True) -> Candidate:
    """A patron who owes for a charge of 14 September, and was sent a letter on these days."""
    line = Line(id=1, day=date(2026, 9, 14), type="LOST", outstanding=Decimal(30), counted=counted)
    credit = Line(id=2, day=date(2026, 9, 1), type="PAYMENT", outstanding=Decimal(-1), counted=True)
    notices = tuple(SentNotice(message=n, patron=1, letter="BILL", sent_on=day) for n, day in enumerate(sent))
    account = an_account(lines=(credit, line))
    return replace(a_candidate(), account=account, records=PatronRecords(notices=notices))


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ((), Reason.NO_NOTICE),
        ((date(2026, 11, 9),), Reason.NO_NOTICE),  # 13 days before
        ((date(2026, 11, 8),), None),
        ((date(2026, 9, 14),), None),
        ((date(2026, 9, 13),), Reason.NO_NOTICE),  # before the charge
        ((date(2026, 9, 13), date(2026, 10, 1)), None),
    ],
)
def test_a_letter_is_sent_from_the_day_of_the_oldest_charge_to_two_weeks_before(
    sent: tuple[date, ...], why: Reason | None
) -> None:
    assert reason(billed(*sent), a_section(prior_notice=("BILL",))) is why


def test_where_no_letter_is_needed_nobody_waits_for_one() -> None:
    assert reason(billed()) is None


def test_a_charge_that_does_not_count_asks_for_no_letter() -> None:
    assert reason(billed(counted=False), a_section(prior_notice=("BILL",))) is None


@pytest.mark.parametrize(
    ("days", "paid", "why"),
    [
        (60, date(2026, 9, 24), Reason.PAID_LATELY),
        (60, date(2026, 9, 23), None),
        (60, None, None),
        (1, SUNDAY, Reason.PAID_LATELY),
        (0, SUNDAY, None),
    ],
)
def test_nobody_is_referred_within_so_many_days_of_a_payment(days: int, paid: date | None, why: Reason | None) -> None:
    candidate = replace(a_candidate(), account=an_account(last_payment=paid))
    assert reason(candidate, a_section(defer_after_payment=days)) is why


def test_whoever_cannot_be_reached_is_left_out_if_the_library_says_so() -> None:
    for candidate in (a_candidate(is_gone=True), a_candidate(has_contact=False)):
        assert reason(candidate) is None
        assert reason(candidate, a_section(unreachable="exclude")) is Reason.UNREACHABLE
    assert reason(a_candidate(), a_section(unreachable="exclude")) is None


# The first reason


A_ROW_LEFT_OUT = ListRow(patron=1, owed=Decimal(30), balance=Decimal(30), outcome=Outcome.LEFT_OUT)
A_CHARGE = Line(id=1, day=date(2026, 9, 14), type="OVERDUE", outstanding=Decimal(1), counted=True)
HOPELESS = Candidate(
    patron=a_patron(
        flag="yes",
        branch="FPL",
        protected=True,
        exemption=in_attributes("1"),
        category="STAFF",
        born=date(2020, 1, 1),
        hold=in_attributes("PLAN"),
        is_gone=True,
    ),
    account=an_account("0.00", lines=(A_CHARGE,), last_payment=SUNDAY),
    records=replace(IN_CASE, place=Place(for_day=SUNDAY, row=A_ROW_LEFT_OUT)),
)
EVERYTHING = replace(
    a_section(
        minors="exclude",
        exemption=EXEMPT,
        excluded_categories=frozenset({"STAFF"}),
        require_lost_fee=True,
        prior_notice=("BILL",),
        defer_after_payment=1,
        unreachable="exclude",
    ),
    scope=Scope(branches=frozenset({"CPL"}), all_but=False),
)
STEP_BY_STEP: list[tuple[Reason, Callable[[Candidate], Candidate]]] = [
    (Reason.OTHER_SECTION, lambda found: _with(found, branch="CPL")),
    (Reason.IN_COLLECTIONS, lambda found: _with(_records(found, open_cases=frozenset()), flag=in_sort1("x"))),
    (Reason.FLAG_IN_OTHER_USE, lambda found: _with(found, flag=in_sort1("no"))),
    (Reason.PROTECTED, lambda found: _with(found, protected=False)),
    (Reason.EXEMPT, lambda found: _with(found, exemption=())),
    (Reason.ON_HOLD, lambda found: _with(found, hold=())),
    (Reason.CATEGORY, lambda found: _with(found, category="PT")),
    (Reason.MINOR, lambda found: _with(found, born=None)),
    (Reason.UNKNOWN_AGE, lambda found: _with(found, born=date(1980, 5, 5))),
    (Reason.NO_LOST_CHARGE, lambda found: replace(found, account=replace(found.account, lost_charge=True))),
    (Reason.NO_NOTICE, lambda found: replace(found, account=replace(found.account, lines=()))),
    (Reason.PAID_LATELY, lambda found: replace(found, account=replace(found.account, last_payment=None))),
    (Reason.UNREACHABLE, lambda found: _with(found, is_gone=False)),
    (Reason.BELOW_THRESHOLD, lambda found: replace(found, account=replace(found.account, owed=Decimal(25)))),
    (Reason.BALANCE_BELOW_THRESHOLD, lambda found: replace(found, account=an_account("25.00", lost_charge=True))),
    (Reason.LEFT_OUT, lambda found: _records(found, place=Place(for_day=SUNDAY))),
    (Reason.NOT_ON_THE_LIST, lambda found: _records(found, place=None)),
]


def _with(found: Candidate, **facts: object) -> Candidate:
    return replace(found, patron=replace(found.patron, **facts))  # type: ignore[arg-type]


def _records(found: Candidate, **facts: object) -> Candidate:
    return replace(found, records=replace(found.records, **facts))  # type: ignore[arg-type]


def test_the_first_reason_is_the_one_we_give() -> None:
    found, given = HOPELESS, []
    for _, mended in STEP_BY_STEP:
        given.append(reason(found, EVERYTHING))
        found = mended(found)
    assert given == [why for why, _ in STEP_BY_STEP]
    assert reason(found, EVERYTHING) is None


def test_the_order_of_the_reasons_is_that_of_the_rules() -> None:
    assert [why for why, _ in STEP_BY_STEP] == list(Reason)


@pytest.mark.parametrize(("days", "kept"), [(0, True), (1, False), (-1, True)])
def test_a_hold_keeps_back_up_to_its_last_day(days: int, kept: bool) -> None:  # noqa: FBT001 - a parameter
    day = SUNDAY + timedelta(days=days)
    hold = Hold(patron=1, reason="plan", until=SUNDAY, source=HoldSource.COMMAND)
    by_person = replace(a_candidate(), records=PatronRecords(holds=(hold,)))
    in_koha = a_candidate(hold=in_attributes("PLAN"), hold_until=in_attributes(str(SUNDAY)))
    for candidate in (by_person, in_koha):
        assert (why_not(candidate, a_section(), day) is Reason.ON_HOLD) == kept


@pytest.mark.parametrize(
    "until", [(), ("",), ("soon",), ("20261201",), ("2026-11-01", "soon"), ("2026-11-01", "2026-11-22")]
)
def test_without_a_readable_last_day_that_is_over_the_field_keeps_back(until: tuple[str, ...]) -> None:
    candidate = a_candidate(hold=in_attributes("PLAN"), hold_until=in_attributes(*until))
    assert reason(candidate) is Reason.ON_HOLD


def test_an_open_case_comes_before_a_flag_in_other_use() -> None:
    assert reason(with_case(a_candidate(flag="Class of 2027"))) is Reason.IN_COLLECTIONS


def test_explain_hears_every_rule_not_only_the_first() -> None:
    found = verdicts(HOPELESS, EVERYTHING, SUNDAY)
    assert list(found) == list(Reason)
    assert {why for why, keeps_out in found.items() if not keeps_out} == {
        Reason.FLAG_IN_OTHER_USE,
        Reason.UNKNOWN_AGE,
        Reason.NOT_ON_THE_LIST,
    }
