"""Nights on a real Koha database: what changes, what is reported, what is left alone."""

import json
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from gentle_nudge.domain.collections.plan import Referral
from gentle_nudge.domain.collections.referral import Reason
from gentle_nudge.domain.patron import Flag
from gentle_nudge.domain.report_row import ReportKind
from tests.builders.days import IN_THE_WINDOW, MONDAY, NEXT_SUNDAY, SUNDAY, TUESDAY, WEDNESDAY
from tests.builders.koha import a_patron, balance, delete_patron, has_attribute, is_restricted, merge, owes, owing, pays
from tests.support.koha import KohaDatabase
from tests.support.nights import Nights, snapshot


def in_collections(koha: KohaDatabase, **rules: Any) -> tuple[int, Nights]:
    """A patron who was referred on the Sunday by these rules, and the nights that follow."""
    patron = owing(koha)
    nights = Nights(koha, **rules)
    nights.good_night()
    return patron, nights


def the_flag(koha: KohaDatabase, patron: int) -> str | None:
    flag: str | None = koha.value("SELECT sort1 FROM borrowers WHERE borrowernumber = :n", n=patron)
    return flag


# ---- the submission


@pytest.mark.every_koha
def test_a_referred_patron_is_flagged_charged_restricted_recorded_and_reported(koha: KohaDatabase) -> None:
    patron = owing(koha, "30.00", surname="Doe")
    nights = Nights(koha, add_restriction=True)
    nights.good_night()
    assert the_flag(koha, patron) == "yes"
    (fee,) = koha.query("SELECT * FROM accountlines WHERE description = 'UMS Processing Fee'")
    assert (fee["borrowernumber"], fee["amount"], fee["amountoutstanding"]) == (patron, 10, 10)
    (offset,) = koha.query("SELECT * FROM account_offsets WHERE debit_id = :line", line=fee["accountlines_id"])
    assert (offset["type"], offset["amount"], offset["credit_id"]) == ("CREATE", 10, None)
    (block,) = koha.query("SELECT * FROM borrower_debarments")
    assert (block["borrowernumber"], block["comment"]) == (patron, f"Patron sent to collections on {SUNDAY}")
    (blocked,) = koha.query("SELECT debarred, debarredcomment FROM borrowers WHERE borrowernumber = :n", n=patron)
    assert (blocked["debarred"], blocked["debarredcomment"]) == (date(9999, 12, 31), block["comment"])
    (case,) = koha.query("SELECT * FROM gentle_nudge_case")
    assert (case["patron"], case["number"], case["state"]) == (patron, patron, "open")
    assert (case["fee_line"], case["restriction"]) == (fee["accountlines_id"], block["borrower_debarment_id"])
    assert (case["owed"], case["balance"], case["fee"], case["last_due"]) == (30, 30, 10, 40)
    (row,) = nights.rows(ReportKind.SUBMISSION)
    assert (row["Amt_In_Range"], row["Total_Due"], row["Total_Plus_Fee"]) == ("30.00", "30.00", "40.00")
    assert nights.dues() == {patron: "40.00"}


def test_koha_logs_the_flag_the_restriction_and_the_fee_where_its_preferences_ask_for_it(koha: KohaDatabase) -> None:
    owing(koha)
    Nights(koha, add_restriction=True).good_night()
    logged = {(row["module"], row["action"]) for row in koha.query("SELECT module, action FROM action_logs")}
    assert {("MEMBERS", "MODIFY"), ("MEMBERS", "CREATE_RESTRICTION"), ("FINES", "CREATE")} <= logged
    assert {("GENTLENUDGE", "NEW_SUBMISSIONS"), ("GENTLENUDGE", "UPDATES")} <= logged


def test_our_rows_in_kohas_log_say_what_the_plugins_said_and_more(koha: KohaDatabase) -> None:
    for _ in range(2):
        owing(koha)
    Nights(koha).good_night()
    logged = koha.query("SELECT action, info, interface FROM action_logs WHERE module = 'GENTLENUDGE'")
    submission, update = (json.loads(row["info"]) for row in sorted(logged, key=lambda row: str(row["action"])))
    assert submission.keys() == update.keys() == {"run", "file", "rows", "sha256", "filename", "count"}
    assert (submission["filename"], submission["count"]) == (f"ums-new-submissions-{SUNDAY}.csv", 2)
    assert (update["filename"], update["count"]) == (f"ums-updates-{SUNDAY}.csv", 2)
    assert all((info["file"], info["rows"]) == (info["filename"], info["count"]) for info in (submission, update))
    assert {row["interface"] for row in logged} == {"cron"}


