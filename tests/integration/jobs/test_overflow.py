"""An account whose sums are too large to be kept is named and passed over; the rest of the section goes on."""

from datetime import timedelta
from decimal import Decimal

import pytest

from gentle_nudge.domain.collections.plan import Plan
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.jobs.desk.explain import explain
from gentle_nudge.jobs.night.sync_report import rows_of
from gentle_nudge.jobs.transaction import read_only
from gentle_nudge.views.explanation_view import explanation_view
from gentle_nudge.views.plain import Figure, Note
from tests.builders.days import IN_THE_WINDOW, SUNDAY
from tests.builders.koha import a_patron, merge, owes
from tests.integration.jobs.test_races import Race
from tests.support.koha import KohaDatabase
from tests.support.nights import Nights

MONDAY = SUNDAY + timedelta(days=1)
THE_MOST_THAT_KOHA_HOLDS = "9999999999999999999999.999999"
TOO_MUCH, JUST_NOT_TOO_MUCH = "1000000000000000.00", "999999999999999.99"


def owing(koha: KohaDatabase, *amounts: str, flag: str | None = None) -> int:
    """A patron who owes these amounts in the window."""
    patron = a_patron(koha, sort1=flag)
    for amount in amounts:
        owes(koha, patron, "30.00", outstanding=amount, day=IN_THE_WINDOW)
    return patron


def mend(koha: KohaDatabase, patron: int) -> None:
    """Each charge of the patron is 30.00 again."""
    koha.execute("UPDATE accountlines SET amountoutstanding = 30 WHERE borrowernumber = :n", n=patron)


def names(plan: Plan, patron: int) -> bool:
    """Whether the plan names the patron, and says why."""
    return any(f"patron number {patron}:" in named and "too large" in named for named in plan.named)


@pytest.mark.parametrize(
    "amounts",
    [
        (TOO_MUCH,),
        (THE_MOST_THAT_KOHA_HOLDS,) * 2,
        ("-" + THE_MOST_THAT_KOHA_HOLDS, "30.00"),
        ("0.01", JUST_NOT_TOO_MUCH),
    ],
)
def test_who_owes_too_much_to_be_kept_is_named_and_everybody_else_is_referred(
    koha: KohaDatabase, amounts: tuple[str, ...]
) -> None:
    huge, usual = owing(koha, *amounts), owing(koha, "30.00")
    nights = Nights(koha)
    before = koha.query("SELECT * FROM borrowers WHERE borrowernumber = :n", n=huge)
    plan = nights.good_night()
    assert nights.referred() == {usual}
    assert names(plan, huge) is (amounts[0][0] != "-")
    assert not names(plan, usual)
    assert koha.query("SELECT * FROM borrowers WHERE borrowernumber = :n", n=huge) == before


def test_many_who_owe_just_not_too_much_are_referred(koha: KohaDatabase) -> None:
    patrons = {owing(koha, JUST_NOT_TOO_MUCH) for _ in range(12)}
    nights = Nights(koha)
    plan = nights.good_night()
    assert nights.referred() == patrons
    assert plan.named == ()


def test_an_open_case_is_passed_over_until_the_charge_is_mended(koha: KohaDatabase) -> None:
    huge, usual = owing(koha, "30.00"), owing(koha, "30.00")
    nights = Nights(koha)
    nights.good_night()
    typo = owes(koha, huge, "1.00", outstanding=THE_MOST_THAT_KOHA_HOLDS)
    koha.execute("UPDATE borrowers SET sort1 = 'no'")
    plan = nights.good_night(MONDAY)
    assert names(plan, huge)
    assert nights.states() == {huge: "open", usual: "withdrawn"}
    assert nights.dues(MONDAY) == {usual: "0.00"}
    koha.execute("DELETE FROM accountlines WHERE accountlines_id = :id", id=typo)
    assert nights.good_night(MONDAY + timedelta(days=1)).named == ()
    assert nights.states() == {huge: "withdrawn", usual: "withdrawn"}


def test_a_credit_that_is_too_large_releases_nobody(koha: KohaDatabase) -> None:
    huge, usual = owing(koha, "30.00"), owing(koha, "30.00")
    nights = Nights(koha, clear_paid=True)
    nights.good_night()
    owes(koha, huge, "1.00", outstanding=f"-{THE_MOST_THAT_KOHA_HOLDS}")
    assert names(nights.good_night(MONDAY), huge)
    assert nights.open_patrons() == {huge, usual}
    assert nights.dues(MONDAY) == {usual: "40.00"}


