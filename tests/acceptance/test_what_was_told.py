"""What the agency holds in the end: the newest balance or last word of everybody of whom it was ever told."""

import csv
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.acceptance.evenings import AGENCY, Evenings, Library
from tests.acceptance.test_identity import sftp_table
from tests.builders.days import MONDAY, SUNDAY, TUESDAY, WEDNESDAY
from tests.builders.koha import has_credit, owes, pays
from tests.support.sftp import SftpServer
from tests.support.smtp import SmtpServer

DUES = {"updates": "Due", "sync": "Due", "new-submissions": "Total_Plus_Fee"}
THURSDAY = WEDNESDAY + timedelta(days=1)
both_lists = pytest.mark.parametrize("lists", ["all", "changed"])
CHANGED = 'update_lists = "changed"\nfull_update_on = ""'


def policy(lists: str) -> str:
    return CHANGED if lists == "changed" else ""


def figures(name: str, content: bytes) -> dict[int, Decimal]:
    """Number -> due, of any report."""
    due = next(column for kind, column in DUES.items() if kind in name)
    rows = csv.DictReader(content.decode().splitlines())
    return {int(row["borrowernumber"]): Decimal(row[due]) for row in rows if row.get(due)}


def holds(smtp: SmtpServer, recipient: str = AGENCY) -> dict[int, Decimal]:
    """Number -> the last due that this recipient has heard."""
    heard: dict[int, Decimal] = {}
    for received in smtp.sent_to(recipient):
        if received.message["Subject"].startswith("UMS"):
            heard |= figures(received.file_name, received.file)
    return heard


def night_without_mail(evenings: Evenings, smtp: SmtpServer, day: date) -> None:
    smtp.answer("rcpt", "451 come back later")
    assert evenings.run("nightly", on=day).returncode == 1
    smtp.behave()


def cancel_what_waits(evenings: Evenings) -> None:
    waiting = evenings.koha.query("SELECT id FROM gentle_nudge_delivery WHERE state IN ('due', 'failed')")
    evenings.does("outbox", "cancel", *(str(row["id"]) for row in waiting), "--reason", "not now")


# A report that was cancelled has told nothing


@both_lists
def test_a_last_word_and_a_balance_in_a_cancelled_update_are_told_by_the_next(
    library: Library, smtp: SmtpServer, lists: str
) -> None:
    evenings = library(policy=policy(lists), port=smtp.port)
    paid, more, same = evenings.owing("50.00"), evenings.owing("50.00"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, paid)
    owes(evenings.koha, more, "5.00", day=MONDAY)
    night_without_mail(evenings, smtp, MONDAY)
    cancel_what_waits(evenings)
    assert holds(smtp) == {paid: 60, more: 60, same: 60}
    evenings.does("nightly", on=TUESDAY)
    assert holds(smtp) == {paid: 0, more: 65, same: 60}
    smtp.messages.clear()
    evenings.does("nightly", on=WEDNESDAY)
    assert holds(smtp) == ({more: 65, same: 60} if lists == "all" else {}), "what has arrived is told once"