def test_koha_logs_nothing_of_a_patron_where_its_preferences_are_off(koha: KohaDatabase) -> None:
    koha.execute("UPDATE systempreferences SET value = '0' WHERE variable IN ('BorrowersLog', 'FinesLog')")
    owing(koha)
    Nights(koha, add_restriction=True).good_night()
    assert {row["module"] for row in koha.query("SELECT module FROM action_logs")} == {"GENTLENUDGE"}


def test_a_second_night_on_a_day_changes_nothing_and_says_so(koha: KohaDatabase) -> None:
    owing(koha)
    nights = Nights(koha)
    nights.good_night()
    before = snapshot(koha)
    again = nights.night()
    assert again.done_before == ["global"]
    assert again.plans == {}
    assert snapshot(koha) == before


def test_nobody_is_charged_twice_for_one_case(koha: KohaDatabase) -> None:
    owing(koha)
    nights = Nights(koha)
    for day in range(15):
        nights.good_night(SUNDAY + timedelta(days=day))
    assert koha.value("SELECT COUNT(*) FROM accountlines WHERE description = 'UMS Processing Fee'") == 1
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_case") == 1


def test_with_a_flag_attribute_the_lowest_row_that_says_no_becomes_a_yes(koha: KohaDatabase) -> None:
    patron = owing(koha)
    first, second = has_attribute(koha, patron, "COLL", "no"), has_attribute(koha, patron, "COLL", "0")
    other = owing(koha)
    Nights(koha, flag=Flag.parse("attribute:COLL")).good_night()
    found = {row["id"]: row["attribute"] for row in koha.query("SELECT id, attribute FROM borrower_attributes")}
    assert (found[first], found[second]) == ("1", "0")
    rows = koha.query("SELECT attribute FROM borrower_attributes WHERE borrowernumber = :n", n=other)
    assert [row["attribute"] for row in rows] == ["1"]


def test_an_active_restriction_of_ours_is_recorded_instead_of_a_second_one(koha: KohaDatabase) -> None:
    patron = owing(koha)
    there = is_restricted(koha, patron, "Patron sent to collections on 2024-01-01")
    Nights(koha, add_restriction=True).good_night()
    assert koha.value("SELECT COUNT(*) FROM borrower_debarments") == 1
    assert koha.value("SELECT restriction FROM gentle_nudge_case") == there


def test_without_a_fee_nobody_is_charged(koha: KohaDatabase) -> None:
    patron, nights = in_collections(koha, processing_fee=Decimal("0.00"))
    assert balance(koha, patron) == 30
    assert nights.dues() == {patron: "30.00"}


def test_a_case_holds_every_line_still_owing_and_whether_it_counted(koha: KohaDatabase) -> None:
    patron = a_patron(koha)
    inside = owes(koha, patron, "30.00", day=IN_THE_WINDOW)
    old = owes(koha, patron, "5.00", day=SUNDAY - timedelta(days=300), type="OVERDUE")
    owes(koha, patron, "7.00", day=IN_THE_WINDOW, outstanding="0.00")
    Nights(koha).good_night()
    lines = koha.query("SELECT line, outstanding, counted, type FROM gentle_nudge_case_line ORDER BY line")
    assert [(row["line"], row["outstanding"], row["counted"], row["type"]) for row in lines] == [
        (inside, 30, 1, "LOST"),
        (old, 5, 0, "OVERDUE"),
    ]


def test_a_line_without_a_patron_belongs_to_nobody(koha: KohaDatabase) -> None:
    owes(koha, None, "100.00", day=IN_THE_WINDOW)
    nights = Nights(koha)
    nights.good_night()
    assert nights.referred() == set()


# ---- the fuse, lateness


