"""A cheque bounces, a payment is voided: the released case is opened again, and nobody is charged a second fee."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from gentle_nudge.domain.collections.plan import Referral, Reopening
from gentle_nudge.domain.collections.policy import Scope, Section
from gentle_nudge.domain.collections.reopening import ClosedCase
from gentle_nudge.domain.patron import Flag
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.jobs.desk.withdraw import WithdrawalRequest, withdraw_cases
from gentle_nudge.jobs.transaction import writing
from tests.builders.days import IN_THE_WINDOW, MONDAY, NEXT_SUNDAY, SUNDAY, TUESDAY
from tests.builders.koha import (
    a_patron,
    balance,
    delete_patron,
    has_credit,
    is_restricted,
    merge,
    owes,
    owing,
    pays,
    void,
)
from tests.integration.jobs.test_locked_facts import a_case_elsewhere, sets
from tests.integration.jobs.test_races import Race
from tests.support.koha import KohaDatabase
from tests.support.nights import a_policy, snapshot

STILL_IN_THE_WINDOW = SUNDAY - timedelta(days=65)
RULES: dict[str, Any] = {"clear_paid": True, "add_restriction": True, "remove_restriction": True}


def a_library(koha: KohaDatabase, **rules: Any) -> Race:
    """A library that releases and restricts."""
    return Race(koha, Section(policy=a_policy(**{**RULES, **rules})))


def released(nights: Race, amount: str = "30.00", *, on: date = MONDAY, **columns: Any) -> tuple[int, int]:
    """A patron who was referred on the Sunday, paid, and was released on that day; patron and payment."""
    patron = owing(nights.koha, amount, **columns)
    nights.good_night(SUNDAY)
    payment = pays(nights.koha, patron)
    nights.good_night(on)
    assert nights.states()[patron] == "released"
    return patron, payment


def case_of(koha: KohaDatabase, patron: int) -> dict[str, Any]:
    """The patron's only case."""
    (case,) = koha.query("SELECT * FROM gentle_nudge_case WHERE patron = :n", n=patron)
    return case


def restrictions(koha: KohaDatabase, patron: int) -> int:
    count: int = koha.value("SELECT COUNT(*) FROM borrower_debarments WHERE borrowernumber = :n", n=patron)
    return count


def reopened(nights: Race, day: date) -> int:
    """How many cases the update of the day counts as reopened."""
    number = nights.koha.value(
        "SELECT SUM(c.number) FROM gentle_nudge_run_count c JOIN gentle_nudge_run r ON r.id = c.run "
        "WHERE what = 'reopened' AND day = :day",
        day=day,
    )
    return int(number or 0)


@pytest.mark.koha("24.05", "26.06")
@pytest.mark.parametrize("flag", ["sort1", "attribute:COLLECT"])
def test_a_voided_payment_opens_the_case_again_without_a_second_fee(koha: KohaDatabase, flag: str) -> None:
    nights = a_library(koha, flag=Flag.parse(flag))
    if flag != "sort1":
        koha.put("borrower_attribute_types", code="COLLECT", description="")
    patron, payment = released(nights)
    assert nights.dues(MONDAY) == {patron: "0.00"}
    assert (restrictions(koha, patron), case_of(koha, patron)["closed_owing"]) == (0, 0)
    void(koha, payment)
    assert balance(koha, patron) == 40
    plan = nights.good_night(TUESDAY)
    assert [decision.number for decision in plan.of(Reopening)] == [patron]
    assert nights.dues(TUESDAY) == {patron: "40.00"}
    case = case_of(koha, patron)
    assert (case["state"], case["open_key"], case["closed_on"], case["closed_owing"]) == ("open", patron, None, None)
    assert case["why"] == (
        f"released on {MONDAY}: owes 0.00, at or below 0.00; "
        f"reopened on {TUESDAY}: its charges owe 40.00 again, 0.00 when it was closed"
    )
    (restriction,) = koha.query("SELECT * FROM borrower_debarments WHERE borrowernumber = :n", n=patron)
    assert restriction["comment"] == f"Patron sent to collections on {TUESDAY}"
    assert case["restriction"] == restriction["borrower_debarment_id"]
    assert case["restriction_comment"] == restriction["comment"]
    said = "yes" if flag == "sort1" else "1"
    field = "sort1 FROM borrowers" if flag == "sort1" else "attribute FROM borrower_attributes"
    assert koha.value(f"SELECT {field} WHERE borrowernumber = :n", n=patron) == said
    assert nights.fees()[patron] == 1
    assert reopened(nights, TUESDAY) == 1