@both_lists
def test_what_was_told_on_a_night_as_a_test_copy_is_told_again_when_it_is_over(
    library: Library, smtp: SmtpServer, lists: str
) -> None:
    evenings = library(policy=policy(lists), port=smtp.port)
    paid, more, gone = evenings.owing("50.00"), evenings.owing("50.00"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    evenings.koha.prefer("SendAllEmailsTo", "me@library.example")
    pays(evenings.koha, paid)
    owes(evenings.koha, more, "5.00", day=MONDAY)
    evenings.koha.execute("UPDATE borrowers SET sort1 = NULL WHERE borrowernumber = :n", n=gone)
    evenings.run("nightly", on=MONDAY)
    evenings.does("nightly", on=TUESDAY)
    assert holds(smtp) == {paid: 60, more: 60, gone: 60}
    evenings.koha.prefer("SendAllEmailsTo", "")
    evenings.does("nightly", on=WEDNESDAY)
    assert holds(smtp) == {paid: 0, more: 65, gone: 0}


@both_lists
def test_what_was_told_while_the_database_was_a_copy_is_told_again_by_the_library(
    library: Library, smtp: SmtpServer, lists: str
) -> None:
    evenings = library(policy=policy(lists), port=smtp.port)
    first, second, third = evenings.owing("50.00"), evenings.owing("50.00"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, first)
    night_without_mail(evenings, smtp, MONDAY)
    evenings.does("init", "--copy", "--yes")
    pays(evenings.koha, second)
    owes(evenings.koha, third, "5.00", day=MONDAY)
    evenings.does("nightly", on=TUESDAY)
    assert holds(smtp) == {first: 60, second: 60, third: 60}
    evenings.does("init", "--moved", "--yes")
    evenings.does("nightly", on=WEDNESDAY)
    assert holds(smtp) == {first: 0, second: 0, third: 65}


@both_lists
def test_what_one_recipient_has_not_heard_is_told_again_whoever_else_has(
    library: Library, smtp: SmtpServer, sftp: SftpServer, lists: str
) -> None:
    rules = f'{policy(lists)}\ncopy_to = ["copy@library.example"]'
    evenings = library(policy=rules, port=smtp.port)
    evenings.configure(policy=rules, port=smtp.port, tables=sftp_table(sftp, evenings.folder))
    paid, more = evenings.owing("50.00"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, paid)
    owes(evenings.koha, more, "5.00", day=MONDAY)
    smtp.answer_recipient(AGENCY, "451 come back later")
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    smtp.behave()
    cancel_what_waits(evenings)
    assert [state for state in evenings.states() if state == "cancelled"] == ["cancelled"]
    evenings.does("nightly", on=TUESDAY)
    uploaded = figures("updates", sftp.files()[f"ums-updates-{TUESDAY}.csv"])
    assert uploaded == holds(smtp) == {paid: 0, more: 65}


@both_lists
def test_what_a_copy_has_not_heard_is_no_news_to_the_agency(library: Library, smtp: SmtpServer, lists: str) -> None:
    evenings = library(policy=f'{policy(lists)}\ncopy_to = ["copy@library.example"]', port=smtp.port)
    paid, open_still = evenings.owing("50.00"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    pays(evenings.koha, paid)
    owes(evenings.koha, open_still, "5.00", day=MONDAY)
    smtp.answer_recipient("copy@library.example", "451 come back later")
    assert evenings.run("nightly", on=MONDAY).returncode == 1
    smtp.behave()
    cancel_what_waits(evenings)
    evenings.does("nightly", on=TUESDAY)
    assert evenings.update(TUESDAY) == ({open_still: 65} if lists == "all" else {})


def test_a_balance_that_a_sync_told_is_followed_by_the_one_of_the_update(library: Library, smtp: SmtpServer) -> None:
    evenings = library(policy=CHANGED, port=smtp.port)
    patron = evenings.referred("50.00")
    credit = has_credit(evenings.koha, patron, "20.00", day=MONDAY)
    evenings.does("sync", on=MONDAY)
    assert holds(smtp) == {patron: 40}
    evenings.koha.execute("UPDATE accountlines SET amountoutstanding = 0 WHERE accountlines_id = :n", n=credit)
    evenings.does("nightly")
    assert holds(smtp) == {patron: 60}


def test_of_two_cases_of_a_patron_only_the_newer_has_the_last_word(library: Library, smtp: SmtpServer) -> None:
    evenings = library(policy='withdrawn_due = "balance"', port=smtp.port)
    patron = evenings.referred("50.00")
    evenings.does("release", f"number:{patron}", "--reason", "asked to", on=MONDAY)
    night_without_mail(evenings, smtp, MONDAY)
    cancel_what_waits(evenings)
    owes(evenings.koha, patron, "30.00", day=TUESDAY)
    again = SUNDAY + timedelta(days=70)
    for day in (again, again + timedelta(days=1)):
        evenings.does("nightly", on=day)
    assert holds(smtp) == {patron: 100}
    pays(evenings.koha, patron)
    for days in (2, 3, 4):
        evenings.does("nightly", on=again + timedelta(days=days))
    assert holds(smtp) == {patron: 0}
    assert evenings.update(again + timedelta(days=3)) == {}


def test_a_case_taken_back_before_anybody_had_heard_of_it_stays_untold(library: Library, smtp: SmtpServer) -> None:
    evenings = library(port=smtp.port)
    evenings.owing("50.00")
    night_without_mail(evenings, smtp, SUNDAY)
    evenings.does("release", "--submission", str(SUNDAY), "--reason", "a mistake", on=MONDAY)
    for day in (MONDAY, TUESDAY):
        evenings.does("nightly", on=day)
    assert holds(smtp) == {}


# A repeat says once more what was true once


@both_lists
@pytest.mark.parametrize("report", ["update", "sync"])
def test_a_repeat_puts_all_its_cases_into_the_next_update(
    library: Library, smtp: SmtpServer, lists: str, report: str
) -> None:
    evenings = library(policy=policy(lists), port=smtp.port)
    paid, open_still = evenings.owing("50.00"), evenings.owing("50.00")
    evenings.does("nightly", on=SUNDAY)
    owes(evenings.koha, paid, "5.00", day=MONDAY)
    owes(evenings.koha, open_still, "5.00", day=MONDAY)
    evenings.does("sync", on=MONDAY)
    evenings.does("nightly")
    pays(evenings.koha, paid)
    pays(evenings.koha, open_still, "20.00")
    evenings.does("nightly", on=TUESDAY)
    assert holds(smtp) == {paid: 0, open_still: 45}
    why = ("--send", "--reason", "the agency lost it")
    evenings.does("regenerate", "--day", str(MONDAY), "--report", report, *why, on=WEDNESDAY)
    evenings.does("deliver")
    assert holds(smtp) == {paid: 65, open_still: 65}
    evenings.does("nightly", on=WEDNESDAY)
    assert holds(smtp) == {paid: 0, open_still: 45}
    evenings.does("nightly", on=THURSDAY)
    assert evenings.update(THURSDAY) == ({open_still: 45} if lists == "all" else {})


def test_a_repeat_that_arrives_after_an_update_is_followed_by_one_more(library: Library, smtp: SmtpServer) -> None:
    evenings = library(policy=CHANGED, port=smtp.port)
    paid = evenings.referred("50.00")
    pays(evenings.koha, paid, "10.00")
    evenings.does("nightly", on=MONDAY)
    pays(evenings.koha, paid)
    evenings.does("nightly", on=TUESDAY)
    evenings.does("regenerate", "--day", str(MONDAY), "--report", "update", "--send", "--reason", "lost")
    night_without_mail(evenings, smtp, WEDNESDAY)
    evenings.does("deliver", on=THURSDAY)
    evenings.does("nightly")
    assert holds(smtp) == {paid: 0}