def test_more_referrals_than_the_fuse_lets_through_are_not_made_and_everything_else_goes_on(koha: KohaDatabase) -> None:
    old = owing(koha)
    nights = Nights(koha, most_referrals=2)
    nights.good_night(SUNDAY - timedelta(days=7))
    assert nights.open_patrons() == {old}
    patrons = {owing(koha) for _ in range(3)}
    night = nights.night()
    (refusal,) = night.plans["global"].refusals
    assert (refusal.kind, len(night.plans["global"].held)) == ("fuse", 3)
    assert nights.dues() == {old: "40.00"}
    assert nights.open_patrons() == {old}
    assert all(the_flag(koha, patron) is None for patron in patrons)
    late = nights.good_night(SUNDAY + timedelta(days=1), most_referrals=3)
    assert late.late
    assert nights.referred(SUNDAY + timedelta(days=1)) == patrons


def test_a_fuse_lifted_on_the_same_day_makes_the_submission_and_the_next_update_tells_of_it(koha: KohaDatabase) -> None:
    patrons = {owing(koha) for _ in range(3)}
    nights = Nights(koha, most_referrals=2)
    nights.night()
    nights.good_night(most_referrals=3)
    assert nights.referred() == patrons
    assert nights.dues() == {}
    nights.good_night(MONDAY)
    assert set(nights.dues(MONDAY)) == patrons


@pytest.mark.parametrize(("lifted_to", "made"), [(9, False), (10, True), (11, True), (12, False)])
def test_a_fuse_is_lifted_to_the_number_found_and_at_most_a_tenth_more(
    koha: KohaDatabase, *, lifted_to: int, made: bool
) -> None:
    for _ in range(10):
        owing(koha)
    nights = Nights(koha, most_referrals=2)
    night = nights.night(most_referrals=lifted_to)
    assert night.went_well is made
    assert len(nights.open_patrons()) == (10 if made else 0)


def test_a_missed_sunday_is_made_up_for_once_and_called_late(koha: KohaDatabase) -> None:
    nights = Nights(koha)
    nights.good_night(SUNDAY - timedelta(days=7))
    patron = owing(koha)
    plan = nights.good_night(MONDAY)
    assert plan.late
    assert nights.referred(MONDAY) == {patron}
    owing(koha)
    assert not nights.good_night(TUESDAY).submission_due


def test_a_library_that_starts_on_a_monday_waits_for_its_weekday(koha: KohaDatabase) -> None:
    owing(koha)
    nights = Nights(koha)
    assert not nights.good_night(MONDAY).submission_due
    assert not nights.good_night(TUESDAY).submission_due


# ---- the update and the release


def test_a_patron_who_paid_is_released_told_of_once_and_never_again(koha: KohaDatabase) -> None:
    patron, nights = in_collections(koha, clear_paid=True, add_restriction=True, remove_restriction=True)
    pays(koha, patron)
    nights.good_night(MONDAY)
    assert nights.dues(MONDAY) == {patron: "0.00"}
    assert the_flag(koha, patron) == "no"
    assert koha.query("SELECT * FROM borrower_debarments") == []
    assert koha.value("SELECT debarred FROM borrowers WHERE borrowernumber = :n", n=patron) is None
    assert nights.states() == {patron: "released"}
    nights.good_night(TUESDAY)
    assert nights.dues(TUESDAY) == {}


def test_without_clear_paid_a_patron_who_paid_goes_on_being_reported(koha: KohaDatabase) -> None:
    patron, nights = in_collections(koha)
    pays(koha, patron)
    nights.good_night(MONDAY)
    assert nights.dues(MONDAY) == {patron: "0.00"}
    assert nights.open_patrons() == {patron}


def test_a_patron_without_a_single_line_is_reported_with_zero(koha: KohaDatabase) -> None:
    patron, nights = in_collections(koha)
    koha.execute("DELETE FROM account_offsets")
    koha.execute("DELETE FROM accountlines")
    nights.good_night(MONDAY)
    assert nights.dues(MONDAY) == {patron: "0.00"}


def test_remove_restriction_false_keeps_the_restriction(koha: KohaDatabase) -> None:
    patron, nights = in_collections(koha, clear_paid=True, add_restriction=True)
    pays(koha, patron)
    nights.good_night(MONDAY)
    assert koha.value("SELECT COUNT(*) FROM borrower_debarments") == 1