def test_a_case_is_reopened_that_owes_a_cent_more_than_when_it_was_closed(koha: KohaDatabase) -> None:
    nights = a_library(koha, clear_at_or_below=Decimal("5.00"))
    patron = owing(koha, "30.00")
    nights.good_night(SUNDAY)
    pays(koha, patron, "35.01")
    nights.good_night(MONDAY)
    assert case_of(koha, patron)["closed_owing"] == Decimal("4.99")
    # the balance rises, but not what the case was for
    owes(koha, patron, "20.00", day=MONDAY)
    nights.good_night(TUESDAY)
    assert nights.states()[patron] == "released"
    fee = koha.value("SELECT fee_line FROM gentle_nudge_case")
    koha.execute("UPDATE accountlines SET amountoutstanding = 5.00 WHERE accountlines_id = :n", n=fee)
    nights.good_night(TUESDAY + timedelta(days=1))
    assert nights.states()[patron] == "open"
    assert nights.dues(TUESDAY + timedelta(days=1)) == {patron: "25.00"}


def test_who_owes_no_more_than_the_limit_is_not_reopened(koha: KohaDatabase) -> None:
    nights = a_library(koha, clear_at_or_below=Decimal("5.00"))
    patron, payment = released(nights)
    void(koha, payment)
    has_credit(koha, patron, "35.00")
    nights.good_night(TUESDAY)
    assert nights.states()[patron] == "released"
    owes(koha, patron, "0.01", day=MONDAY)
    nights.good_night(TUESDAY + timedelta(days=1))
    assert nights.states()[patron] == "open"


@pytest.mark.parametrize("type", ["WRITEOFF", "LOST_FOUND", "FORGIVEN"])
def test_a_write_off_or_a_refund_taken_back_reopens_it_too(koha: KohaDatabase, type: str) -> None:  # noqa: A002 - Koha's word
    nights = a_library(koha)
    patron = owing(koha)
    nights.good_night(SUNDAY)
    credit = pays(koha, patron, type=type)
    nights.good_night(MONDAY)
    void(koha, credit)
    nights.good_night(TUESDAY)
    assert (nights.states()[patron], nights.fees()[patron]) == ("open", 1)


@pytest.mark.parametrize(("days", "later", "state"), [(3, 3, "open"), (3, 4, "released"), (0, 0, "released")])
def test_a_case_is_reopened_for_so_many_days_after_it_was_closed(
    koha: KohaDatabase, days: int, later: int, state: str
) -> None:
    nights = a_library(koha, reopen_days=days)
    patron, payment = released(nights)
    void(koha, payment)
    nights.good_night(MONDAY + timedelta(days=later or 1))
    assert nights.states()[patron] == state


def test_on_a_submission_day_the_case_is_reopened_and_the_patron_not_referred_again(koha: KohaDatabase) -> None:
    nights = a_library(koha)
    patron, payment = released(nights)
    other = owing(koha, "60.00", day=STILL_IN_THE_WINDOW)
    void(koha, payment)
    plan = nights.good_night(NEXT_SUNDAY)
    assert plan.submits
    assert nights.referred(NEXT_SUNDAY) == {other}
    assert nights.dues(NEXT_SUNDAY) == {patron: "40.00", other: "70.00"}
    assert (nights.fees()[patron], case_of(koha, patron)["state"]) == (1, "open")


def test_a_case_of_an_older_program_behaves_as_before(koha: KohaDatabase) -> None:
    nights = a_library(koha)
    patron, payment = released(nights)
    koha.execute("UPDATE gentle_nudge_case SET closed_owing = NULL")
    void(koha, payment)
    nights.good_night(TUESDAY)
    assert nights.states()[patron] == "released"
    nights.good_night(NEXT_SUNDAY)
    assert nights.referred(NEXT_SUNDAY) == {patron}
    assert nights.fees()[patron] == 2


