"""Facts that keep a patron from being referred: letters, payments, nobody to reach, claims to have returned.

The window of Sunday 2026-11-22 is 2026-08-24 to 2026-09-23, the threshold 25.00.
"""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.acceptance.evenings import Evenings, Library
from tests.builders.days import MONDAY, NEXT_SUNDAY, SUNDAY
from tests.builders.koha import a_patron, an_item, claims_returned, has_credit, is_sent, owes, pays, void
from tests.support.koha import KohaDatabase

BILL = 'prior_notice = ["BILL"]'


def owing(koha: KohaDatabase, amount: str, day: str, **columns: Any) -> int:
    """A patron with one lost charge of that day."""
    patron = a_patron(koha, **columns)
    owes(koha, patron, amount, day=date.fromisoformat(day), item=an_item(koha))
    return patron


def referred(evenings: Evenings, *sundays: date) -> list[dict[str, Any]]:
    """The cases after the nights of these Sundays."""
    for sunday in sundays:
        evenings.does("nightly", on=sunday)
    return evenings.cases()


def why(evenings: Evenings, patron: int, on: date = SUNDAY) -> str | None:
    """Why the patron is not referred on that day, as `explain` says."""
    told = json.loads(evenings.does("explain", f"number:{patron}", "--format", "json", on=on))
    reason: str | None = told[0]["reason"]
    return reason


def left_out(evenings: Evenings, on: date = SUNDAY) -> dict[str, int]:
    """How many are left out for which reason, as a dry run counts."""
    night = json.loads(evenings.does("nightly", "--dry-run", "--format", "json", on=on))
    counts: dict[str, int] = night[0]["left_out"]
    return counts


# O8: whoever paid lately


def test_nobody_is_referred_who_has_paid_lately(library: Library, koha: KohaDatabase) -> None:
    evenings = library(policy="defer_after_payment = 60")
    patron = owing(koha, "30.00", "2026-09-12")
    pays(koha, patron, "5.00", day=date(2026, 10, 1))
    assert left_out(evenings) == {"PAID_LATELY": 1}
    said = evenings.does("explain", f"number:{patron}")
    assert "last payment 2026-10-01, may be referred from 2026-11-30 on" in said
    assert referred(evenings, SUNDAY, NEXT_SUNDAY) == []
    assert why(evenings, patron, NEXT_SUNDAY) == "PAID_LATELY"
    (case,) = referred(evenings, date(2026, 12, 6))
    assert (case["patron"], case["owed"]) == (patron, Decimal(25))


@pytest.mark.parametrize(("paid", "reason"), [("2026-09-23", None), ("2026-09-24", "PAID_LATELY")])
def test_after_so_many_days_a_payment_defers_no_more(
    library: Library, koha: KohaDatabase, paid: str, reason: str | None
) -> None:
    evenings = library(policy="defer_after_payment = 60")
    patron = owing(koha, "30.00", "2026-09-12")
    pays(koha, patron, "5.00", day=date.fromisoformat(paid))
    assert why(evenings, patron) == reason
    assert len(referred(evenings, SUNDAY)) == (reason is None)


def test_neither_a_voided_payment_nor_another_credit_defers(library: Library, koha: KohaDatabase) -> None:
    evenings = library(policy="defer_after_payment = 60")
    voided, forgiven = owing(koha, "30.00", "2026-09-12"), owing(koha, "40.00", "2026-09-12")
    void(koha, pays(koha, voided, "5.00", day=date(2026, 11, 1)))
    has_credit(koha, forgiven, "5.00", day=date(2026, 11, 1), type="FORGIVEN")
    assert why(evenings, voided) is None
    assert why(evenings, forgiven) is None
    assert "last payment: none" in evenings.does("explain", f"number:{voided}")


def test_without_a_deferral_a_payment_does_not_matter(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = owing(koha, "30.00", "2026-09-12")
    pays(koha, patron, "5.00", day=date(2026, 11, 21))
    assert why(evenings, patron) is None


# O9, O10: prior notice


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (("2026-11-09", "sent"), "NO_NOTICE"),  # 13 days before
        (("2026-11-08", "sent"), None),
        (("2026-11-08", "failed"), "NO_NOTICE"),
        (("2026-11-08", "pending"), "NO_NOTICE"),
        (("2026-11-08", "deleted"), "NO_NOTICE"),
        (("2026-09-13", "sent"), "NO_NOTICE"),  # before the charge
        (("2026-09-14", "sent"), None),
    ],
)
def test_a_letter_has_to_have_been_sent_in_time(
    library: Library, koha: KohaDatabase, sent: tuple[str, str], reason: str | None
) -> None:
    evenings = library(policy=BILL)
    day, status = sent
    patron = owing(koha, "26.00", "2026-09-14")
    is_sent(koha, patron, "BILL", day=date.fromisoformat(day), status=status)
    is_sent(koha, patron, "ODUE", day=date(2026, 10, 1))
    assert why(evenings, patron) == reason  # a dry run, before anything is collected
    assert left_out(evenings) == ({} if reason is None else {reason: 1})
    said = evenings.does("explain", f"number:{patron}")
    known = f"BILL {day}" if status == "sent" else "none known"
    assert f"letters sent (BILL): {known}; one from 2026-09-14 to 2026-11-08 is needed" in said
    assert len(referred(evenings, SUNDAY)) == (reason is None)