@pytest.mark.parametrize(
    "edit",
    [
        "comment = 'Patron sent to collections on 2026-11-22; see Ann'",
        "type = 'SUSPENSION'",
        "expiration = '2027-06-01'",
    ],
)
def test_a_restriction_that_staff_changed_stays(koha: KohaDatabase, edit: str) -> None:
    patron, nights = in_collections(koha, clear_paid=True, add_restriction=True, remove_restriction=True)
    koha.execute(f"UPDATE borrower_debarments SET {edit}, created = created")
    pays(koha, patron)
    nights.good_night(MONDAY)
    assert koha.value("SELECT COUNT(*) FROM borrower_debarments") == 1
    assert nights.states() == {patron: "released"}


def test_restrictions_for_other_reasons_stay_and_the_columns_follow(koha: KohaDatabase) -> None:
    patron = owing(koha)
    is_restricted(koha, patron, "Lost card", expires=date(2027, 1, 31))
    nights = Nights(koha, clear_paid=True, add_restriction=True, remove_restriction=True)
    nights.good_night()
    pays(koha, patron)
    nights.good_night(MONDAY)
    (left,) = koha.query("SELECT comment FROM borrower_debarments")
    assert left["comment"] == "Lost card"
    (person,) = koha.query("SELECT debarred, debarredcomment FROM borrowers WHERE borrowernumber = :n", n=patron)
    assert (person["debarred"], person["debarredcomment"]) == (date(2027, 1, 31), "Lost card")


def test_a_restriction_found_gone_is_no_error(koha: KohaDatabase) -> None:
    patron, nights = in_collections(koha, clear_paid=True, add_restriction=True, remove_restriction=True)
    koha.execute("DELETE FROM borrower_debarments")
    pays(koha, patron)
    nights.good_night(MONDAY)
    assert nights.states() == {patron: "released"}


def test_the_whole_balance_is_reported_though_only_the_window_decides(koha: KohaDatabase) -> None:
    patron = owing(koha)
    owes(koha, patron, "500.00", day=SUNDAY - timedelta(days=400))
    nights = Nights(koha)
    nights.good_night()
    assert nights.dues() == {patron: "540.00"}


def test_an_update_of_changes_lists_only_what_changed_and_everybody_on_its_day(koha: KohaDatabase) -> None:
    still, paying, renamed = (owing(koha) for _ in range(3))
    nights = Nights(koha, update_lists="changed")
    nights.good_night()
    pays(koha, paying, "5.00")
    koha.execute("UPDATE borrowers SET cardnumber = 'new-card' WHERE borrowernumber = :n", n=renamed)
    nights.good_night(MONDAY)
    assert set(nights.dues(MONDAY)) == {paying, renamed}
    nights.good_night(TUESDAY)
    assert nights.dues(TUESDAY) == {}
    nights.good_night(NEXT_SUNDAY)
    assert set(nights.dues(NEXT_SUNDAY)) == {still, paying, renamed}


@pytest.mark.parametrize(("empty", "content"), [("sentence", b"No qualifying records\n"), ("none", None)])
def test_without_rows_the_report_is_what_the_policy_says(koha: KohaDatabase, empty: str, content: bytes | None) -> None:
    nights = Nights(koha, empty_report=empty)
    nights.good_night()
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_run") == 2
    if content is None:
        assert koha.value("SELECT COUNT(*) FROM gentle_nudge_report") == 0
    else:
        assert nights.stored(ReportKind.SUBMISSION) == content


def test_dues_are_remembered_at_every_change_only(koha: KohaDatabase) -> None:
    patron, nights = in_collections(koha)
    nights.good_night(MONDAY)
    pays(koha, patron, "5.00")
    nights.good_night(TUESDAY)
    dues = [row["due"] for row in koha.query("SELECT due FROM gentle_nudge_report_row ORDER BY id")]
    assert dues[-1] == 35
    assert all(before != after for before, after in pairwise(dues))


# ---- withdrawal and adoption