def test_who_was_flagged_again_by_hand_gets_no_second_case(koha: KohaDatabase) -> None:
    nights = a_library(koha)
    patron, payment = released(nights)
    void(koha, payment)
    koha.execute("UPDATE borrowers SET sort1 = 'yes'")
    nights.good_night(TUESDAY)
    assert case_of(koha, patron)["state"] == "open"


def test_a_case_ended_by_staff_and_paid_is_reopened_a_withdrawn_one_never(koha: KohaDatabase) -> None:
    nights = a_library(koha, clear_paid=False)
    paid, withdrawn = owing(koha, "30.00"), owing(koha, "30.00")
    nights.good_night(SUNDAY)
    payment = pays(koha, paid)
    pays(koha, withdrawn, "10.00")
    koha.execute("UPDATE borrowers SET sort1 = 'no'")
    nights.good_night(MONDAY)
    assert nights.states() == {paid: "paid", withdrawn: "withdrawn"}
    void(koha, payment)
    koha.execute("UPDATE accountlines SET amountoutstanding = amount WHERE borrowernumber = :n", n=withdrawn)
    nights.good_night(TUESDAY)
    assert nights.states() == {paid: "open", withdrawn: "withdrawn"}


def test_a_case_may_be_reopened_twice_and_withdrawn_after_that(koha: KohaDatabase) -> None:
    nights = a_library(koha)
    patron, payment = released(nights)
    void(koha, payment)
    nights.good_night(TUESDAY)
    payment = pays(koha, patron)
    nights.good_night(TUESDAY + timedelta(days=1))
    assert nights.states()[patron] == "released"
    void(koha, payment)
    nights.good_night(TUESDAY + timedelta(days=2))
    assert (nights.states()[patron], nights.fees()[patron]) == ("open", 1)
    koha.execute("UPDATE borrowers SET sort1 = 'no'")
    nights.good_night(TUESDAY + timedelta(days=3))
    nights.good_night(NEXT_SUNDAY)
    assert case_of(koha, patron)["state"] == "withdrawn"
    assert nights.fees()[patron] == 1


def test_the_night_twice_is_a_night_once(koha: KohaDatabase) -> None:
    nights = a_library(koha)
    _patron, payment = released(nights)
    void(koha, payment)
    nights.good_night(TUESDAY)
    before = snapshot(koha)
    nights.night(TUESDAY)
    assert snapshot(koha) == before


def test_a_dry_run_says_what_the_night_will_do_and_changes_nothing(koha: KohaDatabase) -> None:
    nights = a_library(koha)
    _patron, payment = released(nights)
    void(koha, payment)
    before = snapshot(koha)
    plan = nights.dry_run(TUESDAY)
    assert snapshot(koha) == before
    assert plan is not None
    assert plan.decisions == nights.good_night(TUESDAY).decisions


