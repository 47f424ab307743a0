"""Who a person is: anonymized patrons, and numbers that Koha has given to somebody else."""

from datetime import timedelta
from functools import partial

import pytest

from gentle_nudge.domain.collections.referral import Reason
from gentle_nudge.domain.patron import Flag
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.errors import UserError
from gentle_nudge.jobs.desk.explain import explain
from gentle_nudge.jobs.desk.find_patron import known_cases
from gentle_nudge.jobs.desk.withdraw import WithdrawalRequest, withdraw_cases
from gentle_nudge.jobs.transaction import read_only, writing
from tests.builders.days import IN_THE_WINDOW, MONDAY, NEXT_SUNDAY, SUNDAY, TUESDAY
from tests.builders.koha import a_patron, delete_patron, has_attribute, is_restricted, merge, owes, owing, pays
from tests.integration.jobs.test_races import Race
from tests.support.koha import KohaDatabase
from tests.support.nights import Nights

COLLECT = Flag(column="attribute", code="COLLECT")
NAMES = "surname", "firstname", "card"


def anonymize(koha: KohaDatabase, patron: int) -> None:
    """Koha has anonymized the patron: no name, no card; the flag stays behind."""
    koha.execute(
        "UPDATE borrowers SET anonymized = 1, surname = 'scrambled', firstname = NULL, cardnumber = NULL "
        "WHERE borrowernumber = :n",
        n=patron,
    )


def names_we_hold(koha: KohaDatabase) -> set[object]:
    """Every name and card in our cases."""
    rows = koha.query("SELECT surname, firstname, card FROM gentle_nudge_case")
    return {row[name] for row in rows for name in NAMES} - {None}


def used_again(koha: KohaDatabase, patron: int, **columns: object) -> int:
    """The patron is deleted, and Koha has given the number to somebody else."""
    delete_patron(koha, patron)
    return a_patron(koha, borrowernumber=patron, **{"surname": "Newcomer", **columns})  # type: ignore[arg-type]


def person(koha: KohaDatabase, patron: int) -> list[object]:
    """Everything of the patron that a night could change."""
    tables = ("borrowers", "borrower_attributes", "borrower_debarments", "accountlines")
    return [koha.query(f"SELECT * FROM {table} WHERE borrowernumber = :n", n=patron) for table in tables]


def states(koha: KohaDatabase) -> list[str]:
    """The states of our cases, oldest first."""
    return [row["state"] for row in koha.query("SELECT state FROM gentle_nudge_case ORDER BY id")]


# ---- anonymized patrons


@pytest.mark.parametrize("flag", [Flag(column="sort1"), COLLECT])
@pytest.mark.parametrize(("setting", "told"), [("zero", ["0.00"]), ("balance", ["40.00"]), ("none", [])])
@pytest.mark.parametrize("pays_all", [False, True])
def test_the_case_of_an_anonymized_patron_ends_and_is_told_without_a_name(
    koha: KohaDatabase, flag: Flag, setting: str, told: list[str], *, pays_all: bool
) -> None:
    has_attribute(koha, a_patron(koha), "COLLECT", None)
    patron = owing(koha, surname="Doe", card="C-1")
    nights = Nights(koha, flag=flag, withdrawn_due=setting, clear_paid=True)
    nights.good_night()
    if pays_all:
        pays(koha, patron)
        told = ["0.00"] * len(told)
    anonymize(koha, patron)
    flags = person(koha, patron)
    nights.good_night(MONDAY)
    assert states(koha) == ["anonymized"]
    rows = nights.rows(ReportKind.UPDATE, MONDAY)
    assert [list(row.values()) for row in rows] == [[str(patron), "", "", "", due] for due in told]
    assert names_we_hold(koha) == set()
    assert person(koha, patron) == flags
    nights.good_night(TUESDAY)
    assert states(koha) == ["anonymized"]


def test_a_patron_who_is_not_anonymized_keeps_case_name_and_flag(koha: KohaDatabase) -> None:
    owing(koha, surname="Doe", card="C-1")
    nights = Nights(koha)
    nights.good_night()
    koha.execute("UPDATE borrowers SET protected = 1")
    nights.good_night(MONDAY)
    assert states(koha) == ["open"]
    assert {"Doe", "C-1"} <= names_we_hold(koha)