def test_a_flag_taken_off_withdraws_the_case_tells_the_agency_once_and_old_charges_no_longer_count(
    koha: KohaDatabase,
) -> None:
    patron, nights = in_collections(koha)
    koha.execute("UPDATE borrowers SET sort1 = 'no'")
    nights.good_night(MONDAY)
    assert nights.states() == {patron: "withdrawn"}
    assert nights.dues(MONDAY) == {patron: "0.00"}
    nights.good_night(TUESDAY)
    assert nights.dues(TUESDAY) == {}
    plan = nights.good_night(NEXT_SUNDAY)
    assert plan.of(Referral) == ()
    assert nights.referred(NEXT_SUNDAY) == set()


def test_a_flag_taken_off_somebody_who_paid_closes_the_case_as_paid(koha: KohaDatabase) -> None:
    patron, nights = in_collections(koha)
    pays(koha, patron)
    koha.execute("UPDATE borrowers SET sort1 = NULL")
    nights.good_night(MONDAY)
    assert nights.states() == {patron: "paid"}


def test_a_withdrawn_patron_is_referred_for_new_charges_alone(koha: KohaDatabase) -> None:
    patron = owing(koha, "100.00")
    nights = Nights(koha)
    nights.good_night()
    koha.execute("UPDATE borrowers SET sort1 = 'no'")
    nights.good_night(MONDAY)
    later = SUNDAY + timedelta(days=84)
    owes(koha, patron, "25.00", day=later - timedelta(days=75))
    nights.good_night(later)
    (row,) = nights.rows(ReportKind.SUBMISSION, later)
    assert (row["Amt_In_Range"], row["Total_Due"]) == ("25.00", "135.00")


ACCIDENTS = {
    "15 flags wiped": (15, 0, "UPDATE borrowers SET sort1 = ''", "withdrawn"),
    "60 patrons deleted by a clean-up": (60, 0, "DELETE FROM borrowers WHERE sort1 = 'yes'", "deleted"),
    "60 accounts emptied": (60, 0, "UPDATE accountlines SET amountoutstanding = 0", "released"),
    "60 charges deleted": (60, 0, "DELETE FROM accountlines", "released"),
    "16 of 60 flags wiped": (16, 44, "UPDATE borrowers SET sort1 = NULL WHERE sort2 = 'hit'", "withdrawn"),
}


@pytest.mark.parametrize(("hit", "others", "accident", "state"), ACCIDENTS.values(), ids=ACCIDENTS)
def test_an_accident_closes_changes_and_lists_nobody_until_it_is_let_through(
    koha: KohaDatabase, *, hit: int, others: int, accident: str, state: str
) -> None:
    patrons, spared = {owing(koha, sort2="hit") for _ in range(hit)}, {owing(koha) for _ in range(others)}
    nights = Nights(koha, clear_paid=True, most_referrals=0)
    nights.good_night()
    koha.execute(accident)
    told = snapshot(koha)
    for day in (MONDAY, TUESDAY):
        night = nights.night(day)
        (refusal,) = night.plans["global"].refusals
        assert (refusal.kind, night.exit_code) == ("endings", 1)
        assert f"--most-endings {hit}" in refusal.hint
        assert nights.dues(day) == dict.fromkeys(spared, "40.00")
        untouched = ("borrowers", "accountlines", "gentle_nudge_case", "gentle_nudge_report_row")
        now = snapshot(koha)
        assert {table: now[table] for table in untouched} == {table: told[table] for table in untouched}
    nights.good_night(WEDNESDAY, most_endings=hit)
    assert nights.states() == dict.fromkeys(patrons, state) | dict.fromkeys(spared, "open")
    assert nights.dues(WEDNESDAY) == dict.fromkeys(patrons, "0.00") | dict.fromkeys(spared, "40.00")


def test_as_many_flags_as_staff_take_off_are_withdrawals(koha: KohaDatabase) -> None:
    patrons = {owing(koha, sort2="hit") for _ in range(15)}
    others = {owing(koha) for _ in range(45)}
    nights = Nights(koha, clear_paid=True, most_referrals=0)
    nights.good_night()
    koha.execute("UPDATE borrowers SET sort1 = '' WHERE sort2 = 'hit'")
    nights.good_night(MONDAY)
    assert nights.states() == dict.fromkeys(patrons, "withdrawn") | dict.fromkeys(others, "open")