def test_more_than_a_night_may_refer_are_not_reopened_and_in_no_submission(koha: KohaDatabase) -> None:
    nights = a_library(koha, most_endings=0)
    patrons = [owing(koha, "30.00") for _ in range(3)]
    nights.good_night(SUNDAY)
    payments = [pays(koha, patron) for patron in patrons]
    nights.good_night(MONDAY)
    for payment in payments:
        void(koha, payment)
    koha.execute("UPDATE borrowers SET sort1 = 'yes' WHERE borrowernumber = :n", n=patrons[0])
    other = owing(koha, "60.00", day=STILL_IN_THE_WINDOW)
    nights.change(most_referrals=2)
    night = nights.night(NEXT_SUNDAY)
    (refusal,) = night.plans["global"].refusals
    assert (night.exit_code, refusal.kind, refusal.stops_submission) == (1, "reopenings", False)
    assert "--most-referrals 3" in refusal.hint
    assert nights.referred(NEXT_SUNDAY) == {other}
    assert nights.states() == {**dict.fromkeys(patrons, "released"), other: "open"}
    assert len(koha.query("SELECT id FROM gentle_nudge_case")) == 4
    nights.good_night(NEXT_SUNDAY + timedelta(days=1), most_referrals=3)
    assert set(nights.states().values()) == {"open"}
    assert max(nights.fees().values()) == 1


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ("UPDATE borrowers SET sort1 = 'maybe'", {}),
        ("UPDATE borrowers SET protected = 1", {}),
        ("UPDATE borrowers SET sort2 = 'ill'", {"exemption": Flag.parse("sort2")}),
    ],
)
def test_reasons_that_speak_against_the_person_keep_the_case_closed(
    koha: KohaDatabase, change: str, rules: dict[str, Any]
) -> None:
    nights = a_library(koha, **rules)
    patron, payment = released(nights)
    void(koha, payment)
    koha.execute(change)
    nights.good_night(TUESDAY)
    assert nights.states()[patron] == "released"
    koha.execute("UPDATE borrowers SET sort1 = 'no', protected = 0, sort2 = NULL")
    nights.good_night(TUESDAY + timedelta(days=1))
    assert nights.states()[patron] == "open"


def test_other_reasons_do_not(koha: KohaDatabase) -> None:
    nights = a_library(koha, require_lost_fee=True)
    patron, payment = released(nights)
    void(koha, payment)
    koha.execute("UPDATE accountlines SET debit_type_code = 'OVERDUE' WHERE debit_type_code = 'LOST'")
    koha.execute("UPDATE borrowers SET dateofbirth = '2020-01-01'")
    nights.change(minors="exclude", excluded_categories=frozenset({"PT"}), threshold=Decimal("500.00"))
    nights.good_night(TUESDAY)
    assert nights.states()[patron] == "open"


def test_nobody_is_reopened_while_submissions_are_off(koha: KohaDatabase) -> None:
    nights = Race(koha, Section(policy=a_policy(**RULES)))
    patron, payment = released(nights)
    void(koha, payment)
    (section,) = nights.sections
    nights.sections = (replace(section, enabled=False),)
    nights.good_night(TUESDAY)
    assert nights.states()[patron] == "released"
    nights.sections = (section,)
    nights.good_night(TUESDAY + timedelta(days=1))
    assert nights.states()[patron] == "open"


def north_and_south(koha: KohaDatabase, **facts: Any) -> Race:
    """Two sections: north speaks for CPL, south for FPL, with a flag field each."""
    north = Section(
        name="north", policy=a_policy(**RULES), scope=Scope(branches=frozenset({"CPL"}), all_but=False), **facts
    )
    south = Section(
        name="south",
        policy=a_policy(**RULES, flag=Flag.parse("sort2")),
        scope=Scope(branches=frozenset({"FPL"}), all_but=False),
        **facts,
    )
    return Race(koha, north, south)


def test_the_section_of_the_case_reopens_it_wherever_the_patron_is_now(koha: KohaDatabase) -> None:
    nights = north_and_south(koha)
    patron = owing(koha, "30.00")
    nights.night(SUNDAY)
    payment = pays(koha, patron)
    nights.night(MONDAY)
    void(koha, payment)
    koha.execute("UPDATE borrowers SET branchcode = 'FPL'")
    nights.night(NEXT_SUNDAY)
    assert (case_of(koha, patron)["section"], case_of(koha, patron)["state"]) == ("north", "open")
    assert nights.dues(NEXT_SUNDAY, "north") == {patron: "40.00"}
    assert nights.referred(NEXT_SUNDAY, "south") == set()


@pytest.mark.parametrize(("charges_by", "state"), [("patron", "released"), ("charge", "open")])
def test_an_open_case_of_any_section_keeps_it_closed_if_a_section_has_all_charges(
    koha: KohaDatabase, charges_by: str, state: str
) -> None:
    nights = north_and_south(koha, charges_by=charges_by)
    patron = a_patron(koha, branch="CPL")
    owes(koha, patron, "30.00", day=IN_THE_WINDOW, branch="CPL")
    nights.night(SUNDAY)
    payment = pays(koha, patron)
    nights.night(MONDAY)
    koha.execute("UPDATE borrowers SET branchcode = 'FPL'")
    owes(koha, patron, "60.00", day=STILL_IN_THE_WINDOW, branch="FPL")
    nights.night(NEXT_SUNDAY)
    assert nights.referred(NEXT_SUNDAY, "south") == {patron}
    void(koha, payment)
    nights.night(NEXT_SUNDAY + timedelta(days=1))
    assert koha.value("SELECT state FROM gentle_nudge_case WHERE section = 'north'") == state