def test_the_names_of_earlier_cases_go_with_the_anonymized_one(koha: KohaDatabase) -> None:
    patron = owing(koha, surname="Doe")
    nights = Nights(koha, clear_paid=True)
    nights.good_night()
    pays(koha, patron)
    nights.good_night(MONDAY)
    owes(koha, patron, "50.00", day=IN_THE_WINDOW)
    nights.good_night(NEXT_SUNDAY)
    assert states(koha) == ["released", "open"]
    anonymize(koha, patron)
    nights.good_night(NEXT_SUNDAY + timedelta(days=1))
    assert states(koha) == ["released", "anonymized"]
    assert names_we_hold(koha) == set()


def test_an_anonymized_patron_whose_flag_says_yes_is_never_adopted_nor_referred(koha: KohaDatabase) -> None:
    anonymized, flagged = owing(koha, sort1="yes"), owing(koha, sort1="yes")
    anonymize(koha, anonymized)
    without_flag = owing(koha)
    anonymize(koha, without_flag)
    nights = Nights(koha)
    plan = nights.good_night()
    assert nights.open_patrons() == {flagged}
    assert plan.left_out[Reason.PROTECTED] == 1


def test_many_anonymized_at_once_are_an_accident(koha: KohaDatabase) -> None:
    patrons = [owing(koha) for _ in range(8)]
    nights = Nights(koha)
    nights.good_night()
    for patron in patrons[:4]:
        anonymize(koha, patron)
    night = nights.night(MONDAY)
    assert [refusal.kind for refusal in night.plans["global"].refusals] == ["endings"]
    assert set(states(koha)) == {"open"}
    koha.execute("UPDATE borrowers SET anonymized = 0 WHERE borrowernumber = :n", n=patrons[0])
    nights.good_night(TUESDAY)
    assert states(koha).count("anonymized") == 3


def test_a_sync_and_a_last_word_that_is_said_again_name_no_anonymized_patron(koha: KohaDatabase) -> None:
    open_case, released = owing(koha, surname="Doe"), owing(koha, surname="Roe")
    nights = Nights(koha, clear_paid=True)
    nights.good_night()
    pays(koha, released)
    nights.good_night(MONDAY)
    koha.execute("UPDATE gentle_nudge_case SET to_report = 1 WHERE patron = :n", n=released)
    for patron in (open_case, released):
        anonymize(koha, patron)
    nights.sync(MONDAY)
    (row,) = nights.rows(ReportKind.SYNC, MONDAY)
    assert list(row.values()) == [str(open_case), "", "", "", "40.00"]
    nights.good_night(TUESDAY)
    names = {(row["surname"], row["firstname"], row["cardnumber"]) for row in nights.rows(ReportKind.UPDATE, TUESDAY)}
    assert nights.dues(TUESDAY) == {open_case: "0.00", released: "0.00"}
    assert names == {("", "", "")}


def test_who_is_anonymized_between_plan_and_lock_is_told_as_such(koha: KohaDatabase) -> None:
    patron = owing(koha, surname="Doe")
    nights = Race(koha, withdrawn_due="balance")
    nights.good_night()
    koha.execute("UPDATE borrowers SET sort1 = 'no'")
    koha.execute("UPDATE gentle_nudge_run SET day = :d", d=SUNDAY - timedelta(days=1))
    nights.night_in_which(partial(anonymize, koha, patron), at="borrowers")
    assert states(koha) == ["anonymized"]
    assert nights.rows(ReportKind.UPDATE)[0]["surname"] == ""


# ---- a number used again


@pytest.mark.every_koha
@pytest.mark.parametrize("flag", [None, "yes", "no", "Class of 2027"])
@pytest.mark.parametrize("debt", ["0.00", "12.00"])
def test_whoever_has_the_number_of_a_deleted_patron_now_is_somebody_else(
    koha: KohaDatabase, flag: str | None, debt: str
) -> None:
    patron = owing(koha, surname="Doe", card="C-1")
    nights = Nights(koha, add_restriction=True, clear_paid=True, remove_restriction=True, withdrawn_due="balance")
    nights.good_night()
    newcomer = used_again(koha, patron, sort1=flag)
    is_restricted(koha, newcomer, f"Patron sent to collections on {SUNDAY}")
    if debt != "0.00":
        owes(koha, newcomer, debt)
    as_they_were = person(koha, newcomer)
    nights.good_night(MONDAY)
    assert states(koha) == ["deleted"]
    (row,) = nights.rows(ReportKind.UPDATE, MONDAY)
    assert list(row.values()) == [str(patron), "Doe", "Pat", "C-1", "0.00"]
    assert person(koha, newcomer) == as_they_were