def test_what_an_accident_took_and_somebody_put_back_goes_on(koha: KohaDatabase) -> None:
    patrons = {owing(koha) for _ in range(15)}
    nights = Nights(koha, clear_paid=True, most_referrals=0)
    nights.good_night()
    koha.execute("UPDATE borrowers SET sort1 = ''")
    assert nights.night(MONDAY).exit_code == 1
    koha.execute("UPDATE borrowers SET sort1 = 'yes'")
    nights.good_night(TUESDAY)
    assert nights.dues(TUESDAY) == dict.fromkeys(patrons, "40.00")


def test_old_flags_that_were_just_adopted_may_all_go(koha: KohaDatabase) -> None:
    patrons = {a_patron(koha, sort1="yes") for _ in range(12)}
    nights = Nights(koha)
    nights.good_night()
    nights.change(clear_paid=True)
    nights.good_night(MONDAY)
    assert nights.states() == dict.fromkeys(patrons, "released")


def test_another_flag_in_the_settings_ends_no_case_and_is_named(koha: KohaDatabase) -> None:
    patron, nights = in_collections(koha)
    nights.change(flag=Flag.parse("sort2"))
    plan = nights.good_night(MONDAY)
    assert nights.open_patrons() == {patron}
    assert nights.dues(MONDAY) == {patron: "40.00"}
    assert "sort1" in plan.named[0]


def test_a_flag_overwritten_by_something_else_keeps_the_case_and_is_named(koha: KohaDatabase) -> None:
    patron, nights = in_collections(koha, clear_paid=True)
    koha.execute("UPDATE borrowers SET sort1 = 'Book club'")
    plan = nights.good_night(MONDAY)
    assert nights.open_patrons() == {patron}
    assert str(patron) in plan.named[0]
    assert the_flag(koha, patron) == "Book club"


def test_a_patron_flagged_without_a_case_is_adopted_with_the_day_of_the_fee(koha: KohaDatabase) -> None:
    patron = a_patron(koha, sort1=" YES ")
    owes(koha, patron, "50.00", day=SUNDAY - timedelta(days=300))
    owes(koha, patron, "10.00", day=date(2026, 2, 1), type="MANUAL", description="UMS Processing Fee")
    nights = Nights(koha)
    nights.good_night()
    (case,) = koha.query("SELECT * FROM gentle_nudge_case")
    assert (case["adopted"], case["referred_on"], case["balance"]) == (1, date(2026, 2, 1), None)
    assert nights.dues() == {patron: "60.00"}
    assert nights.referred() == set()


def test_an_adopted_patron_who_owes_nothing_is_reported_and_released_the_same_night(koha: KohaDatabase) -> None:
    patron = a_patron(koha, sort1="yes")
    nights = Nights(koha, clear_paid=True)
    nights.good_night()
    assert nights.dues() == {patron: "0.00"}
    assert nights.states() == {patron: "released"}
    assert the_flag(koha, patron) == "no"


@pytest.mark.parametrize("lifts", [False, True])
def test_an_adopted_patron_who_has_paid_keeps_the_restriction_with_the_case_that_is_closed_at_once(
    koha: KohaDatabase, *, lifts: bool
) -> None:
    patron, other = a_patron(koha, sort1="yes"), owing(koha)
    there = is_restricted(koha, patron, "Patron sent to collections on 2024-01-01")
    nights = Nights(koha, clear_paid=True, remove_restriction=lifts, add_restriction=True)
    nights.good_night()
    assert nights.states() == {patron: "released", other: "open"}
    (known,) = koha.query("SELECT * FROM gentle_nudge_case WHERE patron = :n", n=patron)
    assert (known["restriction"], known["restriction_type"]) == (there, "MANUAL")
    assert known["restriction_comment"] == "Patron sent to collections on 2024-01-01"
    still_there = koha.value("SELECT COUNT(*) FROM borrower_debarments WHERE borrowernumber = :n", n=patron)
    assert still_there == (0 if lifts else 1)