@pytest.mark.parametrize("formerly", [(), ("global",)])
def test_a_renamed_section_reopens_its_case_with_the_new_restriction(
    koha: KohaDatabase, formerly: tuple[str, ...]
) -> None:
    nights = a_library(koha)
    patron, payment = released(nights)
    void(koha, payment)
    if formerly:
        nights.sections = (Section(name="east", policy=nights.sections[0].policy, formerly=formerly),)
    nights.good_night(TUESDAY)
    case = case_of(koha, patron)
    made = koha.value("SELECT borrower_debarment_id FROM borrower_debarments")
    assert (case["state"], case["restriction"]) == ("open", made)


def test_an_update_of_changes_tells_of_it_too(koha: KohaDatabase) -> None:
    nights = a_library(koha, update_lists="changed")
    patron, payment = released(nights)
    quiet = owing(koha, "60.00", day=STILL_IN_THE_WINDOW)
    koha.execute("UPDATE borrowers SET sort1 = 'yes' WHERE borrowernumber = :n", n=quiet)
    nights.good_night(TUESDAY)
    assert nights.dues(MONDAY) == {patron: "0.00"}
    void(koha, payment)
    day = TUESDAY + timedelta(days=1)
    nights.good_night(day)
    assert nights.dues(day) == {patron: "40.00"}
    assert case_of(koha, patron)["last_due"] == 40
    nights.good_night(day + timedelta(days=1))
    assert nights.rows(ReportKind.UPDATE, day + timedelta(days=1)) == []


def test_a_last_word_that_has_not_arrived_gives_way_to_the_new_balance(koha: KohaDatabase) -> None:
    nights = a_library(koha)
    patron = owing(koha, "30.00")
    nights.good_night(SUNDAY)
    payment = pays(koha, patron)
    nights.good_night(MONDAY, delivered=False)
    void(koha, payment)
    nights.good_night(TUESDAY)
    assert nights.dues(TUESDAY) == {patron: "40.00"}
    assert [row["Due"] for row in nights.rows(ReportKind.UPDATE, TUESDAY)] == ["40.00"]


def test_the_case_of_a_merged_card_is_reopened_with_whoever_has_its_charges_now(koha: KohaDatabase) -> None:
    nights = a_library(koha)
    patron, payment = released(nights)
    heir = a_patron(koha, surname="Heir")
    merge(koha, heir, [patron])
    void(koha, payment)
    nights.good_night(NEXT_SUNDAY)
    assert nights.dues(NEXT_SUNDAY) == {patron: "40.00"}
    assert nights.referred(NEXT_SUNDAY) == set()
    case = case_of(koha, heir)
    assert (case["state"], case["number"], nights.flag(heir)) == ("open", patron, "yes")
    assert (nights.fees()[heir], restrictions(koha, heir)) == (1, 1)


def test_somebody_who_got_a_number_again_is_not_taken_for_the_former_patron(koha: KohaDatabase) -> None:
    nights = a_library(koha)
    patron, _payment = released(nights)
    koha.execute("UPDATE accountlines SET borrowernumber = NULL, amountoutstanding = amount")
    owes(koha, patron, "90.00", day=MONDAY)
    nights.good_night(TUESDAY)
    assert nights.states()[patron] == "released"


def test_an_heir_of_this_very_night_gets_one_case(koha: KohaDatabase) -> None:
    nights = a_library(koha)
    merged = owing(koha, "80.00")
    patron, payment = released(nights)
    merge(koha, patron, [merged])
    void(koha, payment)
    nights.good_night(TUESDAY)
    assert koha.query("SELECT number, patron FROM gentle_nudge_case WHERE state = 'open'") == [
        {"number": merged, "patron": patron}
    ]
    nights.good_night(NEXT_SUNDAY)
    assert nights.fees()[patron] == 2  # one for each of the two cards