def test_a_letter_that_koha_has_deleted_is_still_known(library: Library, koha: KohaDatabase) -> None:
    evenings = library(policy=BILL)
    patron = owing(koha, "26.00", "2026-09-14")
    is_sent(koha, patron, "BILL", day=date(2026, 11, 9))
    evenings.does("hold", f"number:{patron}", "--reason", "dispute", "--until", "2026-12-10", on=date(2026, 11, 20))
    assert referred(evenings, SUNDAY, NEXT_SUNDAY, date(2026, 12, 6)) == []
    koha.execute("DELETE FROM message_queue")
    assert [case["patron"] for case in referred(evenings, date(2026, 12, 13))] == [patron]


def test_a_letter_is_collected_once_as_first_seen(library: Library, koha: KohaDatabase) -> None:
    evenings = library(policy=BILL)
    patron = a_patron(koha)
    message = is_sent(koha, patron, "BILL", day=date(2026, 11, 9))
    late = is_sent(koha, patron, "bill", day=date(2026, 11, 10), status="pending")
    is_sent(koha, patron, "HOLD", day=date(2026, 11, 10))
    evenings.does("nightly", on=SUNDAY)
    koha.execute("UPDATE message_queue SET status = 'sent', updated_on = '2026-11-23 02:00:00'")
    evenings.does("nightly", on=MONDAY)
    kept = koha.query("SELECT message_id, patron, sent_on FROM gentle_nudge_notice ORDER BY message_id")
    assert [tuple(row.values()) for row in kept] == [
        (message, patron, date(2026, 11, 9)),
        (late, patron, SUNDAY),  # the library's day of 02:00 UTC
    ]


def test_a_night_that_finds_no_new_letter_locks_and_changes_nothing(library: Library, koha: KohaDatabase) -> None:
    evenings = library(policy=BILL)
    is_sent(koha, a_patron(koha), "BILL", day=date(2026, 11, 9))
    evenings.does("nightly", on=SUNDAY)
    revision = koha.value("SELECT note FROM gentle_nudge_meta")
    evenings.does("nightly", "--dry-run", on=MONDAY)
    assert koha.value("SELECT note FROM gentle_nudge_meta") == revision


def test_letters_are_kept_as_long_as_the_windows_older_end_and_400_days(library: Library, koha: KohaDatabase) -> None:
    evenings = library(policy=BILL)
    first_kept = SUNDAY - timedelta(days=490)
    for day in (first_kept - timedelta(days=1), first_kept):
        is_sent(koha, a_patron(koha), "BILL", day=day)
    evenings.does("nightly", on=SUNDAY)
    assert [row["sent_on"] for row in koha.query("SELECT sent_on FROM gentle_nudge_notice")] == [first_kept]