def test_too_many_to_adopt_stop_the_submission_and_nobody_is_adopted(koha: KohaDatabase) -> None:
    for _ in range(3):
        a_patron(koha, sort1="yes")
    owing(koha)
    nights = Nights(koha, most_adoptions=2)
    night = nights.night()
    assert [refusal.kind for refusal in night.plans["global"].refusals] == ["adoptions"]
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_case") == 0
    assert nights.dues() == {}
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_run WHERE report = 'submission'") == 0


# ---- merged and deleted patrons


def test_a_merged_card_takes_the_case_along_under_the_number_first_reported(koha: KohaDatabase) -> None:
    patron, nights = in_collections(koha)
    keeper = a_patron(koha, surname="Keeper")
    merge(koha, keeper, [patron])
    nights.good_night(MONDAY)
    assert nights.dues(MONDAY) == {patron: "40.00"}
    assert nights.open_patrons() == {keeper}
    assert the_flag(koha, keeper) == "yes"
    assert koha.value("SELECT COUNT(*) FROM accountlines WHERE description = 'UMS Processing Fee'") == 1
    nights.good_night(TUESDAY)
    assert nights.dues(TUESDAY) == {patron: "40.00"}


def test_the_heir_of_a_merged_card_is_not_referred_the_same_night(koha: KohaDatabase) -> None:
    patron, nights = in_collections(koha)
    keeper = a_patron(koha)
    owes(koha, keeper, "80.00", day=NEXT_SUNDAY - timedelta(days=75))
    merge(koha, keeper, [patron])
    plan = nights.good_night(NEXT_SUNDAY)
    assert plan.left_out == {Reason.IN_COLLECTIONS: 1}
    assert nights.referred(NEXT_SUNDAY) == set()


def test_a_card_merged_into_a_patron_with_a_case_ends_with_a_last_zero(koha: KohaDatabase) -> None:
    patron, keeper = owing(koha), owing(koha)
    nights = Nights(koha)
    nights.good_night()
    merge(koha, keeper, [patron])
    nights.good_night(MONDAY)
    assert nights.dues(MONDAY) == {keeper: "80.00", patron: "0.00"}
    assert nights.states() == {patron: "merged", keeper: "open"}
    assert [int(row["borrowernumber"]) for row in nights.rows(ReportKind.UPDATE, MONDAY)] == [keeper, patron]


def test_two_cards_merged_into_one_without_a_case_leave_one_case(koha: KohaDatabase) -> None:
    first, second = owing(koha), owing(koha)
    nights = Nights(koha)
    nights.good_night()
    keeper = a_patron(koha)
    merge(koha, keeper, [first, second])
    nights.good_night(MONDAY)
    assert nights.open_patrons() == {keeper}
    assert nights.dues(MONDAY) == {first: "80.00", second: "0.00"}


def test_a_deleted_patron_ends_with_a_last_zero(koha: KohaDatabase) -> None:
    patron = owing(koha, surname="Gone", card="G-1")
    nights = Nights(koha)
    nights.good_night()
    delete_patron(koha, patron)
    nights.good_night(MONDAY)
    (row,) = nights.rows(ReportKind.UPDATE, MONDAY)
    assert (row["borrowernumber"], row["surname"], row["cardnumber"], row["Due"]) == (
        str(patron),
        "Gone",
        "G-1",
        "0.00",
    )
    assert nights.states() == {patron: "deleted"}


# ---- order, dry run, sync


def test_rows_stand_by_surname_as_the_database_collates_then_by_number(koha: KohaDatabase) -> None:
    names = ["Zimmer", "ábel", "Abel", None, "山田", "O'Brien"]
    numbers = {name: owing(koha, surname=name) for name in names}
    twin = owing(koha, surname="Abel")
    nights = Nights(koha)
    nights.good_night()
    wanted = [
        row["n"] for row in koha.query("SELECT borrowernumber AS n FROM borrowers ORDER BY surname, borrowernumber")
    ]
    assert [int(row["borrowernumber"]) for row in nights.rows(ReportKind.SUBMISSION)] == wanted
    assert [int(row["borrowernumber"]) for row in nights.rows(ReportKind.UPDATE)] == wanted
    assert wanted[0] == numbers[None]
    assert twin in wanted