def test_of_two_cases_the_latest_is_reopened(koha: KohaDatabase) -> None:
    nights = a_library(koha)
    patron, first = released(nights)
    owes(koha, patron, "50.00", day=STILL_IN_THE_WINDOW)
    nights.good_night(NEXT_SUNDAY)
    second = pays(koha, patron)
    nights.good_night(NEXT_SUNDAY + timedelta(days=1))
    void(koha, first)
    void(koha, second)
    nights.good_night(NEXT_SUNDAY + timedelta(days=2))
    states = [row["state"] for row in koha.query("SELECT state FROM gentle_nudge_case ORDER BY id")]
    assert states == ["released", "open"]
    assert nights.dues(NEXT_SUNDAY + timedelta(days=2)) == {patron: "100.00"}


def test_charges_that_staff_withdrew_with_a_later_case_reopen_no_older_one(koha: KohaDatabase) -> None:
    nights = a_library(koha)
    patron, payment = released(nights)
    owes(koha, patron, "50.00", day=STILL_IN_THE_WINDOW)
    nights.good_night(NEXT_SUNDAY)
    koha.execute("UPDATE borrowers SET sort1 = 'no'")
    nights.good_night(NEXT_SUNDAY + timedelta(days=1))
    void(koha, payment)
    nights.good_night(NEXT_SUNDAY + timedelta(days=2))
    states = [row["state"] for row in koha.query("SELECT state FROM gentle_nudge_case ORDER BY id")]
    assert states == ["released", "withdrawn"]


def test_the_submission_of_a_day_whose_update_is_made_refers_nobody_whose_case_is_to_be_reopened(
    koha: KohaDatabase,
) -> None:
    nights = a_library(koha)
    patron, payment = released(nights)
    other = owing(koha, "60.00", day=STILL_IN_THE_WINDOW)
    nights.change(most_referrals=1)
    another = owing(koha, "60.00", day=STILL_IN_THE_WINDOW)
    assert nights.night(NEXT_SUNDAY).exit_code == 1
    void(koha, payment)
    nights.good_night(NEXT_SUNDAY, most_referrals=2)
    assert nights.referred(NEXT_SUNDAY) == {other, another}
    assert nights.states()[patron] == "released"
    nights.good_night(NEXT_SUNDAY + timedelta(days=1))
    assert (nights.states()[patron], nights.fees()[patron]) == ("open", 1)


def test_a_restriction_that_stayed_is_kept_with_the_case(koha: KohaDatabase) -> None:
    nights = a_library(koha, remove_restriction=False)
    patron, payment = released(nights)
    void(koha, payment)
    before = case_of(koha, patron)
    nights.good_night(TUESDAY)
    after = case_of(koha, patron)
    names = ("restriction", "restriction_type", "restriction_comment")
    assert [after[name] for name in names] == [before[name] for name in names]
    assert restrictions(koha, patron) == 1


def test_a_restriction_for_another_reason_stays_beside_ours(koha: KohaDatabase) -> None:
    nights = a_library(koha)
    patron, payment = released(nights)
    is_restricted(koha, patron, "rude")
    void(koha, payment)
    nights.good_night(TUESDAY)
    assert restrictions(koha, patron) == 2


def test_what_a_case_owed_is_kept_when_staff_release_it_and_waive_the_fee(koha: KohaDatabase) -> None:
    nights = a_library(koha)
    patron = owing(koha, "30.00")
    nights.good_night(SUNDAY)
    (section,) = nights.sections
    card = koha.value("SELECT cardnumber FROM borrowers")
    request = WithdrawalRequest(reason="error", cards=(card,), waive_fee=True)
    work = partial(withdraw_cases, sections=(section,), wanted=request, moment=nights.at(MONDAY))
    writing(nights.engine, work)
    case = case_of(koha, patron)
    assert (case["state"], case["closed_owing"]) == ("withdrawn", 30)