def test_without_prior_notice_no_letter_is_kept(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron = owing(koha, "26.00", "2026-09-14")
    is_sent(koha, patron, "BILL", day=date(2026, 11, 9))
    assert len(referred(evenings, SUNDAY)) == 1
    assert koha.value("SELECT COUNT(*) FROM gentle_nudge_notice") == 0


# O11: claims to have returned the item


@pytest.mark.every_koha
@pytest.mark.parametrize(("resolved", "reason"), [(None, "BELOW_THRESHOLD"), (date(2026, 11, 1), None)])
def test_what_is_claimed_to_have_been_returned_does_not_count(
    library: Library, koha: KohaDatabase, resolved: date | None, reason: str | None
) -> None:
    evenings = library(policy='claims_returned = "leave_out"')
    patron, item = a_patron(koha, card="1001"), an_item(koha)
    owes(koha, patron, "50.00", day=date(2026, 9, 23), item=item)
    claims_returned(koha, patron, item, resolved=resolved)
    told = json.loads(evenings.does("explain", "1001", "--format", "json", on=SUNDAY))[0]
    assert (told["reason"], told["balance"]) == (reason, "50.00")
    assert told["lines"][0]["why_not"] == ([] if resolved else ["claimed to have been returned"])
    assert len(referred(evenings, SUNDAY)) == (reason is None)


def test_only_the_patrons_own_claim_on_this_item_leaves_a_debit_out(library: Library, koha: KohaDatabase) -> None:
    evenings = library(policy='claims_returned = "leave_out"')
    patron, other, item, another_item = a_patron(koha), a_patron(koha), an_item(koha), an_item(koha)
    owes(koha, patron, "50.00", day=date(2026, 9, 23), item=item)
    claims_returned(koha, other, item)
    claims_returned(koha, patron, another_item)
    assert why(evenings, patron) is None
    night = json.loads(evenings.does("nightly", "--dry-run", "--format", "json"))[0]
    assert len(night["referred"]) == 1


def test_whose_charges_are_all_left_out_owes_nothing_in_the_window(library: Library, koha: KohaDatabase) -> None:
    evenings = library(policy='claims_returned = "leave_out"')
    patron, item = a_patron(koha), an_item(koha)
    owes(koha, patron, "50.00", day=date(2026, 9, 23), item=item)
    owing(koha, "5.00", "2026-09-23")
    claims_returned(koha, patron, item)
    night = json.loads(evenings.does("nightly", "--dry-run", "--format", "json", on=SUNDAY))[0]
    assert (night["left_out"], night["owing_less"]) == ({}, 1)


def test_where_claims_count_they_change_nothing(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    patron, item = a_patron(koha), an_item(koha)
    owes(koha, patron, "50.00", day=date(2026, 9, 23), item=item)
    claims_returned(koha, patron, item)
    assert len(referred(evenings, SUNDAY)) == 1


@pytest.mark.parametrize(("says", "code"), [("count", 0), ("leave_out", 2)])
def test_a_koha_without_claims_is_served_unless_they_are_to_be_left_out(
    library: Library, koha: KohaDatabase, says: str, code: int
) -> None:
    evenings = library(policy=f'claims_returned = "{says}"')
    owing(koha, "50.00", "2026-09-23")
    koha.spoil("DROP TABLE return_claims")
    done = evenings.run("nightly", on=SUNDAY)
    assert done.returncode == code, done.stderr
    assert len(evenings.cases()) == (code == 0)
    assert ("return_claims is not there" in done.stderr) == (code == 2)


# O13: nobody to reach


@pytest.mark.parametrize(
    ("columns", "lacks"),
    [
        ({"gonenoaddress": 1, "email": "p@example.org"}, "marked as gone, no address"),
        ({"email": "p@example.org"}, None),
        ({"B_phone": "555-0100"}, None),
        ({"phone": " ", "address": "\t"}, "no address, telephone or e-mail"),
        ({"gonenoaddress": 1}, "marked as gone, no address and no address, telephone or e-mail"),
    ],
)
def test_nobody_is_referred_who_cannot_be_reached(
    library: Library, koha: KohaDatabase, columns: dict[str, Any], lacks: str | None
) -> None:
    evenings = library(policy='unreachable = "exclude"')
    patron = owing(koha, "45.00", "2026-08-24", **columns)
    assert why(evenings, patron) == ("UNREACHABLE" if lacks else None)
    assert f"can be reached: {f'no, {lacks}' if lacks else 'yes'}" in evenings.does("explain", f"number:{patron}")
    assert len(referred(evenings, SUNDAY)) == (lacks is None)


def test_unless_the_library_says_so_whoever_cannot_be_reached_is_referred(library: Library, koha: KohaDatabase) -> None:
    evenings = library()
    owing(koha, "45.00", "2026-08-24", gonenoaddress=1)
    assert len(referred(evenings, SUNDAY)) == 1


# Sections and the order of reasons


def test_each_section_has_rules_of_its_own(library: Library, koha: KohaDatabase) -> None:
    west = '[[library]]\nname = "west"\nbranches = ["FPL"]\nprior_notice = ["ODUE"]\nunreachable = "include"'
    evenings = library(policy=f'{BILL}\nunreachable = "exclude"', tables=west)
    here = owing(koha, "45.00", "2026-09-10", address="1 Main St")
    there = owing(koha, "45.00", "2026-09-10", branch="FPL")
    for patron in (here, there):
        is_sent(koha, patron, "ODUE", day=date(2026, 10, 1))
    assert {case["patron"] for case in referred(evenings, SUNDAY)} == {there}
    assert why(evenings, here) == "NO_NOTICE"
    assert {row["patron"] for row in koha.query("SELECT patron FROM gentle_nudge_notice")} == {here, there}


def test_the_reasons_come_in_their_order(library: Library, koha: KohaDatabase) -> None:
    rules = f'{BILL}\ndefer_after_payment = 60\nunreachable = "exclude"\nrequire_lost_fee = true'
    evenings = library(policy=rules)
    patron = owing(koha, "20.00", "2026-09-10")
    pays(koha, patron, "1.00", day=date(2026, 11, 1))
    told = json.loads(evenings.does("explain", f"number:{patron}", "--format", "json", on=SUNDAY))[0]
    new = ["NO_LOST_CHARGE", "NO_NOTICE", "PAID_LATELY", "UNREACHABLE", "BELOW_THRESHOLD"]
    assert [reason for reason in told["verdicts"] if reason in new] == new
    assert [reason for reason in new if told["verdicts"][reason]] == new[1:]
    assert told["notices"] == []