def test_a_dry_run_changes_nothing_and_plans_what_the_night_then_does(koha: KohaDatabase) -> None:
    patrons = {owing(koha) for _ in range(3)}
    nights = Nights(koha)
    before = snapshot(koha)
    plan = nights.dry_run()
    assert snapshot(koha) == before
    assert plan is not None
    assert {referral.number for referral in plan.of(Referral)} == patrons
    done = nights.good_night()
    assert plan.update == done.update
    assert plan.submission == done.submission


def test_a_sync_lists_every_open_case_and_changes_nothing_in_koha_or_in_the_cases(koha: KohaDatabase) -> None:
    patron, nights = in_collections(koha, clear_paid=True)
    pays(koha, patron)
    before = snapshot(koha)
    nights.sync()
    after = snapshot(koha)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {
        "action_logs",
        "gentle_nudge_delivery",
        "gentle_nudge_meta",
        "gentle_nudge_report",
        "gentle_nudge_report_part",
        "gentle_nudge_run",
        "gentle_nudge_run_count",
    }
    assert [row["Due"] for row in nights.rows(ReportKind.SYNC)] == ["0.00"]
    nights.sync()
    files = {row["file_name"] for row in koha.query("SELECT file_name FROM gentle_nudge_report")}
    assert {f"ums-sync-{SUNDAY}.csv", f"ums-sync-{SUNDAY}-2.csv"} <= files


def test_left_out_patrons_are_counted_by_their_first_reason(koha: KohaDatabase) -> None:
    owing(koha, category="ST")
    owing(koha, sort1="Book club")
    owing(koha, "24.99")
    owing(koha, "0.01")
    nights = Nights(koha, excluded_categories=frozenset({"ST"}))
    plan = nights.dry_run()
    assert plan is not None
    assert plan.left_out == {Reason.CATEGORY: 1, Reason.FLAG_IN_OTHER_USE: 1}
    assert plan.owing_less == 2


# ---- ages


def test_a_date_of_birth_that_nobody_has_is_unknown_and_told_as_koha_has_it(koha: KohaDatabase) -> None:
    nobodys, oldest = owing(koha, born="1915-11-22"), owing(koha, born="1915-11-23")
    nights = Nights(koha, minors="exclude")
    plan = nights.dry_run()
    assert plan is not None
    assert plan.left_out == {Reason.UNKNOWN_AGE: 1}
    nights.change(unknown_birthdate="include")
    nights.good_night()
    born = {int(row["borrowernumber"]): row["dateofbirth"] for row in nights.rows(ReportKind.SUBMISSION)}
    assert born == {nobodys: "1915-11-22", oldest: "1915-11-23"}


def test_charges_of_a_minor_refer_nobody_and_are_in_no_count_where_they_are_left_out(koha: KohaDatabase) -> None:
    eighteen = IN_THE_WINDOW.replace(year=IN_THE_WINDOW.year - 18)
    of_age, a_day_too_young, unknown = (owing(koha, born=born) for born in (eighteen, MONDAY.replace(year=2008), None))
    owes(koha, a_day_too_young, "1.00", day=SUNDAY)
    nights = Nights(koha, charged_as_minor="leave_out")
    plan = nights.dry_run()
    assert plan is not None
    assert {referral.number for referral in plan.of(Referral)} == {of_age, unknown}
    assert (plan.left_out, plan.owing_less) == ({}, 0)
    nights.good_night()
    assert nights.referred() == {of_age, unknown}


def test_what_is_owed_in_the_window_leaves_out_the_charges_of_a_minor_and_the_balance_does_not(
    koha: KohaDatabase,
) -> None:
    patron = owing(koha, "30.00", born=IN_THE_WINDOW.replace(year=IN_THE_WINDOW.year - 18))
    owes(koha, patron, "50.00", day=IN_THE_WINDOW - timedelta(days=1))
    nights = Nights(koha, charged_as_minor="leave_out")
    nights.good_night()
    (row,) = nights.rows(ReportKind.SUBMISSION)
    assert (row["Amt_In_Range"], row["Total_Due"]) == ("30.00", "80.00")
    counted = koha.query("SELECT outstanding FROM gentle_nudge_case_line WHERE counted = 1")
    assert [line["outstanding"] for line in counted] == [30]