def test_merged_cards_are_merged_even_if_the_number_is_used_again(koha: KohaDatabase) -> None:
    merged, heir = owing(koha), a_patron(koha)
    also_merged, in_collections = owing(koha), owing(koha)
    nights = Nights(koha, clear_paid=True)
    nights.good_night()
    merge(koha, heir, [merged])
    merge(koha, in_collections, [also_merged])
    newcomers = [a_patron(koha, borrowernumber=number) for number in (merged, also_merged)]
    as_they_were = [person(koha, newcomer) for newcomer in newcomers]
    nights.good_night(MONDAY)
    assert nights.states() == {merged: "open", also_merged: "merged", in_collections: "open"}
    assert nights.dues(MONDAY) == {merged: "40.00", also_merged: "0.00", in_collections: "80.00"}
    assert nights.open_patrons() == {heir, in_collections}
    assert [person(koha, newcomer) for newcomer in newcomers] == as_they_were
    nights.good_night(TUESDAY)
    assert nights.open_patrons() == {heir, in_collections}


def test_an_heir_whose_number_was_used_before_keeps_the_case(koha: KohaDatabase) -> None:
    merged, heir = owing(koha), used_again(koha, a_patron(koha))
    nights = Nights(koha)
    nights.good_night()
    merge(koha, heir, [merged])
    nights.good_night(MONDAY)
    koha.execute("DELETE FROM account_offsets")
    koha.execute("DELETE FROM accountlines")
    nights.good_night(TUESDAY)
    assert nights.open_patrons() == {heir}


@pytest.mark.parametrize("lines", ["kept", "deleted"])
def test_the_newcomer_is_in_collections_like_anybody_until_deleted_too(koha: KohaDatabase, lines: str) -> None:
    newcomer = used_again(koha, a_patron(koha), card="N-1")
    owes(koha, newcomer, "30.00", day=IN_THE_WINDOW)
    adopted = used_again(koha, a_patron(koha), sort1="yes")
    nights = Nights(koha)
    nights.good_night()
    assert nights.open_patrons() == {newcomer, adopted}
    if lines == "deleted":
        koha.execute("DELETE FROM account_offsets")
        koha.execute("DELETE FROM accountlines")
    nights.good_night(MONDAY)
    assert nights.open_patrons() == {newcomer, adopted}
    used_again(koha, newcomer)
    nights.good_night(TUESDAY)
    assert nights.states() == {newcomer: "deleted", adopted: "open"}


def test_a_patron_whom_koha_failed_to_delete_still_has_the_lines_and_the_case_goes_on(koha: KohaDatabase) -> None:
    patron = owing(koha)
    nights = Nights(koha)
    nights.good_night()
    koha.put("deletedborrowers", borrowernumber=patron)
    nights.good_night(MONDAY)
    assert states(koha) == ["open"]
    assert nights.dues(MONDAY) == {patron: "40.00"}


@pytest.mark.parametrize("given_back", ["the charges", "the number"])
def test_a_deleted_patron_who_was_put_back_is_no_newcomer(koha: KohaDatabase, given_back: str) -> None:
    patron = owing(koha)
    nights = Nights(koha)
    nights.good_night()
    used_again(koha, patron, surname="Example", sort1="yes")
    if given_back == "the charges":
        koha.execute("UPDATE accountlines SET borrowernumber = :n", n=patron)
    else:
        koha.execute("DELETE FROM deletedborrowers")
    nights.good_night(MONDAY)
    assert states(koha) == ["open"]


def test_a_number_used_again_between_plan_and_lock_is_noticed(koha: KohaDatabase) -> None:
    patron = owing(koha, surname="Doe")
    nights = Race(koha, withdrawn_due="balance")
    nights.good_night()
    koha.execute("UPDATE borrowers SET sort1 = 'no'")
    koha.execute("UPDATE gentle_nudge_run SET day = :d", d=SUNDAY - timedelta(days=1))
    nights.night_in_which(partial(used_again, koha, patron, sort1="no"), at="borrowers")
    assert states(koha) == ["deleted"]
    assert nights.rows(ReportKind.UPDATE)[0]["surname"] == "Doe"