def test_an_adopted_case_that_is_released_at_once_keeps_what_it_owed(koha: KohaDatabase) -> None:
    nights = a_library(koha, clear_at_or_below=Decimal("5.00"))
    patron = a_patron(koha, sort1="yes")
    line = owes(koha, patron, "30.00", day=IN_THE_WINDOW, outstanding="2.00")
    nights.good_night(MONDAY)
    assert (case_of(koha, patron)["state"], case_of(koha, patron)["closed_owing"]) == ("released", 2)
    koha.execute("UPDATE accountlines SET amountoutstanding = 30 WHERE accountlines_id = :n", n=line)
    nights.good_night(TUESDAY)
    assert case_of(koha, patron)["state"] == "open"


@dataclass(frozen=True, kw_only=True)
class Change:
    """What happens between plan and lock to a patron whose case is to be reopened."""

    happens: Callable[[KohaDatabase, int], object]
    rules: dict[str, Any] = field(default_factory=dict)
    at: str = "borrowers"


CHANGES = {
    "paid again": Change(happens=pays),
    "a credit": Change(happens=lambda koha, patron: has_credit(koha, patron, "40.00")),
    "another charge": Change(happens=sets("accountlines", "amountoutstanding = 0, debit_type_code = 'RENT'")),
    "in other use": Change(happens=sets("borrowers", "sort1 = 'maybe'")),
    "protected": Change(happens=sets("borrowers", "protected = 1")),
    "exempt": Change(happens=sets("borrowers", "sort2 = 'yes'"), rules={"exemption": Flag.parse("sort2")}),
    "deleted": Change(happens=delete_patron),
    "a case": Change(happens=a_case_elsewhere, at="gentle_nudge_meta"),
    "withdrawn": Change(
        happens=lambda koha, _patron: koha.execute(
            f"INSERT INTO gentle_nudge_case (section, patron, number, adopted, state, closed_on, to_report) SELECT "
            f"section, patron, number, 0, 'withdrawn', '{MONDAY}', 0 FROM gentle_nudge_case"
        ),
        at="gentle_nudge_meta",
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changes_between_plan_and_lock_is_judged_again(koha: KohaDatabase, change: Change) -> None:
    nights = a_library(koha, **change.rules)
    patron, payment = released(nights)
    void(koha, payment)
    foreseen = nights.dry_run(TUESDAY)
    assert foreseen is not None
    assert [reopening.number for reopening in foreseen.of(Reopening)] == [patron]

    def it_happens() -> None:
        change.happens(koha, patron)
        if change.at != "borrowers":
            koha.execute("UPDATE gentle_nudge_meta SET note = note + 1")

    nights.night_in_which(it_happens, at=change.at, day=TUESDAY)
    assert koha.value("SELECT state FROM gentle_nudge_case ORDER BY id LIMIT 1") == "released"
    assert nights.rows(ReportKind.UPDATE, TUESDAY) == []
    assert reopened(nights, TUESDAY) == 0
    assert koha.value("SELECT COUNT(*) FROM borrowers WHERE sort1 = 'yes'") == 0


def test_the_facts_about_a_closed_case_are_those_changed_here() -> None:
    assert {each.name for each in fields(ClosedCase)} == {"case", "lines", "candidate", "withdrawn_on"}


def test_a_payment_voided_between_plan_and_lock_reopens_the_case_and_refers_nobody(koha: KohaDatabase) -> None:
    nights = a_library(koha)
    patron, payment = released(nights)
    owes(koha, patron, "50.00", day=STILL_IN_THE_WINDOW)
    foreseen = nights.dry_run(NEXT_SUNDAY)
    assert foreseen is not None
    assert [referral.number for referral in foreseen.of(Referral)] == [patron]
    nights.night_in_which(lambda: void(koha, payment), at="borrowers", day=NEXT_SUNDAY)
    assert nights.referred(NEXT_SUNDAY) == set()
    assert nights.dues(NEXT_SUNDAY) == {patron: "90.00"}
    assert (case_of(koha, patron)["state"], nights.fees()[patron]) == ("open", 1)