def test_of_merged_cards_with_such_an_account_the_case_waits(koha: KohaDatabase) -> None:
    merged, heir = owing(koha, "30.00"), a_patron(koha)
    nights = Nights(koha)
    nights.good_night()
    merge(koha, heir, [merged])
    typo = owes(koha, heir, "30.00", outstanding=THE_MOST_THAT_KOHA_HOLDS, day=IN_THE_WINDOW)
    next_sunday = SUNDAY + timedelta(days=7)
    assert names(nights.good_night(next_sunday), heir)
    assert (nights.states(), nights.referred(next_sunday)) == ({merged: "open"}, set())
    koha.execute("DELETE FROM accountlines WHERE accountlines_id = :id", id=typo)
    nights.good_night(next_sunday + timedelta(days=1))
    assert nights.dues(next_sunday + timedelta(days=1)) == {merged: "40.00"}


def test_a_sync_passes_the_account_over(koha: KohaDatabase) -> None:
    huge, usual = owing(koha, "30.00"), owing(koha, "30.00")
    nights = Nights(koha)
    nights.good_night()
    owes(koha, huge, "1.00", outstanding=THE_MOST_THAT_KOHA_HOLDS)
    nights.sync()
    assert [int(row["borrowernumber"]) for row in nights.rows(ReportKind.SYNC)] == [usual]
    with read_only(nights.engine) as conn:
        listed = rows_of(conn, nights.sections[0], SUNDAY)
    assert [row.number for row in listed.rows] == [usual]
    (named,) = listed.named
    assert named.startswith(f"patron number {huge}:")


def test_a_last_word_waits_until_the_charge_is_mended(koha: KohaDatabase) -> None:
    patron = owing(koha, "30.00")
    nights = Nights(koha, withdrawn_due="balance")
    nights.good_night()
    koha.execute(
        "UPDATE gentle_nudge_case SET state = 'withdrawn', closed_on = :d, open_key = NULL, to_report = 1", d=SUNDAY
    )
    koha.execute("UPDATE borrowers SET sort1 = 'no'")
    typo = owes(koha, patron, "1.00", outstanding=THE_MOST_THAT_KOHA_HOLDS)
    assert names(nights.good_night(MONDAY), patron)
    assert nights.dues(MONDAY) == {}
    koha.execute("DELETE FROM accountlines WHERE accountlines_id = :id", id=typo)
    nights.good_night(MONDAY + timedelta(days=1))
    assert nights.dues(MONDAY + timedelta(days=1)) == {patron: "40.00"}


def test_nobody_is_adopted_with_such_an_account(koha: KohaDatabase) -> None:
    huge, usual = owing(koha, THE_MOST_THAT_KOHA_HOLDS, flag="yes"), owing(koha, "30.00", flag="yes")
    nights = Nights(koha)
    plan = nights.good_night()
    assert names(plan, huge)
    assert nights.open_patrons() == {usual}


def test_an_account_that_grows_too_large_between_plan_and_lock_is_passed_over(koha: KohaDatabase) -> None:
    huge, usual = owing(koha, "30.00"), owing(koha, "30.00")
    nights = Race(koha)
    plan = nights.night_in_which(lambda: owes(koha, huge, "1.00", outstanding=THE_MOST_THAT_KOHA_HOLDS), at="borrowers")
    assert nights.referred() == {usual}
    assert plan is not None
    assert names(plan, huge)


def test_explain_says_that_the_account_is_passed_over(koha: KohaDatabase) -> None:
    huge = owing(koha, THE_MOST_THAT_KOHA_HOLDS)
    nights = Nights(koha)
    with read_only(nights.engine) as conn:
        (told,) = explain(conn, nights.sections, f"number:{huge}", nights.at(SUNDAY))
    parts = explanation_view(told).parts
    assert [part.value for part in parts if isinstance(part, Figure) and part.key == "reason"] == ["SUMS_TOO_LARGE"]
    assert any("passed over" in part.text for part in parts if isinstance(part, Note))
    mend(koha, huge)
    with read_only(nights.engine) as conn:
        (told,) = explain(conn, nights.sections, f"number:{huge}", nights.at(SUNDAY))
    assert told.candidate.account.owed == Decimal("30.00")
    assert told.reason is None