def test_the_last_word_of_a_closed_case_is_not_about_the_newcomer(koha: KohaDatabase) -> None:
    patron = owing(koha, surname="Doe")
    nights = Nights(koha, withdrawn_due="balance")
    nights.good_night()
    koha.execute("UPDATE borrowers SET sort1 = 'no'")
    nights.good_night(MONDAY)
    assert states(koha) == ["withdrawn"]
    koha.execute("UPDATE gentle_nudge_case SET to_report = 1")
    owes(koha, used_again(koha, patron), "77.00")
    nights.good_night(TUESDAY)
    (row,) = nights.rows(ReportKind.UPDATE, TUESDAY)
    assert list(row.values())[:2] == [str(patron), "Doe"]
    assert row["Due"] == "0.00"


def test_withdrawn_charges_of_a_merged_card_stay_withdrawn_though_its_number_is_used_again(koha: KohaDatabase) -> None:
    merged, heir = owing(koha), a_patron(koha)
    nights = Nights(koha)
    nights.good_night()
    koha.execute("UPDATE borrowers SET sort1 = 'no'")
    nights.good_night(MONDAY)
    merge(koha, heir, [merged])
    a_patron(koha, borrowernumber=merged)
    nights.good_night(NEXT_SUNDAY)
    assert nights.referred(NEXT_SUNDAY) == set()


def test_who_asks_about_the_newcomer_by_card_hears_nothing_of_the_other_person(koha: KohaDatabase) -> None:
    patron = owing(koha, card="C-1")
    nights = Nights(koha)
    nights.good_night()
    used_again(koha, patron, card="N-1")
    with read_only(nights.engine) as conn:
        with pytest.raises(UserError, match="We know nothing"):
            known_cases(conn, "N-1")
        assert len(known_cases(conn, "C-1")) == len(known_cases(conn, f"number:{patron}")) == 1
        (told,) = explain(conn, nights.sections, "N-1", nights.at(MONDAY))
    assert told.cases == ()


def test_a_release_by_number_takes_nothing_from_the_newcomer(koha: KohaDatabase) -> None:
    patron = owing(koha)
    nights = Nights(koha, add_restriction=True)
    nights.good_night()
    newcomer = used_again(koha, patron, sort1="yes")
    is_restricted(koha, newcomer, f"Patron sent to collections on {SUNDAY}")
    as_they_were = person(koha, newcomer)
    request = WithdrawalRequest(reason="a wrong number", cards=(f"number:{patron}",), waive_fee=True)
    work = partial(withdraw_cases, sections=nights.sections[:1], wanted=request, moment=nights.at(MONDAY))
    writing(nights.engine, work)
    assert states(koha) == ["withdrawn"]
    assert person(koha, newcomer) == as_they_were


# ---- restrictions of cases that staff ended


@pytest.mark.parametrize(
    ("paid", "remove", "state", "blocked"),
    [
        (True, True, "paid", 0),
        (True, False, "paid", 1),
        (False, True, "withdrawn", 1),
    ],
)
def test_the_restriction_of_a_case_that_staff_ended_as_paid_goes_as_at_a_release(
    koha: KohaDatabase, state: str, blocked: int, *, paid: bool, remove: bool
) -> None:
    patron = owing(koha)
    nights = Nights(koha, add_restriction=True, clear_paid=True, remove_restriction=remove)
    nights.good_night()
    is_restricted(koha, patron, "Lost card", type="SUSPENSION")
    if paid:
        pays(koha, patron)
    koha.execute("UPDATE borrowers SET sort1 = 'no'")
    nights.good_night(MONDAY)
    assert states(koha) == [state]
    ours = "SELECT COUNT(*) FROM borrower_debarments WHERE comment LIKE 'Patron sent%'"
    assert koha.value(ours) == blocked
    comment = koha.value("SELECT debarredcomment FROM borrowers WHERE borrowernumber = :n", n=patron)
    assert comment.endswith("Lost card")
    assert comment.startswith("Patron sent") is bool(blocked)
